"The clothing dataset and iMaterialist: each known defect in miniature, pictures by path, and the real files."
import csv, io, json, random, shutil, subprocess, sys, time
from functools import partial
from pathlib import Path
import numpy as np, pytest
from PIL import Image
from miniature import pack, picture, unpack
from fashion_repro.cli import main
from fashion_repro.data import imaterialist as im
from fashion_repro.data.cache import cache_list
from fashion_repro.data.check import check, report_text, write_defects
from fashion_repro.data.clothing_dataset import clothing_dataset
from fashion_repro.data.datasets import open_catalogue
from fashion_repro.data.decoding import broken_file
from fashion_repro.data.imaterialist import LABEL_MAP, TASKS, imaterialist, read_label_map
from fashion_repro.data.loading import Items
from fashion_repro.data.show import show
from fashion_repro.data.table import annotated, arrow_columns, class_names, group_columns, n_defects, open_image, split_indices, subset, targets, with_pictures
from fashion_repro.errors import UserError

@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_REPRO_CACHE", str(tmp_path/"cache"))

def facts(cat): return cat.table.remove_columns("image")[:]
def listed(cat): return sorted((o["kind"], o["id"]) for o in cat.defects)

# --- clothing dataset ---

def clothes():
    "The files of a miniature: 40 photographs by eight senders."
    kinds = ["T-Shirt", "Not sure", "Dress", "Skip", "Pants", "Other"]
    rows = [f"c{i},{i % 8},{kinds[i % 6]},{i % 5 == 0}" for i in range(40)]
    rows += ["c1,3,Dress,False", "c90,3", "c91,,Dress,", "c92,7,Pants,maybe"]   # an image again; a short line; no sender, nothing about age
    files = {f"images/c{i}.jpg": picture(i) for i in [*range(40), 91, 92, 99]}
    files |= {"images/c3.jpg": picture(3)[:500], "images/c4.jpg": picture(4, "CMYK"), "images/c5.jpg": picture(5, "P", "PNG"), "images/c6.jpg": b"",
        "images/c7.jpg": picture(8), "images/c10.jpg": picture(13, size=(120, 160)), "images/Thumbs.db": b"x", "images/.c1.jpg": b"x"}
    del files["images/c2.jpg"]                                                  # the missing image of the original
    return files | {"images.csv": "\n".join(["image,sender_id,label,kids", *rows, ""]).encode()}

@pytest.fixture(params=["zip", "folder", "folder with archive.zip", "zip with a folder inside"])
def wardrobes(request, tmp_path):
    if request.param == "zip": return pack(tmp_path/"mine.zip", clothes())
    if request.param == "folder": return unpack(tmp_path/"unpacked", clothes())
    if request.param == "zip with a folder inside": return pack(tmp_path/"mine.zip", clothes(), "clothing-dataset/")
    (tmp_path/"data").mkdir(); pack(tmp_path/"data/archive.zip", clothes()); return tmp_path/"data"

def test_clothes_with_every_defect(wardrobes):
    cat = clothing_dataset(wardrobes)
    assert listed(cat) == [("broken image", "c3"), ("image without row", "images/c99.jpg"), ("missing image", "c2"), ("missing image", "c6"), ("row", "c1"), ("row", "c90")]
    assert {o["id"]: o["reason"] for o in cat.defects if o["kind"] != "broken image"} == {"images/c99.jpg": "no row names images/c99.jpg", "c2": "no images/c2.jpg",
        "c6": "images/c6.jpg is empty", "c1": "line 42 repeats an image", "c90": "line 43 has 2 fields where the header has 4"}
    ids = cat.table["image_id"][:]
    assert len(cat) == 39 and "c3" not in ids and cat.table["product_id"][:] == ids
    assert cat.groups == dict(label=["Dress", "Pants", "T-Shirt"], age=["adult", "kids"])
    row = {o: i for i, o in enumerate(ids)}
    told = {o: (facts(cat)["label"][row[o]], facts(cat)["age"][row[o]]) for o in ("c0", "c1", "c9", "c11", "c91", "c92")}
    assert told == dict(c0=([2], [1]), c1=(None, [0]), c9=(None, [0]), c11=(None, [0]), c91=([0], None), c92=([1], None))
    assert all(open_image(cat, i).mode == "RGB" for i in range(len(cat))) and open_image(cat, row["c10"]).size == (120, 160)
    side = dict(zip(ids, cat.table["split"][:]))
    assert all(side[f"c{i}"] == side[f"c{i % 8}"] for i in range(8, 40) if f"c{i}" in side and f"c{i % 8}" in side)     # a sender
    assert side["c7"] == side["c8"] and side["c10"] == side["c13"]              # and so the senders of a copy, and of an enlarged one
    assert set(cat.report["leaks"].values()) == {0} and cat.report["senders"] == 8
    whole = clothing_dataset(wardrobes, images=False)
    assert len(whole) == 42 and n_defects(whole) == 6 and with_pictures(whole).table["image_id"][:] == ids
    text = report_text(check(cat))
    assert "2 missing image" in text and "1 pictures are copies" in text and "0 senders, 0 bytes, 0 near_duplicates" in text
    assert len(show(cat, 4).axes) == 4

