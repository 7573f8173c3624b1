"""Ranks in a whole split without the matrix of similarities: seconds and peak memory, and how they grow with the split.

    python benchmarks/retrieval.py            # 32,528 x 32,528, the views of the Fashion-Gen test split, random vectors of 256 whole numbers

Each line is a process of its own, on one thread, so that its peak is its own; what the vectors and the libraries take is subtracted. Seconds are
of processor time. The first line is the
baseline: the whole matrix, then the same ranks, on a quarter of the split. Ranks of both ways must be equal there.
"""
import ctypes, subprocess, sys, time
from pathlib import Path

import torch

N,D,QUARTER = 32_528,256,32_528//4


def resident(line):
    "MiB of this process: VmRSS = now, VmHWM = the most since it was last forgotten (Linux)."
    return int(next(o for o in Path('/proc/self/status').read_text().splitlines() if o.startswith(line)).split()[1])/1024


def whole_matrix(queries, gallery, groups):
    "The baseline: all similarities at once."
    sim = queries @ gallery.T
    own = groups[:,None]==groups
    best = torch.where(own, sim, -torch.inf).amax(1, keepdim=True)
    return (1 + ((sim > best) & ~own).sum(1) + .5*((sim==best) & ~own).sum(1).double()).numpy()


def once(way, n):
    "Seconds, MiB and a checksum of one way on n queries and n candidates, three views a product."
    from fashion_repro.metrics.similarities import blockwise_ranks
    torch.set_num_threads(1)
    gen = torch.Generator().manual_seed(0)
    groups = torch.arange(n)//3
    centre = torch.randint(-4, 5, (n//3 + 1, D), generator=gen)[groups]
    queries,gallery = ((centre + torch.randint(-12, 13, (n, D), generator=gen)).float() for _ in range(2))   # whole numbers: products are exact, both ways must agree
    rank = whole_matrix if way=='whole' else lambda *o: blockwise_ranks(*o, o[-1])
    rank(queries[:99], gallery[:99], groups[:99])                    # the first call allocates
    ctypes.CDLL(None).malloc_trim(0)                                 # hand back what is free, or its reuse would not be seen (glibc)
    Path('/proc/self/clear_refs').write_text('5')                    # forget the peak so far
    before,start = resident('VmRSS'),time.process_time()
    found = rank(queries, gallery, groups)
    print(time.process_time()-start, resident('VmHWM')-before, found.mean(), (found<=10).mean())


def main():
    def start(way, n): return [float(o) for o in subprocess.run([sys.executable, __file__, way, str(n)], check=True, capture_output=True, text=True).stdout.split()]
    print(f'{"":24}{"queries":>9}{"seconds":>10}{"MiB":>10}{"mean rank":>12}{"R@10":>8}')
    found = {}
    for way,n in (('whole', QUARTER), ('blocks', QUARTER), ('blocks', N//2), ('blocks', N)):
        found[way,n] = s,mib,mean,hits = start(way, n)
        print(f'{dict(whole="whole matrix", blocks="blocks of 128")[way]:24}{n:9,}{s:10.1f}{mib:10.0f}{mean:12.2f}{hits:8.3f}', flush=True)
    small,large = found['blocks', QUARTER],found['blocks', N]
    assert found['whole', QUARTER][2:]==small[2:], 'both ways must rank alike'
    base = found['whole', QUARTER]
    print(f'at {QUARTER:,}: {base[0]/small[0]:.2f} times as fast as the whole matrix, {base[1]/small[1]:.1f} times less memory')
    print(f'4 times the split: {large[0]/small[0]:.1f} times the seconds, {large[1]/small[1]:.1f} times the memory; the matrix alone would take {4*N*N/2**20:,.0f} MiB')


if __name__=='__main__': once(sys.argv[1], int(sys.argv[2])) if len(sys.argv) > 2 else main()
