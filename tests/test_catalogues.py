"Catalogues from published files: each known defect in miniature, and the real archive."
import os, subprocess, sys, time
import numpy as np, pytest
from miniature import pack, picture, unpack
from fashion_repro.data.cache import cache_list
from fashion_repro.data.check import check, report_text
from fashion_repro.data.datasets import open_catalogue
from fashion_repro.data.fashion_products import COLUMNS, fashion_products
from fashion_repro.data.show import show
from fashion_repro.data.table import annotated, class_names, group_columns, open_image, split_indices, targets
from fashion_repro.errors import UserError

HEAD = ",".join(COLUMNS)
ROWS = ["1,Men,Apparel,Topwear,Shirts,Navy Blue,Fall,2011,Casual,Acme Men Navy Blue Shirt",
    "2,Women,Apparel,Topwear,Tops,NA,,2012,Casual,Acme Women Top, with lace, and bow",      # commas without quotes; NA and nothing
    "3,Men,Footwear,Shoes,Casual Shoes,Brown,Summer,2012,Casual,Zeta Men Shoe",             # no picture
    "4,Men,Footwear,Shoes,Casual Shoes,Brown,Summer,2012,Casual,Zeta Men Brown Shoe",       # a JPEG cut short
    "5,Women,Apparel,Topwear,Tops,Red,Summer,2012,Casual,Zeta Women Red Top",               # a palette
    "6,Women,Apparel,Topwear,Tops,Red,Summer,2012,Casual,Acme Women Red Top",               # CMYK
    "7,Unisex,Accessories,Bags,Backpacks,Black,Summer,2012,Sports,Acme Unisex Black Pack",  # greyscale
    "8,Unisex,Accessories,Bags,Backpacks,Black,Summer,2012,Sports,Kappa Bag No 8",          # the bytes of 7
    "9,Men,Apparel",                                                                        # a line cut short
    "10,Men,Apparel,Topwear,Shirts,White,Fall,2011,Formal,Caf\u00e9 Racer Men White Shirt",
    "11,Men,Apparel,Topwear,Shirts,White,Fall,2011,Formal,",                                # no title
    "1,Men,Apparel,Topwear,Shirts,White,Fall,2011,Formal,The first id again"]

def published(rows=ROWS, head=HEAD, end="\r\n", mark=b"\xef\xbb\xbf"):
    "The files of a miniature data set: name -> bytes."
    files = {f"images/{i}.jpg": picture(i) for i in (1, 2, 4, 10, 11)} | {"images/5.jpg": picture(5, "P", "PNG"), "images/6.jpg": picture(6, "CMYK"),
        "images/7.jpg": picture(7, "L", size=(60, 60)), "images/99.jpg": picture(99)}
    files["images/4.jpg"], files["images/8.jpg"] = files["images/4.jpg"][:400], files["images/7.jpg"]
    return files | {"styles.csv": mark + end.join([head, *rows, ""]).encode()}

@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_REPRO_CACHE", str(tmp_path/"cache"))

@pytest.fixture(params=["zip", "folder", "folder with archive.zip", "zip with a folder inside"])
def source(request, tmp_path):
    files = published()
    if request.param == "zip": return pack(tmp_path/"mine.zip", files)
    if request.param == "folder": return unpack(tmp_path/"unpacked", files)
    if request.param == "zip with a folder inside": return pack(tmp_path/"mine.zip", files | {"copy/deep/styles.csv": b"x"}, "fashion/")
    (tmp_path/"data").mkdir(); pack(tmp_path/"data/archive.zip", files); return tmp_path/"data"

