"nbs/explore.ipynb from top to bottom: without any trained network, with one, with menus, on other catalogues, and in how much time."
import json, re, shutil
from pathlib import Path
import nbformat, numpy as np, pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image
from fashion_repro.data.columns import Columns, save_columns

NB = Path(__file__).resolve().parent.parent/"nbs"/"explore.ipynb"
TRAINS = "no trained network yet"

def explore(also="", until="", **settings):
    "Run the notebook, up to the heading `until`, with other values in its settings cell, and `also` at its end; what it printed, its tables as text, and its pictures (base64)."
    nb = nbformat.read(NB, 4)
    if until: nb.cells = nb.cells[:next(i for i, c in enumerate(nb.cells) if c.source.startswith(f"## {until}"))]
    cell = next(c for c in nb.cells if c.source.startswith("data = "))
    for name, value in settings.items():
        cell.source, n = re.subn(rf"^{name} = ('[^']*'|\d+)", lambda m: f"{name} = {value!r}", cell.source, flags=re.M)
        assert n == 1, f"the settings cell has no {name}"
    if also: nb.cells.append(nbformat.v4.new_code_cell(also))
    NotebookClient(nb, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(NB.parent)}}).execute()
    outputs = [o for c in nb.cells if c.cell_type == "code" for o in c.outputs]
    text = "\n".join(o.get("text", "") or o.get("data", {}).get("text/plain", "") for o in outputs)
    return text, [o["data"]["image/png"] for o in outputs if "image/png" in o.get("data", {})]

@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    "A folder in which the notebook has trained its own small network, in short."
    with pytest.MonkeyPatch.context() as env:
        env.setenv("IN_TEST", "1")
        folder = tmp_path_factory.mktemp("runs")
        text, pictures = explore(runs_dir=str(folder))
    assert TRAINS in text and len(pictures) == 9
    assert (folder/"explore"/"wardrobe"/"small_cnn-s0"/"model"/"card.json").is_file()
    return folder

@pytest.fixture
def short(monkeypatch): monkeypatch.setenv("IN_TEST", "1")

MENUS = '''
class Dropdown:
    def __init__(self, options, description): self.options, self.value = options, (list(options.values()) if isinstance(options, dict) else options)[0]
class IntSlider:
    def __init__(self, value, min, max, **kw): self.value = value
def VBox(children): return children
def interactive_output(f, menus):
    f(**{k: m.value for k, m in menus.items()})
    return lambda **new: f(**{**{k: m.value for k, m in menus.items()}, **new})
'''

def test_uses_what_is_trained_and_draws_with_menus(runs, short, tmp_path, monkeypatch):
    "The second time nothing is trained; menus draw by the same function as the cells without them."
    (tmp_path/"ipywidgets.py").write_text(MENUS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    text, pictures = explore("screen(attribute='colour: red', picture=3)\nprint(sorted(menus), list(menus['model'].options))", runs_dir=str(runs))
    assert TRAINS not in text
    assert "['attribute', 'data', 'model', 'picture'] ['as above', 'small_cnn on wardrobe, demo, seed 0']" in text
    assert len(pictures) == 9 + 4                      # the call at the end draws the same four figures again

def test_another_catalogue_without_a_network(runs, short, real_data):
    real_data("fashion-product-images-small")
    with pytest.raises(CellExecutionError, match="no network trained on fashion-products: train one"): explore(data="fashion-products", runs_dir=str(runs))

def test_another_catalogue_with_a_network_of_the_wardrobe(runs, short, real_data):
    "The truth stands beside what both name alike, and no boxes and no table of parts are made up for photographs."
    real_data("fashion-product-images-small")
    text, pictures = explore(data="fashion-products", model=str(runs/"explore"/"wardrobe"/"small_cnn-s0"), most=300)
    assert "fashion-products: 300 pictures" in text and "not annotated" in text and "part covers" not in text
    assert len(pictures) == 6

def changed(folder, to, **card):
    "A copy of a run whose card says something else."
    shutil.copytree(folder, to)
    file = to/"model"/"card.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | card))

def test_takes_the_finished_network_with_the_best_validation(runs, short, tmp_path):
    "Neither the best on test, nor one whose run is not finished."
    own = runs/"explore"/"wardrobe"/"small_cnn-s0"
    for row, val, test, finished in (("a", .5, .9, True), ("b", .8, .1, True), ("c", .9, .9, False)):
        changed(own, tmp_path/f"{row}-s0", metrics=dict(val_f1=val, test_f1=test))
        if finished: (tmp_path/f"{row}-s0"/"record.json").write_text("{}")
    text, _ = explore("print('TAKEN', folder)", until="3.", runs_dir=str(tmp_path))
    assert TRAINS not in text and f"TAKEN {tmp_path/'b-s0'/'model'}" in text and "the best validation F1 of 2 trained on wardrobe" in text

@pytest.fixture
def shop(tmp_path, monkeypatch):
    "Thirty pictures; nobody labelled those to test, and `sleeve` in training only."
    monkeypatch.setenv("FASHION_REPRO_CACHE", str(tmp_path/"cache"))
    home = tmp_path/"shop"; home.mkdir()
    lines = ["file,split,colour,sleeve"]
    for i in range(30):
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (80, 60, 3), np.uint8)).save(home/f"{i}.png")
        split = ("train", "val", "test")[i % 3]
        lines.append(f"{i}.png,{split},{('red', 'blue')[i % 2] if split != 'test' else ''},{('long', 'short')[i % 2] if split == 'train' else ''}")
    (home/"products.csv").write_text("\n".join(lines) + "\n")
    save_columns(Columns("file", split="split", groups={"colour": "", "sleeve": ""}), home/"products.csv")
    return home/"products.csv"

