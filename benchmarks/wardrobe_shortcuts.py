"""Can colour alone tell a garment's kind? A histogram classifier against a small network, on the same wardrobe.

python benchmarks/wardrobe_shortcuts.py [--products 2600] [--epochs 8]
Fails (exit 1) unless the network is at least 20 points better. About a minute on one core.
"""
import argparse, sys, time
import numpy as np, torch
from torch import nn
from torch.nn import functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from fashion_repro.data.demo import wardrobe
from fashion_repro.data.table import open_image, split_indices


def pictures(cat, split):
    "uint8 pictures (N, px, px, 3) and kinds (N,), without detail shots, which do not show the outline."
    rows = [int(i) for i in split_indices(cat, split) if '-detail-' not in cat.table[int(i)]['image_id']]
    return np.stack([np.asarray(open_image(cat, i)) for i in rows]), np.array([cat.table[i]['garment'][0] for i in rows])


def histogram(x):
    "(N, 512 + 2) share of the pixels in each of 8 x 8 x 8 colours, mean brightness, share of dark pixels."
    codes = (x >> 5).astype(int) @ (64, 8, 1)
    hot = np.stack([np.bincount(o.ravel(), minlength=512) for o in codes])/codes[0].size
    grey = x.mean(-1)
    return np.c_[np.sqrt(hot), grey.mean((1, 2))/255, (grey < 230).mean((1, 2))]


def network(classes, width=24):
    layers, c = [], 3
    for k in range(4):
        layers += [nn.Conv2d(c, width*2**min(k, 2), 3, padding=1, bias=False), nn.BatchNorm2d(width*2**min(k, 2)), nn.ReLU(), nn.MaxPool2d(2)]
        c = width*2**min(k, 2)
    return nn.Sequential(*layers, nn.Dropout(.3), nn.Flatten(), nn.Linear(c*16, classes))


def train(x, y, epochs, classes=16):
    torch.manual_seed(0)
    model = network(classes); steps = epochs*(len(x)//64)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for k in range(len(x)//64):
            b = order[k*64:k*64+64]; loss = F.cross_entropy(model(x[b]), y[b])
            optimizer.zero_grad(); loss.backward(); optimizer.step(); schedule.step()
    return model.eval()


def tensor(x): return torch.from_numpy(x).permute(0, 3, 1, 2).float()/127.5-1


def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--products', type=int, default=2600); p.add_argument('--epochs', type=int, default=8)
    a = p.parse_args(argv); torch.set_num_threads(1)
    cat = wardrobe(a.products)
    (x, y), (xt, yt) = pictures(cat, 'train'), pictures(cat, 'test')
    start = time.perf_counter()
    h, ht = histogram(x), histogram(xt)
    by_colour = max(make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=100)).fit(h, y).score(ht, yt) for c in (1e-4, 1e-3, 1e-2, .1))   # the best on test: in its favour
    model = train(tensor(x), torch.from_numpy(y), a.epochs)
    with torch.no_grad(): by_shape = (torch.cat([model(tensor(xt[k:k+256])) for k in range(0, len(xt), 256)]).argmax(1).numpy() == yt).mean()
    most = (yt == np.bincount(y).argmax()).mean()
    print(f'{len(x)} training and {len(xt)} test pictures; kind of garment, accuracy on test')
    print(f'most frequent kind {most:.3f}   colour histogram {by_colour:.3f}   small network {by_shape:.3f}   margin {100*(by_shape-by_colour):.1f} points   ({time.perf_counter()-start:.0f} s)')
    return 0 if by_shape-by_colour >= .2 else 1


if __name__ == '__main__': sys.exit(main())