def test_every_defect_in_miniature(source):
    cat = fashion_products(source)
    assert cat.table["image_id"][:] == ["1", "2", "5", "6", "7", "8", "10", "11"]
    assert sorted((o["kind"], o["id"]) for o in cat.defects) == [("broken image", "4"), ("image without row", "99"), ("missing image", "3"), ("row", "1"), ("row", "9")]
    assert {o["id"]: o["reason"] for o in cat.defects if o["kind"] == "row"} == {"9": "line 10 has 3 fields where the header has 10", "1": "line 13 repeats an id"}
    row = {o: i for i, o in enumerate(cat.table["image_id"][:])}
    facts = cat.table.remove_columns(["image"])
    assert facts[row["2"]]["text"] == "Acme Women Top, with lace, and bow"
    assert facts[row["2"]]["baseColour"] is None and facts[row["2"]]["season"] is None      # NA and an empty cell are not annotated
    assert facts[row["11"]]["text"] is None and facts[row["10"]]["text"] == "Caf\u00e9 Racer Men White Shirt"
    assert facts[row["7"]]["category"] == "Accessories" and facts[row["7"]]["subcategory"] == "Bags"
    assert cat.groups["articleType"] == ["Backpacks", "Casual Shoes", "Shirts", "Tops"]
    assert all(open_image(cat, i).mode == "RGB" for i in range(len(cat)))
    assert open_image(cat, row["7"]).size == (60, 60) and cat.report["sizes"] == {"60x80": 6, "60x60": 2}
    side = cat.table["split"][:]
    assert side[row["7"]] == side[row["8"]]  # equal bytes
    known = annotated(cat, groups=["baseColour", "season"])
    assert known[row["2"]].tolist() == [False, False] and known.sum() == 14
    hot, names = targets(cat), class_names(cat)
    assert {names[k] for k in np.flatnonzero(hot[row["1"]])} == {"gender: Men", "masterCategory: Apparel", "subCategory: Topwear", "articleType: Shirts",
        "baseColour: Navy Blue", "season: Fall", "usage: Casual"}
    assert not hot[row["2"]][group_columns(cat)["season"]].any()
    text = report_text(check(cat))
    assert "2 row" in text and "1 broken image" in text and "1 pictures are copies" in text and "without text 1" in text
    assert len(show(cat, 4).axes) == 4

def test_copies_and_titles_stay_together_whatever_the_seed(tmp_path):
    rows = [f"{i},Men,Apparel,Topwear,Shirts,Red,Fall,2011,Casual,{'Acme' if i % 2 else 'Zeta'} Men Shirt {i//2}" for i in range(60)]
    files = {"styles.csv": "\n".join([HEAD, *rows]).encode()} | {f"images/{i}.jpg": picture(i % 50) for i in range(60)}
    path = pack(tmp_path/"archive.zip", files)
    for seed in range(5):
        cat = fashion_products(path, seed)
        side = dict(zip(map(int, cat.table["image_id"][:]), cat.table["split"][:]))
        assert all(side[i] == side[i+1] for i in range(0, 60, 2)) and all(side[i] == side[i+50] for i in range(10))
        assert set(cat.report["leaks"].values()) == {0} and len(split_indices(cat, "test")) in range(8, 17)
    assert len(cache_list()) == 1                                                           # another seed is no other table

@pytest.mark.parametrize("spoil, words", {
    "nothing there": (lambda p: p/"nowhere.zip", "found nothing there"),
    "empty folder": (lambda p: (p/"empty").mkdir() or p/"empty", "expected styles.csv and images/"),
    "truncated zip": (lambda p: (p/"a.zip").write_bytes(pack(p/"b.zip", published()).read_bytes()[:-2000]) and p/"a.zip", "a zip archive cut short"),
    "no zip": (lambda p: (p/"a.zip").write_text("<html>sign in</html>") and p/"a.zip", "a file that is no zip archive of 20 bytes"),
    "another zip": (lambda p: pack(p/"a.zip", {"cats.csv": b"x"}), "found cats.csv"),
    "no column": (lambda p: pack(p/"a.zip", published(head=HEAD.replace("usage", "use"))), "expected column 'usage'"),
    "not text": (lambda p: pack(p/"a.zip", published() | {"styles.csv": picture(1)}), "UTF-8"),
    "no pictures": (lambda p: pack(p/"a.zip", {"styles.csv": published()["styles.csv"]}), "none of the 10 rows of styles.csv has a usable picture"),
}.values(), ids=lambda o: o if isinstance(o, str) else "")
def test_a_wrong_path_is_one_sentence(tmp_path, spoil, words):
    with pytest.raises(UserError) as e: fashion_products(spoil(tmp_path))
    text = str(e.value)
    assert words in text and "Kaggle" in text and "MIT" in text and "\n" not in text

