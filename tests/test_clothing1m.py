"Clothing1M in miniature, with each trap of the published files and each bad input."
import csv, io
from functools import partial
import numpy as np, pytest
from PIL import Image
from miniature import CLOTHING1M, CLOTHING1M_BOTH, clothing1m_files, clothing1m_key as key, picture, unpack
from fashion_repro.cli import main
from fashion_repro.data import clothing1m as c1m
from fashion_repro.data.check import check, report_text
from fashion_repro.data.clothing1m import clothing1m
from fashion_repro.data.datasets import open_catalogue
from fashion_repro.data.table import annotated, group_columns, n_defects, open_image, split_indices, targets
from fashion_repro.errors import UserError

@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_REPRO_CACHE", str(tmp_path/"cache"))

def facts(cat): return cat.table.remove_columns("image")[:]
def listed(cat): return sorted((o["kind"], o["id"]) for o in cat.defects)
def rows(cat): return {o["image_id"]: o for o in cat.table.remove_columns("image")}

@pytest.mark.parametrize("place, prefix", [("", lambda i: True), ("annotations/", lambda i: False), ("annotations/", lambda i: i % 10 not in (3, 8))], ids=["flat", "without images/", "both"])
def test_each_layout(tmp_path, place, prefix):
    cat = clothing1m(unpack(tmp_path/"a", clothing1m_files(place, prefix)))
    assert not cat.defects and list(cat.groups) == ["clean", "noisy"] and cat.groups["clean"] == cat.groups["noisy"] and len(cat.groups["clean"]) == 14
    assert cat.groups["clean"][0] == "T-Shirt" and cat.groups["clean"][13] == "Underwear"                   # CRLF leaves nothing behind, the last line has no end
    assert cat.table["image_id"][:] == [key(i) for i in range(90)]
    assert [len(split_indices(cat, o)) for o in ("train", "val", "test")] == [66, 14, 10]
    known = annotated(cat); where = group_columns(cat); hot = targets(cat)
    assert np.flatnonzero(known[:, 0]).tolist() == list(range(44)) and np.flatnonzero(known[:, 1]).tolist() == [*CLOTHING1M_BOTH, *range(44, 90)]
    assert hot[:44, where["clean"]].argmax(1).tolist() == [i % 14 for i in range(44)]
    assert hot[44:, where["noisy"]].argmax(1).tolist() == [(i + (i % 3 == 0)) % 14 for i in range(44, 90)]
    for i in (0, 3, 8, 14, 89):                                                                             # its own picture; 3 and 14 are JPEG called .png
        assert np.array_equal(open_image(cat, i), Image.open(io.BytesIO(picture(i))).convert("RGB")), i
    assert cat.report["leaks"] == dict(bytes=0, near_duplicates=0)
    notes = cat.report["notes"]
    assert notes[1] == "clean_val_key_list.txt: 14 keys, 14,313 published" and notes[-1] == "30 images with a clean and a noisy label, 37,497 published; in 66.7% of them the two are equal"

def test_the_two_stages_of_training_can_be_told_apart(tmp_path):
    "Noisy rows for training are those without a clean label: none of them is in validation or test."
    cat = clothing1m(unpack(tmp_path/"a", clothing1m_files()))
    known, train = annotated(cat), split_indices(cat, "train")
    assert np.array_equal(np.flatnonzero(known[:, 1] & ~known[:, 0]), train[20:]) and np.array_equal(np.flatnonzero(known[:, 0] & np.isin(np.arange(90), train)), train[:20])

def test_pictures_that_are_gone_cut_short_or_named_by_no_key(tmp_path):
    files = clothing1m_files(); del files[key(4)]
    files |= {key(5): files[key(5)][:500], key(6): b"", "images/1/10/extra.jpg": picture(7), "images/1/11/.x.jpg": b"x"}
    cat = clothing1m(unpack(tmp_path/"a", files))
    assert listed(cat) == sorted([("missing image", key(4)), ("broken image", key(5)), ("missing image", key(6)), ("image without row", "images/1/10/extra.jpg")])
    assert len(cat) == 87 and len(clothing1m(tmp_path/"a", images=False)) == 90

def test_a_picture_in_train_and_test_is_counted(tmp_path, monkeypatch):
    files = clothing1m_files(); again = io.BytesIO(); Image.open(io.BytesIO(files[key(21)])).save(again, "JPEG", quality=90)
    home = unpack(tmp_path/"a", files | {key(40): files[key(1)], key(50): again.getvalue()})
    assert clothing1m(home).report["leaks"] == dict(bytes=1, near_duplicates=1)
    monkeypatch.setattr(c1m, "find_pictures", partial(c1m.find_pictures, most=10))
    cat = clothing1m(home); assert len(cat) == 90 and "copies and near duplicates were not looked for" in report_text(check(cat))

