"""One FAME-ViL model for four tasks against four models for one task each: parameters, size on disk, time until they can be asked.

    python benchmarks/one_against_four.py [--size tiny]         random weights, ViT-B/16 needs 4 GB of disk for a while
    python benchmarks/one_against_four.py --runs RUN ...        finished runs instead: the model for all tasks, then those for one

Networks are opened as a program opens them, strictly and on the CPU, in turn, several rounds over, one thread; the median round counts. Times are processor times,
of files that were read before, so that it is not the disk that is timed.
"""
import argparse, statistics, sys, tempfile, time
from pathlib import Path

import torch

from fashion_repro.fame_vil.clip import VIT_B16, tiny_clip
from fashion_repro.fame_vil.heads import TASKS, FameVil

ROUNDS = 3

def save(folder, size):
    "Folders of five networks with random weights, the one for all tasks first."
    folders = []
    for tasks in (TASKS, *([t] for t in TASKS)):
        folders.append(folder/"-".join(tasks))
        FameVil(VIT_B16 if size == "vit_b16" else tiny_clip(2000), tasks).save_pretrained(folders[-1])
    return folders

def opened(folder):
    "Processor seconds until a network is ready; its tasks and parameters."
    start = time.process_time()
    net = FameVil.from_pretrained(folder)
    return time.process_time() - start, net.tasks, sum(p.numel() for p in net.parameters())

def measure(folders):
    "Of each folder: tasks, parameters, bytes, median seconds."
    found = {o: [] for o in folders}
    for _ in range(1 + ROUNDS):                                        # the first one brings the files into memory
        for o in folders: found[o].append(opened(o))
    return [(tried[0][1], tried[0][2], (o/"model.safetensors").stat().st_size, statistics.median(s for s, *_ in tried[1:])) for o, tried in found.items()]

def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--size", choices=["vit_b16", "tiny"], default="vit_b16"); p.add_argument("--runs", nargs="+", type=Path)
    args = p.parse_args(argv)
    torch.set_num_threads(1); torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as d:
        one, *four = measure([o/"model" for o in args.runs] if args.runs else save(Path(d), args.size))
    whole = [sum(o[i] for o in four) for i in (1, 2, 3)]
    print(f"{'':24}{'parameters':>14}{'MB':>9}{'s to open':>11}")
    for tasks, n, size, s in (one, *four): print(f"{', '.join(tasks):24}{n:14,}{size/1e6:9.1f}{s:11.3f}")
    print(f"{f'{len(four)} single-task models':24}{whole[0]:14,}{whole[1]/1e6:9.1f}{whole[2]:11.3f}")
    print(f"{'times the one':24}{whole[0]/one[1]:14.2f}{whole[1]/one[2]:9.2f}{whole[2]/one[3]:11.2f}")
    if {t for o in four for t in o[0]} != {*one[0]}: raise SystemExit("the single models have other tasks than the one")
    return 0 if whole[0] > 2*one[1] and whole[2] > one[3] else 1

if __name__ == "__main__": sys.exit(main())
