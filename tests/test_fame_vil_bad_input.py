"FAME-ViL given what it cannot use, as a user would: what is missing is named and counted, what cannot be is one sentence."
import contextlib, csv, io, json, shutil
from pathlib import Path
import numpy as np, pytest, torch
from PIL import Image
from safetensors.torch import load_file, save_file
from fashion_repro.cli import main
from fashion_repro.data.garments import draw_garment, sample_spec
from fashion_repro.training.record import read_record
from miniature import fashioniq_files, fashioniq_id, fashioniq_pictures, unpack

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
    "other classes": ("st_scr", lambda o: other_config(o/"config.json", card=json.loads((o/"config.json").read_text())["card"] | dict(classes=["hat"])), "its subcategories are others"),
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

# catalogues that cannot do everything

WORDS = ["red", "green", "blue", "black", "white", "pink"]
KINDS = ["dress", "shirt", "coat"]

def shop(folder, rows, groups=("kind", "colour"), text=True):
    "A catalogue of one's own; rows are (split, kind, colour, text)."
    folder.mkdir()
    with open(folder/"shop.csv", "w", newline="") as f:
        w = csv.writer(f); w.writerow(["file", "split", "kind", "colour", "text"])
        for i, row in enumerate(rows):
            Image.fromarray(np.full((40, 40, 3), [37*i % 256, 91*i % 256, 11*i % 256], np.uint8)).save(folder/f"{i}.png"); w.writerow([f"{i}.png", *row])
    done(folder, "data", "columns", folder/"shop.csv", "--image", "file", "--split", "split", *(("--group", *groups) if groups else ()), *(("--text", "text") if text else ()))
    return folder/"shop.csv"

