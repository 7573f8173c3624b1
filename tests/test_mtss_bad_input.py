"MTSS given what it cannot use, as a user would: one sentence each, saying what was expected, what was found and what to do."
import contextlib, csv, io, json, os, shutil
import numpy as np, pytest
from PIL import Image
from safetensors.torch import load_file, save_file
from fashion_repro.cli import main

def ask(where, *args):
    "Run a command in folder `where`, in this process -> (exit status, its sentences, all that was said)."
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(where), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err): status = main([str(a) for a in args])
    said = err.getvalue()
    return status, [l for l in said.splitlines() if l.startswith("fashion-repro: ")], out.getvalue() + said

def refused(where, *args):
    "The one sentence with which a command ends."
    status, sentences, said = ask(where, *args)
    assert status == 2 and len(sentences) == 1 and "Traceback" not in said, said
    return sentences[0]

@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as m: m.setenv("FASHION_REPRO_CACHE", str(tmp_path_factory.mktemp("cache"))); m.setenv("OMP_NUM_THREADS", "1"); yield

@pytest.fixture(scope="module")
def made(tmp_path_factory, cache):
    "A folder with the finished runs t and s and a picture."
    home = tmp_path_factory.mktemp("made")
    status, _, said = ask(home, "train", "mtss.student", "--row", "s", "--scale", "smoke")
    assert status == 0, said
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(home/"a.png")
    return home

@pytest.fixture
def home(made, tmp_path):
    "A copy of them, to be spoilt."
    shutil.copytree(made, tmp_path/"home")
    return tmp_path/"home"

TEACHERS, STUDENT = "runs/mtss/table4/wardrobe-smoke/t-s0/model", "runs/mtss/table4/wardrobe-smoke/s-s0/model"
LEARN = ("train", "mtss.student", "--row", "s", "--scale", "smoke", "--out", "again")

def respoil(file, change):
    "Write the tensors of a safetensors file anew, changed."
    tensors = load_file(file); change(tensors); save_file(tensors, file, dict(format="pt"))

# the student's folder and file

@pytest.mark.parametrize("spoil,words", [
    (lambda f: f.write_bytes(f.read_bytes()[:-100]), "damaged"),
    (lambda f: f.write_bytes(b""), "damaged"),
    (lambda f: f.unlink(), "model.safetensors is missing"),
    (lambda f: respoil(f, lambda t: t.update(dictionary_0=t["dictionary_1"].clone())), "do not belong to this Student"),                  # of a type with other classes
    (lambda f: respoil(f, lambda t: t.update(dictionary_0=t["dictionary_0"][:,:8].contiguous())), "do not belong to this Student"),# of another dimension
    (lambda f: respoil(f, lambda t: t.pop("dictionary_0")), "do not belong to this Student"),
    (lambda f: respoil(f, lambda t: t.pop("branches.1.weight")), "branches.1.weight"),
    (lambda f: (f.parent/"config.json").write_text('{"network": "small'), "is damaged"),
    (lambda f: (f.parent/"config.json").write_text('{"network": "small_cnn"}'), "not that of a Student"),
], ids=["cut short", "empty", "missing", "dictionary of another type", "dictionary of another dimension", "no dictionary", "no branch", "config cut short", "config of something else"])
def test_a_spoilt_student(home, spoil, words):
    spoil(home/STUDENT/"model.safetensors")
    for command in (("attributes", STUDENT, "a.png"), ("export", STUDENT, "s.onnx")):
        assert words in refused(home, *command)
    assert not (home/"s.onnx").exists()

def test_a_spoilt_file(home):
    assert ask(home, "export", STUDENT, "s.onnx")[0] == 0
    whole = (home/"s.onnx").read_bytes()
    for part in (whole[:-2000], whole[:100], whole[2000:], b"", b"a letter"):
        (home/"bad.onnx").write_bytes(part)
        assert "no ONNX file, or a damaged one" in refused(home, "attributes", "bad.onnx", "a.png")
    assert ask(home, "attributes", "s.onnx", "a.png")[0] == 0

# what a student learns from

def test_a_teacher_is_missing(home):
    shutil.rmtree(home/TEACHERS/"sleeve")
    sentence = refused(home, *LEARN)
    assert "sleeve holds no teacher" in sentence
    (home/TEACHERS/"types.json").unlink()
    assert "holds neither teachers nor a student" in refused(home, *LEARN)

def test_a_teacher_of_another_dimension(home):
    from fashion_repro.mtss.networks import Teacher
    from fashion_repro.mtss.scoring import load_models, save_teacher
    card = load_models(home/TEACHERS)["sleeve"].card
    card["recipe"]["embed_dim"] = 8
    save_teacher(home/TEACHERS, Teacher("small_cnn", card["recipe"]["width"], card["classes"], 8), card)
    sentence = refused(home, *LEARN)
    assert "the teacher of 'sleeve' makes embeddings of 8 numbers and the student of 16" in sentence

