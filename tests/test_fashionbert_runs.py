"FashionBERT from the command line: the runs it starts from, records, kill and resume, two processes, clicks, mistakes."
import json, os, subprocess, sys, time
import numpy as np, pytest
from safetensors.numpy import load_file
from fashion_repro.fashionbert.opened import open_model
from fashion_repro.metrics.ranking_sums import RANKING
from fashion_repro.training.record import read_record

TIMED = ("_s", "_ms", "peak_mib")   # metrics that end so depend on the clock

def environment(cache): return {**os.environ, "OMP_NUM_THREADS": "1", "FASHION_REPRO_CACHE": str(cache)}

def say(where, cache, module, *args, launcher=()):
    "Run a module's command in folder `where`."
    r = subprocess.run([sys.executable, *launcher, "-m", f"fashion_repro.fashionbert.{module}", *map(str, args)], cwd=where, capture_output=True, text=True, timeout=500, env=environment(cache))
    return r.returncode, r.stdout + r.stderr

def steady(record): return {k: v for k, v in record["metrics"].items() if not k.endswith(TIMED)}

@pytest.fixture(scope="module")
def cache(tmp_path_factory): return tmp_path_factory.mktemp("cache")

@pytest.fixture(scope="module")
def home(tmp_path_factory, cache):
    "A folder in which `fashionbert` was asked for: trunk and text model came first."
    where = tmp_path_factory.mktemp("home")
    status, said = say(where, cache, "matching", "--row", "fashionbert")
    assert status == 0, said
    return where/"runs/fashionbert/table1/wardrobe-smoke"

def test_records(home, cache):
    "One command made three runs; baselines use the same two; the records hold what tables and claims read."
    for row in ("vsepp", "scan"):
        status, said = say(home.parents[3], cache, "embedding", "--row", row)
        assert status == 0, said
    found = {row: read_record(home/f"{row}-s0") for row in ("trunk", "plain", "fashionbert", "vsepp", "scan")}
    assert {"test_mlm_acc", "test_prior_acc", "vocab"} <= found["plain"]["metrics"].keys() and found["trunk"]["metrics"]["skipped"] == 0
    for row in ("fashionbert", "vsepp", "scan"):
        r, folder = found[row], home/f"{row}-s0"
        m, Q = r["metrics"], r["n_eval"]
        assert (r["split"], r["protocol"]) == ("test", "P2") and Q == m["test_queries"]
        assert {f"{d}_{k}" for d in ("i2t", "t2i") for k in ("acc", "r1", "r5", "r10")} | {"test_balanced", "test_auc", "test_both_same_r1", "test_i2t_random_r1_text", "presentations", "threshold", "parameters"} <= m.keys()
        assert m["i2t_r5"] == m["test_i2t_random_r5"]
        counts = np.load(folder/"ranking_test.npy")
        assert counts.shape == (Q, 40) and json.loads((folder/"ranking_test.json").read_text()) == list(RANKING) and counts[:, RANKING.index("i2t_random_r1")].mean() == pytest.approx(m["i2t_r1"])
        assert len(np.load(folder/"products_test.npy")) == Q and np.load(folder/"alignment_test.npy").shape == (Q, 4) and not (folder/"ckpt").exists()
        opened = open_model(folder)
        assert opened.trunk.resolve() == (home/"trunk-s0").resolve() and opened.model.card["metrics"]["i2t_r1"] == m["i2t_r1"]
    assert len({found[r]["metrics"]["presentations"] for r in ("vsepp", "scan")}) == 1
    lists = [np.load(home/f"{row}-s0/candidates_test.npz") for row in ("fashionbert", "vsepp", "scan")]
    for k in lists[0].files:
        if k.endswith("_rows") or k == "queries": assert all((o[k] == lists[0][k]).all() for o in lists), k     # everybody was asked the same
    assert "t2i_same_logit1" in lists[0] and "t2i_same_logit1" not in lists[1]
    trace = json.loads((home/"fashionbert-s0/trace.json").read_text())
    for o in trace: assert sum(o[f"w_{t}"] for t in ("mlm", "tia", "mpm")) == pytest.approx(1) and all(2/7 <= o[f"w_{t}"] <= 3/7 for t in ("mlm", "tia", "mpm"))   # R4
    assert {"w_mlm_early", "w_tia_late", "tia_acc_late", "guarded"} <= found["fashionbert"]["metrics"].keys()

def killed(where, cache, args, out, log):
    "Start a command and kill it once it has a checkpoint."
    with open(log, "w") as f:
        process = subprocess.Popen([sys.executable, "-m", *args, "--out", str(out)], cwd=where, env=environment(cache), stdout=f, stderr=f)
        try:
            end = time.monotonic() + 200
            while not any((out/"ckpt").glob("0*")) and time.monotonic() < end and process.poll() is None: time.sleep(.01)
        finally: process.kill(); process.wait()                     # SIGKILL
    assert (out/"ckpt").exists() and not (out/"record.json").exists(), log.read_text()

