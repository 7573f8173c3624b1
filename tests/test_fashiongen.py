"Fashion-Gen in miniature: both files as published, each trap of their texts, and each bad input."
import os, subprocess, sys
from pathlib import Path
import numpy as np, pytest
from torch.utils.data import DataLoader
from miniature import FASHIONGEN, fashiongen_files, fashiongen_pixels, fashiongen_rows, fashiongen_text, picture
from fashion_repro.cli import main
from fashion_repro.data.datasets import open_catalogue
from fashion_repro.data.fashiongen import FILES, fashiongen
from fashion_repro.data.loading import Items
from fashion_repro.data.table import n_defects, open_image
from fashion_repro.text.catalogue_texts import rows_with_text, text_report, texts_of
from fashion_repro.text.wordpieces import encode, train_wordpieces
h5py = pytest.importorskip("h5py")

@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_REPRO_CACHE", str(tmp_path/"cache"))

ROWS = [(part, k, i) for part in FASHIONGEN for k, (i, _) in enumerate(fashiongen_rows(part))]
OPTIONS = {"contiguous": {}, "compressed": dict(chunks=(16, 12, 10, 3), compression="gzip")}

@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_every_row_has_its_own_text_and_picture(tmp_path, options):
    cat = fashiongen(fashiongen_files(tmp_path/"a", **options)); told = cat.table.remove_columns("image")[:]
    assert [told[o] for o in ("image_id", "product_id", "text")] == [list(o) for o in zip(*((f"{part}-{k}", str(1000 + i), fashiongen_text(i)[1]) for part, k, i in ROWS))]
    assert told["category"] == [["TOPS", "JACKETS & COATS"][i % 2] for *_, i in ROWS] and told["input_category"] == [[1 - i % 2] for *_, i in ROWS] and cat.groups["input_category"] == ["JACKETS & COATS", "TOPS"]
    assert list(cat.groups) == ["input_category", "input_subcategory", "input_gender", "input_season", "input_department"]
    assert all(np.array_equal(open_image(cat, n), fashiongen_pixels(part, k)) for n, (part, k, _) in enumerate(ROWS))             # the last row of each file, too
    side = dict(zip(told["product_id"], told["split"]))
    assert [side[p] for p in told["product_id"]] == told["split"] and {p for p, s in side.items() if s == "test"} == {str(1000 + i) for i in FASHIONGEN["validation"]} and "val" in side.values()
    assert [(o["kind"], o["reason"]) for o in cat.defects] == [("row without text", "has no input_description")]*3 and n_defects(cat) == 3
    assert cat.report["leaks"] == dict(products=0, texts=0, copies=0)

def test_workers_need_no_hdf5_file(tmp_path):
    "After the first opening nobody holds the file, so that a loader may fork and the file may go."
    cat = fashiongen(fashiongen_files(tmp_path/"a"))
    assert not [o for o in Path("/proc/self/fd").glob("*") if ".h5" in os.path.realpath(o)]
    for name in FILES.values(): (tmp_path/"a"/name).unlink()
    items = Items(cat, np.arange(len(cat)), lambda image, rng: image)
    seen = np.concatenate([b["image"].numpy() for b in DataLoader(items, batch_size=16, num_workers=2, multiprocessing_context="fork")])
    assert np.array_equal(seen.transpose(0, 2, 3, 1), np.stack([fashiongen_pixels(part, k) for part, k, _ in ROWS]))

def test_texts_for_a_model(tmp_path):
    cat = fashiongen(fashiongen_files(tmp_path/"a"), images=False); rows = rows_with_text(cat)
    assert len(rows) == len(ROWS) - 3 and text_report(cat)["empty"] == 3
    tokenizer = train_wordpieces(texts_of(cat, rows), 200); ids, mask, cut = encode(tokenizer, texts_of(cat), 64)
    assert not cut and mask.sum(1).min() == 2 and "pique" in tokenizer.decode(ids[0]) and tokenizer.unk_token_id not in ids
    assert fashiongen(tmp_path/"a", images=False, texts=("input_name", "input_description")).table["text"][0] == "Polo 0. " + fashiongen_text(0)[1]

def test_products_that_are_odd(tmp_path):
    home = fashiongen_files(tmp_path/"a")
    with h5py.File(home/FILES["train"], "r+") as f: f["input_productID"][-1] = 1003                                              # not beside the others
    with h5py.File(home/FILES["validation"], "r+") as f: f["input_productID"][0] = 1004; f["input_image"][5] = 0; f["input_description"][7] = b"a\x93b\x94"
    cat = fashiongen(home); assert len(cat) == len(ROWS)                                                                          # nothing is dropped
    assert sorted((o["kind"], o["id"]) for o in cat.defects if o["kind"] != "row without text") == [("black image", "validation-5"), ("odd character", "validation-7"), ("product in two files", "1004"), ("scattered product", "1003")]
    assert cat.report["leaks"]["products"] == 5