def test_clothes_wherever_they_lie(tmp_path):
    "A zip, its folder, and a copy of that folder with other times are one catalogue; pictures of a folder stay there."
    zipped = clothing_dataset(pack(tmp_path/"a.zip", clothes()))
    folder = clothing_dataset(unpack(tmp_path/"b", clothes()))
    shutil.copytree(tmp_path/"b", tmp_path/"c", copy_function=shutil.copyfile)
    copied = clothing_dataset(tmp_path/"c")
    assert zipped.fingerprint == folder.fingerprint == copied.fingerprint and facts(zipped) == facts(folder) == facts(copied)
    assert zipped.defects == folder.defects == copied.defects
    kept = arrow_columns(copied.table, ["image"])["image"].to_pylist()
    assert all(o["bytes"] is None and Path(o["path"]).is_relative_to(tmp_path/"c") for o in kept)
    assert all(np.array_equal(open_image(zipped, i), open_image(copied, i)) for i in range(len(zipped)))
    views = [Items(cat, range(5), lambda im, rng: im.resize((8, 8)))[i]["image"].tolist() for cat in (zipped, copied) for i in range(5)]
    assert views[:5] == views[5:]
    assert sum(o["bytes"] for o in cache_list()) < 200_000
    (tmp_path/"c/images/c0.jpg").write_bytes(picture(77)); assert clothing_dataset(tmp_path/"c").fingerprint != copied.fingerprint

def test_a_picture_that_goes_bad_later(tmp_path):
    cat = clothing_dataset(unpack(tmp_path/"b", clothes()))
    (tmp_path/"b/images/c0.jpg").write_bytes(b"<html>"); (tmp_path/"b/images/c1.jpg").unlink()
    for read in (lambda i: open_image(cat, i), lambda i: Items(cat, range(5), None).picture(i)):
        with pytest.raises(UserError, match="picture of image c0 is broken: expected a whole picture in .*c0.jpg, found no picture; replace or remove it"): read(0)
        with pytest.raises(UserError, match="picture of image c1 is gone: expected .*c1.jpg; put it back, or start again"): read(1)
    with pytest.raises(UserError, match="image c2 has no picture"): open_image(clothing_dataset(tmp_path/"b", images=False), 2)
    again = clothing_dataset(tmp_path/"b")
    assert ("broken image", "c0") in listed(again) and ("missing image", "c1") in listed(again) and len(again) == len(cat)-2

@pytest.mark.parametrize("spoil, words", {
    "nothing there": (lambda p: p/"nowhere.zip", "found nothing there"),
    "empty folder": (lambda p: (p/"empty").mkdir() or p/"empty", "expected images.csv and images/"),
    "truncated zip": (lambda p: (p/"a.zip").write_bytes(pack(p/"b.zip", clothes()).read_bytes()[:-2000]) and p/"a.zip", "a zip archive cut short"),
    "no zip": (lambda p: (p/"a.zip").write_text("<html>sign in</html>") and p/"a.zip", "a file that is no zip archive of 20 bytes"),
    "another data set": (lambda p: pack(p/"a.zip", {"styles.csv": b"x"}), "found styles.csv"),
    "no column": (lambda p: pack(p/"a.zip", {"images.csv": b"image,label\n"}), "expected column 'sender_id'"),
    "not text": (lambda p: pack(p/"a.zip", clothes() | {"images.csv": picture(1)}), "UTF-8"),
    "no pictures": (lambda p: pack(p/"a.zip", {"images.csv": clothes()["images.csv"]}), "none of the 42 rows of images.csv has a usable picture"),
}.values(), ids=lambda o: o if isinstance(o, str) else "")
def test_clothes_from_a_wrong_path_are_one_sentence(tmp_path, spoil, words):
    with pytest.raises(UserError) as e: clothing_dataset(spoil(tmp_path))
    assert words in str(e.value) and "CC0" in str(e.value) and "\n" not in str(e.value)