@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_byte_order_marks(tmp_path, end):
    plain = fashion_products(pack(tmp_path/"a.zip", published(end="\n", mark=b"")))
    other = fashion_products(pack(tmp_path/"b.zip", published(end=end)))
    assert [o["reason"] for o in plain.defects] == [o["reason"] for o in other.defects]
    assert plain.groups == other.groups and plain.table.remove_columns("image")[:] == other.table.remove_columns("image")[:]

def test_a_damaged_member_is_a_defect_not_a_crash(tmp_path):
    path = pack(tmp_path/"a.zip", published()); raw = bytearray(path.read_bytes())
    at = raw.index(picture(10)); raw[at+200:at+210] = bytes(10); path.write_bytes(raw)
    assert ("broken image", "10") in [(o["kind"], o["id"]) for o in fashion_products(path).defects]

OPEN = "import sys; from fashion_repro.data.fashion_products import fashion_products; print(len(fashion_products(sys.argv[1])))"

def test_two_processes_build_one_table(tmp_path):
    path = pack(tmp_path/"a.zip", published())
    runs = [subprocess.Popen([sys.executable, "-c", OPEN, path], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [o.communicate()[0].strip() for o in runs] == ["8", "8"]
    assert len(cache_list()) == 1 and not list((tmp_path/"cache").glob("*/*.building"))

def test_a_full_disk_is_one_sentence(tmp_path):
    "The largest file this process may write is smaller than the table."
    path = pack(tmp_path/"a.zip", published())
    code = f"import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000)); {OPEN}"
    end = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    last = end.stderr.strip().splitlines()[-1]
    assert end.returncode and "UserError: no room to store the table of fashion-products" in last and "FASHION_REPRO_CACHE" in last and "MB free" in last
    assert not list((tmp_path/"cache/fashion-products").glob("*"))
    assert len(fashion_products(path)) == 8                                                 # and with room it works

def test_the_real_archive(real_data):
    "Counts of the published archive, its measured defects, and how long it takes to open."
    home = real_data("fashion-product-images-small")
    begin = time.process_time(); cat = fashion_products(home); first = time.process_time() - begin
    begin = time.process_time(); again = fashion_products(home/"archive.zip"); second = time.process_time() - begin
    print(f"first opening {first:.1f} s of processor time, later {second:.2f} s")
    assert first < 60 and second < 2 and again.fingerprint == cat.fingerprint
    assert len(cat) == 35_264 and cat.defects == []
    assert {g: len(o) for g, o in cat.groups.items()} == dict(gender=5, masterCategory=7, subCategory=45, articleType=139, baseColour=46, season=4, usage=8)
    assert annotated(cat).all() and (targets(cat).sum(1) == 7).all()
    found = check(cat)
    assert found["repeated"]["pictures"] == 515 and round(found["repeated"]["titles"]/len(cat), 2) == .27
    assert found["groups"]["articleType"]["below_10"] == 42 and sum(n for o, n in cat.report["sizes"].items() if o == "60x60") == 5
    assert set(cat.report["leaks"].values()) == {0} and set(found["crossing"].values()) == {0}
    assert cat.report["largest_group"] < .01*len(cat)
    for split, share in dict(train=.7, val=.1, test=.2).items(): assert abs(len(split_indices(cat, split))/len(cat) - share) < .005
    counts = np.stack([targets(cat, split_indices(cat, o)).sum(0, dtype=int) for o in ("train", "val", "test")])
    assert (counts[:, counts.sum(0) >= 30] > 0).all()                                       # every class of 30 pictures is in each split
    few = open_catalogue("fashion-products", home)
    assert len(few) == 600 and few.report["drawn_from"] == 35_264
