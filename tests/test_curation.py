"Curation from the command line to a catalogue that trains, planted defects found, and every mistake in one sentence."
import csv, errno, os, resource, signal, subprocess, sys, time
import pytest
from fashion_repro.cli import main
from fashion_repro.data import curation
from fashion_repro.data.datasets import open_catalogue
from fashion_repro.data.decisions import COLUMNS, apply_decisions, decision, read_decisions, write_decisions, writing
from fashion_repro.data.demo import wardrobe
from fashion_repro.data.leak_free import find_leaks
from fashion_repro.data.planting import plant, score
from fashion_repro.data.saving import save_catalogue
from fashion_repro.data.table import subset

@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASHION_REPRO_CACHE", str(tmp_path_factory.mktemp("cache"))); yield

@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    "A shop with planted defects in a folder, as a stranger has it, and the truth."
    cat, truth = plant(wardrobe(60))
    folder = tmp_path_factory.mktemp("shop"); save_catalogue(cat, folder)
    return folder, truth

def say(capfd, *words):
    status = main([str(o) for o in words]); return status, *capfd.readouterr()

def annotations(path, rows):
    with open(path, "w", newline="") as f: csv.writer(f).writerows([("image_id", "annotator", "group", "class"), *rows])
    return path

def test_text_then_apply_then_train(planted, tmp_path, capfd):
    folder, truth = planted
    status, out, err = say(capfd, "data", "text", "catalogue", "--data-dir", folder, "--out", tmp_path/"text")
    assert status == 0 and "step text" in out and "nothing has been changed" in out, err
    assert {o.name for o in (tmp_path/"text").iterdir()} == {"report.md", "decisions.csv", "examples.png"}
    found = {(o["image_id"], o["group"]) for o in read_decisions(tmp_path/"text/decisions.csv")}
    wrong = {(o["image_id"], o["group"]) for o in truth if o["kind"] == "contradicted tag"}
    assert len(wrong & found) >= .9*len(wrong)
    status, out, err = say(capfd, "data", "apply", "catalogue", "--data-dir", folder, "--decisions", tmp_path/"text/decisions.csv", "--out", tmp_path/"mine")
    assert status == 0 and "relabelled" in out and "next: fashion-repro data check" in out, err
    status, out, err = say(capfd, "data", "check", "catalogue", "--data-dir", tmp_path/"mine")
    assert status == 0 and "defects      none" in out, err
    before, after = (open_catalogue("catalogue", o, scale="demo") for o in (folder, tmp_path/"mine"))
    labels = lambda cat: {row["image_id"]: {g: row[g] and {cat.groups[g][i] for i in row[g]} for g in cat.groups} for row in cat.table.remove_columns("image")}
    now, then, right = labels(after), labels(before), 0
    for o in truth:
        if o["kind"] == "contradicted tag": right += now[o["image_id"]][o["group"]] == {o["was"]} != then[o["image_id"]][o["group"]]
    assert right >= .8*len(wrong)
    status, out, err = say(capfd, "train", "ifashion.attributes", "--row", "small_cnn", "--table", "table3", "--data", "catalogue", "--data-dir", tmp_path/"mine", "--scale", "smoke", "--out", tmp_path/"run")
    assert status == 0 and (tmp_path/"run/record.json").exists(), err

def test_annotators_and_what_is_open(planted, tmp_path, capfd):
    folder, truth = planted
    ids = [o["image_id"] for o in truth if o["kind"] == "contradicted tag"][:3]
    cat = open_catalogue("catalogue", folder, scale="demo"); a, b = cat.groups["gender"][:2]
    rows = [(ids[0], "Ann", "gender", a), (ids[0], "Bob", "gender", a), (ids[1], "Ann", "gender", a), (ids[1], "Bob", "gender", b), (ids[2], "Ann", "", "discard"), (ids[2], "Bob", "", "discard"),
        ("nobody", "Ann", "gender", a), (ids[0], "Cid", "gender", "mermen"), (ids[0], "Ann", "gender", a)]
    path = annotations(tmp_path/"answers.csv", rows[:-1])
    status, out, err = say(capfd, "data", "annotators", "catalogue", "--data-dir", folder, "--annotations", path, "--out", tmp_path/"people")
    assert status == 0 and "images discarded: 1" in out and "still open: 1" in out and "no such image" in out and "'mermen' is no class of gender" in out, err
    assert f"{ids[1]} gender (Ann: {a}, Bob: {b})" in out and (tmp_path/"people/open.csv").read_text().splitlines()[1:] == [f"{ids[1]},,gender,"]
    filled = (tmp_path/"people/open.csv").read_text().splitlines()[1].replace(",,gender,", f",Cid,gender,{b}")
    (tmp_path/"more.csv").write_text(path.read_text() + filled + "\n")       # filled in and appended, as the command says
    status, *more = say(capfd, "data", "annotators", "catalogue", "--data-dir", folder, "--annotations", tmp_path/"more.csv", "--out", tmp_path/"third")
    assert status == 0 and "still open: 0" in more[0] and "decided by the third: 1" in more[0], more
    status, out, err = say(capfd, "data", "apply", "catalogue", "--data-dir", folder, "--decisions", tmp_path/"people/decisions.csv", "--out", tmp_path/"mine")
    assert status == 0 and "dropped: 1" in out and f'curation,{ids[2]},"annotators: no clear item' in (tmp_path/"mine/curation/defects.csv").read_text(), err
    assert ids[2] not in open_catalogue("catalogue", tmp_path/"mine", scale="demo").table["image_id"][:]
    path = annotations(tmp_path/"twice.csv", rows)      # who says the same twice is not heard at all
    status, out, err = say(capfd, "data", "annotators", "catalogue", "--data-dir", folder, "--annotations", path, "--out", tmp_path/"twice")
    assert status == 0 and f"Ann on image {ids[0]}: says the same twice about gender" in out and "still open: 2" in out

