"""Small training runs for test_training.py, each in a process of its own."""
import errno, hashlib, json, os, random, signal, sys, threading, time
from pathlib import Path
import torch
from torch import nn
from torch.nn import functional as F
from fashion_repro.errors import UserError
from fashion_repro.training import checkpoints
from fashion_repro.training.devices import watch_owner
from fashion_repro.training.fit import Settings, fit, predict
from fashion_repro.training.optim import step_schedule
from fashion_repro.training.runs import first_decides, lock_folder

torch.optim.AdamW([torch.zeros(1)])                                        # PyTorch imports 2 s more for the first optimizer

class Points:
    "Four numbers an item, with noise that is a function of (epoch, index)."
    def __init__(self, n): self.x = torch.randn(n, 4, generator=torch.Generator().manual_seed(9))
    def __len__(self): return len(self.x)
    def __getitem__(self, key):
        rng = random.Random(f'{key}')
        return dict(x=self.x[key[1]] + .1*torch.tensor([rng.gauss(0, 1) for _ in range(4)]), y=(self.x[key[1]].prod() > 0).float())

def normal(): return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(.3), nn.Linear(16, 1), nn.Flatten(0))

class Parts(nn.Module):
    "Items count alone: no batch normalisation. One layer only some micro-batches use, one that none does."
    def __init__(self):
        super().__init__()
        self.net, self.some, self.unused = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1)), nn.Linear(4, 1), nn.Linear(2, 2)
    def score(self, x, y): return self.net(x)[:,0] + (y*self.some(x)[:,0] if y.any() else 0)
    def forward(self, x): return self.net(x)[:,0]

def step(model, batch):
    z = model.score(batch['x'], batch['y']) if isinstance(model, Parts) else model(batch['x'])
    return F.binary_cross_entropy_with_logits(z, batch['y'], reduction='sum'), dict(n=len(z), right=((z > 0) == batch['y'].bool()).sum())

def digest(tensors): return hashlib.sha256(b''.join(t.detach().cpu().contiguous().numpy().tobytes() for t in tensors)).hexdigest()

def die_writing(at):
    "Be killed in the middle of the `at`-th file of a checkpoint."
    write, files = checkpoints._write, []
    def half(path, data):
        if '.tmp' in path.parent.name: files.append(path)
        if len(files) == at: path.write_bytes(data[:len(data)//2]); os.kill(os.getpid(), signal.SIGKILL)
        write(path, data)
    checkpoints._write = half

def fail_writing(code):
    def fsync(handle): raise OSError(code, os.strerror(code))
    os.fsync = fsync

def refuse(): raise UserError('no')

def train(o):
    torch.manual_seed(1)
    if o.get('die_writing'): die_writing(o['die_writing'])
    if o.get('fail'): fail_writing(getattr(errno, o['fail']))
    held = [lock_folder(Path(o['out']))] if o.get('lock') else []          # until the process ends
    if o.get('refuse'): first_decides('cpu', refuse)
    parts, device, calls, held_out = o.get('parts'), o.get('device', 'cpu'), [], Points(31)
    model = Parts() if parts else normal()
    optimizer = torch.optim.SGD(model.parameters(), .2, weight_decay=.01) if parts else torch.optim.AdamW(model.parameters(), .02)
    def marked(model, batch):
        calls.append(1); time.sleep(o.get('nap', 0))
        if len(calls) == o.get('kill_at'): os.kill(os.getpid(), signal.SIGKILL)
        if len(calls) == o.get('stop_at') and os.environ.get('RANK', '0') == '0': os.kill(os.getpid(), signal.SIGTERM)
        return step(model, batch)
    def evaluate(model):
        random.random(), torch.rand(3)                                     # must leave no trace
        out = predict(model, held_out, lambda m,b: dict(z=m(b['x']), x=b['x']), 8, o.get('workers', 0))
        assert torch.equal(out['x'], torch.stack([held_out[0,i]['x'] for i in range(31)]))
        return dict(score=out['z'].double().abs().sum().item())
    settings = Settings(epochs=o.get('epochs', 4), batch_size=16, accumulate=o.get('accumulate', 1), clip_norm=.5, workers=o.get('workers', 0), seed=3,
        evals=o.get('evals', 4), patience=o.get('patience', 0), watch='score', checkpoint_s=o.get('checkpoint_s', 20), device=device)
    history = fit(model, marked, Points(o.get('n', 61)), optimizer, settings, step_schedule((.5,), .1), evaluate, o.get('out'))
    for row in history: del row['seconds']
    for lock in held: lock.release()
    threads_end = time.monotonic() + 3
    while threading.active_count() > 1 and time.monotonic() < threads_end: time.sleep(.01)     # those of a closed queue need a moment
    return dict(weights=digest(model.state_dict().values()), rng=digest([torch.get_rng_state()]), history=history, calls=len(calls),
        threads=[t.name for t in threading.enumerate()], values=[v for p in model.parameters() for v in p.flatten().tolist()])

def run(options, env, log):
    "What a process of test_training.py executes: train, write the result (the first process only), or say in `log` what went wrong."
    os.environ.update(env); torch.set_num_threads(1)
    sys.stdout = sys.stderr = open(log, 'w', buffering=1)
    watch_owner()
    try: result = train(options)
    except UserError as e: print(f'fashion-repro: {e}', file=sys.stderr); sys.exit(getattr(e, 'status', 2))
    if os.environ.get('RANK', '0') == '0': Path(options['result']).write_text(json.dumps(result))