def test_the_real_clothes(real_data):
    home = real_data("clothing-dataset")
    begin = time.process_time(); cat = clothing_dataset(home); first = time.process_time() - begin
    begin = time.process_time(); again = open_catalogue("clothing-dataset", home, "paper"); second = time.process_time() - begin
    print(f"first opening {first:.1f} s of processor time, later {second:.2f} s")
    assert first < 60 and second < 2 and again.fingerprint == cat.fingerprint
    assert len(cat) == 2790 and listed(cat) == [("missing image", "c60e486d-10ed-4f64-abab-5bb698c736dd")]
    assert len(cat.groups["label"]) == 17 and annotated(cat).sum(0).tolist() == [2623, 2790]                # 168 of 2,791 rows say Not sure, Skip or Other, the one without a picture among them
    age = targets(cat)[:, group_columns(cat)["age"]].sum(0); assert age.tolist() == [2590, 200]
    assert cat.report["senders"] == 175 and set(cat.report["leaks"].values()) == {0} and cat.report["largest_group"] < .2*len(cat)
    for split, share in dict(train=.7, val=.1, test=.2).items(): assert abs(len(split_indices(cat, split))/len(cat) - share) < .02
    for split in ("train", "test"): assert (targets(cat, split_indices(cat, split)).sum(0) > 0).all()
    assert len(open_catalogue("clothing-dataset", home)) == 600

# --- iMaterialist ---

def label_map():
    "A label map of the published form: CRLF, no line end at the end, groups mixed, id 89 with commas in its name."
    groups = [g for g, (_, n) in TASKS.items() for _ in range(n)]; random.Random(0).shuffle(groups)
    rows = [f'{i},{TASKS[g][0]},"Hosiery, Stockings, Tights",{g}' if i == 89 else f"{i},{TASKS[g][0]},label {i},{g}" for i, g in enumerate(groups, 1)]
    return "\r\n".join(["labelId,taskId,labelName,taskName", *rows]).encode()

KAGGLE = lambda i, labels: (dict(url=f"http://x/{i}.jpg", imageId=str(i)), dict(labelId=[str(o) for o in labels], imageId=str(i)))
README = lambda i, labels: (dict(image_id=i, url=[f"http://x/{i}.jpg"]), dict(image_id=i, label_id=list(labels)))
MIXED = lambda i, labels: (dict(imageId=str(i), url=[f"http://x/{i}.jpg"]), dict(image_id=i, label_id=[str(o) for o in labels]))

def split_json(style, truth, order=None):
    "truth: image id -> labels; annotations in an order of their own."
    images, notes = zip(*(style(i, o) for i, o in truth.items()))
    notes = list(notes); random.Random(order).shuffle(notes)
    return dict(info=dict(year=2018), images=list(images), annotations=notes, license="none")

TRUTH = dict(train={i: sorted({10, 2 + i % 7, 100 + i, 89 + i % 2}) for i in range(1, 31)}, val={i: sorted({i, 228, 20 + i}) for i in range(1, 11)}, test={i: [] for i in range(1, 6)})

def published(style=KAGGLE, val="validation", folder=""):
    "The files of a miniature; every tenth picture is missing."
    files = {LABEL_MAP: label_map(), "train.json": split_json(style, TRUTH["train"], 1), f"{val}.json": split_json(style, TRUTH["val"], 2),
        "test.json": dict(images=[style(i, [])[0] for i in TRUTH["test"]])}
    files = {name: o if isinstance(o, bytes) else json.dumps(o).encode() for name, o in files.items()}
    for split, where in dict(train="train", val=val, test="test").items():
        files |= {f"{folder}{where}/{i}.jpg": picture(f"{split}{i}".encode()[0] + 7*i) for i in TRUTH[split] if i % 10}
    return files