@pytest.mark.parametrize("module, row, more", [("matching", "fashionbert", ("dropout=.1",)), ("embedding", "scan", ())])
def test_killed_run_ends_the_same(home, cache, tmp_path, module, row, more):
    "kill -9 in the middle of the training: the same weights, record and curves in the end."
    where, args = home.parents[3], ("--row", row, "--set", "epochs=6", "evals=12", *more)
    status, said = say(where, cache, module, *args, "--out", tmp_path/"whole")
    assert status == 0, said
    killed(where, cache, (f"fashion_repro.fashionbert.{module}", *args), tmp_path/"cut", tmp_path/"log")
    status, said = say(where, cache, module, *args, "--out", tmp_path/"cut")
    assert status == 0 and "going on at step" in said, said
    whole, cut = (load_file(tmp_path/o/"model/model.safetensors") for o in ("whole", "cut"))
    assert whole.keys() == cut.keys() and all((whole[k] == cut[k]).all() for k in whole)
    a, b = (read_record(tmp_path/o) for o in ("whole", "cut"))
    assert steady(a) == steady(b)
    for name in ("ranking_test.npy", "alignment_test.npy", *(["trace.json"] if module == "matching" else [])): assert (tmp_path/"whole"/name).read_bytes() == (tmp_path/"cut"/name).read_bytes(), name

@pytest.mark.parametrize("module, row, more", [("matching", "fashionbert", ()), ("matching", "with_gradient", ()), ("embedding", "vsepp", ()), ("embedding", "scan", ())])
def test_two_processes(home, cache, tmp_path, module, row, more):
    "Under torchrun: losses, weights and mismatches are those of the whole batch, whoever computes which part of it."
    where, args = home.parents[3], ("--row", row, "--device", "cpu", "--set", "epochs=1", "evals=4", *more)
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    for out, by in (("one", ()), ("two", launcher)):
        status, said = say(where, cache, module, *args, "--out", tmp_path/out, launcher=by)
        assert status == 0, said
    one, two = (read_record(tmp_path/o) for o in ("one", "two"))
    assert one["metrics"].keys() == two["metrics"].keys() and one["n_train"] == two["n_train"] and one["metrics"]["presentations"] == two["metrics"]["presentations"]
    a, b = (json.loads((tmp_path/o/"history.json").read_text()) for o in ("one", "two"))
    assert [o["loss"] for o in a] == pytest.approx([o["loss"] for o in b], rel=2e-3)
    if module == "matching":
        a, b = (json.loads((tmp_path/o/"trace.json").read_text()) for o in ("one", "two"))
        for k in a[0]: assert [o[k] for o in a] == pytest.approx([o[k] for o in b], rel=5e-3, abs=.05 if k == "tia_acc" else 1e-3), k
    whole, parts = (load_file(tmp_path/o/"model/model.safetensors") for o in ("one", "two"))
    assert max(abs(whole[k]-parts[k]).max() for k in whole) < .02

def test_clicks(home, cache):
    "A click model starts from FashionBERT; with VSL it is as good as padded, and its neighbours are timed beside it."
    status, said = say(home.parents[3], cache, "clicks", "--row", "l2_fashionbert_vsl")
    assert status == 0, said
    folder = home.parent.parent/"table4/wardrobe-smoke/l2_fashionbert_vsl-s0"
    r = read_record(folder); m = r["metrics"]
    assert m["padded_auc"] == pytest.approx(m["auc"], abs=1e-4) and {f"{o}latency_ms" for o in ("", "padded_", "bert_", "bert_img_", "l6_")} <= m.keys()
    counts = np.load(folder/"top1_test.npy")
    assert counts.shape == (r["n_eval"], 2) and counts[:, 0].mean() == pytest.approx(m["acc"]) and len(np.load(folder/"products_test.npy")) == r["n_eval"]

def test_mistakes_are_one_sentence(home, cache, tmp_path):
    where = home.parents[3]
    for module, args, words in (("matching", ("--row", "fashionbert", "--set", "scored=[]"), "at least one split"),
                                ("matching", ("--row", "fashionbert", "--set", "others=[random, near]"), "are of random or same products"),
                                ("plain", ("--row", "plain", "--table", "table1", "--set", "start=bert"), "the paper starts from BERT-base"),
                                ("embedding", ("--row", "vsepp", "--set", "model=vseppp"), "did you mean 'vsepp'")):
        status, said = say(where, cache, module, *args, "--out", tmp_path/"x")
        assert status == 2 and words in said.splitlines()[-1] and "Traceback" not in said, said
