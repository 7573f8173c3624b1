"MTSS from the command line: teachers, a student that finds them, kill and resume, two processes, and when a student is out of date."
import json, os, subprocess, sys, time
from dataclasses import replace
import numpy as np, pytest
from safetensors.numpy import load_file
from fashion_repro.mtss.scoring import load_models
from fashion_repro.training import rows
from fashion_repro.training.record import read_record

TYPES = ["garment", "colour", "pattern", "sleeve"]

def environment(cache): return {**os.environ, "OMP_NUM_THREADS": "1", "FASHION_REPRO_CACHE": str(cache)}

def say(where, cache, module, *args, launcher=()):
    "Run a module's command in folder `where`."
    r = subprocess.run([sys.executable, *launcher, "-m", f"fashion_repro.mtss.{module}", *map(str, args)], cwd=where, capture_output=True, text=True, timeout=500, env=environment(cache))
    return r.returncode, r.stdout + r.stderr

@pytest.fixture(scope="module")
def cache(tmp_path_factory): return tmp_path_factory.mktemp("cache")

@pytest.fixture(scope="module")
def home(tmp_path_factory, cache):
    "A folder in which the student `s` was asked for: its teachers came first."
    where = tmp_path_factory.mktemp("home")
    status, said = say(where, cache, "student", "--row", "s")
    assert status == 0, said
    return where/"runs/mtss/table4/wardrobe-smoke"

def bytes_below(folder): return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}

def test_records(home):
    "One command made both; the records hold what tables and claims read."
    t, s = (read_record(home/f"{row}-s0") for row in "ts")
    for r in (t, s):
        m = r["metrics"]
        assert (r["protocol"], r["split"], r["n_eval"]) == ("P3", "test", len(np.load(home/"t-s0/rows_test.npy"))) and r["n_train"] == m["labelled"] + m["unlabelled"]
        for o in TYPES: assert {f"test_{o}_{k}" for k in ("f1_1", "r_1", "r_3", "r_5", "map")} | {o, f"{o}_3", f"{o}_5"} <= m.keys() and m[o] == m[f"test_{o}_f1_1"] and m[f"{o}_3"] == m[f"test_{o}_r_3"]
        assert {f"{split}_{k}" for split in ("val", "test") for k in ("all_f1_1", "all_r_3", "all_r_5", "mean_f1_1", "mean_r_3")} | {"f1_1", "r_1", "f1_3", "r_3", "f1_5", "r_5", "all_3", "all_5", "images_per_s", "parameters"} <= m.keys()
        assert m["test_mean_f1_1"] == pytest.approx(np.mean([m[o] for o in TYPES]))
    assert t["metrics"]["unlabelled"] == 0 < s["metrics"]["unlabelled"] and t["metrics"]["labelled"] == s["metrics"]["labelled"]     # the student sees what its teachers have seen, and more
    assert {f"images_{o}" for o in TYPES} | {"test_prior_mean_f1_1"} <= t["metrics"].keys() and {"images_student", "teacher_parameters", "test_cosine", "test_pattern_cosine", "test_pattern_agreement"} <= s["metrics"].keys()
    assert s["metrics"]["teacher_parameters"] == t["metrics"]["parameters"]
    for row in "ts":
        folder = home/f"{row}-s0"
        assert json.loads((folder/"types_test.json").read_text()) == TYPES and np.load(folder/"types_test.npy").shape == (t["n_eval"], 20) and not (folder/"ckpt").exists()
        with np.load(folder/"scores_test.npz") as kept: assert list(kept) == TYPES and all(len(kept[o]) == t["n_eval"] for o in TYPES)
    assert sorted(f.name for f in (home/"t-s0").glob("history_*")) == sorted(f"history_{o}.json" for o in TYPES) and (home/"s-s0/history_student.json").is_file()

def test_teachers_are_left_alone(home, cache):
    "A student changes nothing of its teachers, and answers with their dictionaries."
    before = bytes_below(home/"t-s0")
    status, said = say(home.parents[3], cache, "student", "--row", "s_beta0")
    assert status == 0, said
    assert bytes_below(home/"t-s0") == before
    student, teachers = load_models(home/"s_beta0-s0"), load_models(home/"t-s0")
    assert all((d == t.dictionary).all() for d, t in zip(student.dictionaries, teachers.values()))
    own, other = (load_file(home/row/"model/model.safetensors") for row in ("s-s0", "s_beta0-s0"))
    assert any((own[k] != other[k]).any() for k in own if "branches" in k)                                     # beta does something

