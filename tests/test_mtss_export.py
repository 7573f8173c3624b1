"A trained student as one file and as a folder: the same answers everywhere, from the command line, in a fresh process, without PyTorch, from an installed wheel."
import contextlib, io, json, os, subprocess, sys
from pathlib import Path
import numpy as np, pytest, torch
from PIL import Image

def environment(home): return {**os.environ, "OMP_NUM_THREADS": "1", "FASHION_REPRO_CACHE": str(home/"cache"), "HF_HUB_OFFLINE": "1"}

def say(home, *args):
    r = subprocess.run([sys.executable, "-m", "fashion_repro.cli", *map(str, args)], cwd=home, capture_output=True, text=True, timeout=300, env=environment(home))
    return r.returncode, r.stdout, r.stderr

@pytest.fixture(scope="module")
def home(tmp_path_factory):
    "Teachers and a student trained at smoke scale, exported, and ten pictures of the test split: eight whole, one cut short, one that is a text."
    home = tmp_path_factory.mktemp("mtss")
    status, _, err = say(home, "train", "mtss.student", "--row", "s", "--scale", "smoke")
    assert status == 0, err
    (home/"runs/mtss/table4/wardrobe-smoke").rename(home/"runs/made")
    status, out, err = ask(home, "export", "runs/made/s-s0", "student.onnx")
    assert status == 0 and "garment, colour, pattern, sleeve" in out, err
    os.environ["FASHION_REPRO_CACHE"] = str(home/"cache")
    from fashion_repro.data.datasets import open_catalogue
    from fashion_repro.data.table import open_image
    wardrobe, rows = open_catalogue("wardrobe", scale="smoke"), np.load(home/"runs/made/s-s0/rows_test.npy")
    (home/"photos").mkdir()
    for i, row in enumerate(rows[:8]): open_image(wardrobe, row).save(home/f"photos/{i}.png")
    (home/"photos/8.png").write_bytes((home/"photos/0.png").read_bytes()[:900]); (home/"photos/9.jpg").write_text("a letter")
    return home

def ask(home, *args):
    "The same in this process, which has imported everything already."
    from fashion_repro.cli import main
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(home), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err): status = main([str(a) for a in args])
    return status, out.getvalue(), err.getvalue()

def answers(out): return {Path(o["file"]).name: o.get("attributes", o.get("error")) for o in map(json.loads, out.splitlines())}

def test_the_file_gives_what_the_run_recorded(home):
    "Stored pictures and their boxes through the ONNX file against the scores that training wrote: weights, crop, view, order of types and classes at once."
    from fashion_repro.data.datasets import open_catalogue
    from fashion_repro.data.loading import boxes
    from fashion_repro.data.table import open_image
    from fashion_repro.mtss.onnx_attributes import load
    wardrobe, run = open_catalogue("wardrobe", scale="smoke"), home/"runs/made/s-s0"
    rows, recorded, model = np.load(run/"rows_test.npy"), np.load(run/"scores_test.npz"), load(home/"student.onnx")
    found = model.outputs([open_image(wardrobe, r) for r in rows], boxes(wardrobe, rows))
    assert list(found) == json.loads((run/"types_test.json").read_text()) == ["garment", "colour", "pattern", "sleeve"]
    for t, (scores, _, _) in found.items():
        trained = np.array(model.about["trained"][t])
        assert len(rows) == len(scores) and model.about["types"][t] == wardrobe.groups[t] and 1 < trained.sum()
        assert np.abs(scores - recorded[t])[:,trained].max() <= 1e-4 and scores[:,trained].std(0).min() > 1e-3
        assert (scores[:,~trained].max(1, initial=-9) < scores[:,trained].min(1)).all()
    unboxed = model.outputs([open_image(wardrobe, r) for r in rows[:20]])
    assert np.abs(unboxed["garment"][0] - found["garment"][0][:20]).max() > 1e-3                     # the boxes matter

def test_what_stands_in_the_file(home):
    from fashion_repro.mtss.onnx_attributes import load
    about, config = load(home/"student.onnx").about, json.loads((home/"runs/made/s-s0/model/config.json").read_text())
    assert {k: about[k] for k in ("types", "trained", "card")} == {k: config[k] for k in ("types", "trained", "card")}
    assert about["licence"].startswith("Apache-2.0") and about["parity"]["largest"] <= 1e-4 and about["crop"] == "box"

