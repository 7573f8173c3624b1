"""A data set of a million rows: generated iMaterialist files of growing size, each opened in fresh processes.

    python benchmarks/million_rows.py [rows ...]        (default 10000 100000 1000000)

Time is from the start of the process to the last row read without its picture, imports included; memory is the peak of that process. The baseline is
what `json.load` takes for the same file. Then the same with pictures: a folder of small files (hard links to a few), of which up to 50,000 are decoded
at the first opening and more are only looked for."""
import io, os, subprocess, sys, tempfile, time
from pathlib import Path
import numpy as np
from PIL import Image

SIZES = dict(category=105, color=21, gender=3, material=34, neckline=11, pattern=28, sleeve=5, style=21)
TASKS = dict(zip(SIZES, (1, 2, 3, 4, 5, 6, 8, 9)))
MAP = 'iMat_fashion_2018_label_map_228.csv'

PEAK = '''
import resource, sys
def peak():
    "MiB; Linux counts the parent's memory in ru_maxrss, but not in VmHWM."
    try: return int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) / 2**10
    except OSError: return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
'''
OPEN = PEAK + '''
from fashion_repro.data.imaterialist import imaterialist
cat = imaterialist(sys.argv[1], images=sys.argv[2] == 'pictures')
row = cat.table.remove_columns('image')[len(cat) - 1]
assert row['image_id'], row
print(len(cat), peak())
'''
LOAD = PEAK + '''
import json
n = len(json.load(open(sys.argv[1] + '/train.json'))['images'])
print(n, peak())
'''

def write_split(path, n, rng):
    "A JSON of the competition's form: ids and labels as strings, 5.8 labels per image, an address of usual length."
    counts = 1 + rng.poisson(4.95, n)    # a few are drawn twice
    labels = 1 + (228*rng.random(counts.sum())**2).astype(int)
    ends = np.cumsum(counts)
    with open(path, 'w') as f:
        f.write('{"images": [')
        f.write(', '.join(f'{{"url": "https://contestimg.shop.example/api/v1/image/{i * 7919 % 10**12:012d}-large.jpg?size=original", "imageId": "{i}"}}' for i in range(1, n+1)))
        f.write('], "annotations": [')
        for i,(n_labels,end) in enumerate(zip(counts.tolist(), ends.tolist()), 1):
            own = dict.fromkeys(labels[end-n_labels:end].tolist())
            f.write((', ' if i > 1 else '') + '{"labelId": [' + ', '.join(f'"{o}"' for o in own) + f'], "imageId": "{i}"}}')
        f.write(']}')

def generate(home, n):
    "The files of a data set of `n` training images."
    rng = np.random.default_rng(n)
    home.mkdir()
    groups = [g for g,k in SIZES.items() for _ in range(k)]
    (home/MAP).write_text('\r\n'.join(['labelId,taskId,labelName,taskName', *(f'{i},{TASKS[g]},name {i},{g}' for i,g in enumerate(groups, 1))]))
    write_split(home/'train.json', n, rng); write_split(home/'validation.json', max(10, n//100), rng)

def link_pictures(home, n):
    "Small pictures for all training images, each a hard link to one of a few files (a file cannot have more than 65,000 names)."
    (home/'train').mkdir()
    for i in range(1, n+1):
        name = home/'train'/f'{i}.jpg'
        if i % 50_000 == 1:
            f = io.BytesIO(); Image.effect_noise((60, 80), 60).convert('RGB').save(f, 'JPEG'); name.write_bytes(f.getvalue()); first = name
        else: os.link(first, name)

def fresh(code, *args, cache):
    "Seconds, rows and peak memory (MiB) of a new process."
    start = time.perf_counter()
    out = subprocess.run([sys.executable, '-c', code, *map(str, args)], env={**os.environ, 'FASHION_REPRO_CACHE': str(cache)}, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if out.returncode: sys.exit(out.stderr)
    rows, mib = out.stdout.split()
    return seconds, int(rows), float(mib)

def main(*sizes):
    sizes = sizes or (10_000, 100_000, 1_000_000)
    idle = fresh(PEAK + 'import fashion_repro.data.imaterialist; print(0, peak())', cache='')
    print(f'imports alone: {idle[0]:.1f} s, {idle[2]:.0f} MiB\n')
    print(f"{'':>24}{'JSON':>10}{'first':>9}{'later':>9}{'peak first':>12}{'peak later':>12}{'json.load':>20}")
    with tempfile.TemporaryDirectory() as tmp:
        tmp, seen = Path(tmp), []
        for n in sizes:
            home, cache = tmp/f'{n}', tmp/f'cache{n}'; generate(home, n)
            first, later, load = fresh(OPEN, home, 'labels', cache=cache), fresh(OPEN, home, 'labels', cache=cache), fresh(LOAD, home, cache=cache)
            size = sum(o.stat().st_size for o in home.iterdir())/1e6
            seen.append((first[1], first[0], first[2]))
            print(f'{first[1]:>16,} rows   {size:>7.0f} MB{first[0]:>7.1f} s{later[0]:>7.1f} s{first[2]:>8.0f} MiB{later[2]:>8.0f} MiB{load[0]:>8.1f} s {load[2]:>6.0f} MiB', flush=True)
        for (a, s, m), (b, t, k) in zip(seen, seen[1:]):
            print(f'  from {a:,} to {b:,} rows the first opening takes {max(0, t-s)/(b-a)*1e6:.1f} s and {(k-m)/(b-a)*1e6:.0f} MiB more per million rows')
        print('\nwith pictures in a folder')
        for n in [o for o in sizes if o <= 100_000]:
            home, cache = tmp/f'{n}', tmp/f'pictures{n}'; link_pictures(home, n)
            first, later = fresh(OPEN, home, 'pictures', cache=cache), fresh(OPEN, home, 'pictures', cache=cache)
            what = 'decoded once' if n <= 50_000 else 'looked for'
            print(f'{first[1]:>16,} rows   {what:>10}{first[0]:>7.1f} s{later[0]:>7.1f} s{first[2]:>8.0f} MiB{later[2]:>8.0f} MiB', flush=True)

if __name__ == '__main__': main(*map(int, sys.argv[1:]))
