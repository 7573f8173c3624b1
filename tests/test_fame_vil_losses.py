"What several processes train is what one process trains: losses over the batch of all, distillation, steps of one task each."
import os, socket, subprocess, sys
from pathlib import Path

import pytest
import torch

SCRIPT = '''
import sys, torch
from fashion_repro.fame_vil.clip import tiny_clip
from fashion_repro.fame_vil.distillation import Teachers
from fashion_repro.fame_vil.heads import TASKS, FameVil, is_new
from fashion_repro.fame_vil.schedules import make_optimizer, multi_step
from fashion_repro.fame_vil.steps import Goal, step
from fashion_repro.fame_vil.task_batches import TaskBatches
from fashion_repro.training.fit import Settings, fit

out, kind, accumulate, tasks = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4].split()
V, T = 20, 77

class Things:
    def __init__(self, task, n): self.task, self.n = task, n
    def __len__(self): return self.n
    def __getitem__(self, key):
        g = torch.Generator().manual_seed(key[1])
        length = 3 + key[1] % 5
        ids = torch.cat([torch.tensor([V-2]), torch.randint(0, V-2, (length,), generator=g), torch.full((T-1-length,), V-1)])
        images, targets = torch.randint(0, 256, (2, 3, 16, 16), generator=g, dtype=torch.uint8)
        return dict(images=images, ids=ids) | (dict(targets=targets) if self.task == "tgir" else dict(labels=torch.tensor(key[1] % 3)) if self.task == "scr" else {})

def network(seed, tasks):
    torch.manual_seed(seed)
    net = FameVil(tiny_clip(V, image=16, patch=8, width=32, layers=1), tasks, 4, classes=3)
    for n,p in net.named_parameters():
        if is_new(n): p.data.add_(.1*torch.randn(p.shape))        # no adapter at zero
    return net.double()

teachers = Teachers({t: network(k, [t]) for k,t in enumerate(tasks, 1)})
items = TaskBatches({t: Things(t, n) for t,n in zip(tasks, (14, 9, 12, 10))}, 7)
net, goal = network(0, tasks), Goal(xmr_kd=kind, fic_pad="ignore_after_first_eos")
start = {t: float(net.heads[t].s) for t in tasks if t in ("xmr", "tgir")}
settings = Settings(epochs=items.epochs_of(20), batch_size=7, accumulate=accumulate, seed=1, evals=1, device="cpu")
row, = fit(net, lambda model, batch: step(model, batch, teachers, goal), items, torch.optim.SGD(net.parameters(), .05), settings, multi_step())
if not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0: torch.save(dict(start=start, net=net.state_dict(), row={k: v for k,v in row.items() if k != "seconds"}), out)
'''

def trained(folder, name, processes, kind="intended", accumulate=1, tasks="xmr tgir scr fic"):
    script, out = folder/"train_tasks.py", folder/f"{name}.pt"
    script.write_text(SCRIPT)
    with socket.socket() as s: s.bind(("127.0.0.1", 0)); port = s.getsockname()[1]
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", str(processes), "--master_port", str(port)] if processes > 1 else []
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[1])}
    r = subprocess.run([sys.executable, *launcher, str(script), str(out), kind, str(accumulate), tasks], env=env, capture_output=True, text=True, timeout=300)
    assert r.returncode == 0, r.stdout[-2000:] + r.stderr[-4000:]
    return torch.load(out, weights_only=True)

def assert_same(one, other):
    for k,v in one["net"].items(): torch.testing.assert_close(other["net"][k], v, rtol=0, atol=1e-10, msg=lambda m, k=k: f"{k}: {m}")
    assert other["row"] == pytest.approx(one["row"], abs=1e-10)

@pytest.mark.parametrize("kind", ["intended", "as_released"])
def test_two_processes_train_as_one(tmp_path, kind):
    "All four tasks with their teachers, batches of 7 in two processes, 4 and 3 items: the same weights, scales included, and the same losses of each task."
    one, two = (trained(tmp_path, str(n), n, kind) for n in (1, 2))
    assert {f"{t}_kd" for t in ("xmr", "tgir", "scr", "fic")} < one["row"].keys() and all(abs(one["net"][f"heads.{t}.s"] - s) > 1e-5 for t,s in one["start"].items())
    assert_same(one, two)

def test_micro_batches_of_captions_train_as_one(tmp_path):
    "Captions of different lengths, in micro-batches and processes: positions are counted, not captions."
    whole = trained(tmp_path, "whole", 1, tasks="fic")
    for name,processes in (("cut", 1), ("both", 2)): assert_same(whole, trained(tmp_path, name, processes, accumulate=3, tasks="fic"))
