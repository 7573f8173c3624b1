"Search from the command line: an index is made, asked, brought up to date, killed, shared and spoilt."
import contextlib, csv, io, json, shutil, signal, subprocess, sys, time
import pytest
from PIL import Image
from fashion_repro.cli import main
from miniature import picture

def ask(where, *args):
    "Run a command in folder `where`, in this process -> (exit status, its output, what was said on stderr)."
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(where), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err): status = main([str(a) for a in args])
    return status, out.getvalue(), err.getvalue()

def done(where, *args):
    status, out, err = ask(where, *args)
    assert status == 0, err
    return out

def refused(where, *args):
    "The one sentence with which a command ends."
    status, _, err = ask(where, *args)
    assert status == 2 and "Traceback" not in err, err
    sentences = [o for o in err.splitlines() if o.startswith("fashion-repro: ")]
    assert len(sentences) == 1, err
    return sentences[0]

def started(where, *args):
    return subprocess.Popen([sys.executable, "-m", "fashion_repro.cli", *map(str, args)], cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

RUNS = "runs/fashionbert/table1/wardrobe-smoke"
VSE, BERT = f"{RUNS}/vsepp-s0", f"{RUNS}/fashionbert-s0"
INDEX = ("search", "index", "wardrobe", "--model", VSE, "--reranker", BERT)

@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as m: m.setenv("FASHION_REPRO_CACHE", str(tmp_path_factory.mktemp("cache"))); m.setenv("OMP_NUM_THREADS", "1"); yield

@pytest.fixture(scope="module")
def made(tmp_path_factory, cache):
    "Both models at smoke scale, and an index of the wardrobe they were trained on."
    home = tmp_path_factory.mktemp("made")
    done(home, "train", "fashionbert.embedding", "--row", "vsepp", "--table", "table1", "--scale", "smoke")
    done(home, "train", "fashionbert.matching", "--row", "fashionbert", "--table", "table1", "--scale", "smoke")
    said = done(home, *INDEX, "--out", "shop")
    assert "265 pictures of 110 products; 265 added, 0 replaced, 0 kept" in said, said
    return home

@pytest.fixture
def home(made, tmp_path):
    "A copy of the index, to be spoilt; the runs are where they were."
    shutil.copytree(made/"shop", tmp_path/"shop")
    return tmp_path

@pytest.fixture(scope="module")
def wardrobe(cache):
    from fashion_repro.data.datasets import open_catalogue
    return open_catalogue("wardrobe", scale="smoke")

def lines(where, *args): return [json.loads(o) for o in done(where, "search", "query", *args, "--json").splitlines()]

# asking

def test_words(made, wardrobe):
    found = lines(made, "shop", "a red dress", "-k", "110")
    assert [o["rank"] for o in found] == list(range(1, 111)) and len({o["product_id"] for o in found}) == 110
    assert list(found[0]) == ["rank", "product_id", "image_id", "match", "cosine", "text"]
    read = [o["match"] for o in found[:100]]
    assert all(0 <= p <= 1 for p in read) and read == sorted(read, reverse=True) and {o["match"] for o in found[100:]} == {None}
    cosines = [o["cosine"] for o in found[100:]]
    assert cosines == sorted(cosines, reverse=True) and cosines[0] <= min(o["cosine"] for o in found[:100])
    text = dict(zip(wardrobe.table["image_id"][:], wardrobe.table["text"][:]))
    assert all(text[o["image_id"]] == o["text"] and o["image_id"].startswith(o["product_id"]) for o in found)

def test_scores_are_those_of_the_models(made, wardrobe):
    "Cosines and match probabilities of a query against both models asked directly, with the features of their own run."
    import torch
    from fashion_repro.fashionbert.features import open_pieces
    from fashion_repro.fashionbert.losses import match_probability
    from fashion_repro.fashionbert.opened import open_model
    from fashion_repro.text.wordpieces import encode
    vse, bert = (open_model(made/o) for o in (VSE, BERT))
    pieces, query = open_pieces(vse.trunk, wardrobe), "a long blue coat with a hood"
    rows = {o: i for i, o in enumerate(wardrobe.table["image_id"][:])}
    for hit in lines(made, "shop", query, "-k", "12"):
        features = pieces[[rows[hit["image_id"]]]]
        with torch.no_grad():
            ids, mask = (torch.from_numpy(o) for o in encode(vse.tokenizer, [query], vse.n)[:2])
            cosine = (vse.model.embed_text(ids, mask)*vse.model.embed_image(features)).sum()
            ids, mask = (torch.from_numpy(o) for o in encode(bert.tokenizer, [query], bert.n)[:2])
            match = match_probability(bert.model.tia(bert.model(ids, mask, features)[1]))
        assert abs(cosine.item()-hit["cosine"]) < 2e-3 and abs(match.item()-hit["match"]) < 2e-3

def test_a_picture_finds_itself(made, wardrobe, tmp_path):
    from fashion_repro.data.table import open_image
    for row in (3, 100):
        open_image(wardrobe, row).save(tmp_path/"a.png")
        found = lines(made, "shop", tmp_path/"a.png", "-k", "110")
        best = max(found, key=lambda o: o["cosine"])
        assert best["cosine"] > .999 and best["product_id"] == wardrobe.table["product_id"][row]

def test_without_a_second_model(made, tmp_path):
    done(made, "search", "index", "wardrobe", "--model", VSE, "--out", tmp_path/"plain")
    found = lines(made, tmp_path/"plain", "red")
    assert [o["match"] for o in found] == [None]*10 and [o["cosine"] for o in found] == sorted((o["cosine"] for o in found), reverse=True)
    assert {o["cosine"] for o in found} <= {o["cosine"] for o in lines(made, "shop", "red", "-k", "110")}

def test_printed_and_drawn(made, tmp_path):
    out = done(made, "search", "query", "shop", "a red dress", "-k", "4", "--grid", tmp_path/"found.png")
    assert len(out.splitlines()) == 4 and out.splitlines()[0].split()[0] == "1"
    with Image.open(tmp_path/"found.png") as image: assert image.format == "PNG" and min(image.size) > 100

def test_from_a_cold_start(made):
    "A fresh process answers within seconds, and with the same."
    start = time.monotonic()
    p = started(made, "search", "query", "shop", "a red dress", "--json"); out, _ = p.communicate(timeout=120)
    assert p.returncode == 0 and [json.loads(o) for o in out.splitlines()] == lines(made, "shop", "a red dress")
    assert time.monotonic() - start < 60

# a shop of one's own, growing

def shop(folder, rows):
    "Rows are (name, number of its picture, text); the first letter of the name is the product."
    folder.mkdir(exist_ok=True)
    with open(folder/"shop.csv", "w", newline="") as f:
        w = csv.writer(f); w.writerow(["file", "product", "text"])
        for name, number, text in rows: (folder/name).write_bytes(picture(number, kind="PNG")); w.writerow([name, name[0], text])
    return folder/"shop.csv"

SHIRTS = [(f"{c}.png", i, f"a {c} shirt") for i, c in enumerate("abcdefghijkl")]

def columns(folder): done(folder, "data", "columns", folder/"shop.csv", "--image", "file", "--product-id", "product", "--text", "text")

def test_new_products_only_are_computed(made, tmp_path):
    table = shop(tmp_path/"mine", SHIRTS)
    columns(tmp_path/"mine")
    index = ("search", "index", "catalogue", "--data-dir", table, "--model", made/VSE, "--reranker", made/BERT, "--out", tmp_path/"shop")
    assert "12 pictures of 12 products; 12 added, 0 replaced, 0 kept" in done(tmp_path, *index)
    before = {o["image_id"]: o for o in lines(tmp_path, tmp_path/"shop", "shirt", "-k", "20")}
    assert "12 pictures of 12 products; 0 added, 0 replaced, 12 kept" in done(tmp_path, *index)
    shop(tmp_path/"mine", [*SHIRTS[:3], ("d.png", 50, "a red coat"), *SHIRTS[4:], ("m.png", 51, "a blue coat"), ("a-2.png", 52, "a a shirt")])
    assert "14 pictures of 13 products; 2 added, 1 replaced, 11 kept" in done(tmp_path, *index)
    after = {o["image_id"]: o for o in lines(tmp_path, tmp_path/"shop", "shirt", "-k", "20")}
    assert after["d.png"]["text"] == "a red coat" and len(after) == 13 and after["b.png"]["cosine"] == before["b.png"]["cosine"]
    (tmp_path/"mine"/"c.png").write_bytes((tmp_path/"mine"/"c.png").read_bytes()[:60])
    assert "14 pictures of 13 products; 0 added, 0 replaced, 13 kept" in done(tmp_path, *index)      # a picture that broke is left out by the catalogue; what was indexed stays

# killed, and two at once

def answers(where, index): return lines(where, index, "a red dress", "-k", "110")

@pytest.mark.parametrize("pictures", [1, 70, 265])
def test_killed(made, tmp_path, pictures):
    "SIGKILL while features are stored; the next start goes on, and the index is that of an undisturbed one."
    p = started(made, *INDEX, "--out", tmp_path/"killed")
    def stored(): return sum(o.stat().st_size for o in tmp_path.glob("killed/features-*/keys.bin"))//32
    end = time.monotonic() + 120
    while stored() < pictures and p.poll() is None and time.monotonic() < end: time.sleep(.002)
    p.send_signal(signal.SIGKILL); p.wait()
    kept = stored()
    assert kept >= pictures
    done(made, *INDEX, "--out", tmp_path/"killed")
    assert stored() == 265 and answers(made, tmp_path/"killed") == answers(made, "shop")

def test_two_at_once(made, tmp_path):
    "One of them writes; the other says so, or comes after it. A reader sees a whole index or none."
    two = [started(made, *INDEX, "--out", tmp_path/"both") for _ in range(2)]
    said = [p.communicate(timeout=300)[0] for p in two]
    assert sorted(p.returncode for p in two) in ([0, 0], [0, 2]), said
    for p, text in zip(two, said): assert p.returncode == 0 or "is being written by another process" in text
    assert answers(made, tmp_path/"both") == answers(made, "shop")

def test_locked(made, home):
    from filelock import FileLock
    with FileLock(home/"shop/.lock"):
        assert "is being written by another process" in refused(made, *INDEX, "--out", home/"shop")
        assert len(lines(made, home/"shop", "red")) == 10                                                # reading goes on

# what cannot be used

def spoil(file, change): file.write_bytes(change(file.read_bytes()))

@pytest.mark.parametrize("name,change,words", [
    ("rows-1.arrow", lambda o: o[:-300], "cut short"), ("rows-1.arrow", lambda o: b"", "cut short"), ("rows-1.arrow", lambda o: bytes(len(o)), "damaged"),
    ("vectors-1.faiss", lambda o: o[:100], "cut short"), ("vectors-1.faiss", lambda o: b"x"*len(o), "damaged"),
    ("index.json", lambda o: o[:80], "damaged"), ("index.json", lambda o: o.replace(b'"format": 1', b'"format": 7'), "format 7"),
    ("index.json", lambda o: o.replace(b"rows-1.arrow", b"rows-2.arrow"), "rows-2.arrow is missing"),
])
def test_a_spoilt_index(made, home, name, change, words):
    "Said by a query and by the command that would bring it up to date; the remedy it names works, without computing features again."
    spoil(home/"shop"/name, change)
    for command in (("search", "query", home/"shop", "red"), (*INDEX, "--out", home/"shop")): assert words in (said := refused(made, *command)), said
    assert "index.json and index the catalogue again" in said
    (home/"shop/index.json").unlink()
    stored = (home/"shop").glob("features-*/keys.bin").__next__()
    before = stored.read_bytes()
    done(made, *INDEX, "--out", home/"shop")
    assert stored.read_bytes() == before and answers(made, home/"shop") == answers(made, "shop")

def test_features_cut_off(made, home):
    "The command that made the index mends it."
    store = next((home/"shop").glob("features-*"))
    spoil(store/"values.bin", lambda o: o[:len(o)//2+3])
    assert "index the catalogue again" in refused(made, "search", "query", home/"shop", "red")
    done(made, *INDEX, "--out", home/"shop")
    assert answers(made, home/"shop") == answers(made, "shop")

def test_another_model(made, home, tmp_path):
    "Another run, the same run trained again, a second model that looks through another network."
    from safetensors.torch import load_file, save_file
    shutil.copytree(made/RUNS, tmp_path/"runs")
    file = tmp_path/"runs/vsepp-s0/model/model.safetensors"
    tensors = load_file(file); name = sorted(tensors)[0]; tensors[name] = tensors[name] + .1; save_file(tensors, file, dict(format="pt"))
    assert "was built by another model" in refused(made, "search", "index", "wardrobe", "--model", tmp_path/"runs/vsepp-s0", "--out", home/"shop")
    done(tmp_path, "search", "index", "wardrobe", "--model", tmp_path/"runs/vsepp-s0", "--reranker", tmp_path/"runs/fashionbert-s0", "--out", tmp_path/"new")
    shutil.copytree(made/VSE, tmp_path/"runs/vsepp-s0", dirs_exist_ok=True)                              # trained again
    assert "was built by another model" in refused(tmp_path, "search", "query", tmp_path/"new", "red")
    card = tmp_path/"runs/trunk-s0/model/card.json"; card.write_text(json.dumps(json.loads(card.read_text()) | dict(mark="0"*32)))
    assert "another network" in refused(made, "search", "index", "wardrobe", "--model", VSE, "--reranker", tmp_path/"runs/fashionbert-s0", "--out", home/"shop")
    shutil.rmtree(tmp_path/"runs")
    assert "is gone" in refused(tmp_path, "search", "query", tmp_path/"new", "red")

def test_no_model_for_that(made, tmp_path):
    index = ("search", "index", "wardrobe", "--out", tmp_path/"x", "--model")
    assert "row vse or vsepp" in refused(made, *index, BERT)
    assert "fashionbert.matching" in refused(made, *index, VSE, "--reranker", VSE)
    assert "record.json is missing" in refused(made, *index, tmp_path)
    assert "did you mean 'wardrobe'" in refused(made, "search", "index", "wardrob", "--model", VSE)
    assert not (tmp_path/"x").exists()
    (tmp_path/"photos").mkdir(); (tmp_path/"photos/a.jpg").touch()
    assert "a.jpg" in refused(made, *INDEX, "--out", tmp_path/"photos")
    assert "of wardrobe, not of" in refused(made, "search", "index", "catalogue", "--data-dir", _own(tmp_path), "--model", VSE, "--out", made/"shop")

def _own(folder):
    table = shop(folder/"own", SHIRTS); columns(folder/"own")
    return table

def test_queries_that_say_nothing(made, tmp_path):
    for empty in ("", "   "): assert "the query is empty" in refused(made, "search", "query", "shop", empty)
    assert "knows no word" in refused(made, "search", "query", "shop", "京都")
    assert "no such picture" in refused(made, "search", "query", "shop", "nowhere/dress.jpg")
    (tmp_path/"broken.png").write_bytes(b"\x89PNG\r\n")
    assert "no whole picture" in refused(made, "search", "query", "shop", tmp_path/"broken.png")
    assert "at least 1" in refused(made, "search", "query", "shop", "red", "-k", "0")
    assert "there is no such folder" in refused(made, "search", "query", tmp_path/"nowhere", "red")
    assert "index.json is missing" in refused(made, "search", "query", tmp_path, "red")
    assert "its folder does not exist" in refused(made, "search", "query", "shop", "red", "--grid", tmp_path/"no/such/a.png")

def test_a_long_query(made):
    status, out, err = ask(made, "search", "query", "shop", "a red dress with long sleeves "*40, "--json")
    assert status == 0 and len(out.splitlines()) == 10 and "the rest is left out" in err and len(err.splitlines()) <= 2
