"A student as a folder: read back bit for bit in another process, given to the Hub, and refused in one sentence when something in it does not belong together."
import json, subprocess, sys
from pathlib import Path
import pytest, torch
import huggingface_hub
from fashion_repro.errors import UserError
from fashion_repro.mtss.inference import label_scores
from fashion_repro.mtss.networks import Student, Teacher
from fashion_repro.training.saved import config_of

TYPES = dict(pattern=["plain", "dots", "stripes"], garment=["skirt", "coat"])   # not in alphabetical order

@pytest.fixture
def student():
    torch.manual_seed(0)
    teachers = {name: Teacher("small_cnn", .125, classes, dim=8) for name, classes in TYPES.items()}
    new = Student("small_cnn", .125, TYPES, 8, trained=dict(pattern=[True, True, False]), card=dict(name="Test", licence="CC0", metrics=dict(r=.5)))
    with torch.no_grad(): new.train()(torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8))   # statistics that are not the initial ones
    return new.take_dictionaries(teachers).eval()

@pytest.fixture
def folder(student, tmp_path):
    student.save_pretrained(tmp_path/"model")
    return tmp_path/"model"

def test_read_back_in_another_process_bit_for_bit(student, folder, tmp_path):
    images = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    torch.save(images, tmp_path/"images.pt")
    code = f"""import torch
from fashion_repro.mtss.networks import Student
student = Student.from_pretrained({str(folder)!r})
with torch.no_grad(): torch.save(student(torch.load({str(tmp_path/"images.pt")!r})), {str(tmp_path/"out.pt")!r})
print(list(student.types), student.trained, student.card, student.training)"""
    r = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert not r.returncode, r.stderr
    assert r.stdout.strip() == f"{list(TYPES)} {student.trained} {student.card} False"
    with torch.no_grad(): expected = student(images)
    assert all(torch.equal(a, b) for a, b in zip(expected, torch.load(tmp_path/"out.pt"), strict=True))

def test_everything_is_read(student, folder):
    again = Student.from_pretrained(folder)
    assert student.state_dict().keys() == again.state_dict().keys()
    for name, value in student.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]) and value.dtype == again.state_dict()[name].dtype, name
    assert config_of(again) == config_of(student) == json.loads((folder/"config.json").read_text())
    again.save_pretrained(folder)
    assert config_of(Student.from_pretrained(folder)) == config_of(student)

def test_a_changed_card_is_saved_and_other_files_stay(student, folder):
    (folder/"notes.txt").write_text("mine")
    student.card["metrics"] = dict(r=.75)
    student.save_pretrained(folder)
    assert Student.from_pretrained(folder).card["metrics"] == dict(r=.75)
    assert sorted(p.name for p in folder.iterdir()) == ["README.md", "config.json", "model.safetensors", "notes.txt"]

def test_a_folder_that_cannot_be_written(student, tmp_path):
    (tmp_path/"taken"/"model.safetensors").mkdir(parents=True)
    with pytest.raises(UserError, match="cannot be written"): student.save_pretrained(tmp_path/"taken")
    assert [p.name for p in (tmp_path/"taken").iterdir()] == ["model.safetensors"]

def test_the_hub_gets_this_folder(student, monkeypatch):
    sent = {}
    class Api:
        def __init__(self, token=None): pass
        def create_repo(self, repo_id, **_): return type("Repo", (), dict(repo_id=repo_id))
        def upload_folder(self, *, folder_path, **_): sent.update({p.name: p.read_bytes() for p in Path(folder_path).iterdir()})
    monkeypatch.setattr("huggingface_hub.hub_mixin.HfApi", Api)
    student.push_to_hub("someone/student")
    assert sent.keys() == {"README.md", "config.json", "model.safetensors"}
    assert list(json.loads(sent["config.json"])["types"]) == list(TYPES)
    card = huggingface_hub.ModelCard(sent["README.md"].decode())
    assert card.data.library_name == "fashion-repro" and "# Test" in card.text and "licence: CC0" in card.text and "- pattern: plain, dots, stripes" in card.text

