"nbs/explore.ipynb from top to bottom: without any trained network, with one, with menus, on another catalogue, and in how much time."
import json, re
from pathlib import Path
import nbformat, pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

NB = Path(__file__).resolve().parent.parent/"nbs"/"explore.ipynb"
TRAINS = "no trained network yet"

def explore(also="", **settings):
    "Run the notebook with other values in its settings cell, and `also` at its end; what it printed, its tables as text, and its pictures (base64)."
    nb = nbformat.read(NB, 4)
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