@pytest.mark.parametrize("style, val, folder", [(KAGGLE, "validation", ""), (README, "val", ""), (MIXED, "validation", "images/"), (README, "val", "images/")])
def test_imaterialist_in_each_form(tmp_path, style, val, folder):
    cat = imaterialist(unpack(tmp_path/"a", published(style, val, folder)))
    assert listed(cat) == sorted(("missing image", o) for o in ("train/10", "train/20", "train/30", "val/10"))
    assert cat.table["image_id"][:] == [f"{split}/{i}" for split, o in TRUTH.items() for i in o if i % 10]
    names = read_label_map(label_map(), "here")
    column = {f"{g}: {name}": i-1 for g, o in names.items() for i, name in o.items()}
    assert {g: len(o) for g, o in cat.groups.items()} == dict(category=105, color=21, gender=3, material=34, neckline=11, pattern=28, sleeve=5, style=21)
    assert "Hosiery, Stockings, Tights" in sum(cat.groups.values(), [])
    hot, flat = targets(cat), [column[o] for o in class_names(cat)]
    assert sorted(flat) == list(range(228))
    for row, image in zip(hot, cat.table["image_id"][:]):
        split, i = image.split("/")
        assert sorted(flat[k]+1 for k in np.flatnonzero(row)) == TRUTH[split][int(i)], image    # label "10" in column 9, not in column 1
    known = annotated(cat)
    assert (known == np.stack([hot[:, o].any(1) for o in group_columns(cat).values()], 1)).all()        # a group that nobody spoke of is not "none of these"
    assert not known[split_indices(cat, "test")].any() and known.any(1).sum() == 36
    for image in ("train/3", "val/3", "test/3"):                                # ids start again in each split; each has its own picture
        at = cat.table["image_id"][:].index(image)
        assert np.array_equal(open_image(cat, at), Image.open(io.BytesIO(picture(ord(image[0]) + 21))))
    assert "val: 10 images in " + val + ".json, 9,897 in the paper; 3.00 labels per image (8.0 in the paper)" in cat.report["notes"]
    assert "10 images in" in report_text(check(cat)) and len(show(cat, 4).axes) == 4

def test_both_key_styles_give_one_table(tmp_path):
    one, other = (imaterialist(unpack(tmp_path/name, published(style))) for name, style in dict(a=KAGGLE, b=README).items())
    assert facts(one) == facts(other) and one.groups == other.groups

def test_imaterialist_with_every_defect(tmp_path):
    files = published(); train = json.loads(files["train.json"])
    train["images"] += [dict(url="u", imageId="5"), dict(url="u"), dict(url="u", imageId="77")]         # again; without an id; without an annotation
    train["annotations"] += [dict(labelId=["1"], imageId="6"), dict(labelId=["1"], imageId="500")]      # again; without an image
    next(o for o in train["annotations"] if o["imageId"] == "3")["labelId"] += ["229", "red", "10"]     # unknown, unknown, repeated
    files |= {"train.json": json.dumps(train, indent=1).encode(), "train/1.jpg": b"", "train/2.jpg": files["train/2.jpg"][:400], "train/4.jpg": b"<html>gone</html>", "train/900.jpg": picture(1)}
    cat = imaterialist(unpack(tmp_path/"a", files))
    assert listed(cat) == sorted([("repeated image", "train/5"), ("unusable entry", "train/?"), ("image without annotation", "train/77"), ("repeated annotation", "train/6"),
        ("annotation without image", "train/500"), ("unknown label", "train/3"), ("unknown label", "train/3"), ("repeated label", "train/3"), ("broken image", "train/2"),
        ("broken image", "train/4"), ("image without row", "train/900.jpg"), *(("missing image", o) for o in ("train/1", "train/10", "train/20", "train/30", "val/10"))])
    labels = imaterialist(tmp_path/"a", images=False)
    assert len(labels) == 45 and len(cat) == 45-7 and n_defects(labels) == 8
    assert targets(labels, [2, 4, 5]).sum(1).tolist() == [len(TRUTH["train"][i]) for i in (3, 5, 6)]
    with pytest.raises(UserError, match="image train/1 has no picture: open the catalogue with images=True"): open_image(labels, 0)
    assert imaterialist(tmp_path/"a", images=False).defects == labels.defects                            # also from the cache