def test_resnet_50_agrees(tmp_path):
    "The paper's network in a narrow form, with other rules: predicting over all classes, no crop."
    from fashion_repro.mtss.export import drawn_pictures, export_student, picture_view
    from fashion_repro.mtss.networks import Student
    torch.manual_seed(0)
    card = dict(recipe=dict(resize_px=72, input_px=64, crop="none", predict_over="all"))
    student = Student("resnet50", .125, dict(b=["x", "y"], a=["u", "v", "w"]), 32, dict(b=[True, True], a=[True, False, True]), card)
    for d in student.dictionaries: d.copy_(torch.randn(d.shape))
    with torch.no_grad(): student.train()(torch.stack([picture_view(card, o) for o in drawn_pictures(16)]))
    about = export_student(student.eval(), tmp_path/"resnet.onnx")
    assert 0 < about["parity"]["largest"] <= 1e-4 and about["parity"]["scaled_in_graph"] < .1 and list(about["types"]) == ["b", "a"]

def test_every_way_in_gives_the_same(home):
    "The run's folder, its folder model/ and the file; failed pictures are named and counted, the others answered."
    said = [ask(home, "attributes", m, "photos", "--json", "--k", "2") for m in ("runs/made/s-s0", "runs/made/s-s0/model", "student.onnx")]
    found = [answers(out) for _, out, _ in said]
    for (status, _, err), one in zip(said, found):
        assert status == 1 and err.startswith("2 of 10 pictures could not be read:\n") and err.count("\n") == 3
        assert "truncated" in one["8.png"] and one["9.jpg"] == "no picture" and len(one) == 10
        for i in range(8):
            for t, best in one[f"{i}.png"].items():
                other = found[0][f"{i}.png"][t]
                assert [o["class"] for o in best] == [o["class"] for o in other] and len(best) == 2
                assert np.allclose([o["score"] for o in best], [o["score"] for o in other], atol=1e-4)
    teachers = answers(ask(home, "attributes", "runs/made/t-s0", "photos/0.png", "--json")[1])["0.png"]
    assert list(teachers) == list(found[0]["0.png"])

def test_for_a_person(home):
    status, out, err = ask(home, "attributes", "student.onnx", "photos/[01].png", "photos/2.png", "--draw", "drawn", "--box", "4,4,60,60")
    assert status == 0 and err == "" and out.count("garment  ") == 3
    drawn = sorted((home/"drawn").iterdir())
    assert [p.name for p in drawn] == ["0.png", "1.png", "2.png"] and all(Image.open(p).width > 300 for p in drawn)
    assert out != ask(home, "attributes", "student.onnx", "photos/[01].png", "photos/2.png")[1]       # the box is looked at

def test_without_pytorch(home):
    "Nor does onnxruntime keep an identifier and a store of events to send."
    code = "import sys; from fashion_repro.cli import main; main(['attributes', 'student.onnx', 'photos/0.png']); print('torch' in sys.modules)"
    env = {k: v for k, v in environment(home).items() if k != "ORT_DISABLE_TELEMETRY"} | dict(HOME=str(home/"user"))
    out = subprocess.run([sys.executable, "-c", code], cwd=home, capture_output=True, text=True, env=env, check=True).stdout
    assert out.startswith("student.onnx: small_cnn") and out.endswith("False\n")
    assert not [p for p in (home/"user").rglob("*") if "Microsoft" in str(p)]

def test_a_folder_for_the_hub(home):
    "The folder of a run in a fresh process, and its header as the Hub reads it."
    folder = home/"runs/made/s-s0/model"
    code = "import sys, torch; from fashion_repro.mtss.networks import Student; s = Student.from_pretrained(sys.argv[1]); print(*s.types, s.training, len(s(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))))"
    out = subprocess.run([sys.executable, "-c", code, folder], cwd="/", capture_output=True, text=True, env=environment(home), check=True).stdout
    assert out.split() == ["garment", "colour", "pattern", "sleeve", "False", "4"]
    from huggingface_hub import ModelCard
    card = ModelCard.load(folder/"README.md")
    assert (card.data.license, card.data.library_name, card.data.pipeline_tag) == ("apache-2.0", "fashion-repro", "image-classification")
    assert {"fashion", "attributes", "mtss"} <= set(card.data.tags) and "# small_cnn for garment" in card.text
    assert ModelCard(str(card)).data.to_dict() == card.data.to_dict()                                 # a header that survives being written again
    assert sorted(p.name for p in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
