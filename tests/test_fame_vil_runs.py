"FAME-ViL from the command line: what starts first, records, kill and resume, two processes, teachers that do not fit, mistakes."
import json, os, subprocess, sys, time
import numpy as np, pytest
from safetensors.numpy import load_file
from fashion_repro.fame_vil.heads import FameVil
from fashion_repro.fame_vil.opened import open_model
from fashion_repro.training.record import read_record

TASKS = ("xmr", "tgir", "scr", "fic")
TIMED = ("_s", "_ms", "peak_mib")   # metrics that end so depend on the clock

def environment(cache): return {**os.environ, "OMP_NUM_THREADS": "1", "FASHION_REPRO_CACHE": str(cache)}

def say(where, cache, module, *args, launcher=()):
    "Run a module's command in folder `where`."
    r = subprocess.run([sys.executable, *launcher, "-m", f"fashion_repro.fame_vil.{module}", *map(str, args)], cwd=where, capture_output=True, text=True, timeout=500, env=environment(cache))
    return r.returncode, r.stdout + r.stderr

def steady(record): return {k: v for k, v in record["metrics"].items() if not k.endswith(TIMED)}

@pytest.fixture(scope="module")
def cache(tmp_path_factory): return tmp_path_factory.mktemp("cache")

@pytest.fixture(scope="module")
def home(tmp_path_factory, cache):
    "A folder in which `fame_vil` was asked for: CLIP and the four teachers came first."
    where = tmp_path_factory.mktemp("home")
    status, said = say(where, cache, "multitask", "--row", "fame_vil")
    assert status == 0, said
    return where/"runs/fame_vil/table2/wardrobe-smoke"

def test_records(home):
    "One command made six runs; the records hold what tables and claims read, the folders what figures read."
    found = {row: read_record(home/f"{row}-s0") for row in ("clip", "fame_vil", *(f"st_{t}" for t in TASKS))}
    assert [found[r]["protocol"] for r in ("clip", "st_xmr", "st_tgir", "st_scr", "st_fic", "fame_vil")] == ["P1", "P1", "P2", "P3", "P4", "P5"]
    own = dict(xmr=("i2t_r1", "t2i_r10"), tgir=("tgir_r10", "tgir_r50"), scr=("scr_acc", "scr_f1"), fic=("fic_b", "fic_r", "fic_c"))
    for row, r in found.items():
        m, folder = r["metrics"], home/f"{row}-s0"
        tasks = TASKS if row == "fame_vil" else (row[3:],) if row[:3] == "st_" else ("xmr",)
        assert all((k in m) == (t in tasks) for t in TASKS for k in own[t]), row
        assert {"parameters", "new_parameters", "steps", "presentations", "train_s", "steps_per_s"} <= m.keys() and r["n_train"] > 0 and r["n_eval"] > 0
        for t in tasks:
            names, counts = json.loads((folder/f"{t}_test.json").read_text()), np.load(folder/f"{t}_test.npy")
            assert counts.shape[1] == len(names) and len(np.load(folder/f"{t}_products_test.npy")) == len(counts)
        opened = open_model(folder)
        assert opened.model.tasks == [*tasks] and opened.model.card["metrics"] == m and not (folder/"ckpt").exists()
    m = found["fame_vil"]["metrics"]
    assert m["teachers"] == 4 and m["parameters"] > found["st_tgir"]["metrics"]["parameters"] > found["clip"]["metrics"]["parameters"]
    assert {f"val_{t}" for t in TASKS} <= json.loads((home/"fame_vil-s0/history.json").read_text())[-1].keys()