def test_nothing_is_downloaded_unless_asked(folder, monkeypatch):
    asked = []
    def snapshot(name, *, local_files_only, allow_patterns, **more):
        asked.append((name, local_files_only, more))
        if local_files_only: raise FileNotFoundError("not in the cache")
        return str(folder)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    with pytest.raises(UserError, match="no Student at someone/student: it is neither a folder"): Student.from_pretrained("someone/student")
    assert list(Student.from_pretrained("someone/student", download=True, revision="v1").types) == list(TYPES)
    assert asked == [("someone/student", True, {}), ("someone/student", False, dict(revision="v1"))]

def change(folder, **new):
    saved = json.loads((folder/"config.json").read_text())
    (folder/"config.json").write_text(json.dumps(saved | new))

def lose(name): return lambda folder: (folder/name).unlink()
def cut(name): return lambda folder: (folder/name).write_bytes((folder/name).read_bytes()[:-20])

BROKEN = {
    "dimension": (lambda f: change(f, dim=16), "do not belong to this Student.*size mismatch"),
    "more classes": (lambda f: change(f, types=TYPES | dict(garment=["skirt", "coat", "top"]), trained={}), "do not belong to this Student.*dictionary_1"),
    "fewer types": (lambda f: change(f, types=dict(pattern=TYPES["pattern"]), trained={}), "do not belong to this Student.*branches.1"),
    "another network": (lambda f: change(f, network="resnet50"), "do not belong to this Student"),
    "unknown network": (lambda f: change(f, network="resnet5"), "did you mean 'resnet50'"),
    "flags of other classes": (lambda f: change(f, trained=dict(pattern=[True])), "pattern has 3 classes, and 1 of them"),
    "another file": (lambda f: (f/"config.json").write_text("[1, 2]"), "is not that of a Student"),
    "no object": (lambda f: (f/"config.json").write_text("5"), "is not that of a Student"),
    "an unknown argument": (lambda f: change(f, gamma=1), "is not that of a Student: expected network, .*, found .*gamma"),
    "no arguments": (lose("config.json"), "config.json is missing there"),
    "cut arguments": (cut("config.json"), "is damaged: it is not JSON"),
    "no weights": (lose("model.safetensors"), "model.safetensors is missing there"),
    "cut weights": (cut("model.safetensors"), "is damaged or not a safetensors file"),
}

@pytest.mark.parametrize("case", BROKEN)
def test_what_does_not_belong_together_is_one_sentence(folder, case):
    spoil, sentence = BROKEN[case]
    spoil(folder)
    with pytest.raises(UserError, match=sentence) as found: Student.from_pretrained(folder)
    assert "\n" not in str(found.value) and str(folder) in str(found.value) or case in ("unknown network", "flags of other classes")

def test_no_folder_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="no Student at .*nowhere"): Student.from_pretrained(tmp_path/"nowhere")

@pytest.mark.parametrize("change,sentence", [
    (dict(dim=16), "embeddings of 16 numbers and the student of 8"),
    (dict(classes=["coat", "skirt"]), "class 0 differs"),
    (dict(classes=["skirt"] + ["coat"]*2), "has 3 classes and the student 2"),
    (dict(loss="bce"), "needs a teacher trained with loss=ranking")])
def test_teachers_that_do_not_fit_are_one_sentence(student, change, sentence):
    before = [d.clone() for d in student.dictionaries]
    good = Teacher("small_cnn", .125, TYPES["pattern"], dim=8)
    odd = Teacher("small_cnn", .125, **dict(dict(classes=TYPES["garment"], dim=8), **change))
    with pytest.raises(UserError, match=sentence): student.take_dictionaries(dict(pattern=good, garment=odd))
    with pytest.raises(UserError, match="no teacher for it"): student.take_dictionaries(dict(pattern=good))
    assert all(torch.equal(a, b) for a, b in zip(before, student.dictionaries)), "a refused set of teachers changes nothing"

def test_scores_of_a_foreign_dictionary(student):
    with torch.no_grad(): e = student(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))[0]
    with pytest.raises(UserError, match="embeddings of 8 numbers cannot be compared with label embeddings of 16"): label_scores(e, torch.randn(3, 16))
