"What several processes train is what one process trains: losses over the batch of all, distillation, steps of one task each."
import os, socket, subprocess, sys
from pathlib import Path

import pytest
import torch

SCRIPT = '''
import sys, torch
from torch import nn
from torch.nn import functional as F
from fashion_repro.fame_vil.distillation import Teachers, distilled, fic_kd, tgir_kd, xmr_kd
from fashion_repro.fame_vil.losses import fic_captions, fic_loss, fic_targets, tgir_loss, xmr_loss
from fashion_repro.fame_vil.schedules import make_optimizer, multi_step
from fashion_repro.fame_vil.task_batches import TaskBatches
from fashion_repro.training.fit import Settings, fit

out, kind, accumulate, tasks = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4].split()

class Pairs:
    def __init__(self, n): g = torch.Generator().manual_seed(n); self.a, self.b = torch.randn(2, n, 6, generator=g, dtype=torch.float64)
    def __len__(self): return len(self.a)
    def __getitem__(self, key):
        ends = 3 + key[1] % 5
        return dict(a=self.a[key[1]], b=self.b[key[1]], ids=torch.tensor([8, *[(key[1]+j) % 8 for j in range(ends)], *[9]*(9-ends)]), key=torch.tensor(key))

class Net(nn.Module):
    def __init__(self, seed):
        super().__init__(); torch.manual_seed(seed)
        self.image, self.text, self.words = nn.Linear(6, 4), nn.Linear(6, 4), nn.Linear(6, 100)
        self.s = nn.ParameterDict({t: nn.Parameter(torch.tensor(4.)) for t in ("xmr", "tgir")})
        self.double()
    def forward(self, task, batch):
        if task == "fic": return self.words(batch["a"]).unflatten(1, (10, 10))
        return tuple(self.s[task]*F.normalize(w(x), dim=1) for w,x in ((self.image, batch["a"]), (self.text, batch["b"])))

teachers = Teachers({t: Net(i) for i,t in enumerate(("xmr", "tgir", "fic"), 5)})

def step(model, batch):
    task = batch["task"]
    said, taught = model(task, batch), teachers(task, batch)
    if task == "fic":
        targets = fic_targets(batch["ids"], 9, "ignore_after_first_eos")
        n = fic_captions(targets)
        return distilled(fic_loss(said, targets), fic_kd(said, taught, targets))*n, dict(n=n)
    n = len(batch["a"])
    if task == "tgir": return distilled(tgir_loss(*said), tgir_kd(*said, *taught))*n, dict(n=n)
    return distilled(xmr_loss(*said), xmr_kd(*said, *taught, kind))*n, dict(n=n)

items = TaskBatches({t: Pairs(n) for t,n in zip(tasks, (40, 30, 35))}, 7)
net = Net(0)
settings = Settings(epochs=items.epochs_of(25), batch_size=7, accumulate=accumulate, seed=1, evals=1, device="cpu")
history = fit(net, step, items, make_optimizer(net, lambda n: True, new_lr=.01), settings, multi_step())
if not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0: torch.save(dict(net=net.state_dict(), loss=history[-1]["loss"]), out)
'''

def trained(folder, name, processes, kind="intended", accumulate=1, tasks="xmr tgir fic"):
    script, out = folder/"train_pairs.py", folder/f"{name}.pt"
    script.write_text(SCRIPT)
    with socket.socket() as s: s.bind(("127.0.0.1", 0)); port = s.getsockname()[1]
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", str(processes), "--master_port", str(port)] if processes > 1 else []
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[1])}
    r = subprocess.run([sys.executable, *launcher, str(script), str(out), kind, str(accumulate), tasks], env=env, capture_output=True, text=True, timeout=300)
    assert r.returncode == 0, r.stdout[-2000:] + r.stderr[-4000:]
    return torch.load(out, weights_only=True)

@pytest.mark.parametrize("kind", ["intended", "as_released"])
def test_two_processes_train_as_one(tmp_path, kind):
    "Batches of 7 in two processes, 4 and 3 items: the same weights, scales included, and the same loss, to the last digits."
    one, two = (trained(tmp_path, str(n), n, kind) for n in (1, 2))
    assert all((v-4).abs() > 1e-4 for k,v in one["net"].items() if k.startswith("s."))
    for k,v in one["net"].items(): torch.testing.assert_close(two["net"][k], v, rtol=0, atol=1e-12, msg=lambda m, k=k: f"{k}: {m}")
    assert two["loss"] == pytest.approx(one["loss"], abs=1e-12)

def test_micro_batches_of_captions_train_as_one(tmp_path):
    "Captions of different lengths, in micro-batches and processes: positions are counted, not captions."
    whole = trained(tmp_path, "whole", 1, tasks="fic")
    for name,processes in (("cut", 1), ("both", 2)):
        cut = trained(tmp_path, name, processes, accumulate=3, tasks="fic")
        for k,v in whole["net"].items(): torch.testing.assert_close(cut["net"][k], v, rtol=0, atol=1e-12, msg=lambda m, k=k: f"{k}: {m}")
        assert cut["loss"] == pytest.approx(whole["loss"], abs=1e-12)