def test_pictures_across_the_published_splits(tmp_path, monkeypatch):
    "val/1 is train/1 byte by byte, val/2 is train/2 saved again; above the limit nobody knows."
    files = {name: picture(1000 + k) if name.endswith("jpg") else o for k, (name, o) in enumerate(published().items())}
    again = io.BytesIO(); Image.open(io.BytesIO(files["train/2.jpg"])).save(again, "JPEG", quality=90)
    cat = imaterialist(unpack(tmp_path/"a", files | {"validation/1.jpg": files["train/1.jpg"], "validation/2.jpg": again.getvalue(), "train/3.jpg": files["train/4.jpg"]}))
    assert cat.report["leaks"] == dict(bytes=1, near_duplicates=1)
    assert "cross them: 1 bytes, 1 near_duplicates" in report_text(check(cat))
    monkeypatch.setattr(im, "find_pictures", partial(im.find_pictures, most=10))
    assert "copies and near duplicates were not looked for" in report_text(check(imaterialist(tmp_path/"a")))

def test_many_defects_stay_short(tmp_path):
    truth = {i: [1 + i % 228] for i in range(1, 3001)}
    files = published() | {"train.json": json.dumps(split_json(KAGGLE, truth)).encode()}
    cat = imaterialist(unpack(tmp_path/"a", files))
    [o] = cat.defects
    assert o["n"] == n_defects(cat) == 3000 - 27 + 1 and o["id"] == "train/10, train/20, train/30, train/31, train/32, ..."
    assert o["reason"] == "no train/10.jpg; 2,974 such cases, `fashion-repro data check imaterialist --defects FILE.csv` lists all"
    write_defects(cat, tmp_path/"all.csv")
    rows = list(csv.DictReader(open(tmp_path/"all.csv", newline="")))
    assert len(rows) == n_defects(cat) and rows[-2]["reason"] == "no train/3000.jpg"
    assert f"{n_defects(cat):,} missing image" in report_text(check(cat))

def test_imaterialist_wherever_it_lies(tmp_path):
    cat = imaterialist(unpack(tmp_path/"a", published()))
    shutil.copytree(tmp_path/"a", tmp_path/"b", copy_function=shutil.copyfile)
    copied = imaterialist(tmp_path/"b"); (tmp_path/"b/validation").rename(tmp_path/"b/val")
    assert copied.fingerprint == cat.fingerprint == imaterialist(tmp_path/"b").fingerprint
    assert imaterialist(tmp_path/"b", images=False).fingerprint != cat.fingerprint
    (tmp_path/"b/train/10.jpg").write_bytes(picture(5)); more = imaterialist(tmp_path/"b")               # a picture that arrives later is noticed
    assert len(more) == len(cat)+1 and more.fingerprint != cat.fingerprint and "train/10" in more.table["image_id"][:]

def test_one_list_of_broken_pictures_for_every_path(tmp_path, monkeypatch):
    "Relative, absolute, through a link: what `data check --decode` remembers is found again."
    unpack(tmp_path/"a", published()); (tmp_path/"c").symlink_to(tmp_path/"a"); pack(tmp_path/"b.zip", clothes()); monkeypatch.chdir(tmp_path)
    assert len({str(broken_file(imaterialist(o))) for o in ("a", tmp_path/"a", "c", tmp_path/"b.zip/../a")}) == 1
    assert len({str(broken_file(clothing_dataset(o))) for o in ("b.zip", tmp_path/"b.zip", "c/../b.zip")}) == 1