def test_resume(home, cache, tmp_path):
    "Killed in the middle and started again, a student ends with the same weights and scores."
    where, args = home.parents[3], ("--row", "fame_vil", "--set", "evals=12")
    status, said = say(where, cache, "multitask", *args, "--out", tmp_path/"whole")
    assert status == 0, said
    with open(tmp_path/"log", "w") as f:
        process = subprocess.Popen([sys.executable, "-m", "fashion_repro.fame_vil.multitask", *args, "--out", str(tmp_path/"cut")], cwd=where, env=environment(cache), stdout=f, stderr=f)
        try:
            end = time.monotonic() + 300
            while not any((tmp_path/"cut/ckpt").glob("0*")) and time.monotonic() < end and process.poll() is None: time.sleep(.01)
        finally: process.kill(); process.wait()                     # SIGKILL
    assert (tmp_path/"cut/ckpt").exists() and not (tmp_path/"cut/record.json").exists(), (tmp_path/"log").read_text()
    status, said = say(where, cache, "multitask", *args, "--out", tmp_path/"cut")
    assert status == 0 and "going on at step" in said, said
    whole, cut = (load_file(tmp_path/o/"model/model.safetensors") for o in ("whole", "cut"))
    assert whole.keys() == cut.keys() and all((whole[k] == cut[k]).all() for k in whole)
    assert steady(read_record(tmp_path/"whole")) == steady(read_record(tmp_path/"cut"))

def test_two_processes(home, cache, tmp_path):
    "Under torchrun a step's task is the same everywhere, and parameters that a task does not use stay where they are."
    where, args = home.parents[3], ("--row", "fame_vil", "--device", "cpu", "--set", "iterations=8", "evals=2", "select=best")
    for out, launcher in (("one", ()), ("two", ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"))):
        status, said = say(where, cache, "multitask", *args, "--out", tmp_path/out, launcher=launcher)
        assert status == 0, said
    one, two = (read_record(tmp_path/o) for o in ("one", "two"))
    assert one["metrics"].keys() == two["metrics"].keys() and one["n_train"] == two["n_train"] and one["n_eval"] == two["n_eval"]
    a, b = (json.loads((tmp_path/o/"history.json").read_text()) for o in ("one", "two"))
    assert [o["loss"] for o in a] == pytest.approx([o["loss"] for o in b], rel=2e-3) and [o["val_worth"] for o in a] == pytest.approx([o["val_worth"] for o in b], rel=2e-3)
    whole, parts = (load_file(tmp_path/o/"model/model.safetensors") for o in ("one", "two"))
    assert max(abs(whole[k]-parts[k]).max() for k in whole if not k.endswith(("k_proj.bias", ".k.bias"))) < .02    # softmax does not see those: their gradient is rounding

def test_teachers_that_do_not_fit(home, cache, tmp_path):
    "A teacher with other adapters, or of another CLIP, is named with what differs."
    where = home.parents[3]
    status, said = say(where, cache, "multitask", "--row", "fame_vil", "--set", "taught=32", "--out", tmp_path/"x")
    assert status == 2 and "st_xmr-s0 cannot teach this one: its bottleneck is 64, expected 32" in said.splitlines()[-1] and "Traceback" not in said, said

def test_smaller_steps_and_controls(home, cache, tmp_path):
    "Rows that no headline needs, and batches in parts."
    where = home.parents[3]
    for row, more in (("scr_image", ()), ("tgir_text", ()), ("no_xaa", ("accumulate=2",))):
        status, said = say(where, cache, "multitask", "--row", row, "--set", "evals=1", *more, "--out", tmp_path/row)
        assert status == 0, said
    assert FameVil.from_pretrained(tmp_path/"no_xaa/model").cross == ["fic"] and "scr_acc" in read_record(tmp_path/"scr_image")["metrics"]

def test_mistakes_are_one_sentence(home, cache, tmp_path):
    where = home.parents[3]
    for module, args, words in (("pretraining", ("--row", "clip", "--table", "table2", "--set", "start=public"), "the paper starts from CLIP ViT-B/16"),
                                ("multitask", ("--row", "st_xmr", "--set", "sees=text"), "a control of tgir and scr"),
                                ("multitask", ("--row", "fame_vil", "--set", "tasks=[xmr, fid]"), "did you mean 'fic'"),
                                ("multitask", ("--row", "fame_vil", "--set", "batch_size=4000"), "take a smaller batch, or leave the task out"),
                                ("multitask", ("--row", "fame_vil", "--set", "scored=[]"), "at least one split")):
        status, said = say(where, cache, module, *args, "--out", tmp_path/"x")
        assert status == 2 and words in said.splitlines()[-1] and "Traceback" not in said, said
