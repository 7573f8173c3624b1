"FashionIQ in miniature: the published files, each of their traps, galleries with holes, each bad input; and the real annotation files."
import json
import numpy as np, pytest
from miniature import FASHIONIQ, FASHIONIQ_CAPTIONS, fashioniq_files, fashioniq_id, fashioniq_ids, fashioniq_list, fashioniq_pictures, fashioniq_queries, picture, unpack
from fashion_repro.cli import main
from fashion_repro.data.composed import JOINS, join_captions, query_rows
from fashion_repro.data.datasets import open_catalogue
from fashion_repro.data.fashioniq import PAPER, counts, fashioniq, gallery, gallery_ids, in_queries, read_files
from fashion_repro.data.table import n_defects, open_image, split_indices
from fashion_repro.errors import UserError

@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_REPRO_CACHE", str(tmp_path/"cache"))

IDS = fashioniq_ids()

def home(folder, **options): return unpack(folder, fashioniq_files() | fashioniq_pictures(**options))

def test_every_picture_is_one_row_with_all_its_categories(tmp_path):
    cat = fashioniq(home(tmp_path/"a")); told = cat.table.remove_columns("image")[:]
    assert told["image_id"] == told["product_id"] == IDS and len(IDS) == 9*20 - 4
    lists = {(c, s): set(fashioniq_list(c, s)) for c in FASHIONIQ for s in ("train", "val", "test")}
    assert told["category"] == [[k for k, c in enumerate(FASHIONIQ) if any(o in lists[c, s] for s in ("train", "val", "test"))] for o in IDS]
    assert told["split"] == [next(s for s in ("train", "val", "test") if any(o in lists[c, s] for c in FASHIONIQ)) for o in IDS]
    assert told["split"][IDS.index(fashioniq_id("shirt", "val", 4))] == "train" and told["split"][IDS.index(fashioniq_id("shirt", "test", 0))] == "val"
    assert np.array_equal(np.asarray(open_image(cat, 50)), np.asarray(open_image(fashioniq(home(tmp_path/"b")), 50))) and not cat.defects
    assert [len(split_indices(cat, s)) for s in ("train", "val", "test")] == [told["split"].count(s) for s in ("train", "val", "test")]

def test_queries_are_those_of_the_files(tmp_path):
    cat = fashioniq(home(tmp_path/"a"), images=False); ids = cat.table["image_id"][:]
    for s in ("train", "val"):
        for c in FASHIONIQ:
            a, b, said = query_rows(cat, s, c); asked = fashioniq_queries(c, s)
            assert [(ids[i], ids[j], o) for i, j, o in zip(a, b, said)] == [(o["candidate"], o["target"], o["captions"]) for o in asked]    # raw captions, in order
        assert len(query_rows(cat, s)[0]) == 18
    assert len(query_rows(cat, "test")[0]) == 0 and read_files(tmp_path/"a").queries["dress", "test"][2] == (2, fashioniq_id("dress", "test", 2), None, FASHIONIQ_CAPTIONS[2])
    assert [join_captions(FASHIONIQ_CAPTIONS[2], o) for o in JOINS] == ["is ombr\u00e9 blue"]*3 + ["", "is ombr\u00e9 blue"]
    assert join_captions(FASHIONIQ_CAPTIONS[1]) == "is shiny, more & \"louder\""

def test_a_gallery_with_holes_has_two_sizes(tmp_path):
    lost = [fashioniq_id("dress", "val", k) for k in (0, 5, 19)]     # a reference of two queries, a target, neither
    cat = fashioniq(home(tmp_path/"a", lost=lost)); ids = cat.table["image_id"][:]
    for kind, n, there in (("original", 20, 17), ("val_union", 9, 7)):
        rows, listed = gallery(cat, "dress", kind=kind)
        assert (listed, [ids[k] for k in rows]) == (n, [o for o in gallery_ids(cat, "dress", kind=kind) if o not in lost]) and len(rows) == there
        assert cat.report["galleries"]["dress"][kind] == dict(there=there, listed=n) and cat.report["galleries"]["shirt"][kind]["there"] == cat.report["galleries"]["shirt"][kind]["listed"]
    assert [o["id"] for o in cat.defects if o["kind"] == "missing image"] == lost
    assert [o["id"] for o in cat.defects if o["kind"] == "query without picture"] == ["dress-val-0", "dress-val-1", "dress-val-3"] and n_defects(cat) == 6
    assert len(query_rows(cat, "val", "dress")[0]) == 3 and len(cat.composed) == 33