@pytest.mark.parametrize("views", [1, 0])
def test_killed_student_ends_the_same(home, cache, tmp_path, views):
    "kill -9 in the middle of the training: the same weights in the end, whether the teachers were asked once or are asked at every step."
    where, args = home.parents[3], ("--row", "s", "--set", "epochs=200", "evals=20", f"views={views}", "--out")
    status, said = say(where, cache, "student", *args, tmp_path/"whole")
    assert status == 0, said
    with open(tmp_path/"log", "w") as log:
        process = subprocess.Popen([sys.executable, "-m", "fashion_repro.mtss.student", *args, str(tmp_path/"cut")], cwd=where, env=environment(cache), stdout=log, stderr=log)
        try:
            end = time.monotonic() + 200
            while not any((tmp_path/"cut/ckpt").glob("0*")) and time.monotonic() < end and process.poll() is None: time.sleep(.01)
        finally: process.kill(); process.wait()                     # SIGKILL
    assert (tmp_path/"cut/ckpt").exists() and not (tmp_path/"cut/record.json").exists(), (tmp_path/"log").read_text()
    status, said = say(where, cache, "student", *args, tmp_path/"cut")
    assert status == 0 and "going on at step" in said, said
    whole, cut = (load_file(tmp_path/o/"model/model.safetensors") for o in ("whole", "cut"))
    assert all((whole[k] == cut[k]).all() for k in whole) and whole.keys() == cut.keys()
    (a, b), time_based = (read_record(tmp_path/o)["metrics"] for o in ("whole", "cut")), {"images_per_s", "gpu_peak_mib"}
    assert {k: v for k, v in a.items() if k not in time_based} == {k: v for k, v in b.items() if k not in time_based}

def test_two_processes(home, cache, tmp_path):
    "Under torchrun: every process asks the teachers for its share, one writes."
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    status, said = say(home.parents[3], cache, "student", "--row", "s", "--device", "cpu", "--set", "epochs=8", "--out", tmp_path/"two", launcher=launcher)
    assert status == 0, said
    one, two = read_record(home/"s-s0"), read_record(tmp_path/"two")
    assert two["metrics"].keys() == one["metrics"].keys() and two["n_train"] == one["n_train"] and two["metrics"]["images_student"] == 8*16
    status, said = say(tmp_path, cache, "teacher", "--row", "t", "--device", "cpu", "--set", "epochs=2", "types=[pattern, sleeve]", "--out", tmp_path/"t", launcher=launcher)
    assert status == 0, said
    assert list(load_models(tmp_path/"t")) == ["pattern", "sleeve"]

def test_a_student_is_as_old_as_its_teachers(monkeypatch):
    "Another setting of a row of teachers makes the students of them out of date, and no others."
    def codes(): return {row: rows.row_code(rows.find_row("mtss.student", row, "table4", "demo"), "wardrobe", code=lambda module, *data: module) for row in ("s", "s_tune", "s_share25")}
    before, real = codes(), rows.read_rows
    monkeypatch.setattr(rows, "read_rows", lambda paper: [replace(r, set=r.set | {"share": .2}) if r.row == "t_share25" else r for r in real(paper)])
    after = codes()
    assert {row for row in before if before[row] != after[row]} == {"s_share25"}

def test_mistakes_are_one_sentence(home, cache, tmp_path):
    where = home.parents[3]
    for module, args, words in (("student", ("--row", "s", "--set", "crop=none"), "they must see the same"),
                                ("student", ("--row", "s", "--set", "amount=0"), "must be a share"),
                                ("student", ("--row", "s", "--set", "unlabelled=wardrob"), "did you mean 'wardrobe'"),
                                ("teacher", ("--row", "t", "--set", "types=[colour, sleve]"), "did you mean 'sleeve'"),
                                ("teacher", ("--row", "t", "--set", "initial=imagenet"), "at width 1")):
        status, said = say(where, cache, module, *args, "--out", tmp_path/"x")
        assert status == 2 and words in said.splitlines()[-1] and "Traceback" not in said, said
