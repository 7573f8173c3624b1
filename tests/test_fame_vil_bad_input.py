"FAME-ViL given what it cannot use, as a user would: what is missing is named and counted, what cannot be is one sentence."
import contextlib, io, json, shutil
from pathlib import Path
import pytest, torch
from safetensors.torch import load_file, save_file
from fashion_repro.cli import main
from fashion_repro.data.garments import draw_garment, sample_spec

def ask(where, *args):
    "Run a command in folder `where`, in this process -> (exit status, its output, what was said on stderr)."
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(where), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err): status = main([str(a) for a in args])
    return status, out.getvalue(), err.getvalue()

def done(where, *args):
    status, out, err = ask(where, *args)
    assert status == 0 and "Traceback" not in err, err
    return out

def refused(where, *args):
    "The one sentence with which a command ends."
    status, out, err = ask(where, *args)
    sentences = [o for o in err.splitlines() if o.startswith("fashion-repro: ")]
    assert status == 2 and len(sentences) == 1 and "Traceback" not in err, out + err
    return sentences[0]

@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as m: m.setenv("FASHION_REPRO_CACHE", str(tmp_path_factory.mktemp("cache"))); m.setenv("OMP_NUM_THREADS", "1"); yield

RUNS = "runs/fame_vil/table2/wardrobe-smoke"
SMOKE = ("--table", "table2", "--scale", "smoke")
STUDENT = ("train", "fame_vil.multitask", "--row", "fame_vil", *SMOKE)

@pytest.fixture(scope="module")
def made(tmp_path_factory, cache):
    "CLIP, four teachers and their student at smoke scale, and some pictures."
    home = tmp_path_factory.mktemp("made")
    done(home, *STUDENT)
    (home/"photos").mkdir()
    for i in range(3): draw_garment(sample_spec(i, 3), 80, 0, "shop", str(i))[0].save(home/f"photos/{i}.png")
    return home

@pytest.fixture
def home(made, tmp_path):
    "A copy, to be spoilt."
    shutil.copytree(made, tmp_path/"home")
    return tmp_path/"home"

def spoil(file, change):
    "Write the tensors of a safetensors file anew, changed."
    tensors = load_file(file); change(tensors); save_file(tensors, file, dict(format="pt"))

def other_config(file, **change): file.write_text(json.dumps(json.loads(file.read_text()) | change))

# models that are not what they should be

SPOILT = {
    "cut short": (lambda o: (o/"model.safetensors").write_bytes((o/"model.safetensors").read_bytes()[:-100]), "damaged"),
    "no weights": (lambda o: (o/"model.safetensors").unlink(), "model.safetensors is missing"),
    "other adapters": (lambda o: other_config(o/"config.json", bottleneck=32), "trunk.tsa"),
    "no cross-attention": (lambda o: other_config(o/"config.json", cross=["fic"]), "trunk.xaa.vision"),
    "an adapter is gone": (lambda o: spoil(o/"model.safetensors", lambda t: t.pop("trunk.tsa.fic.text.1.up.weight")), "trunk.tsa.fic.text.1.up.weight"),
    "config cut short": (lambda o: (o/"config.json").write_text('{"clip": {'), "is damaged"),
    "config of something else": (lambda o: (o/"config.json").write_text('{"network": "small_cnn"}'), "not that of a FameVil"),
    "no tokenizer": (lambda o: (o/"tokenizer.json").unlink(), "tokenizer.json is missing"),
    "tokenizer cut short": (lambda o: (o/"tokenizer.json").write_text('{"model": '), "is damaged"),
}

@pytest.mark.parametrize("change,words", SPOILT.values(), ids=SPOILT)
def test_a_spoilt_model(home, change, words):
    change(home/RUNS/"fame_vil-s0/model")
    for command in (("caption", f"{RUNS}/fame_vil-s0", "photos"), ("search", "index", "wardrobe", "--model", f"{RUNS}/fame_vil-s0", "--out", "shop")): assert words in refused(home, *command)
    assert not (home/"shop").exists()