def spreadsheet(path, new):
    "The same table with a byte order mark, semicolons and a row that was cleared."
    with open(path, newline="", encoding="utf-8") as f: rows = list(csv.reader(f))
    with open(new, "w", newline="", encoding="utf-8-sig") as f: csv.writer(f, delimiter=";").writerows([rows[0], [""]*len(rows[0]), *rows[1:]])
    return new

def test_files_as_a_spreadsheet_saves_them(planted, tmp_path, capfd):
    folder, truth = planted
    cat = open_catalogue("catalogue", folder, scale="demo"); ids, a = cat.table["image_id"][:2], cat.groups["gender"][0]
    path = annotations(tmp_path/"answers.csv", [(i, w, "gender", a) for i in ids for w in ("Ann", "Bob")])
    status, out, err = say(capfd, "data", "annotators", "catalogue", "--data-dir", folder, "--annotations", spreadsheet(path, tmp_path/"saved.csv"), "--out", tmp_path/"people")
    assert status == 0 and "agreed: 2" in out and "set aside: 0" in out, err
    path = write_file(tmp_path/"d.csv", [decision("duplicates", "drop", ids[0], .25, because="as, it; is")])
    assert read_decisions(spreadsheet(path, tmp_path/"d2.csv")) == read_decisions(path)
    status, out, err = say(capfd, "data", "apply", "catalogue", "--data-dir", folder, "--decisions", tmp_path/"d2.csv", "--out", tmp_path/"mine")
    assert status == 0 and "dropped: 1" in out, err

def test_a_product_in_two_splits_is_mended():
    cat, truth = plant(wardrobe(60), seed=1)
    found = find_leaks(cat); table = score(truth, [found])
    assert (table["recall"] == 1).all() and found.counts["products in more than one split"] >= table.loc["product in two splits", "planted"]
    assert not find_leaks(apply_decisions(cat, found.decisions)).decisions

@pytest.mark.parametrize("words, named", [
    (["text", "wardrob"], "did you mean 'wardrobe'"), (["annotators", "wardrobe", "--annotations", "none.csv"], "cannot read the annotations"), (["annotators", "wardrobe"], "--annotations"),
    (["apply", "wardrobe", "--decisions", "none.csv"], "cannot read the decisions"), (["text", "catalogue", "--data-dir", "nowhere"], "found nothing there"), (["text", "wardrobe", "--scale", "big"], "unknown scale"),
])
def test_mistakes_are_one_sentence(tmp_path, capfd, words, named):
    status, out, err = say(capfd, "data", *words, "--out", tmp_path/"new")
    assert status == 2 and named in err and err.count("\n") == 1 and not out and not (tmp_path/"new").exists()

def test_nothing_is_overwritten(planted, tmp_path, capfd):
    (tmp_path/"old").mkdir(); (tmp_path/"old/decisions.csv").write_text("mine")
    for what, more in (("text", []), ("apply", ["--decisions", write_file(tmp_path/"d.csv", [])])):
        status, out, err = say(capfd, "data", what, "catalogue", "--data-dir", planted[0], *more, "--out", tmp_path/"old")
        assert status == 2 and "is not empty" in err and (tmp_path/"old/decisions.csv").read_text() == "mine"
    status, out, err = say(capfd, "data", "text", "catalogue", "--data-dir", planted[0], "--out", tmp_path/"d.csv"/"x")
    assert status == 2 and "cannot write to" in err and err.count("\n") == 1

def write_file(path, decisions): write_decisions(decisions, path); return path

