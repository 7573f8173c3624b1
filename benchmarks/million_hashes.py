"""All near pairs of a million 64-bit hashes and their mirrored twins, within radius 7, by bands; against brute force in the same run.

    python benchmarks/million_hashes.py [hashes ...]        (default 125000 250000 500000 1000000)

The hashes are synthetic: evenly spread, with planted copies at 0 to 10 different bits, planted mirrored copies, and one value shared by 1 % of them (white
pictures). Each size runs in a process of its own, on one thread; the baseline is faiss.IndexBinaryFlat's range search, on one thread too, over a slice of
queries and all hashes, times the number of slices: its cost per query is the same for every query. The pairs of that slice must be the same. The figure
to watch is the ratio at the largest size, which must be at least 5; a million must stay below 600 s and 4 GiB."""
import os, subprocess, sys, time
os.environ.update(OMP_NUM_THREADS='1')
import numpy as np

SLICE, RADIUS = 1500, 7

def peak():
    "Peak memory of this process in MiB; Linux counts the parent's in ru_maxrss, but not in VmHWM."
    try: return int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) / 2**10
    except OSError: import resource; return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10

def turned(hashes, most, rng):
    "Copies of hashes with 0 to `most` bits turned."
    places = rng.permuted(np.tile(np.arange(64), (len(hashes), 1)), axis=1)[:,:most]
    bits = np.where(np.arange(most) < rng.integers(0, most+1, len(hashes))[:,None], np.uint64(1) << places.astype(np.uint64), np.uint64(0))
    return hashes ^ np.bitwise_xor.reduce(bits, axis=1)

def synthetic(n, seed=0):
    "Hashes and their twins: 2 % near copies, 1 % mirrored copies, 1 % in a hot bucket."
    rng = np.random.default_rng(seed)
    h, m = rng.integers(0, 2**64, (2, n), dtype=np.uint64)
    near, flipped, hot = n//50, n//100, n//100
    h[-near:] = turned(h[:near], 10, rng)
    h[-near-flipped:-near], m[-near-flipped:-near] = turned(m[:flipped], 10, rng), turned(h[:flipped], 10, rng)
    where = rng.choice(np.arange(near, n-near-flipped), hot, replace=False)
    h[where], m[where] = 1, 1
    return h, m

def brute(h, m, rows):
    "Pairs (row, any) within the radius by faiss, direct and mirrored, and the processor time."
    import faiss
    faiss.omp_set_num_threads(1)
    start, found = time.process_time(), []
    for flipped,base in enumerate((h, m)):
        index = faiss.IndexBinaryFlat(64); index.add(base.view(np.uint8).reshape(-1, 8))
        ends, _, ids = index.range_search(np.ascontiguousarray(h[rows]).view(np.uint8).reshape(-1, 8), RADIUS+1)
        found.append(np.stack([np.repeat(rows, np.diff(ends.astype(np.int64))), ids, np.full(len(ids), flipped)], 1))
    return np.concatenate(found), time.process_time()-start

def check(h, m, pairs, rows, truth):
    "Every pair of brute force is a pair of ours, or joined through the first rows of equal hashes; and every pair of ours is one."
    d = np.bitwise_count(h[pairs[:,0]] ^ np.where(pairs[:,3] == 1, m[pairs[:,1]], h[pairs[:,1]]))
    back = np.bitwise_count(m[pairs[:,0]] ^ h[pairs[:,1]])
    assert (np.where(pairs[:,3] == 1, np.minimum(d, back), d) == pairs[:,2]).all() and pairs[:,2].max() <= RADIUS
    first_h, first_m = (np.unique(o, return_index=True, return_inverse=True) for o in (h, m))
    value = lambda o, rows: o[1][o[2][rows]]
    wanted = np.stack([value(first_h, truth[:,0]), np.where(truth[:,2] == 1, value(first_m, truth[:,1]), value(first_h, truth[:,1])), truth[:,2]], 1)
    wanted[:,:2].sort(1)
    wanted = {tuple(o) for o in wanted[wanted[:,0] != wanted[:,1]].tolist()}
    have = {(i, j, f) for i,j,_,f in pairs.tolist()}
    assert wanted and wanted <= have, f'{len(wanted - have)} of {len(wanted)} pairs lost'
    return len(wanted)

def once(n):
    "One size: printed are its numbers."
    from fashion_repro.data.hashing import hash_pairs
    h, m = synthetic(n)
    wall, cpu = time.perf_counter(), time.process_time()
    pairs = hash_pairs(h, RADIUS, m)
    wall, cpu, mib = time.perf_counter()-wall, time.process_time()-cpu, peak()
    rows = np.sort(np.random.default_rng(1).choice(n, min(n, SLICE), replace=False))
    rows[:SLICE//3] = np.arange(SLICE//3)       # a third of the slice has planted copies
    rows = np.unique(rows[h[rows] != 1])        # the hot value would give each of its rows a hundredth of all
    truth, slow = brute(h, m, rows)
    same = check(h, m, pairs, rows, truth[(truth[:,0] != truth[:,1]) | (truth[:,2] == 1)])
    print(len(pairs), wall, cpu, mib, slow*n/len(rows), len(rows), same)

def main(*sizes):
    "All sizes, each in a fresh process."
    sizes, cpus = sizes or (125_000, 250_000, 500_000, 1_000_000), []
    print(f"{'hashes':>10}{'pairs':>10}{'wall':>9}{'processor':>11}{'peak':>11}{'brute force':>13}{'ratio':>7}   checked")
    for n in sizes:
        out = subprocess.run([sys.executable, __file__, 'once', str(n)], capture_output=True, text=True)
        if out.returncode: sys.exit(out.stderr)
        pairs, wall, cpu, mib, slow, rows, same = map(float, out.stdout.split())
        print(f'{n:>10,}{pairs:>10,.0f}{wall:>7.1f} s{cpu:>9.1f} s{mib:>7.0f} MiB{slow:>11.0f} s{slow/cpu:>7.1f}   {same:.0f} pairs of {rows:.0f} queries', flush=True)
        cpus.append(cpu)
        if n == 1_000_000 and (wall > 600 or mib > 4096): return 1
    for (a,s),(b,t) in zip(zip(sizes, cpus), zip(sizes[1:], cpus[1:])): print(f'  {b/a:.1f} times the hashes take {t/s:.1f} times as long')
    return 0 if slow/cpu >= 5 or max(sizes) < 500_000 else 1

if __name__ == '__main__':
    if sys.argv[1:2] == ['once']: once(int(sys.argv[2]))
    else: sys.exit(main(*map(int, sys.argv[1:])))