def edited(name, change):
    "The miniature with the lines of one text file changed."
    files = clothing1m_files()
    return files | {name: "\n".join(change(files[name].decode().split())).encode()}

def pairs(change): return lambda words: change([f"{a} {b}" for a, b in zip(words[::2], words[1::2])])

BAD = {
    "key without a label": (edited("clean_label_kv.txt", pairs(lambda o: [x for x in o if key(7)+" " not in x])), [("key without label", key(7))], {key(7): None}),
    "noisy key without a label": (edited("noisy_label_kv.txt", pairs(lambda o: [x for x in o if key(60)+" " not in x])), [("key without label", key(60))], {key(60): None}),
    "label of an unlisted key": (edited("clean_label_kv.txt", pairs(lambda o: [*o, "images/9/99/z.jpg 3"])), [("label without key", "images/9/99/z.jpg")], {key(7): [7]}),
    "class 14": (edited("clean_label_kv.txt", pairs(lambda o: [x.replace(key(7)+" 7", key(7)+" 14") for x in o])), [("unknown label", key(7))], {key(7): None}),
    "a label twice": (edited("clean_label_kv.txt", pairs(lambda o: [*o, key(7)+" 7", key(8)+" 9"])), [("repeated label", key(7)), ("two labels", key(8))], {key(7): [7], key(8): [8]}),
    "a key twice": (edited("clean_val_key_list.txt", lambda o: [*o, o[0]]), [("repeated key", key(20))], {key(20): [6]}),
    "a label file cut short": (edited("clean_label_kv.txt", pairs(lambda o: [*o[:-1], o[-1].split()[0]])), [("key without label", key(0)), ("unusable line", "clean_label_kv.txt:44")], {key(0): None, key(1): [1]}),
}

@pytest.mark.parametrize("files, defects, clean", BAD.values(), ids=BAD)
def test_bad_labels_are_listed_and_the_rest_is_read(tmp_path, files, defects, clean):
    cat = clothing1m(unpack(tmp_path/"a", files))
    assert listed(cat) == sorted(defects) and len(cat) == 90
    assert {o: rows(cat)[o]["clean"] for o in clean} == clean
    text = report_text(check(cat)); assert all(kind in text and i in text for kind, i in defects)

def test_a_list_cut_short_is_seen_in_the_counts_and_the_labels(tmp_path):
    files = clothing1m_files(); files["clean_val_key_list.txt"] = files["clean_val_key_list.txt"][:200]
    cat = clothing1m(unpack(tmp_path/"a", files), images=False); half = cat.table["image_id"][-1 - 46 - 10]
    kept = len(split_indices(cat, "val")); assert 5 < kept < 14 and key(20 + kept - 1).startswith(half)
    assert ("key without label", half) in listed(cat) and ("label without key", key(33)) in listed(cat) and ("swapped lists", "clean_val_key_list.txt") in listed(cat)
    assert f"clean_val_key_list.txt: {kept} keys, 14,313 published" in report_text(check(cat))

def test_a_key_in_two_lists_stays_furthest_from_training(tmp_path):
    files = clothing1m_files()
    add = lambda name, i: files.update({name: files[name] + f"{key(i)}\n".encode()})
    for name, i in (("clean_train_key_list.txt", 35), ("clean_train_key_list.txt", 21), ("clean_val_key_list.txt", 36), ("noisy_train_key_list.txt", 37), ("noisy_train_key_list.txt", 3)): add(name, i)
    cat = clothing1m(unpack(tmp_path/"a", files)); side = {o: r["split"] for o, r in rows(cat).items()}
    assert listed(cat) == sorted(("key in two lists", key(i)) for i in (35, 21, 36, 37, 3)) and len(cat) == 90
    assert {i: side[key(i)] for i in (35, 21, 36, 37, 3)} == {35: "test", 21: "val", 36: "test", 37: "test", 3: "train"}
    assert "is in clean_val_key_list.txt and clean_test_key_list.txt; kept in the latter" in {o["reason"] for o in cat.defects}

def test_swapped_lists_are_noticed(tmp_path):
    files = clothing1m_files(); names = [f"clean_{o}_key_list.txt" for o in ("val", "test")]
    files |= {names[0]: files[names[1]], names[1]: files[names[0]]}
    [o] = clothing1m(unpack(tmp_path/"a", files)).defects
    assert o["kind"] == "swapped lists" and o["reason"] == "has 10 keys and clean_test_key_list.txt 14, but the published validation list is the larger one (14,313 and 10,526): were the two swapped?"