def test_galleries_come_from_the_lists(tmp_path):
    cat = fashioniq(home(tmp_path/"a"), images=False)
    assert gallery_ids(cat, "toptee") == fashioniq_list("toptee", "val") and fashioniq_id("shirt", "test", 0) in gallery_ids(cat, "toptee")
    asked = fashioniq_queries("shirt", "val"); assert set(gallery_ids(tmp_path/"a", "shirt", "val", "val_union")) == {o[k] for o in asked for k in ("candidate", "target")}
    with pytest.raises(UserError, match="were not published"): gallery_ids(cat, "shirt", "test", "val_union")

def test_leaks_between_categories_are_counted(tmp_path):
    report = fashioniq(home(tmp_path/"a"), images=False).report
    assert report["leaks"] == {"images in train and val": 2, "images in train and test": 0, "images in val and test": 1}
    assert [o for o in report["notes"] if " are in " in o and "pictures of" in o] == ["2 of the pictures of shirt val are in toptee train; 1 targets of shirt val are in training queries of toptee"]

def test_pictures_under_other_names(tmp_path):
    base = fashioniq(home(tmp_path/"a")).table["image_id"][:]
    for k, options in enumerate((dict(place="resized_image/"), dict(place="img/"), dict(place=""), dict(ending=".png"))):
        assert fashioniq(home(tmp_path/f"b{k}", **options)).table["image_id"][:] == base

def test_broken_and_empty_pictures_are_listed(tmp_path):
    (place := home(tmp_path/"a")/"images"); (place/f"{IDS[3]}.jpg").write_bytes(b""); (place/f"{IDS[9]}.jpg").write_bytes(picture(9)[:200]); (place/"B000EXTRA1.jpg").write_bytes(picture(1))
    cat = fashioniq(tmp_path/"a"); assert {(o["kind"], o["id"]) for o in cat.defects if "image" in o["kind"]} == {("missing image", IDS[3]), ("broken image", IDS[9]), ("image without row", "images/B000EXTRA1.jpg")}
    assert len(cat) == len(IDS) - 2

def rewritten(home, name, change):
    path = home/name; found = json.loads(path.read_text()); path.write_text(json.dumps(change(found))); return fashioniq(home, images=False)

def test_odd_entries_are_listed_and_the_others_read(tmp_path):
    cat = rewritten(home(tmp_path/"a"), "captions/cap.dress.val.json", lambda o: [*o[:2], dict(candidate="x"), "no", dict(o[2], captions=None), {**o[3], "target": "../../../ab"}, *o[4:]])
    assert [(o["kind"], o["id"]) for o in cat.defects] == [("unusable entry", f"cap.dress.val.json:{k}") for k in (2, 3, 4, 5)] and len(query_rows(cat, "val", "dress")[0]) == 4
    cat = rewritten(home(tmp_path/"b"), "image_splits/split.shirt.val.json", lambda o: [*o[1:], o[1], "images/../x", 7])
    assert sorted({(o["kind"], o["id"]) for o in cat.defects}) == [*(("query without row", f"shirt-val-{k}") for k in (0, 3)), ("repeated entry", fashioniq_id("shirt", "val", 1)), *(("unusable entry", f"split.shirt.val.json:{k}") for k in (20, 21))]
    assert len(query_rows(cat, "val", "shirt")[0]) == 4 and len(gallery_ids(cat, "shirt")) == 19

BAD = {
    "cut short": ("captions/cap.toptee.train.json", lambda raw: raw[:-30], "expected a JSON list in"),
    "a web page": ("image_splits/split.dress.val.json", lambda raw: b"<!doctype html>404", "found a web page"),
    "empty": ("image_splits/split.dress.val.json", lambda raw: b"", "found 0 bytes"),
    "Latin-1": ("captions/cap.shirt.val.json", lambda raw: raw.decode().replace("\u00e9", "@").encode().replace(b"@", b"\xe9"), "that are none"),
    "an object": ("captions/cap.shirt.val.json", lambda raw: b"{}", "JSON, but no list"),
}

