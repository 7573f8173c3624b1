"""What the training loop costs: `fit` against a bare PyTorch loop over the same batches, alternating, as a ratio.

    python benchmarks/fit_overhead.py [repeats]"""
import statistics, sys, tempfile, time
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader
from fashion_repro.backbones.small_cnn import SmallCNN
from fashion_repro.training.fit import Settings, fit

N, PX, CLASSES, BATCH = 640, 48, 30, 32

class Pictures:
    "Random pictures, so that neither loop waits for a decoder."
    def __init__(self):
        g = torch.Generator().manual_seed(0)
        self.images, self.targets = torch.rand(N, 3, PX, PX, generator=g), (torch.rand(N, CLASSES, generator=g) < .1).float()
    def __len__(self): return N
    def __getitem__(self, key):
        i = key[1] if isinstance(key, tuple) else key
        return dict(image=self.images[i], targets=self.targets[i])

def network():
    torch.manual_seed(0)
    model = SmallCNN(CLASSES, channels=8)
    return model, torch.optim.SGD(model.parameters(), .01, momentum=.9)

def bare(items):
    model, optimizer = network()
    for batch in DataLoader(items, batch_size=BATCH, shuffle=True):
        loss = F.binary_cross_entropy_with_logits(model(batch['image']), batch['targets'], reduction='sum')/len(batch['image'])
        loss.backward(); optimizer.step(); optimizer.zero_grad()

def ours(items, out):
    def step(model, batch):
        loss = F.binary_cross_entropy_with_logits(model(batch['image']), batch['targets'], reduction='sum')
        return loss, dict(n=len(batch['image']))
    model, optimizer = network()
    fit(model, step, items, optimizer, Settings(epochs=1, batch_size=BATCH, evals=1, device='cpu'), out=out)

def seconds(f, *args):
    start = time.process_time(); f(*args)
    return time.process_time() - start

def main(repeats=8):
    items = Pictures()
    with tempfile.TemporaryDirectory() as out:
        ours(items, None), bare(items)                             # imports and caches
        rows = [(seconds(bare, items), seconds(ours, items, None), seconds(ours, items, f'{out}/{k}')) for k in range(repeats)]
    for name,k in (('fit', 1), ('fit with its checkpoints and progress', 2)):
        ratios = sorted(r[k]/r[0] for r in rows)
        print(f'{name}: {statistics.median(ratios):.3f} x a bare PyTorch loop (from {ratios[0]:.3f} to {ratios[-1]:.3f} in {repeats} repeats; '
            f'{statistics.median(r[0] for r in rows):.2f} s of CPU time for {N} images of {PX} x {PX})')

if __name__ == '__main__': main(*map(int, sys.argv[1:]))