@pytest.mark.parametrize("name, n, labels", [("category_names_eng.txt", 90, [44, 76]), ("noisy_label_kv.txt", 90, [44, 0]), ("clean_label_kv.txt", 90, [0, 76]),
    ("noisy_train_key_list.txt", 44, [44, 30]), ("clean_val_key_list.txt", 76, [30, 62])])
def test_a_missing_file_is_listed_and_the_rest_is_read(tmp_path, name, n, labels):
    files = clothing1m_files("annotations/"); del files[f"annotations/{name}"]
    cat = clothing1m(unpack(tmp_path/"a", files), images=False)
    assert ("missing file", name) in listed(cat) and f"no {name}" in report_text(check(cat)) and len(cat.groups["clean"]) == 14
    assert len(cat) == n and annotated(cat).sum(0).tolist() == labels

@pytest.mark.parametrize("spoil, words", {
    "nothing there": (lambda p: p/"nowhere", "found nothing there"),
    "a file": (lambda p: p/"a/category_names_eng.txt", "found a file"),
    "another folder": (lambda p: (p/"b").mkdir() or p/"b", "expected clean_train_key_list.txt or another of the key lists in"),
    "pictures only": (lambda p: p/"a/images", "found 0, 1, 2 and 7 more"),
    "no labels": (lambda p: [(p/f"a/{o}_label_kv.txt").unlink() for o in ("clean", "noisy")] and p/"a", "expected clean_label_kv.txt or another of the label files"),
    "a web page": (lambda p: (p/"a/clean_label_kv.txt").write_text("<!DOCTYPE html>") and p/"a", "a web page (was a login page saved?)"),
    "labels as keys": (lambda p: (p/"a/clean_val_key_list.txt").write_bytes((p/"a/clean_label_kv.txt").read_bytes()) and p/"a", "expected one key in each line of"),
    "an archive": (lambda p: (p/"a/clean_label_kv.txt").write_bytes(picture(1)) and p/"a", "expected .*clean_label_kv.txt to be a text list, found byte 0xff"),
    "no pictures": (lambda p: [o.unlink() for o in (p/"a/images").rglob("*.*")] and p/"a", "none of the 90 listed pictures is in"),
}.values(), ids=lambda o: o if isinstance(o, str) else "")
def test_a_wrong_path_is_one_sentence(tmp_path, spoil, words):
    unpack(tmp_path/"a", clothing1m_files())
    with pytest.raises(UserError, match=words.replace("(", r"\(").replace("?", r"\?").replace(")", r"\)")) as e: clothing1m(spoil(tmp_path))
    assert "\n" not in str(e.value) and ("Xiao et al." in str(e.value) or "--no-pictures" in str(e.value))

def test_by_name_and_by_the_command(tmp_path, capfd, monkeypatch):
    home = unpack(tmp_path/"data/clothing1m", edited("clean_label_kv.txt", pairs(lambda o: o[1:])))
    monkeypatch.setenv("FASHION_REPRO_DATA", str(tmp_path/"data"))
    assert len(open_catalogue("clothing1m")) == 90 and open_catalogue("clothing1m", home, "paper").fingerprint == clothing1m(home).fingerprint
    assert main(["data", "check", "clothing1m", "--data-dir", str(home), "--defects", str(tmp_path/"bad.csv")]) == 0
    out = capfd.readouterr().out
    assert "clothing1m: 90 images" in out and f"1 key without label\n    key without label {key(43)}: is in a list but not in clean_label_kv.txt" in out and "37,497 published" in out
    assert [(o["kind"], o["id"]) for o in csv.DictReader(open(tmp_path/"bad.csv"))] == [("key without label", key(43))]
    for o in (home/"images").rglob("*.*"): o.unlink()
    assert main(["data", "check", "clothing1m"]) == 2 and "`fashion-repro data check clothing1m --no-pictures`" in capfd.readouterr().err
    assert main(["data", "check", "clothing1m", "--no-pictures"]) == 0 and "no picture was compared" in capfd.readouterr().out

def test_one_catalogue_wherever_it_lies(tmp_path):
    one, other = clothing1m(unpack(tmp_path/"a", clothing1m_files())), clothing1m(unpack(tmp_path/"b", clothing1m_files("annotations/")))
    assert one.fingerprint == other.fingerprint and facts(one) == facts(other) and n_defects(one) == 0
    (tmp_path/"b/annotations/clean_label_kv.txt").write_text("\n".join(f"{key(i)} 0" for i in CLOTHING1M["train"])); assert clothing1m(tmp_path/"b").fingerprint != one.fingerprint
    assert clothing1m(tmp_path/"a", images=False).fingerprint != one.fingerprint