@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(planted, tmp_path, capfd):
    (tmp_path/"locked").mkdir(mode=0o500)
    status, out, err = say(capfd, "data", "text", "catalogue", "--data-dir", planted[0], "--out", tmp_path/"locked"/"x")
    assert status == 2 and "cannot write to" in err

def test_a_full_disk(planted, tmp_path):
    folder, truth = planted
    write_decisions([decision("duplicates", "drop", truth[0]["image_id"])], tmp_path/"d.csv")
    open_catalogue("catalogue", folder, scale="demo")           # the cache is there
    full = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    words = [sys.executable, "-m", "fashion_repro.cli", "data", "apply", "catalogue", "--data-dir", folder, "--decisions", tmp_path/"d.csv", "--out", tmp_path/"mine"]
    r = subprocess.run(words, preexec_fn=full, capture_output=True, text=True)
    assert r.returncode == 2 and "no room to write" in r.stderr and r.stderr.count("fashion-repro:") == 1 and "Traceback" not in r.stderr, r.stderr
    assert sorted(o.name for o in tmp_path.iterdir()) == ["d.csv"]

@pytest.mark.parametrize("what, last", [("annotators", "write_open"), ("apply", "write_decisions")])
def test_a_disk_that_is_full_at_the_last_file(planted, tmp_path, capfd, what, last):
    folder, truth = planted
    cat = open_catalogue("catalogue", folder, scale="demo"); i = cat.table["image_id"][0]
    answers = annotations(tmp_path/"answers.csv", [(i, "Ann", "gender", cat.groups["gender"][0])]); decisions = write_file(tmp_path/"d.csv", [decision("duplicates", "drop", i)])
    words = ["data", what, "catalogue", "--data-dir", folder, *(["--annotations", answers] if what == "annotators" else ["--decisions", decisions]), "--out", tmp_path/"new"]
    def full(rows, path):
        with writing(path): raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curation, last, full); status, out, err = say(capfd, *words)
    assert status == 2 and "no room to write" in err and f".{tmp_path.name}" not in err and str(tmp_path/"new") in err and err.count("\n") == 1, err
    assert sorted(o.name for o in tmp_path.iterdir()) == ["answers.csv", "d.csv"]
    status, out, err = say(capfd, *words)                       # and with room the same command works
    assert status == 0, err

def test_ctrl_c_leaves_nothing(planted, tmp_path):
    words = [sys.executable, "-m", "fashion_repro.cli", "data", "text", "catalogue", "--data-dir", planted[0], "--out", tmp_path/"text"]
    p = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,       # as from a terminal: in the background Ctrl-C is ignored, and children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    while not any(tmp_path.iterdir()) and p.poll() is None: time.sleep(.005)      # the folder of a step that has begun
    p.send_signal(signal.SIGINT); out, err = p.communicate()
    assert p.returncode == 130 and "nothing was changed" in err and "Traceback" not in err and list(tmp_path.iterdir()) == []

def test_decisions_for_another_catalogue(planted, tmp_path, capfd):
    path = write_file(tmp_path/"d.csv", [decision("text", "tag", "w0-000000-front-shop", group="colour", becomes="blue")])
    status, out, err = say(capfd, "data", "apply", "catalogue", "--data-dir", planted[0], "--decisions", path, "--out", tmp_path/"a")
    assert status == 0, err
    lines = path.read_text().replace("front-shop", "front-shelf"); path.write_text(lines)
    assert "no image 'w0-000000-front-shelf'" in say(capfd, "data", "apply", "catalogue", "--data-dir", planted[0], "--decisions", path, "--out", tmp_path/"b")[2]
    path.write_text(lines.replace("front-shelf", "front-shop").replace("blue", "bleu"))
    assert "did you mean 'blue'" in say(capfd, "data", "apply", "catalogue", "--data-dir", planted[0], "--decisions", path, "--out", tmp_path/"b")[2]
    path.write_text(",".join(COLUMNS) + "\ntext,w0")
    assert "cut short" in say(capfd, "data", "apply", "catalogue", "--data-dir", planted[0], "--decisions", path, "--out", tmp_path/"b")[2]

def test_without_texts_the_step_says_so(tmp_path, capfd):
    cat = wardrobe(20); bare = type(cat)(cat.name, cat.table.remove_columns(["text"]), cat.groups)
    save_catalogue(subset(bare, range(len(bare))), tmp_path/"bare")
    status, out, err = say(capfd, "data", "text", "catalogue", "--data-dir", tmp_path/"bare", "--out", tmp_path/"found")
    assert status == 0 and "has no texts" in out and "there is nothing to decide" in out, err
    assert {o.name for o in (tmp_path/"found").iterdir()} == {"report.md", "decisions.csv"}
