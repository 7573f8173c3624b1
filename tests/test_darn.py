"DARN in the layouts in which others redistribute it, and each bad input."
import pytest
from miniature import picture, unpack
from fashion_repro.cli import main
from fashion_repro.data.check import check, report_text
from fashion_repro.data.darn import TYPES, darn
from fashion_repro.data.datasets import open_catalogue
from fashion_repro.data.table import annotated, n_defects
from fashion_repro.errors import UserError

@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_REPRO_CACHE", str(tmp_path/"cache"))

N, TRAIN, VALID = 60, range(0, 36), range(36, 44)
def name(i): return f"pic/T2{i}_!!{7000 + i % 12}.jpg"
def value(i, k): return (5*i + 11*k + i//7) % list(TYPES.values())[k]
def kinds(i): return [k for k in range(9) if (i + k) % 5]                       # not every type is annotated on every picture
def pairs(i, only=None): return [x for k in (kinds(i) if only is None else only) for x in (k, value(i, k))]
def text(lines): return "\n".join([*lines, ""]).encode()
def names(part): return text(map(name, part))
def numbered(part): return text("\t".join(map(str, [at, *pairs(i)])) for at, i in reversed(list(enumerate(part))))
def counted(part): return text(" ".join(map(str, [len(kinds(i)), *pairs(i)])) for i in part)
def asked(part, odd): return text(f"{at} {k} {value(i, k)}" for at, i in enumerate(part) for k in kinds(i) if k % 2 == odd)

TEST = range(44, N)
PICTURES = {name(i): picture(i) for i in range(N)}
LAYOUTS = {
    "asen": {f"filenames_{o}.txt": names(p) for o, p in dict(train=TRAIN, valid=VALID, test=TEST).items()} | {"label_train.txt": numbered(TRAIN)} | {f"{q}_{o}.txt": asked(p, odd) for o, p in dict(valid=VALID, test=TEST).items() for odd, q in enumerate(("query", "candidate"))},
    "parallel": {"filenames_train.txt": names(TRAIN), "filenames_valid.txt": names(VALID), "filenames_test.txt": names(TEST), "train_label.txt": counted(TRAIN), "valid_label.txt": counted(VALID), "test_label.txt": counted(TEST)},
    "one list": {"filenames.txt": names(range(N)), "label.txt": counted(range(N))},
}

def expected(i): return [[value(i, k)] if k in kinds(i) else None for k in range(9)]
def facts(cat): return {o["image_id"]: [o[g] for g in TYPES] for o in cat.table.remove_columns("image")}

@pytest.mark.parametrize("files", LAYOUTS.values(), ids=LAYOUTS)
def test_each_layout(tmp_path, files):
    cat = darn(unpack(tmp_path/"a", PICTURES | files))
    assert not cat.defects and facts(cat) == {name(i): expected(i) for i in range(N)} and max(value(i, 4) for i in range(N)) > 9
    assert {g: len(o) for g, o in cat.groups.items()} == TYPES and cat.groups["pattern"][12] == "pattern 12" and "product_id" not in cat.table.column_names
    side = dict(zip(cat.table["image_id"][:], cat.table["split"][:]))
    assert set(side.values()) == {"train", "val", "test"} and all(side[name(i)] == side[name(i % 12)] for i in range(N))      # a seller
    words = report_text(check(cat)); assert "60 of 60 listed pictures are there; 253,983 were published" in words and "no value_names.txt" in words and "0 sellers" in words

def test_layouts_are_one_catalogue(tmp_path):
    cats = [darn(unpack(tmp_path/str(k), PICTURES | o)) for k, o in enumerate(LAYOUTS.values())]
    assert facts(cats[0]) == facts(cats[1]) == facts(cats[2])
    kept = [o.table.select_columns(["image_id", "split"])[:] for o in cats]; assert kept[0] == kept[1] == kept[2]

def test_pictures_elsewhere_missing_and_broken(tmp_path):
    for k, place in enumerate(("", "images/pic/", "img/pic/")):
        moved = {f"{place}{o.removeprefix('pic/')}" if place else o: raw for o, raw in PICTURES.items()}
        for i in range(20): del moved[f"{place}{name(i).removeprefix('pic/')}" if place else name(i)]
        moved[f"{place}{name(20).removeprefix('pic/')}" if place else name(20)] = b"x"
        cat = darn(unpack(tmp_path/str(k), moved | LAYOUTS["one list"])); kinds_ = [o["kind"] for o in cat.defects]
        assert len(cat) == 39 and kinds_.count("missing image") == 20 and kinds_.count("broken image") == 1 and "40 of 60" not in cat.report["notes"][0] and cat.report["notes"][0].startswith("39 of 60")
        assert len(darn(tmp_path/str(k), images=False)) == 60

def test_names_of_values(tmp_path):
    home = unpack(tmp_path/"a", PICTURES | LAYOUTS["one list"]); plain = darn(home)
    unpack(home, {"value_names.txt": "4 12 polka dot\n4 0 pure\n4 28 none\nx\n4 3 pure\n".encode()}); cat = darn(home)
    assert cat.groups["pattern"][:4] == ["pure", "pattern 1", "pattern 2", "pattern 3"] and cat.groups["pattern"][12] == "polka dot" and facts(cat) == facts(plain)
    assert [o["id"] for o in cat.defects] == [f"value_names.txt:{i}" for i in (3, 4, 5)] and cat.fingerprint != plain.fingerprint

BAD = {
    "no number": (lambda o: [*o[:3], "1 x 2", *o[4:]], ("unusable line", "label.txt:4"), {3}),
    "even many": (lambda o: [*o[:3], "1 4 2 3", *o[4:]], ("unusable line", "label.txt:4"), {3}),
    "count that is not kept": (lambda o: [*o[:3], "3 0 1 1 1", *o[4:]], ("unusable line", "label.txt:4"), {3}),
    "type 9": (lambda o: [*o[:3], "2 9 0 0 1", *o[4:]], ("unknown value", name(3)), set()),
    "value 28": (lambda o: [*o[:3], "2 4 28 0 1", *o[4:]], ("unknown value", name(3)), set()),
    "a line too many": (lambda o: [*o, "1 0 1"], ("unusable line", "label.txt:61"), set()),
    "blank": (lambda o: [*o[:3], "", *o[4:]], None, {3}),
}

@pytest.mark.parametrize("change, defect, silent", BAD.values(), ids=BAD)
def test_bad_lines_are_listed_and_move_nothing(tmp_path, change, defect, silent):
    files = LAYOUTS["one list"]; lines = change(files["label.txt"].decode().splitlines())
    cat = darn(unpack(tmp_path/"a", PICTURES | files | {"label.txt": text(lines)}))
    listed = {(o["kind"], o["id"]) for o in cat.defects}
    assert listed == {o for o in [defect, *(("image without labels", name(i)) for i in silent), ("wrong count", "label.txt") if len(lines) > 60 else None] if o}
    told = facts(cat); assert all(told[name(i)] == expected(i) for i in range(N) if i != 3) and len(cat) == N
    if not silent and defect[0] == "unknown value": assert told[name(3)] == [[1], *[None]*8]
    if silent: assert told[name(3)] == [None]*9

def test_a_name_in_two_lists_is_one_picture(tmp_path):
    files = LAYOUTS["asen"] | {"filenames.txt": names([0, 1]), "labels.txt": b"1 8 16\n1 8 15\n"}
    cat = darn(unpack(tmp_path/"a", PICTURES | files))
    assert len(cat) == N and sorted((o["kind"], o["id"]) for o in cat.defects) == [("repeated name", name(0)), ("repeated name", name(1))]
    assert facts(cat)[name(0)][8] == sorted({16, *(expected(0)[8] or [])}) and annotated(cat).shape == (N, 9)

@pytest.mark.parametrize("spoil, words", {
    "nothing there": (lambda p: p/"nowhere", "found nothing there"),
    "another folder": (lambda p: p/"a/pic", "expected filenames_train.txt or filenames_valid.txt or filenames_test.txt or filenames.txt in"),
    "no labels": (lambda p: (p/"a/label.txt").unlink() or p/"a", "expected label.txt or labels.txt beside filenames.txt in"),
    "a web page": (lambda p: (p/"a/label.txt").write_text("<html>") and p/"a", "a web page"),
    "no names": (lambda p: (p/"a/filenames.txt").write_text("\n") and p/"a", "name no picture"),
    "no pictures": (lambda p: (p/"a/pic").rename(p/"b") and p/"a", "none of the 60 listed pictures is in"),
}.values(), ids=lambda o: o if isinstance(o, str) else "")
def test_a_wrong_path_is_one_sentence(tmp_path, spoil, words):
    unpack(tmp_path/"a", PICTURES | LAYOUTS["one list"])
    with pytest.raises(UserError) as e: darn(spoil(tmp_path))
    assert words in str(e.value) and "\n" not in str(e.value) and ("asenpp" in str(e.value) or "--no-pictures" in str(e.value))

def test_by_name_and_by_the_commands(tmp_path, capfd, monkeypatch):
    home = unpack(tmp_path/"data/DARN", PICTURES | LAYOUTS["asen"]); (home/name(7)).unlink()
    monkeypatch.setenv("FASHION_REPRO_DATA", str(tmp_path/"data"))
    assert n_defects(open_catalogue("darn")) == 1 and open_catalogue("darn", home, "paper").fingerprint == darn(home).fingerprint != open_catalogue("darn", seed=1).fingerprint
    assert main(["data", "check", "darn"]) == 0 and "darn: 59 images" in (out := capfd.readouterr().out) and "1 missing image" in out and "sleeve_shape" in out
    assert main(["data", "check", "darn", "--no-pictures"]) == 0 and "darn: 60 images" in capfd.readouterr().out
    assert main(["data", "show", "darn", "--out", str(tmp_path/"sheet.png")]) == 0 and (tmp_path/"sheet.png").exists()
    assert main(["data", "list"]) == 0 and "darn: DARN" in capfd.readouterr().out
