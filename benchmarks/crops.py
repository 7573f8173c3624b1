"""Pictures a second on one core: our items from Arrow against torchvision's ImageFolder, with the same PIL transforms and no workers.

Both decode the same JPEG files of 256 px, cut a multi-scale crop (N = 256), mirror half of them and give a uint8 tensor (3, 224, 224). How fast a picture is
decoded depends by up to a half on where its buffers happen to lie in memory. So each of the five repeats is a process of its own, the two sides alternate
in blocks of ten pictures, and every block begins with the heap shifted. The median of the ratios is printed and must be at least 1.
"""
import io, os, random, statistics, subprocess, sys, tempfile, time
from pathlib import Path
import numpy as np, torch
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.transforms.v2.functional import pil_to_tensor

PICTURES, REPEATS, N, M = 400, 5, 256, 224

def photo(i):
    "A JPEG of 256 px with coarse shapes and fine texture, as photographs have."
    r = np.random.default_rng(i)
    coarse = Image.fromarray(r.integers(0, 256, (8, 8, 3), np.uint8)).resize((256, 256), Image.Resampling.BICUBIC)
    f = io.BytesIO(); Image.fromarray((np.asarray(coarse, float)*.8 + r.normal(25, 8, (256, 256, 3))).clip(0, 255).astype(np.uint8)).save(f, "JPEG", quality=90)
    return f.getvalue()

def two_steps(image, rng):
    "The same view, written as the customary two steps: crop, then resize."
    from fashion_repro.data.crops import crop_offsets, crop_sides
    sides = crop_sides(N)
    w, h = rng.choice(sides), rng.choice(sides)
    x, y = rng.choice(crop_offsets(N, w, h))
    view = image.resize((N, N), Image.Resampling.BILINEAR).crop((x, y, x+w, y+h)).resize((M, M), Image.Resampling.BILINEAR)
    return view.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < .5 else view

class Folder(ImageFolder):
    "ImageFolder with a generator of its own for each item, so that both sides cut the same views."
    def __getitem__(self, i):
        path, target = self.samples[i]
        return pil_to_tensor(self.transform(self.loader(path), random.Random(f"0/0/{i}"))), target

def ours(folder):
    from fashion_repro.data.cache import cached_table
    from fashion_repro.data.crops import multi_scale_crop
    from fashion_repro.data.loading import Items
    from fashion_repro.data.table import Catalogue, table_features
    files = sorted((folder/"photos").iterdir())
    def build(): yield dict(image=[dict(bytes=p.read_bytes(), path=None) for p in files], image_id=[p.stem for p in files], kind=[[0]]*len(files))
    table = cached_table("photos", build, "benchmark", table_features(["image", "image_id"], dict(kind=["photo"])))
    return Items(Catalogue("benchmark", table, dict(kind=["photo"])), range(len(files)), lambda image, rng: multi_scale_crop(image, rng, N, M))

def rates(get, other, seed, block=10):
    "Pictures a second of processor time of two sources, in alternating blocks so that both meet the same disturbances."
    spent, pads, r = [0., 0.], [], random.Random(seed)
    for k,start in enumerate(range(0, PICTURES, block)):
        pads[:] = [bytes(r.randrange(200_000)) for _ in range(8)]
        for side in ((0, 1) if k % 2 else (1, 0)):
            begin = time.process_time()
            for i in range(start, start+block): (get, other)[side](i)
            spent[side] += time.process_time() - begin
    return [PICTURES/o for o in spent]

def once(seed):
    "One repeat: pictures a second of both sides, printed."
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)/"images"; (folder/"photos").mkdir(parents=True)
        os.environ["FASHION_REPRO_CACHE"] = f"{home}/cache"
        for i in range(PICTURES): (folder/f"photos/{i:04}.jpg").write_bytes(photo(i))
        items, reference = ours(folder), Folder(folder, transform=two_steps)
        for i in range(20): assert (items[i]["image"] == reference[i][0]).all(), i
        for _ in range(2): found = rates(lambda i: items[0, i], lambda i: reference[i], seed)    # the first to warm up
    print(*found)

def main():
    start = lambda k: subprocess.run([sys.executable, __file__, str(k)], check=True, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    pairs = [[float(o) for o in start(k).stdout.split()] for k in range(REPEATS)]
    ratios = [a/b for a,b in pairs]; ratio = statistics.median(ratios)
    mine, other = (statistics.median(o) for o in zip(*pairs))
    print(f"items {mine:.0f} pictures/s, ImageFolder {other:.0f} pictures/s, ratio {ratio:.2f} (median of {REPEATS}; all: {' '.join(f'{o:.2f}' for o in ratios)})")
    return 0 if ratio >= 1 else 1

if __name__ == "__main__": sys.exit(main() if len(sys.argv) == 1 else once(int(sys.argv[1])))
