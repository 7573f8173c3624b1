"A folder or a zip of unlabelled pictures, and everything that is none."
import csv, os, zipfile
import numpy as np, pytest
from miniature import pack, picture, unpack
from fashion_repro.cli import main
from fashion_repro.data.check import check, report_text
from fashion_repro.data.datasets import open_catalogue
from fashion_repro.data.picture_folder import picture_folder
from fashion_repro.data.table import open_image
from fashion_repro.errors import UserError

@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_REPRO_CACHE", str(tmp_path/"cache"))

FILES = {"a.JPG": picture(0), "sub/deep/b.png": picture(1, kind="PNG"), "sub/c.WebP": picture(2, kind="WEBP"), "sub/deep/d.jpeg": picture(0), "sub/notes.txt": b"x", "sub/cut.jpg": picture(3)[:300],
    "sub/fake.png": b"no picture", "sub/empty.gif": b"", ".hidden.jpg": picture(4), ".cache/e.jpg": picture(5), "sub/README": b"x"}
KEPT = ["a.JPG", "sub/c.WebP", "sub/deep/b.png", "sub/deep/d.jpeg"]
LISTED = [("broken image", "sub/cut.jpg"), ("broken image", "sub/fake.png"), ("hidden file", ".hidden.jpg"), ("missing image", "sub/empty.gif"), ("no picture", "sub/README"), ("no picture", "sub/notes.txt")]
def listed(cat): return sorted((o["kind"], o["id"]) for o in cat.defects)

def test_a_folder_and_its_zip(tmp_path):
    folder, packed = picture_folder(unpack(tmp_path/"a", FILES)), picture_folder(pack(tmp_path/"a.zip", FILES))
    assert listed(folder) == sorted([*LISTED, ("folder left out", ".cache")]) and listed(packed) == sorted([*LISTED, ("hidden file", ".cache/e.jpg")])
    for cat in (folder, packed):
        assert cat.table["image_id"][:] == KEPT and set(cat.table["split"][:]) == {"train"} and cat.groups == {} and cat.name == "folder"
        assert "4 images" in (text := report_text(check(cat))) and "1 pictures are copies" in text and "none: there is nothing to train attributes on" in text
    assert all(np.array_equal(open_image(folder, i), open_image(packed, i)) for i in range(4)) and folder.fingerprint == packed.fingerprint

def test_a_folder_full_of_text_files(tmp_path, capfd):
    home = unpack(tmp_path/"texts", {f"{i % 7}/{i}.txt": b"x" for i in range(40)} | {"list.csv": b"x"})
    assert main(["data", "check", "folder", "--data-dir", str(home)]) == 2
    said = capfd.readouterr().err.strip()
    assert f"expected pictures (.jpg, .jpeg, .png, .webp, .gif, .bmp, .tif, .tiff) in {home} or below it, found 40 .txt, 1 .csv" in said and "Traceback" not in said and said.count("\n") == 0

def test_names_that_are_no_text_and_folders_that_cannot_be_read(tmp_path, monkeypatch):
    home = unpack(tmp_path/"a", FILES | {"shut/f.jpg": picture(6)}); (home/os.fsdecode(b"sub/\xff.jpg")).write_bytes(picture(7))
    scan = os.scandir
    def refuse(path):
        if str(path).endswith("shut"): raise PermissionError(13, "Permission denied", str(path))
        return scan(path)
    monkeypatch.setattr(os, "scandir", refuse); cat = picture_folder(home)
    assert cat.table["image_id"][:] == KEPT and {("unread folder", "shut"), ("unusable name", "sub/\\udcff.jpg")} < set(listed(cat))
    assert next(o["reason"] for o in cat.defects if o["kind"] == "unread folder") == "cannot be read: Permission denied"

def test_links_end(tmp_path):
    home, other = unpack(tmp_path/"a", {"x/1.jpg": picture(1)}), unpack(tmp_path/"b", {"y/2.jpg": picture(2)})
    for link, to in {"x/again": home, "x/self": home/"x/self", "up": tmp_path, "b": other}.items(): (home/link).symlink_to(to)
    (other/"back").symlink_to(home); (home/"x/3.jpg").symlink_to(other/"y/2.jpg"); (home/"x/4.jpg").symlink_to(tmp_path/"nowhere")
    cat = picture_folder(home)
    assert cat.table["image_id"][:] == ["b/y/2.jpg", "x/1.jpg", "x/3.jpg"]
    assert listed(cat) == sorted([("folder left out", o) for o in ("b/back", "up", "x/again")] + [("missing image", "x/4.jpg"), ("no picture", "x/self")])

def test_by_name_and_by_the_commands(tmp_path, capfd, monkeypatch):
    home = unpack(tmp_path/"a", FILES); monkeypatch.delenv("FASHION_REPRO_DATA", raising=False)
    assert main(["data", "list"]) == 0 and "folder: a folder or zip of your own pictures" in capfd.readouterr().out
    assert main(["data", "check", "folder", "--data-dir", str(home), "--defects", str(tmp_path/"bad.csv")]) == 0 and "folder: 4 images" in capfd.readouterr().out
    assert sorted((o["kind"], o["id"]) for o in csv.DictReader(open(tmp_path/"bad.csv"))) == sorted([*LISTED, ("folder left out", ".cache")])
    assert main(["data", "show", "folder", "--data-dir", str(home), "--out", str(tmp_path/"sheet.png")]) == 0 and (tmp_path/"sheet.png").stat().st_size > 1000
    assert main(["data", "check", "folder"]) == 2 and "give the path of a folder or a zip" in capfd.readouterr().err
    assert len(open_catalogue("folder", home, "demo")) == 4 and len(open_catalogue("folder", home, images=False)) == 7

def test_a_zip_that_is_locked_or_none(tmp_path):
    path = pack(tmp_path/"a.zip", FILES); raw = bytearray(path.read_bytes()); at = 0
    while (at := raw.find(b"PK\x01\x02", at)) >= 0: raw[at+8] |= 1; at += 4
    path.write_bytes(raw)
    with pytest.raises(UserError, match="is locked: unpack it"): picture_folder(path)
    path.write_bytes(raw[:200])
    with pytest.raises(UserError, match="found a file of 200 bytes that is no whole zip"): picture_folder(path)
    with zipfile.ZipFile(path, "w") as z: z.writestr("a.txt", "x")
    with pytest.raises(UserError, match="found 1 .txt"): picture_folder(path)