@pytest.mark.parametrize("name, spoil, words", BAD.values(), ids=BAD)
def test_bad_files_are_one_sentence(tmp_path, capfd, name, spoil, words):
    path = home(tmp_path/"a")/name; path.write_bytes(spoil(path.read_bytes()))
    assert main(["data", "check", "fashioniq", "--data-dir", str(tmp_path/"a")]) == 2
    err = capfd.readouterr().err.strip().splitlines()[-1]; assert words in err and str(path) in err and "Traceback" not in err

def test_missing_files(tmp_path, capfd):
    folder, lost = home(tmp_path/"a"), ["captions/cap.dress.test.json", "image_splits/split.toptee.test.json"]
    for name in lost: (folder/name).unlink()
    cat = fashioniq(folder, images=False); assert [o["id"] for o in cat.defects if o["kind"] == "missing file"] == lost and len(cat) == len(IDS) - 20
    for o in (tmp_path/"a/image_splits").iterdir(): o.unlink()
    assert main(["data", "check", "fashioniq", "--data-dir", str(tmp_path/"a")]) == 2 and "expected image_splits/split.dress.train.json" in capfd.readouterr().err
    unpack(tmp_path/"b", fashioniq_files())
    assert main(["data", "check", "fashioniq", "--data-dir", str(tmp_path/"b")]) == 2; err = capfd.readouterr().err
    assert "none of the 176 listed pictures" in err and "--no-pictures" in err and "Traceback" not in err

def test_by_name_and_by_the_commands(tmp_path, capfd, monkeypatch):
    folder = home(tmp_path/"data/fashioniq", lost=[fashioniq_id("dress", "val", 0)]); monkeypatch.setenv("FASHION_REPRO_DATA", str(tmp_path/"data"))
    assert open_catalogue("fashioniq", scale="demo").fingerprint == fashioniq(folder).fingerprint and len(open_catalogue("fashioniq").composed) == 34
    assert main(["data", "check", "fashioniq"]) == 0; out = capfd.readouterr().out
    assert "fashioniq: 175 images" in out and "original 19 of 20 pictures; val_union 8 of 9 pictures, a gallery with holes" in out and "5,985" in out and "2 images in train and val" in out
    assert main(["data", "check", "fashioniq", "--no-pictures", "--defects", str(tmp_path/"bad.csv")]) == 0 and (tmp_path/"bad.csv").read_text().count("\n") == 1

def test_the_real_annotation_files(real_data):
    "Counts, overlaps and defects of the published files (datasets.md, golden case dataset.fashioniq_counts)."
    files = read_files(real_data("fashioniq")); n = counts(files)
    assert {s: {c: o[:len(PAPER[s][c])] for c, o in kinds.items()} for s, kinds in n.items()} == PAPER and not len(files.defects)
    cat = fashioniq(real_data("fashioniq"), images=False)
    assert len(cat) == 74_381 and len(cat.composed) == 24_016 and not n_defects(cat) and sum(map(len, files.images.values())) == 77_683
    assert cat.report["leaks"]["images in train and val"] == 392 + 419
    notes = "\n".join(cat.report["notes"])
    for o in ("419 of the pictures of shirt val are in toptee train; 72 targets", "392 of the pictures of toptee val are in shirt train; 71 targets", "16 are empty, 1,679 have blanks", "at most 28", "6,118 queries", "val: dress 2,017 queries, 3,817 pictures, 2,628 of them in queries"): assert o in notes, o
    assert notes.count("all as published") == 3
    assert [[len(gallery_ids(files, c, "val", kind)) for c in FASHIONIQ] for kind in ("original", "val_union")] == [[3817, 6346, 5373], [2628, 3089, 2902]]
    for c in FASHIONIQ:
        a, b, said = query_rows(cat, "val", c); rows, listed = gallery(cat, c, kind="val_union")
        assert set(a) | set(b) == set(rows) and listed == len(rows) and len(set(b)) == len(b) == len(said) and not (a == b).any()      # targets are unique
    assert sum(not all(o.isascii() for o in said) for said in cat.composed["captions"][:]) == 2
    assert in_queries(files.queries["dress", "test"]) and all(o[2] is None for o in files.queries["dress", "test"])
