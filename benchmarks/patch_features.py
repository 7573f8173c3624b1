"""Pictures a second from which the features of their patches are made, against plain loops; one CPU thread.

    python benchmarks/patch_features.py

Pictures of 64 px, 4 x 4 patches brought to 32 px, the small network of the demo scale. All variants start from the same stored JPEG files and end with
the same features (to the rounding of the 16 bits in which a store keeps them):
1. patch by patch: cut with Pillow, resize, one patch through the network;
2. picture by picture: the patches of one picture through the network together;
3. the package: pictures in batches, their patches resized together, written to the store with its digests.
The variants are timed in turn, several rounds over, in processor time, and the median round counts.
"""
import os, statistics, sys, tempfile, time
from pathlib import Path

import numpy as np, torch
from PIL import Image

PICTURES, ROUNDS = 100, 3

def pictures():
    "A catalogue of drawn garments."
    from fashion_repro.data.demo import wardrobe
    from fashion_repro.data.table import subset
    closet = wardrobe(PICTURES)
    return subset(closet, np.arange(PICTURES))

def tensor(image): return torch.from_numpy(np.array(image)).permute(2, 0, 1)

def patches(image, side=16, to=32):
    "The patches of a picture, as Pillow cuts and resizes them."
    return [image.crop((x, y, x+side, y+side)).resize((to, to), Image.Resampling.BILINEAR) for y in range(0, 64, side) for x in range(0, 64, side)]

@torch.no_grad()
def patch_by_patch(net, found):
    return torch.stack([torch.cat([net.trunk(tensor(p)[None]) for p in patches(found.picture(i))]) for i in range(len(found))])

@torch.no_grad()
def picture_by_picture(net, found):
    return torch.stack([net.trunk(torch.stack([tensor(p) for p in patches(found.picture(i))])) for i in range(len(found))])

def package(net, cut, catalogue):
    from fashion_repro.fashionbert.features import fill_pieces
    with tempfile.TemporaryDirectory() as folder: return fill_pieces(net, cut, catalogue, Path(folder)).pieces[np.arange(len(catalogue))]

def main():
    os.environ.setdefault("FASHION_REPRO_CACHE", tempfile.mkdtemp())
    from fashion_repro.fashionbert.features import Cut, PieceNetwork, Stored
    torch.set_num_threads(1); torch.manual_seed(0)
    net, cut, catalogue = PieceNetwork("small_cnn", .25).eval(), Cut(grid=4, image_px=64, piece_px=32), pictures()
    found = Stored(catalogue)
    steps = {"patch by patch": lambda: patch_by_patch(net, found), "picture by picture": lambda: picture_by_picture(net, found), "package": lambda: package(net, cut, catalogue)}
    results, seconds = {k: step() for k, step in steps.items()}, {k: [] for k in steps}      # the first call allocates
    scale = results["patch by patch"].abs().max()
    for k, v in results.items(): assert (v - results["patch by patch"]).abs().max() < .02*scale, k
    for _ in range(ROUNDS):
        for k, step in steps.items():
            start = time.process_time(); step(); seconds[k].append(time.process_time() - start)
    rate = {k: PICTURES/statistics.median(o) for k, o in seconds.items()}
    for k, r in rate.items(): print(f"{k:20}{r:8.0f} pictures/s{r/rate['patch by patch']:8.2f}")
    return 0 if rate["package"] > 2*rate["patch by patch"] else 1

if __name__ == "__main__": sys.exit(main())