def test_own_catalogue_without_test_labels(runs, short, shop):
    "Validation is shown, a group without labels there has no number, and other classes are named."
    text, pictures = explore(data="catalogue", data_dir=str(shop), model=str(runs/"explore"/"wardrobe"/"small_cnn-s0"))
    assert "30 pictures, 10 of them in val" in text and len(pictures) == 6
    assert "knows 67 classes, catalogue has 4, and 4 are named alike" in text
    assert re.search(r"nearest +\d+ +–", text) and re.search(r"drawn +\d+ +–", text)

def test_a_network_of_another_shop_is_not_taken(runs, short, shop, tmp_path):
    changed(runs/"explore"/"wardrobe"/"small_cnn-s0", tmp_path/"runs"/"small_cnn-s0", data="catalogue")
    (tmp_path/"runs"/"small_cnn-s0"/"record.json").write_text("{}")
    with pytest.raises(CellExecutionError, match="no network trained on catalogue: train one .*ones with other classes"):
        explore(until="3.", data="catalogue", data_dir=str(shop), runs_dir=str(tmp_path/"runs"))

def test_nothing_to_show(short, shop, tmp_path):
    with pytest.raises(CellExecutionError, match="none of the 30 pictures looked at is in the split test or val"):
        explore("held_out(replace(catalogue, table=catalogue.table.remove_columns('split').add_column('split', ['train']*30)))", until="2.", data="catalogue", data_dir=str(shop))

@pytest.mark.slow
def test_from_nothing_in_a_minute(tmp_path, monkeypatch):
    "The first time, with nothing drawn and nothing trained, in under a minute of one core; and the maps find on the garment what is on the garment."
    monkeypatch.delenv("IN_TEST", raising=False)
    monkeypatch.setenv("FASHION_REPRO_CACHE", str(tmp_path/"cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")      # seconds of computation, so that a busy machine does not fail the test
    text, pictures = explore("import time; print('MEANS', answers.groupby('about').mean().to_json(orient='index'), 'SECONDS', time.process_time())", runs_dir=str(tmp_path/"runs"))
    found = re.search(r"MEANS (.*) SECONDS (.*)", text)
    assert TRAINS in text and float(found[2]) < 60
    assert all(len(p)*3/4 < 200_000 for p in pictures)
    means = json.loads(found[1])
    for about, how in (("colour", "picture twice as large"), ("colour", "fall when blurred away"), ("pattern", "fall when blurred away")):
        assert means[about][how] > means[about]["part covers"] + .1, (about, how, means)
    print(f"{float(found[2]):.1f} s of one core")