@pytest.mark.parametrize("spoil, words", {
    "nothing there": (lambda p: p/"nowhere", "found nothing there"),
    "a file": (lambda p: p/"a/train.json", "found a file"),
    "no label map": (lambda p: (p/f"a/{LABEL_MAP}").unlink() or p/"a", f"expected {LABEL_MAP}"),
    "another map": (lambda p: (p/f"a/{LABEL_MAP}").write_bytes(label_map().replace(b",category", b",garment")) and p/"a", "found 228 labels in groups of 0, 21"),
    "no validation": (lambda p: (p/"a/validation.json").unlink() or p/"a", "expected validation.json or val.json"),
    "cut short": (lambda p: (p/"a/train.json").write_bytes(published()["train.json"][:-900]) and p/"a", "ends too early, after 30 images and"),
    "a web page": (lambda p: (p/"a/train.json").write_text("<!DOCTYPE html><html>sign in") and p/"a", "a web page (was a login page saved?)"),
    "a list": (lambda p: (p/"a/train.json").write_text("[1, 2]") and p/"a", "found '[1, 2]'"),
    "a zip": (lambda p: pack(p/"a/train.json", {"x": b"y"*100}) and p/"a", "expected a JSON object with the list images"),
    "test as train": (lambda p: shutil.copy(p/"a/test.json", p/"a/train.json") and p/"a", "expected annotations in"),
    "no pictures": (lambda p: [shutil.rmtree(p/"a"/o) for o in ("train", "validation", "test")] and p/"a", "none of the 45 listed pictures"),
    "training pictures only": (lambda p: [shutil.rmtree(p/"a"/o) for o in ("validation", "test")] and p/"a", "no picture of the validation split is in"),
    "validation pictures only": (lambda p: shutil.rmtree(p/"a/train") or p/"a", "no picture of the training split is in"),
}.values(), ids=lambda o: o if isinstance(o, str) else "")
def test_imaterialist_from_a_wrong_path_is_one_sentence(tmp_path, spoil, words):
    unpack(tmp_path/"a", published())
    with pytest.raises(UserError) as e: imaterialist(spoil(tmp_path))
    assert words in str(e.value) and "\n" not in str(e.value) and ("Kaggle" in str(e.value) or "addresses" in str(e.value))

def test_labels_without_pictures_by_the_command(tmp_path, capfd):
    "The refusal names the option that goes on without pictures; the same command with it prints the report."
    home = unpack(tmp_path/"a", {name: o for name, o in published().items() if not name.endswith("jpg")})
    assert main(["data", "check", "imaterialist", "--data-dir", str(home)]) == 2 and "`fashion-repro data check imaterialist --no-pictures`" in capfd.readouterr().err
    assert main(["data", "check", "imaterialist", "--data-dir", str(home), "--no-pictures"]) == 0
    assert "imaterialist: 45 images" in (out := capfd.readouterr().out) and "no picture was compared" in out and "30 train, 10 val, 5 test" in out
    assert main(["data", "check", "imaterialist", "--data-dir", str(home), "--no-pictures", "--decode"]) == 2 and "leave one of them out" in capfd.readouterr().err

def test_a_killed_opening_leaves_nothing(tmp_path):
    code = """if True:
        import os, sys
        import fashion_repro.data.imaterialist as im
        one = im.read_split
        im.read_split = lambda path, split: os._exit(9) if split == "val" else one(path, split)
        im.imaterialist(sys.argv[1], images=False)"""
    home = unpack(tmp_path/"a", published())
    assert subprocess.run([sys.executable, "-c", code, home]).returncode == 9
    assert len(imaterialist(home, images=False)) == 45 and not list((tmp_path/"cache").glob("*/*.building"))

def test_ten_thousand_rows_cost_seconds(tmp_path):
    "The benchmark opens a million; this keeps every step of it from going row by row."
    truth = {i: [1 + (i*k) % 228 for k in (1, 3, 7, 11, 13)] for i in range(1, 10_001)}
    home = unpack(tmp_path/"a", published() | {"train.json": json.dumps(split_json(KAGGLE, truth)).encode()})
    begin = time.process_time(); imaterialist(home, images=False); first = time.process_time() - begin
    begin = time.process_time(); cat = imaterialist(home, images=False); half = subset(cat, range(0, len(cat), 2)); targets(half); later = time.process_time() - begin
    print(f"{first:.2f} s, then {later:.2f} s")
    assert first < 5 and later < 1 and len(half) == 5008

def test_the_real_label_map(real_data):
    raw = (real_data("imaterialist")/LABEL_MAP).read_bytes()
    assert raw.count(b"\r\n") == 228 and not raw.endswith(b"\n")
    groups = read_label_map(raw, "here")                                        # checks sizes and task ids
    assert list(groups) == list(TASKS) and groups["category"][89] == "Hosiery, Stockings, Tights"
    assert groups["pattern"][1] == "Argyle" and groups["pattern"][228] == "Zebra" and groups["style"][10] == "Bandeaus"