def damaged(home):
    "Some bytes of a compressed picture are lost."
    path = fashiongen_files(home, chunks=(1, 12, 10, 3), compression="gzip")/FILES["train"]
    with h5py.File(path) as f: at = f["input_image"].id.get_chunk_info(4)
    raw = bytearray(path.read_bytes()); raw[at.byte_offset:at.byte_offset + at.size] = bytes(at.size); path.write_bytes(raw)
    return home

def test_a_damaged_picture_is_listed(tmp_path):
    cat = fashiongen(damaged(tmp_path/"a"))
    assert len(cat) == len(ROWS) - 1 and [o["id"] for o in cat.defects if o["kind"] == "broken image"] == ["train-4"]
    assert np.array_equal(open_image(cat, 4), fashiongen_pixels("train", 5)) and len(fashiongen(tmp_path/"a", images=False)) == len(ROWS)

def rewritten(home, change):
    with h5py.File(home/FILES["train"], "r+") as f: change(f)

def fewer(f): del f["input_description"]; f["input_description"] = np.array([[b"x"]]*5)
def renamed(f): f.move("input_image", "image")
def floats(f): n = len(f["input_image"]); del f["input_image"]; f["input_image"] = np.zeros((n, 12, 10, 3), np.float32)

BAD = {
    "cut short": (lambda p: p.write_bytes(p.read_bytes()[:-2000]), "cut short or damaged"),
    "a few bytes": (lambda p: p.write_bytes(p.read_bytes()[:100]), "of 100 bytes (was the download complete?)"),
    "a picture": (lambda p: p.write_bytes(picture(1)), "that are none"),
    "a web page": (lambda p: p.write_text("<!doctype html>sign in"), "a web page"),
    "empty": (lambda p: p.write_bytes(b""), "found 0 bytes that are none"),
    "another HDF5 file": (lambda p: rewritten(p.parent, renamed), "expected input_image in"),
    "a column cut short": (lambda p: rewritten(p.parent, fewer), "5 of input_description"),
    "pictures of another kind": (lambda p: rewritten(p.parent, floats), "to be (rows, height, width, 3) uint8"),
    "both gone": (lambda p: [o.unlink() for o in p.parent.iterdir()], "found nothing"),
}

@pytest.mark.parametrize("spoil, words", BAD.values(), ids=BAD)
def test_bad_files_are_one_sentence(tmp_path, capfd, spoil, words):
    home = fashiongen_files(tmp_path/"a"); spoil(home/FILES["train"])
    assert main(["data", "check", "fashiongen", "--data-dir", str(home)]) == 2
    err = capfd.readouterr().err.strip().splitlines()[-1]; assert words in err and "Traceback" not in err and "its terms" in err

def test_an_interrupted_export_starts_again(tmp_path):
    "Killed while pictures are stored: the next opening ends with the same table."
    home = fashiongen_files(tmp_path/"a")
    code = "import os, signal, sys; from fashion_repro.data import fashiongen as f; old = f._png\ndef png(o, n=[0]):\n    n[0] += 1\n    if n[0] > 150: os.kill(os.getpid(), signal.SIGKILL)\n    return old(o)\nf._png = png; f.fashiongen(sys.argv[1])"
    assert subprocess.run([sys.executable, "-c", code, str(home)], capture_output=True).returncode == -9
    cat = fashiongen(home); assert len(cat) == len(ROWS) and np.array_equal(open_image(cat, len(ROWS) - 1), fashiongen_pixels("validation", ROWS[-1][1]))
    assert not list((tmp_path/"cache").glob("*/*.building"))

def test_by_name_and_by_the_commands(tmp_path, capfd, monkeypatch):
    home = fashiongen_files(tmp_path/"data/fashiongen"); monkeypatch.setenv("FASHION_REPRO_DATA", str(tmp_path/"data"))
    assert open_catalogue("fashiongen", scale="demo").fingerprint == fashiongen(home).fingerprint != open_catalogue("fashiongen", seed=1).fingerprint
    assert main(["data", "check", "fashiongen"]) == 0; out = capfd.readouterr().out
    assert f"fashiongen: {len(ROWS)} images of 80 products" in out and "3 row without text" in out and "67,666 published" in out and "val is 5%" in out and "10 x 12 px" in out
    assert main(["data", "check", "fashiongen", "--no-pictures", "--defects", str(tmp_path/"bad.csv")]) == 0 and (tmp_path/"bad.csv").read_text().count("row without text") == 3
    assert main(["data", "show", "fashiongen", "--out", str(tmp_path/"sheet.png")]) == 0 and (tmp_path/"sheet.png").exists()