def rows(n=60, kinds=KINDS, **instead):
    "n pictures of each kind and colour in turn, every sixth of val, every sixth of test."
    made = []
    for i in range(n):
        split, kind, colour = ["train"]*4 + ["val", "test"], kinds[i//6 % len(kinds)], WORDS[i % 5]
        made.append((split[i % 6], kind, colour, f"a {colour} {kind} number {i}"))
    return [tuple(instead.get(name, lambda o: o[k])(o) for k, name in enumerate(("split", "kind", "colour", "text"))) for o in made]

def learn(where, table, row, *more): return ask(where, "train", "fame_vil.multitask", "--row", row, *SMOKE, "--data", "catalogue", "--data-dir", table, *more)

def record(where, row): return read_record(where/f"runs/fame_vil/table2/catalogue-smoke/{row}-s0")

def left_out(record): return {o["id"]: o["reason"] for o in record["defects"] if "left out" in str(o.get("reason"))}

def test_no_views_some_texts_and_a_class_of_test_alone(tmp_path):
    "A table without products: every picture is one, and every task can be learnt. Empty texts are counted and not learnt from; a class that only the test split has is named and counted."
    lines = rows(kind=lambda o: "hat" if o[0] == "test" and o[2] == "red" else o[1], text=lambda o: "" if o[2] == "green" else o[3])
    hats, (trained, tested) = sum(o[1] == "hat" for o in lines), ([o for o in lines if o[0] == s] for s in ("train", "test"))
    status, _, err = learn(tmp_path, shop(tmp_path/"mine", lines), "no_kd")
    assert status == 0 and hats, err
    found = record(tmp_path, "no_kd"); m = found["metrics"]
    assert not left_out(found) and {"i2t_r1", "tgir_r10", "scr_acc", "fic_c"} <= m.keys()
    hat, = [o for o in found["defects"] if o["id"] == "hat"]
    assert hat["n"] == hats and "is in no training picture" in hat["reason"] and (m["test_scr_unknown"], m["test_scr_views"]) == (hats, len(tested))
    assert any("no pairs, no captions" in str(o.get("reason")) and o["n"] == sum(not o[3] for o in lines) for o in found["defects"]), found["defects"]
    assert m["n_fic"] == sum(bool(o[3]) for o in trained) < len(trained) == m["n_scr"] and m["test_fic_captions"] == m["test_full_views"] == sum(bool(o[3]) for o in tested) < len(tested)

def test_without_texts(tmp_path):
    "What needs no words is learnt; the rest is named, in the record of the one row and of the others."
    table = shop(tmp_path/"mine", rows(), text=False)
    status, _, err = learn(tmp_path, table, "fame_vil")
    assert status == 0, err
    found = record(tmp_path, "fame_vil")
    assert list(left_out(found)) == ["xmr", "fic"] and all("has no texts" in o for o in left_out(found).values())
    assert {"tgir_r10", "scr_acc"} <= found["metrics"].keys() and not {"i2t_r1", "fic_c"} & found["metrics"].keys() and found["metrics"]["teachers"] == 2
    for row in ("st_xmr", "st_fic"): assert record(tmp_path, row)["metrics"] == dict(left_out=1) and "has no texts" in left_out(record(tmp_path, row))[row[3:]]
    clip = record(tmp_path, "clip")
    assert "untrained" in left_out(clip)["xmr"] and clip["metrics"].keys() == {"left_out", "vocab"} and (clip["n_train"], clip["n_eval"]) == (0, 0)

def test_without_groups(tmp_path):
    status, _, err = learn(tmp_path, shop(tmp_path/"mine", rows(), groups=()), "no_kd")
    assert status == 0, err
    found = record(tmp_path, "no_kd")
    assert sorted(left_out(found)) == ["scr", "tgir"] and {"i2t_r1", "fic_c"} <= found["metrics"].keys() and not {"tgir_r10", "scr_acc"} & found["metrics"].keys()

def test_without_anything(tmp_path):
    table = shop(tmp_path/"mine", rows(), groups=(), text=False)
    status, _, err = learn(tmp_path, table, "fame_vil")
    assert status == 2 and "supports none of the tasks" in err and err.count("has no texts") == 1 and "Traceback" not in err, err
    assert not (tmp_path/"runs/fame_vil/table2/catalogue-smoke/fame_vil-s0").exists()

def test_fashioniq_with_holes(tmp_path):
    "Pictures are missing, a target stands in no gallery, captions are empty, the test split has no targets: both sizes of each gallery, every count and the split that was scored are in the record."
    lost = [fashioniq_id("dress", "val", k) for k in (1, 19)]
    data = unpack(tmp_path/"data", fashioniq_files() | fashioniq_pictures(lost=lost))
    asked = data/"captions/cap.shirt.val.json"; queries = json.loads(asked.read_text())
    queries[0]["target"] = fashioniq_id("shirt", "train", 7); queries[1]["captions"] = ["", " "]; asked.write_text(json.dumps(queries))
    status, _, err = ask(tmp_path, "train", "fame_vil.multitask", "--row", "st_tgir", *SMOKE, "--data", "fashioniq", "--data-dir", data)
    assert status == 0, err
    found = read_record(tmp_path/"runs/fame_vil/table2/fashioniq-smoke/st_tgir-s0"); m = found["metrics"]
    assert found["split"] == "val" and [o["reason"] for o in found["defects"] if o["kind"] == "split"] == ["fashioniq has no composed queries in test: val is scored instead"]
    total = lambda kind, what: sum(m[f"val_tgir_{kind}_{c}_{what}"] for c in ("dress", "shirt", "toptee"))
    for kind, there, listed in (("original", 18 + 20 + 20, 60), ("union", 8 + 9 + 9, 27)): assert (total(kind, "gallery"), total(kind, "listed")) == (there, listed), m
    assert m["val_tgir_without_target"] == 1 and m["val_tgir_queries"] == found["n_eval"] == 16 and {"dress_r10", "shirt_r50", "toptee_r10"} <= m.keys()
    assert found["n_missing"] >= len(lost) and [o["id"] for o in found["defects"] if o["kind"] == "missing image"] == lost
    assert any("nothing but empty captions: 1" in str(o.get("reason")) for o in found["defects"])

# devices

def test_a_device_that_is_too_small(made, tmp_path, monkeypatch):
    "Which batch fits; and with parts of that size the run goes through."
    import fashion_repro.fame_vil.multitask as multitask
    real = multitask.step
    def full(model, batch, **known):
        if len(batch["ids"]) > 4: raise torch.OutOfMemoryError("no room")
        return real(model, batch, **known)
    monkeypatch.setattr(multitask, "step", full)
    said = refused(made, *STUDENT, "--out", tmp_path/"small")
    assert "one of 4 does: set batch_size=4; or set accumulate=2" in said
    done(made, *STUDENT, "--out", tmp_path/"parts", "--set", "accumulate=2")
    assert read_record(tmp_path/"parts")["metrics"]["steps"] == read_record(made/RUNS/"fame_vil-s0")["metrics"]["steps"]