TEACHERS = {
    "other adapters": ("st_scr", lambda o: other_config(o/"config.json", bottleneck=32), "trunk.tsa.scr"),
    "an XAA where there is none": ("st_xmr", lambda o: spoil(o/"model.safetensors", lambda t: t.update({"trunk.xaa.text.0.q.weight": torch.zeros(2, 2)})), "trunk.xaa.text.0.q.weight"),
    "cut short": ("st_fic", lambda o: (o/"model.safetensors").write_bytes((o/"model.safetensors").read_bytes()[:-100]), "damaged"),
}

@pytest.mark.parametrize("row,change,words", TEACHERS.values(), ids=TEACHERS)
def test_a_teacher_that_does_not_fit(home, row, change, words):
    "Strict loading says which teacher, and which of its parts."
    change(home/RUNS/f"{row}-s0/model")
    said = refused(home, *STUDENT, "--out", "again")
    assert words in said and f"{row}-s0" in said, said
    assert not (home/"again/record.json").exists()

# captions and search

def test_captions(made, tmp_path):
    (tmp_path/"broken.png").write_bytes((made/"photos/0.png").read_bytes()[:200])
    status, out, err = ask(made, "caption", f"{RUNS}/fame_vil-s0", "photos", tmp_path/"broken.png", "--json", "--draw", tmp_path/"drawn")
    lines = [json.loads(o) for o in out.splitlines()]
    assert status == 1 and [Path(o["file"]).name for o in lines] == ["0.png", "1.png", "2.png", "broken.png"] and "error" in lines[3] and err.startswith("1 of 4 pictures could not be read:")
    assert all(isinstance(o["caption"], str) for o in lines[:3]) and sorted(o.name for o in (tmp_path/"drawn").iterdir()) == ["0.png", "1.png", "2.png"]
    alone = json.loads(done(made, "caption", f"{RUNS}/fame_vil-s0/model", "photos/1.png", "--json"))                        # the model without its run; no other picture beside it
    assert alone["caption"] == lines[1]["caption"]
    for row in ("clip", "st_xmr", "st_scr"): assert "and not for fic" in refused(made, "caption", f"{RUNS}/{row}-s0", "photos", "--draw", tmp_path/"never")
    assert not (tmp_path/"never").exists()
    (tmp_path/"cut").mkdir(); shutil.copytree(made/RUNS/"st_fic-s0/model", tmp_path/"cut/model")
    assert "is not finished" in refused(made, "caption", tmp_path/"cut", "photos") and "config.json is missing" in refused(made, "caption", "photos", "photos")

def test_search_by_fame_vil(made, tmp_path):
    "Words find pictures as the model's own vectors do; a model without XMR, or one with a second model that sees otherwise, is refused."
    from fashion_repro.data.datasets import open_catalogue
    from fashion_repro.data.table import open_image
    from fashion_repro.fame_vil.opened import open_model, picture_vectors, text_vectors
    index = ("search", "index", "wardrobe", "--model", f"{RUNS}/fame_vil-s0", "--out", tmp_path/"shop")
    assert "0 replaced, 0 kept" in done(made, *index) and "0 added, 0 replaced" in done(made, *index)
    hits = [json.loads(o) for o in done(made, "search", "query", tmp_path/"shop", "a red dress", "-k", "200", "--json").splitlines()]
    cat, opened = open_catalogue("wardrobe", scale="smoke"), open_model(made/RUNS/"fame_vil-s0")
    cosines = picture_vectors(opened, [open_image(cat, i) for i in range(len(cat))]) @ text_vectors(opened, ["a red dress"])[0]
    best = {}
    for product, c in zip(cat.table["product_id"][:], cosines): best[product] = max(c, best.get(product, -1))
    assert {o["product_id"] for o in hits} == set(best) and all(abs(o["cosine"] - best[o["product_id"]]) < 2e-3 for o in hits)
    assert "and not for xmr" in refused(made, "search", "index", "wardrobe", "--model", f"{RUNS}/st_fic-s0", "--out", tmp_path/"other")
    assert "was built by another model" in refused(made, "search", "index", "wardrobe", "--model", f"{RUNS}/clip-s0", "--out", tmp_path/"shop")
    status, out, err = ask(made, "search", "query", tmp_path/"shop", "a red dress with long sleeves "*60)
    assert status == 0 and "the rest is left out" in err
