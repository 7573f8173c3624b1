"Anybody's own table and pictures: each defect in miniature, the mapping by options and by asking, and a real archive read as a stranger's."
import csv, gzip, io, os, pty, subprocess, sys, zipfile
from functools import partial
from pathlib import Path
import numpy as np, pyarrow as pa, pyarrow.parquet as pq, pytest
from PIL import Image
from fashion_repro.cli import main
from fashion_repro.data import own
from fashion_repro.data.check import check, report_text
from fashion_repro.data.columns import Columns, columns_file, load_columns, save_columns
from fashion_repro.data.datasets import open_catalogue
from fashion_repro.data.own import own_catalogue
from fashion_repro.data.show import show
from fashion_repro.data.table import annotated, n_defects, open_image, split_indices, targets
from fashion_repro.errors import UserError

@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_REPRO_CACHE", str(tmp_path/"cache"))

def picture(seed, size=(60, 80)):
    f = io.BytesIO(); Image.fromarray(np.random.default_rng(seed).integers(0, 256, (4, 3, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC).save(f, "JPEG"); return f.getvalue()

HEAD = "file,sku,title,about,colour,materials,category,price,set"
def line(i): return f'img/{i}.jpg,s{i//2},Dress no {i//4},"Red, number {i}",{("red", "Blue", "NA", "")[i % 4]},{("silk;wool", "wool", "unknown", ";")[i % 4]},{("Tops", "Shoes", "Bags")[i % 3]},{i}.50,{("train", "Training", "dev", "test")[i % 4]}'

@pytest.fixture
def shop(tmp_path):
    "A folder with products.csv and forty pictures."
    home = tmp_path/"shop"; (home/"img").mkdir(parents=True)
    for i in range(40): (home/f"img/{i}.jpg").write_bytes(picture(i))
    (home/"products.csv").write_text("\n".join([HEAD, *map(line, range(40)), ""]))
    return home

SAID = Columns("file", product_id="sku", text=("title", "about"), category="category", groups={"colour": "", "materials": ";", "category": ""})

def say(capfd, *argv):
    status = main([str(a) for a in argv]); out, err = capfd.readouterr()
    return status, out, err

def test_by_options(shop, capfd):
    "The command that the first refusal names is run as it stands; then the catalogue opens, and its report is printed."
    status, out, err = say(capfd, "data", "check", "catalogue", "--data-dir", shop)
    sentence, command, rest = err.split("\n")                                               # the command has a line of its own
    assert status == 2 and rest == "" and "colour (red, Blue, NA)" in sentence and sentence.endswith("to be corrected:")
    command = command.strip()
    assert command == f"fashion-repro data columns {shop}/products.csv --image file --product-id sku --split set --category category --text title about --group colour 'materials:;' category"
    r = subprocess.run(command.replace("fashion-repro", f"{sys.executable} -m fashion_repro.cli", 1), shell=True, capture_output=True, text=True)
    assert r.returncode == 0, r.stderr
    assert "materials: ;" in r.stdout and f"data check catalogue --data-dir {shop}/products.csv" in r.stdout
    status, out, err = say(capfd, "data", "check", "catalogue", "--data-dir", shop/"products.csv")
    assert status == 0 and "40 images of 20 products" in out and "20 train, 10 val, 10 test" in out, out + err
    assert say(capfd, "data", "columns", shop)[1].startswith("# How fashion-repro reads products.csv.")      # shown, as nobody can be asked
    assert say(capfd, "data", "show", "catalogue", "--data-dir", shop, "--out", shop/"sheet.png")[0] == 0

def test_one_option_changes_one_setting(shop, capfd):
    "What was saved stays, and what changed is printed; what cannot work is refused and not saved."
    table = shop/"products.csv"; save_columns(SAID, table); (shop/"img").rename(shop/"bilder"); (shop/"empty").mkdir()
    table.write_text(table.read_text().replace("img/", ""))
    status, out, _ = say(capfd, "data", "columns", table, "--images", "bilder")
    assert status == 0 and "changed: images: (none) -> bilder" in out and out.count("changed:") == 1 and "note:" not in out
    after = Columns(**{**vars(SAID), "images": "bilder"}); assert load_columns(table)[0] == after
    for argv, words in ((["--images", "bild"], "found nothing there"), (["--images", "empty"], "none of the pictures"), (["--image", "title"], "none of the pictures that 'title' names"),
            (["--split", "colour"], "names the splits"), (["--image-id", "sku"], "sku repeats on 20 of 40 rows, so it cannot name each of them: was --product-id sku meant?")):
        status, _, err = say(capfd, "data", "columns", table, *argv)
        assert status == 2 and words in err and err.count("\n") == 1 and load_columns(table)[0] == after, err
    status, out, _ = say(capfd, "data", "columns", table, "--group", "colour", "materials")
    assert status == 0 and """note: 2 of 3 classes of materials contain ";": was --group 'materials:;' meant?""" in out and "changed: groups: " in out
    status, out, _ = say(capfd, "data", "columns", table, "--group", "-")
    assert status == 0 and "note: no attribute group is named" in out and load_columns(table)[0].groups == {}
    out = say(capfd, "data", "check", "catalogue", "--data-dir", table)[1]
    assert "groups       none: there is nothing to train attributes on" in out and "category     3 kinds of product: Tops 14, Shoes 13, Bags 13" in out

def test_what_the_table_says(shop):
    save_columns(SAID, shop/"products.csv")
    cat = own_catalogue(shop)
    rows = cat.table.remove_columns("image")
    assert cat.groups == dict(colour=["Blue", "red"], materials=["silk", "wool"], category_class=["Bags", "Shoes", "Tops"])
    assert {o: rows[3][o] for o in rows.column_names if o != "split"} == dict(image_id="img/3.jpg", product_id="s1", text="Dress no 0. Red, number 3", category="Tops", colour=None, materials=[], category_class=[2])
    assert [rows[i]["materials"] for i in range(3)] == [[0, 1], [1], None] and annotated(cat, groups=["colour"]).sum() == 20
    assert targets(cat).sum() == 20 + 30 + 40 and cat.defects == [] and open_image(cat, 39).size == (60, 80)
    assert set(cat.report["leaks"].values()) == {0} and all(len(split_indices(cat, o)) for o in ("train", "val", "test"))
    assert len(show(cat, 4).axes) == 4 and "40 images of 20 products" in report_text(check(cat))
    assert len(open_catalogue("catalogue", shop)) == 40

def asked(shop, answers, monkeypatch):
    "Open with a person at the terminal."
    left, questions = list(answers), []
    def answer(question=""): questions.append(question); return left.pop(0) if left else ""
    monkeypatch.setattr("builtins.input", answer); monkeypatch.setattr(own, "ask_and_save", partial(own.ask_and_save, ask=answer))
    for o in ("stdin", "stdout"): monkeypatch.setattr(getattr(sys, o), "isatty", lambda: True, raising=False)
    return questions, own_catalogue(shop)

def test_asked_once(shop, monkeypatch, capfd):
    questions, cat = asked(shop, ["", "", "", "", "title", "-", "", "colour, materials:;", "Blue"], monkeypatch)
    assert len(questions) == 9 and "[title, about]" in questions[4] and "s0, s1, s2" in capfd.readouterr().out
    assert cat.groups == dict(colour=["red"], materials=["silk", "wool"]) and "split" not in cat.report["split"]
    again, other = asked(shop, [], monkeypatch)
    assert again == [] and other.fingerprint == cat.fingerprint                             # saved, never asked again

def test_asked_on_a_real_terminal(shop):
    "`data columns` in a pseudo-terminal; Return nine times accepts the guesses."
    here, there = pty.openpty()
    p = subprocess.Popen([sys.executable, "-m", "fashion_repro.cli", "data", "columns", str(shop)], stdin=there, stdout=there, stderr=there, env={**os.environ, "TERM": "dumb"})
    os.close(there); os.write(here, b"\n"*9); seen = b""
    while True:
        try: part = os.read(here, 1000)
        except OSError: break                                                               # the other end is closed
        if not part: break
        seen += part
    assert p.wait() == 0, seen.decode()
    assert b"40 rows with these columns" in seen and b"[file]" in seen and b"saved in" in seen
    assert load_columns(shop/"products.csv")[0].groups == {"colour": "", "materials": ";", "category": ""}

def test_defects_are_listed_and_counted(shop, capfd):
    lines = [line(i) for i in range(40)]
    lines[10] += ",one more"; lines[12] = "img/12.jpg,s6"; lines[20] = line(21); lines[30] = "," + line(30).split(",", 1)[1]
    (shop/"products.csv").write_text("\n".join([HEAD, *lines, ""]))
    (shop/"img/1.jpg").unlink(); (shop/"img/2.jpg").write_bytes(picture(2)[:300]); (shop/"img/3.jpg").write_bytes(b"<html>"); (shop/"img/4.jpg").write_bytes(b""); (shop/"img/more.png").write_bytes(picture(99))
    save_columns(SAID, shop/"products.csv")
    cat = own_catalogue(shop)
    assert sorted((o["kind"], o["id"]) for o in cat.defects if o["kind"] != "image without row") == [("broken image", "img/2.jpg"), ("broken image", "img/3.jpg"),
        ("missing image", "img/1.jpg"), ("missing image", "img/4.jpg"), ("row", ""), ("row", ""), ("row", ""), ("row", "img/21.jpg")]
    assert {o["reason"] for o in cat.defects if o["kind"] == "row"} == {"row 12 has 10 fields where the header has 9", "row 14 has 2 fields where the header has 9", "repeats an image_id", "says nothing in file"}
    assert {o["id"] for o in cat.defects if o["kind"] == "image without row"} == {f"img/{o}" for o in ("10.jpg", "12.jpg", "20.jpg", "30.jpg", "more.png")}
    assert len(cat) == 40 - 4 - 4 and len(own_catalogue(shop, images=False)) == 36 and n_defects(cat) == 13
    status, out, err = say(capfd, "data", "check", "catalogue", "--data-dir", shop, "--defects", shop/"bad.tsv.txt")
    assert status == 0 and "13 defects" in out and (shop/"bad.tsv.txt").read_text().count("\n") == 14, out + err

def test_the_table_has_changed(shop):
    save_columns(SAID, shop/"products.csv")
    old = own_catalogue(shop).fingerprint
    (shop/"products.csv").write_text((shop/"products.csv").read_text().replace("colour", "color", 1))
    with pytest.raises(UserError, match="no column 'colour' for attribute group: did you mean 'color'.*products.csv.columns.yaml"): own_catalogue(shop)
    columns_file(shop/"products.csv").write_text(columns_file(shop/"products.csv").read_text().replace("colour", "color"))
    assert own_catalogue(shop).fingerprint != old and "color" in own_catalogue(shop).groups

@pytest.mark.parametrize("argv,named", [
    (["--image", "fiel"], "did you mean 'file'"), (["--group", "color"], "did you mean 'colour'"), (["--text", "titel"], "did you mean 'title'"),
    (["--image", "img/{skuu}.jpg"], "did you mean 'sku'"), (["--delimiter", "::"], "expected one character"), (["--encoding", "utf-88"], "unknown encoding"),
], ids=lambda o: o[1] if isinstance(o, list) else "")
def test_wrong_words_are_one_sentence(shop, capfd, argv, named):
    status, _, err = say(capfd, "data", "columns", shop, *argv)
    assert status == 2 and err.count("\n") == 1 and named in err, err
    assert not columns_file(shop/"products.csv").exists()

WRONG = {
    "empty": (b"", SAID, "is empty"),
    "no rows": (HEAD.encode(), SAID, "has no rows"),
    "another encoding": ("file,title\nimg/1.jpg,Café\n".encode("latin-1"), Columns("file", text=("title",)), "--encoding latin-1"),
    "another delimiter": (HEAD.replace(",", ";").encode() + b"\n1;2;3;4;5;6;7;8;9\n", SAID, "its columns are file;sku"),
    "no picture there": (b"file\nimg/x.jpg\nimg/y.jpg\n", Columns("file"), "none of the 2 rows"),
    "addresses": (b"file\nhttps://shop.example/1.jpg\n", Columns("file"), "download them first"),
    "no such folder": (b"file\n1.jpg\n", Columns("file", images="pictures"), "found nothing there"),
    "a group of numbers": (("file,n\n" + "".join(f"img/{i%40}.jpg?{i},{i}\n" for i in range(200))).encode(), Columns("file", groups={"n": ""}), "no attribute group"),
    "odd splits": (b"file,fold\nimg/1.jpg,1\nimg/2.jpg,2\n", Columns("file", split="fold"), "names the splits 1, 2"),
    "nothing to train on": (b"file,fold\nimg/1.jpg,test\n", Columns("file", split="fold"), "no row of the split column says train"),
    "nothing to validate on": (b"file,fold\nimg/1.jpg,train\nimg/2.jpg,test\nimg/3.jpg,test\n", Columns("file", split="fold"), "found 1 train, 0 val, 2 test: let more rows say train or val in column 'fold'"),
    "no picture to train on": (b"file,fold\nimg/x.jpg,train\nimg/2.jpg,val\nimg/3.jpg,test\n", Columns("file", split="fold"), "found 0 train, 1 val, 1 test"),
    "one product": (b"file,p\n" + b"".join(b"img/%d.jpg,a\n" % i for i in range(40)), Columns("file", product_id="p"), "(1 groups): add rows"),
    "nothing in the picture's column": (b"file,t\n,a\n,b\n", Columns("file", text=("t",)), "no row of"),
    "a quotation mark": (b"file,t\n" + b'img/1.jpg,"x\n' + b"img/2.jpg,y\n"*30, Columns("file", text=("t",)), "is never closed"),
}

@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_table_is_one_sentence(shop, what):
    raw, mapping, words = WRONG[what]
    (shop/"products.csv").write_bytes(raw); save_columns(mapping, shop/"products.csv")
    with pytest.raises(UserError) as e: own_catalogue(shop)
    assert words in str(e.value) and "\n" not in str(e.value)

@pytest.mark.parametrize("encoding,end,mark", [("utf-8-sig", "\r\n", ","), ("cp1252", "\n", ";"), ("utf-16", "\r\n", "\t")])
def test_as_spreadsheets_write_it(shop, encoding, end, mark):
    "Encoding and separator are guessed when the mapping is made, and named in it."
    rows = ["file title colour", *(f"img/{i}.jpg Robe_d\u2019\u00e9t\u00e9_{i} {('rouge', 'bleu')[i % 2]}" for i in range(20))]
    (shop/"products.csv").write_bytes(end.join(rows).replace(" ", mark).replace("_", " ").encode(encoding))
    assert main(["data", "columns", str(shop), "--image", "file", "--group", "colour", "--text", "title"]) == 0
    cat = own_catalogue(shop)
    assert cat.table["text"][0] == "Robe d\u2019\u00e9t\u00e9 0" and cat.groups == dict(colour=["bleu", "rouge"]) and len(cat) == 20

def test_other_forms_of_the_same_table(shop):
    "CSV, compressed CSV, TSV and Parquet give one catalogue; so do pictures in a zip, in another folder, and by absolute path."
    text = (shop/"products.csv").read_text(); names = HEAD.split(",")
    save_columns(SAID, shop/"products.csv"); plain = own_catalogue(shop/"products.csv")
    (shop/"b.csv.gz").write_bytes(gzip.compress(text.encode())); save_columns(SAID, shop/"b.csv.gz")
    rows = list(csv.DictReader(io.StringIO(text)))
    typed = {o: [r[o] for r in rows] for o in names} | dict(price=[float(r["price"]) for r in rows], materials=[None if r["materials"] == "unknown" else r["materials"].split(";") for r in rows])
    pq.write_table(pa.table(typed), shop/"c.parquet"); save_columns(SAID, shop/"c.parquet")
    with zipfile.ZipFile(shop/"all.zip", "w") as z:
        for i in range(40): z.write(shop/f"img/{i}.jpg", f"deep/{i}.jpg")
    (shop/"d.csv").write_text(text.replace("img/", "")); save_columns(Columns(**{**vars(SAID), "image": "deep/{file}", "images": "all.zip"}), shop/"d.csv")
    (shop/"e.csv").write_text(text.replace("img/", f"{shop}/img/")); save_columns(SAID, shop/"e.csv")
    for name in ("b.csv.gz", "c.parquet", "d.csv", "e.csv"):
        cat = own_catalogue(shop/name)
        assert (targets(cat) == targets(plain)).all() and cat.groups == plain.groups and cat.table["split"][:] == plain.table["split"][:], name
        assert cat.table["text"][:] == plain.table["text"][:] and np.array_equal(open_image(cat, 7), open_image(plain, 7))

def test_a_parquet_table_with_other_types(shop):
    "Numbers are text; lists are for pictures and groups; pictures inside the table are not read."
    pq.write_table(pa.table(dict(no=list(range(20)), photos=[[f"img/{2*i}.jpg", f"img/{2*i+1}.jpg"] for i in range(20)], tags=[["a", "b"][:i % 3] for i in range(20)],
        raw=[dict(bytes=b"x", path="a")]*20)), shop/"t.parquet")
    save_columns(Columns("photos", image_id="no", text=("no",), groups={"tags": ""}), shop/"t.parquet")
    cat = own_catalogue(shop/"t.parquet")
    assert cat.table["image_id"][:3] == ["0-1", "0-2", "1-1"] and cat.table["tags"][:6] == [None, None, [0], [0], [0, 1], [0, 1]] and cat.table["text"][39] == "19"
    for mapping, words in ((Columns("photos", text=("tags",)), "'tags' .* holds lists"), (Columns("raw"), "'raw' holds struct")):
        save_columns(mapping, shop/"t.parquet")
        with pytest.raises(UserError, match=words): own_catalogue(shop/"t.parquet")

def test_several_pictures_of_a_product(shop):
    "A list in one cell, or a row for each picture: the product stays on one side of the split."
    (shop/"products.csv").write_text("id;photos;colour\n" + "".join(f"p{i};img/{2*i}.jpg, img/{2*i+1}.jpg;{('red', 'blue')[i % 2]}\n" for i in range(20)))
    save_columns(Columns("photos", ",", image_id="id", groups={"colour": ""}, delimiter=";"), shop/"products.csv")
    listed = own_catalogue(shop)
    assert len(listed) == 40 and listed.table["image_id"][:3] == ["p0-1", "p0-2", "p1-1"] and listed.table["product_id"][:3] == ["p0", "p0", "p1"]
    (shop/"products.csv").write_text("photo,id\n" + "".join(f"img/{i}.jpg,p{i//4}\n" for i in range(40)))
    save_columns(Columns("photo", product_id="id"), shop/"products.csv")
    for seed in range(3):
        cat, sides = own_catalogue(shop, seed), {}
        for product, split in zip(cat.table["product_id"][:], cat.table["split"][:]): sides.setdefault(product, set()).add(split)
        assert len(sides) == 10 and all(len(o) == 1 for o in sides.values())

@pytest.mark.parametrize("train", [2, 3, 5, 30])
def test_validation_is_drawn_from_few_training_rows(shop, train):
    (shop/"products.csv").write_text("file,fold\n" + "".join(f"img/{i}.jpg,{'train' if i < train else 'test'}\n" for i in range(40)))
    save_columns(Columns("file", split="fold"), shop/"products.csv")
    for seed in range(3):
        counts = {o: len(split_indices(own_catalogue(shop, seed), o)) for o in ("train", "val", "test")}
        assert counts["val"] == max(1, round(.1*train)) and counts["train"] + counts["val"] == train and counts["test"] == 40 - train

def test_repeated_slashes_in_names(shop):
    "A folder written with its slash, joined to names with theirs."
    (shop/"products.csv").write_text("at,no\n" + "".join(f"img//,{i}\n" for i in range(40)))
    save_columns(Columns("{at}/{no}.jpg", image_id="no"), shop/"products.csv")
    assert own_catalogue(shop).defects == []

def test_leaks_of_a_split_that_the_table_names(shop):
    save_columns(Columns("file", product_id="sku", text=("title",), split="set"), shop/"products.csv")
    cat = own_catalogue(shop)
    assert [len(split_indices(cat, o)) for o in ("train", "val", "test")] == [20, 10, 10]
    assert cat.report["leaks"]["products"] == 10 and cat.report["leaks"]["texts"] == 10 * (6 - 1)  # of the pairs in a product and in a title

def test_large_sets_are_decoded_on_demand(shop, capfd, monkeypatch):
    "Above the limit a picture cut short is not noticed; --decode finds it, remembers it, and forgets it when it is mended."
    monkeypatch.setattr(own, "find_pictures", partial(own.find_pictures, most=10))
    save_columns(SAID, shop/"products.csv"); (shop/"img/7.jpg").write_bytes(picture(7)[:300]); (shop/"img/8.jpg").unlink()
    before = open_catalogue("catalogue", shop, "paper")
    assert len(before) == 39 and [o["kind"] for o in before.defects] == ["missing image"] and not before.report["decoded"]
    with pytest.raises(UserError, match="img/7.jpg"): open_image(before, 7)
    assert before.report["look_alikes"] is None and before.report["leaks"] == dict(products=0, texts=0, bytes=None, near_duplicates=None)     # not zero: nobody looked
    text = report_text(check(before))
    assert "0 products, 0 texts; not grouped: 0 images whose title is too common; copies and near duplicates were not looked for" in text and "0 bytes" not in text
    status, out, err = say(capfd, "data", "check", "catalogue", "--data-dir", shop, "--decode")
    assert status == 0 and "39 pictures decoded, 1 are broken" in out and "38 images" in out, out + err
    after = open_catalogue("catalogue", shop, "paper")
    assert [(o["kind"], o["id"]) for o in after.defects] == [("missing image", "img/8.jpg"), ("broken image", "img/7.jpg")]
    assert after.fingerprint != before.fingerprint and len(after) == 38
    (shop/"img/7.jpg").write_bytes(picture(7)); assert len(open_catalogue("catalogue", shop, "paper")) == 39

def test_the_list_of_broken_pictures_is_found_by_every_path(shop, capfd, monkeypatch):
    monkeypatch.setattr(own, "find_pictures", partial(own.find_pictures, most=10))
    save_columns(SAID, shop/"products.csv"); (shop/"img/7.jpg").write_bytes(picture(7)[:300])
    (shop.parent/"link").symlink_to(shop); (shop/"same.csv").symlink_to("products.csv"); save_columns(SAID, shop/"same.csv"); monkeypatch.chdir(shop.parent)
    assert say(capfd, "data", "check", "catalogue", "--data-dir", "shop/products.csv", "--decode")[0] == 0
    for path in ("shop/products.csv", shop/"products.csv", "link/products.csv", "shop/../shop/same.csv"): assert len(open_catalogue("catalogue", path, "paper")) == 39, path

def test_a_folder_that_may_not_be_written(shop, capfd, monkeypatch):
    def denied(self, *args, **kw):
        if self.parent == shop: raise PermissionError(13, "Permission denied")
        return write(self, *args, **kw)
    write = Path.write_text; monkeypatch.setattr(Path, "write_text", denied)
    status, out, _ = say(capfd, "data", "columns", shop, "--image", "file", "--group", "colour")
    assert status == 0 and f"saved in {os.environ['FASHION_REPRO_CACHE']}/columns/products.csv-" in out
    assert list(shop.glob("*.yaml")) == [] and own_catalogue(shop).groups == dict(colour=["Blue", "red"])

def test_a_file_system_mounted_read_only(shop, capfd, monkeypatch):
    "Removing fails there as writing does."
    def refused(act):
        def f(self, *args, **kw):
            if self.parent == shop: raise OSError(30, "Read-only file system")
            return act(self, *args, **kw)
        return f
    for o in ("write_text", "unlink"): monkeypatch.setattr(Path, o, refused(getattr(Path, o)))
    status, out, _ = say(capfd, "data", "columns", shop, "--image", "file", "--group", "colour")
    assert status == 0 and f"saved in {os.environ['FASHION_REPRO_CACHE']}/columns/products.csv-" in out

def test_a_real_archive_as_a_strangers(real_data, tmp_path, capfd, monkeypatch):
    "The clothing dataset, unpacked, through nothing but the guessed command: its ids are names without an ending, one picture is missing."
    with zipfile.ZipFile(real_data("clothing-dataset")/"archive.zip") as z: z.extractall(tmp_path/"clothes")
    status, _, err = say(capfd, "data", "check", "catalogue", "--data-dir", tmp_path/"clothes")
    assert status == 2 and "--image '{image}.jpg' --images images" in err and "label" in err
    assert say(capfd, "data", "columns", tmp_path/"clothes", "--image", "images/{image}.jpg", "--image-id", "image", "--group", "label", "kids", "--not-annotated", "Not sure", "Skip", "Other")[0] == 0
    cat = own_catalogue(tmp_path/"clothes")
    assert len(cat) == 2790 and [o["kind"] for o in cat.defects] == ["missing image"] and set(cat.report["leaks"].values()) == {0}
    same = open_catalogue("clothing-dataset", real_data("clothing-dataset"), "paper")
    assert cat.groups["label"] == same.groups["label"] and sorted(cat.table["image_id"][:]) == sorted(same.table["image_id"][:])
    assert (targets(cat, groups=["label"]).sum(0) == targets(same, groups=["label"]).sum(0)).all() and cat.groups["kids"] == ["False", "True"]
