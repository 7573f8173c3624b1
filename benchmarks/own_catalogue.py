"""Somebody's own CSV of a million rows: generated tables of growing size, each opened in fresh processes.

    python benchmarks/own_catalogue.py [rows ...]       (default 10000 100000 1000000)

Six columns: the picture's name, product, title, one group with one class, one with several, a category; the split is drawn. Time is from the start of the
process to the last row read without its picture, imports included; memory is the peak of that process. The baseline is what `pandas.read_csv` takes for
the same file, imports included. Then the same with pictures that are there (hard links to a few files)."""
import io, os, sys, tempfile
from pathlib import Path
import numpy as np
from PIL import Image
from million_rows import fresh
from fashion_repro.data.columns import Columns, save_columns

OPEN = '''
import resource, sys
from fashion_repro.data.own import own_catalogue
cat = own_catalogue(sys.argv[1], images=sys.argv[2] == 'pictures')
row = cat.table.remove_columns('image')[len(cat) - 1]
assert row['image_id'] and row['split'], row
print(len(cat), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)
'''
LOAD = '''
import pandas, resource, sys
print(len(pandas.read_csv(sys.argv[1])), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)
'''
SAID = Columns('file', split='split', product_id='sku', text=('title',), category='category', groups={'colour': '', 'materials': ';'})

def generate(home, n):
    "A table of `n` pictures in a thousand folders."
    rng = np.random.default_rng(n)
    colour, kind, stuff = rng.integers(0, 12, n), rng.integers(0, 40, n), rng.integers(0, 6, (n, 2))
    home.mkdir()
    with open(home/'products.csv', 'w') as f:
        f.write('file,sku,title,colour,materials,category,split\n')
        for i in range(n): f.write(f'images/{i % 1000:03}/{i}.jpg,sku{i // 3},"A thing of colour {colour[i]}, number {i // 2}, in many words",colour {colour[i]},m{stuff[i, 0]};m{stuff[i, 1]},kind {kind[i]},{("train", "val", "test")[i % 3]}\n')   # said: equal pictures would all stay on one side
    save_columns(SAID, home/'products.csv')

def link_pictures(home, n):
    "Small pictures for all rows, each a hard link to one of a few files (a file cannot have more than 65,000 names)."
    for k in range(1000): (home/f'images/{k:03}').mkdir(parents=True)
    for i in range(n):
        name = home/f'images/{i % 1000:03}/{i}.jpg'
        if i % 50_000 == 0:
            f = io.BytesIO(); Image.effect_noise((60, 80), 60).convert('RGB').save(f, 'JPEG'); name.write_bytes(f.getvalue()); first = name
        else: os.link(first, name)

def main(*sizes):
    sizes = sizes or (10_000, 100_000, 1_000_000)
    print(f"{'':>24}{'CSV':>10}{'first':>9}{'later':>9}{'peak first':>12}{'peak later':>12}{'pandas.read_csv':>20}")
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        for n in sizes:
            home, cache = tmp/f'{n}', tmp/f'cache{n}'; generate(home, n)
            first, later, load = fresh(OPEN, home, 'labels', cache=cache), fresh(OPEN, home, 'labels', cache=cache), fresh(LOAD, home/'products.csv', cache=cache)
            print(f'{first[1]:>16,} rows   {(home/"products.csv").stat().st_size/1e6:>7.0f} MB{first[0]:>7.1f} s{later[0]:>7.1f} s{first[2]:>8.0f} MiB{later[2]:>8.0f} MiB{load[0]:>8.1f} s {load[2]:>6.0f} MiB', flush=True)
        print('\nwith pictures in a thousand folders')
        for n in [o for o in sizes if o <= 100_000]:
            home, cache = tmp/f'{n}', tmp/f'pictures{n}'; link_pictures(home, n)
            first, later = fresh(OPEN, home, 'pictures', cache=cache), fresh(OPEN, home, 'pictures', cache=cache)
            what = 'decoded once' if n <= 50_000 else 'looked for'
            print(f'{first[1]:>16,} rows   {what:>10}{first[0]:>7.1f} s{later[0]:>7.1f} s{first[2]:>8.0f} MiB{later[2]:>8.0f} MiB', flush=True)

if __name__ == '__main__': main(*map(int, sys.argv[1:]))