@pytest.mark.parametrize("spoil,words", [
    (lambda f: f.write_bytes(f.read_bytes()[:-100]), "damaged"),
    (lambda f: respoil(f, lambda t: t.update(dictionary=t["dictionary"][1:].contiguous())), "do not belong to this Teacher"),
], ids=["cut short", "another dictionary"])
def test_a_spoilt_teacher(home, spoil, words):
    spoil(home/TEACHERS/"colour/model.safetensors")
    assert words in refused(home, *LEARN)

def test_an_unlabelled_folder_of_texts(home):
    (home/"notes").mkdir()
    for i in range(3): (home/f"notes/{i}.txt").write_text("no picture")
    sentence = refused(home, *LEARN, "--set", "unlabelled=folder", "--dirs", "folder=notes")
    assert "expected pictures (.jpg" in sentence and ".txt" in sentence
    (home/"notes/4.jpg").write_text("no picture either")
    assert "none of the 1 pictures" in refused(home, *LEARN, "--set", "unlabelled=folder", "--dirs", "folder=notes")
    assert "nothing there" in refused(home, *LEARN, "--set", "unlabelled=folder", "--dirs", "folder=elsewhere")
    assert "add --dirs folder=PATH" in refused(home, *LEARN, "--set", "unlabelled=folder")

# what a teacher learns from

def shop(folder, rows):
    "A catalogue of one's own with the groups colour and size; rows are (split, colour, size)."
    folder.mkdir()
    with open(folder/"shop.csv", "w", newline="") as f:
        w = csv.writer(f); w.writerow(["file", "split", "colour", "size"])
        for i, row in enumerate(rows):
            Image.fromarray(np.full((40, 40, 3), 20*i % 256, np.uint8)).save(folder/f"{i}.png"); w.writerow([f"{i}.png", *row])
    status, _, said = ask(folder, "data", "columns", folder/"shop.csv", "--image", "file", "--split", "split", "--group", "colour", "size")
    assert status == 0, said
    return folder/"shop.csv"

TEACH = ("train", "mtss.teacher", "--row", "t", "--data", "catalogue", "--scale", "smoke", "--out", "t", "--data-dir")
SPLITS = ["train"]*30 + ["val"]*8 + ["test"]*8

def test_a_type_with_one_class(tmp_path):
    "It is left out and recorded, or refused where it was asked for, or was all there is."
    table = shop(tmp_path/"a", [(s, "red", "SML"[i % 3]) for i, s in enumerate(SPLITS)])
    few = ("--set", "labels=1")
    assert "type 'colour'" in refused(tmp_path, *TEACH, table, *few, "types=[colour]")
    status, _, said = ask(tmp_path, *TEACH, table, *few)
    assert status == 0, said
    record = json.loads((tmp_path/"t/record.json").read_text())
    assert any("colour" in str(o) and "1 of its 1 classes" in str(o) for o in record["defects"]) and "size" in record["metrics"] and "colour" not in record["metrics"]
    shutil.rmtree(tmp_path/"runs")                              # the common network of the first table is not that of the next
    table = shop(tmp_path/"b", [(s, "red", "S") for s in SPLITS])
    sentence = refused(tmp_path, *TEACH, table, *few)
    assert "type 'colour'" in sentence and "type 'size'" in sentence and "at least 2 are needed" in sentence

def test_a_type_without_labelled_training_pictures(tmp_path):
    table = shop(tmp_path/"a", [(s, "" if s == "train" else ["red", "blue"][i % 2], "") for i, s in enumerate(SPLITS)])
    sentence = refused(tmp_path, *TEACH, table, "--set", "labels=1")
    assert "labelled" in sentence and "train" in sentence

# a loss that is not a number

def test_nan_by_an_absurd_rate(home):
    sentence = refused(home, *LEARN, "--set", "lr=1e30", "warmup_images=0")
    assert "the loss is nan at step" in sentence and "on the batch of w0-" in sentence and "lower the learning rate" in sentence
    assert not (home/"again/record.json").exists()

def test_nan_in_the_middle(home, monkeypatch):
    "The seventh step is poisoned: the sentence names where it was (six steps done), the pictures of the batch and the last good checkpoint, and that checkpoint is good."
    import fashion_repro.mtss.student as student
    real, seen = student.distillation_loss, []
    def poisoned(e_s, *args):
        seen.append(1)
        return real(e_s, *args)*(float("nan") if len(seen) == 7 else 1)
    monkeypatch.setattr(student, "distillation_loss", poisoned)
    args = (*LEARN, "--set", "epochs=12", "evals=3")
    sentence = refused(home, *args)
    assert "the loss is nan at step 6 of 12 on the batch of w0-" in sentence and "last good checkpoint, of step 4, is in" in sentence, sentence
    batch = json.loads((home/"again/failed_batch.json").read_text())
    assert batch["step"] == 6 and len(batch["items"]) == 16 and all(o.startswith("w0-") for o in batch["items"])
    monkeypatch.undo(); os.environ["OMP_NUM_THREADS"] = "1"
    status, _, said = ask(home, *args)
    assert status == 0 and "going on at step 4 of 12" in said, said
