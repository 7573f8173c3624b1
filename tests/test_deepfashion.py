"DeepFashion's categories and attributes in miniature, with each trap of the published files and each bad input."
import csv, io
from functools import partial
import numpy as np, pytest
from PIL import Image
from miniature import (DEEPFASHION, DEEPFASHION_ATTRIBUTES, DEEPFASHION_SIZES, deepfashion_attribute_files, deepfashion_category as category, deepfashion_files, deepfashion_list, deepfashion_name as name,
    deepfashion_split, deepfashion_values, pack, picture, unpack)
from fashion_repro.cli import main
from fashion_repro.data import deepfashion as df
from fashion_repro.data.check import check, report_text
from fashion_repro.data.datasets import open_catalogue
from fashion_repro.data.deepfashion import deepfashion
from fashion_repro.data.table import annotated, group_columns, n_defects, open_image, split_indices, targets
from fashion_repro.errors import UserError

@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_REPRO_CACHE", str(tmp_path/"cache"))

CLOTH, CATEGORY, BBOX, SPLIT = "Anno/list_category_cloth.txt", "Anno/list_category_img.txt", "Anno/list_bbox.txt", "Eval/list_eval_partition.txt"
def facts(cat): return cat.table.remove_columns("image")[:]
def listed(cat): return sorted((o["kind"], o["id"]) for o in cat.defects)
def rows(cat): return {o["image_id"]: o for o in cat.table.remove_columns("image")}
def zipped(files, path):
    "The same files with the pictures in a zip, without what stands before img/."
    return {o: raw for o, raw in files.items() if not o.endswith(".jpg")} | {path: pack(io.BytesIO(), {o[o.index("img/"):]: raw for o, raw in files.items() if o.endswith(".jpg")}).getvalue()}

LAYOUTS = {"Anno, Img/img": deepfashion_files(), "Anno_coarse, img": deepfashion_files("Anno_coarse/", images=""), "flat": deepfashion_files("", "", ""), "img/img": deepfashion_files(images="img/"),
    "Img/img.zip": zipped(deepfashion_files(), "Img/img.zip"), "img.zip": zipped(deepfashion_files(), "img.zip")}

@pytest.mark.parametrize("files", LAYOUTS.values(), ids=LAYOUTS)
def test_each_layout(tmp_path, files):
    cat = deepfashion(unpack(tmp_path/"a", files | {"Anno_fine/list_attr_cloth.txt": b"26\n"}))
    assert not cat.defects and cat.groups == dict(category=DEEPFASHION, type=["upper body", "lower body", "full body"])
    assert cat.table["image_id"][:] == [name(i) for i in range(120)]                        # the first row of the list is there
    assert [len(split_indices(cat, o)) for o in ("train", "val", "test")] == [80, 20, 20] and cat.table["split"][:] == [deepfashion_split(i) for i in range(120)]
    hot, where = targets(cat), group_columns(cat); ids = hot[:, where["category"]].argmax(1)
    assert (ids + 1).tolist() == [category(i) for i in range(120)] and annotated(cat).all() and ids.max() == 47
    assert hot[:, where["type"]].argmax(1).tolist() == [(k > 20) + (k > 36) for k in map(category, range(120))]
    assert cat.table["box"][:] == [[i % 20, 10, 40 + i % 20, 70] for i in range(120)]       # corners, joined by name
    assert cat.table["product_id"][1] == "Rib Knit Tee" and len(set(cat.table["product_id"][:])) == 6
    for i in (0, 1, 7, 119): assert np.array_equal(open_image(cat, i), Image.open(io.BytesIO(picture(1000 + i)))), i
    crossing = sum(i % 6 == j % 6 and deepfashion_split(i) != deepfashion_split(j) for i in range(120) for j in range(i))
    assert cat.report["leaks"] == dict(folders=crossing, bytes=0, near_duplicates=0) and f"{crossing:,} folders" in report_text(check(cat))
    assert "46 of 50 categories have pictures; Cape, Nightdress, Shirtdress, Sundress were merged into Dress" in cat.report["notes"]

def test_all_layouts_are_one_catalogue(tmp_path):
    cats = [deepfashion(unpack(tmp_path/str(i), o)) for i, o in enumerate(LAYOUTS.values())]
    assert all(facts(o) == facts(cats[0]) for o in cats) and len({o.fingerprint for o in cats}) == 1

def with_rows(path, change, n=None):
    "The miniature with the rows of one list changed; its count stays right unless given."
    files = deepfashion_files(); count, header, *lines = files[path].decode().splitlines()
    changed = change(lines)
    return files | {path: "\n".join([str(len(changed) if n is None else n), header, *changed, ""]).encode()}

def boxed(**boxes):
    "The miniature with other boxes: b3='1 2 3 4'."
    return with_rows(BBOX, lambda o: [f"{x[:70]}{boxes['b' + str(i)]}" if f"b{(i := 119 - k)}" in boxes else x for k, x in enumerate(o)])

def without_line(path, *numbers):
    files = deepfashion_files()
    return files | {path: b"\n".join(o for k, o in enumerate(files[path].split(b"\n"), 1) if k not in numbers)}

BAD = {
    "count too high": (with_rows(CATEGORY, lambda o: o, 130), {("wrong count", "list_category_img.txt"): "line 1 says 130 rows, 120 follow (was the file cut short?)"}),
    "count too low": (with_rows(SPLIT, lambda o: o, 7), {("wrong count", "list_eval_partition.txt"): "line 1 says 7 rows, 120 follow"}),
    "no count": (without_line(CATEGORY, 1), {("wrong count", "list_category_img.txt"): "has no count before its first row"}),
    "no header": (without_line(BBOX, 2), {("wrong count", "list_bbox.txt"): "has no header before its first row"}),
    "neither": (without_line(SPLIT, 1, 2), {("wrong count", "list_eval_partition.txt"): "has no count and no header before its first row"}),
    "49 names": (with_rows(CLOTH, lambda o: o[:49]), {("wrong count", "list_category_cloth.txt"): "has 49 categories, expected 50"}),
    "category 51": (with_rows(CATEGORY, lambda o: [f"{o[0][:70]}51", *o[1:]]), {("unknown category", name(0)): "line 3 of list_category_img.txt says category 51, expected 1 to 50"}),
    "category 0": (with_rows(CATEGORY, lambda o: [f"{o[0][:70]}0", *o[1:]]), {("unknown category", name(0)): "line 3 of list_category_img.txt says category 0, expected 1 to 50"}),
    "listed twice": (with_rows(CATEGORY, lambda o: [*o, o[4]]), {("repeated name", name(4)): "is in list_category_img.txt more than once; the first line counts"}),
    "box over the edge": (boxed(b3="-5 10 61 90"), {("clipped box", name(3)): "the box [-5, 10, 61, 90] of 60 x 80 px leaves its picture; clipped"}),
    "box outside": (boxed(b3="60 10 90 40"), {("box outside", name(3)): "the box [60, 10, 90, 40] of 60 x 80 px lies outside; no box"}),
    "box of no width": (boxed(b3="30 10 30 40"), {("empty box", name(3)): "the box [30, 10, 30, 40] of 60 x 80 px is empty; no box"}),
    "box as width and height": (boxed(b3="30 40 20 30"), {("empty box", name(3)): "the box [30, 40, 20, 30] of 60 x 80 px is empty; no box"}),
    "box in words": (boxed(b3="1 2 x 4"), {("unusable box", name(3)): "its corners in list_bbox.txt are no numbers"}),
    "no box": (with_rows(BBOX, lambda o: o[:-1]), {("image without box", name(0)): "is in list_category_img.txt but not in list_bbox.txt"}),
    "box of an unlisted picture": (with_rows(BBOX, lambda o: [*o, "img/A/x.jpg 1 2 3 4"]), {("box without image", "img/A/x.jpg"): "is in list_bbox.txt but not in list_category_img.txt"}),
}

@pytest.mark.parametrize("files, defects", BAD.values(), ids=BAD)
def test_bad_lines_are_listed_and_every_row_is_kept(tmp_path, files, defects):
    cat = deepfashion(unpack(tmp_path/"a", files))
    assert {(o["kind"], o["id"]): o["reason"] for o in cat.defects} == defects and len(cat) == 120
    text = report_text(check(cat)); assert all(kind in text and reason in text for (kind, _), reason in defects.items())
    row, kinds = rows(cat), {kind for kind, _ in defects}
    assert row[name(3)]["box"] == ([0, 10, 60, 80] if "clipped box" in kinds else None if kinds & {"box outside", "empty box", "unusable box"} else [3, 10, 43, 70])
    assert row[name(0)]["category"] == row[name(0)]["type"] == (None if "unknown category" in kinds else [0]) and row[name(4)]["category"] == [category(4) - 1]

def test_rows_that_cannot_be_used_are_left_out_and_listed(tmp_path):
    files = with_rows(SPLIT, lambda o: [*o[:110], f"{o[110][:70]}dev", *o[112:], "img/A/x.jpg  train"], 120)
    cat = deepfashion(unpack(tmp_path/"a", files | {CATEGORY: deepfashion_files()[CATEGORY].replace(name(5).encode(), b"lonely").replace(b"lonely" + b" "*(70 - len(name(5))) + b"6", b"lonely")}))
    assert len(cat) == 117 and listed(cat) == sorted([("unknown split", name(110)), ("image without split", name(111)), ("image without category", "img/A/x.jpg"), ("image without category", name(5)),
        ("unusable line", "list_category_img.txt:8"), ("box without image", name(5)), ("image without row", name(110)), ("image without row", name(111)), ("image without row", name(5))])

def test_a_list_cut_short(tmp_path):
    files = deepfashion_files(); files[CATEGORY] = files[CATEGORY][:60*73]
    cat = deepfashion(unpack(tmp_path/"a", files), images=False); kinds = {o["kind"]: o for o in cat.defects}
    assert 50 < len(cat) < 62 and "120 rows" in kinds["wrong count"]["reason"] and kinds["image without category"]["n"] == kinds["box without image"]["n"] == 120 - len(cat)
    assert n_defects(cat) > 100 and "was the file cut short?" in report_text(check(cat))

@pytest.mark.parametrize("path, column", [(BBOX, "box"), (SPLIT, "split")])
def test_a_missing_list_is_listed_and_its_column_is_absent(tmp_path, path, column):
    files = deepfashion_files(); del files[path]
    cat = deepfashion(unpack(tmp_path/"a", files))
    assert listed(cat) == [("missing file", path.rpartition("/")[2])] and column not in cat.table.column_names and len(cat) == 120
    assert f"there is no column {column}" in report_text(check(cat))

def test_pictures_that_are_gone_cut_short_or_named_by_no_row(tmp_path):
    files = deepfashion_files(); del files[f"Img/{name(4)}"]
    files |= {f"Img/{name(5)}": files[f"Img/{name(5)}"][:500], f"Img/{name(6)}": b"", "Img/img/A/extra.jpg": picture(7)}
    cat = deepfashion(unpack(tmp_path/"a", files))
    assert listed(cat) == sorted([("missing image", name(4)), ("broken image", name(5)), ("missing image", name(6)), ("image without row", "img/A/extra.jpg")]) and len(cat) == 117

def test_larger_pictures_do_not_fit_the_boxes(tmp_path):
    files = deepfashion_files(); files |= {f"Img/{name(i)}": picture(i, size=(225, 300)) for i in range(100)}
    notes = deepfashion(unpack(tmp_path/"a", files)).report["notes"]
    assert notes[-1] == "20 of 120 pictures are not 300 px long, as the published ones are: boxes fit the published pictures only"

def test_many_pictures_are_not_decoded_but_their_boxes_are_checked(tmp_path, monkeypatch):
    monkeypatch.setattr(df, "find_pictures", partial(df.find_pictures, most=10)); files = boxed(b3="-5 10 61 90")
    for home in (unpack(tmp_path/"a", files), unpack(tmp_path/"b", zipped(files, "Img/img.zip"))):
        cat = deepfashion(home); assert rows(cat)[name(3)]["box"] == [0, 10, 60, 80] and cat.report["leaks"]["bytes"] is None
        assert facts(deepfashion(home)) == facts(cat)                                       # also from the cache

def locked(files):
    raw = bytearray(zipped(files, "Img/img.zip")["Img/img.zip"]); at = 0
    while (at := raw.find(b"PK\x01\x02", at)) >= 0: raw[at+8] |= 1; at += 4                 # the bit that says "encrypted" in each entry of the directory
    return bytes(raw)

@pytest.mark.parametrize("spoil, words", {
    "nothing there": (lambda p: p/"nowhere", "found nothing there"),
    "a file": (lambda p: p/"a"/CLOTH, "found a file"),
    "another folder": (lambda p: p/"a/Img", "expected list_category_cloth.txt in Anno/ or Anno_coarse/ of"),
    "the fine benchmark": (lambda p: (p/"a/Anno").rename(p/"a/Anno_fine") and p/"a", "found Anno_fine, Eval, Img (Anno_fine/ is another benchmark)"),
    "no categories": (lambda p: (p/"a"/CATEGORY).unlink() or p/"a", "expected list_category_img.txt in"),
    "a web page": (lambda p: (p/"a"/CATEGORY).write_text("<html>sign in") and p/"a", "a web page (was a login page saved?)"),
    "no rows": (lambda p: (p/"a"/CATEGORY).write_bytes(deepfashion_list("image_name  category_label", [])) and p/"a", "found 2 lines and no row"),
    "a partition of other pictures": (lambda p: (p/"a"/SPLIT).write_bytes(deepfashion_list("image_name  evaluation_status", [("x.jpg", "train")])) and p/"a", "no picture of list_category_img.txt has a split"),
    "no pictures": (lambda p: (p/"a/Img").rename(p/"b") and p/"a", "none of the 120 listed pictures is in"),
    "zip cut short": (lambda p: (p/"a/Img").rename(p/"b") and (p/"a/img.zip").write_bytes(zipped(deepfashion_files(), "z")["z"][:900]) and p/"a", "found 900 bytes that are none"),
    "locked zip": (lambda p: (p/"a/Img").rename(p/"b") and (p/"a/img.zip").write_bytes(locked(deepfashion_files())) and p/"a", "is locked: unpack it with the password of your agreement"),
}.values(), ids=lambda o: o if isinstance(o, str) else "")
def test_a_wrong_path_is_one_sentence(tmp_path, spoil, words):
    unpack(tmp_path/"a", deepfashion_files())
    with pytest.raises(UserError) as e: deepfashion(spoil(tmp_path))
    assert words in str(e.value) and "\n" not in str(e.value) and ("agreement" in str(e.value) or "--no-pictures" in str(e.value))

def test_by_name_and_by_the_command(tmp_path, capfd, monkeypatch):
    home = unpack(tmp_path/"data/deepfashion", boxed(b3="60 10 90 40") | {CATEGORY: with_rows(CATEGORY, lambda o: o, 130)[CATEGORY]})
    monkeypatch.setenv("FASHION_REPRO_DATA", str(tmp_path/"data"))
    assert len(open_catalogue("deepfashion")) == 120 and open_catalogue("deepfashion", home, "paper").fingerprint == deepfashion(home).fingerprint
    assert main(["data", "check", "deepfashion", "--data-dir", str(home), "--defects", str(tmp_path/"bad.csv")]) == 0
    out = capfd.readouterr().out
    assert "deepfashion: 120 images of 6 products" in out and "1 wrong count, 1 box outside" in out and "289,222 published" in out and "upper body" in out
    assert sorted(o["kind"] for o in csv.DictReader(open(tmp_path/"bad.csv"))) == ["box outside", "wrong count"]
    (home/"Img").rename(tmp_path/"Img")
    assert main(["data", "check", "deepfashion"]) == 2 and "`fashion-repro data check deepfashion --no-pictures`" in capfd.readouterr().err
    assert main(["data", "check", "deepfashion", "--no-pictures"]) == 0 and "no picture was compared" in capfd.readouterr().out

# --- attributes ---

ATTRIBUTES, VALUES = "Anno/list_attr_cloth.txt", "Anno/list_attr_img.txt"
GROUPS = list(DEEPFASHION_SIZES)
WHOLE = deepfashion_files() | deepfashion_attribute_files()

def expected(i, values=None):
    "The five groups of picture i, the slow way."
    values, groups = deepfashion_values(i) if values is None else values, []
    for k in range(5):
        of_type = [int(v) for v, (_, kind) in zip(values, DEEPFASHION_ATTRIBUTES) if kind == k]
        groups.append(None if not any(of_type) else [n for n, v in enumerate(of_type) if v == 1])
    return groups

def attributes(cat): return {o: [row[g] for g in GROUPS] for o, row in rows(cat).items()}

@pytest.mark.parametrize("anno, evaluation, images", [("Anno/", "Eval/", "Img/"), ("Anno_coarse/", "Eval/", "Img/"), ("", "", "")])
def test_attributes_in_each_place(tmp_path, anno, evaluation, images):
    cat = deepfashion(unpack(tmp_path/"a", deepfashion_files(anno, evaluation, images) | deepfashion_attribute_files(anno)))
    assert not cat.defects and {g: len(cat.groups[g]) for g in GROUPS} == DEEPFASHION_SIZES and list(cat.groups)[:2] == ["category", "type"]
    assert cat.groups["texture"] == [o for o, k in DEEPFASHION_ATTRIBUTES if k == 0] and any(o.startswith("abstract chevron print ") for o in cat.groups["texture"])
    told = attributes(cat); assert all(told[name(i)] == expected(i) for i in range(120))
    assert told[name(3)][0] is None and told[name(4)][4] == [] and told[name(5)] == [None]*5        # not looked at, none of these, nothing known
    values = np.stack([deepfashion_values(i) for i in range(120)])
    counts = [f"{(values == v).sum():,}" for v in (1, -1, 0)]
    doubtful = sum(int((values[i][_of(k)] == 0).sum()) for i in range(120) for k in range(5) if values[i][_of(k)].any())
    text = report_text(check(cat))
    assert f"list_attr_img.txt: {counts[0]} values are 1 (present), {counts[1]} are -1 (absent), {counts[2]} are 0 (unknown)" in text
    assert f"{doubtful:,} of the 0s belong to a type of which the image has other values; they count as absent" in text
    assert "texture 156, fabric 218, shape 180, part 216, style 230, 1,000 together, as published" in text

def _of(k): return [kind == k for _, kind in DEEPFASHION_ATTRIBUTES]

def test_attributes_change_nothing_else(tmp_path):
    without, having = deepfashion(unpack(tmp_path/"a", deepfashion_files())), deepfashion(unpack(tmp_path/"b", WHOLE))
    plain = {k: v for k, v in facts(having).items() if k not in GROUPS}
    assert plain == facts(without) and having.fingerprint != without.fingerprint
    assert "the attributes were not read: list_attr_cloth.txt and list_attr_img.txt are not both there" in report_text(check(without))

def lines_of(path, change):
    "The miniature with the lines of one list changed, its count as it was."
    lines = WHOLE[path].decode().splitlines(); change(lines)
    return WHOLE | {path: "\n".join([*lines, ""]).encode()}

def cut(lines): lines[-1] = lines[-1][:1500]                                    # picture 0 is the last row
def odd(lines): lines[-1] = lines[-1][:-2] + " 3"
def twice(lines): lines[3] = lines[2][:70] + " ".join(["-1"]*1000)              # picture 119 again, in the place of 118
def more(lines): lines.append(f"{'img/A/x.jpg':<70}" + " ".join(["-1"]*1000))
def count(lines): lines[0] = "130"
def kind(lines): lines[2] = lines[2][:-1] + "6"
def no_kind(lines): lines[2] = "lonely"
def same(lines): k = DEEPFASHION_ATTRIBUTES[0][1]; j = next(j for j, (_, o) in enumerate(DEEPFASHION_ATTRIBUTES) if j and o == k); lines[2 + j] = lines[2]
def short(lines): lines.pop()

BAD_ATTRIBUTES = {
    "a row cut short": (VALUES, cut, {("unusable line", "list_attr_img.txt:122"), ("image without attributes", name(0))}),
    "a value of 3": (VALUES, odd, {("unusable value", name(0))}),
    "a picture twice": (VALUES, twice, {("repeated name", name(119)), ("image without attributes", name(118))}),
    "a picture that is not listed": (VALUES, more, {("wrong count", "list_attr_img.txt"), ("attributes without image", "img/A/x.jpg")}),
    "a wrong count": (VALUES, count, {("wrong count", "list_attr_img.txt")}),
    "type 6": (ATTRIBUTES, kind, {("unknown type", DEEPFASHION_ATTRIBUTES[0][0])}),
    "no type": (ATTRIBUTES, no_kind, {("unusable line", "list_attr_cloth.txt:3")}),
    "a name twice": (ATTRIBUTES, same, {("repeated name", DEEPFASHION_ATTRIBUTES[0][0])}),
}

@pytest.mark.parametrize("path, change, defects", BAD_ATTRIBUTES.values(), ids=BAD_ATTRIBUTES)
def test_bad_attributes_are_listed_and_the_others_stay(tmp_path, path, change, defects):
    cat = deepfashion(unpack(tmp_path/"a", lines_of(path, change)))
    assert {(o["kind"], o["id"]) for o in cat.defects} == defects and len(cat) == 120
    told = attributes(cat); silent = {i for _, i in defects if i.startswith("img/") and ("image without attributes", i) in defects}
    if path == VALUES:
        last = deepfashion_values(0).copy(); last[-1] = 0
        for i in range(120): assert told[name(i)] == ([None]*5 if name(i) in silent else expected(i, last if change is odd and not i else None)), i
    else:                                                                       # the columns of the other types have not moved
        touched = DEEPFASHION_ATTRIBUTES[0][1]
        for i in range(120): assert [o for k, o in enumerate(told[name(i)]) if k != touched] == [o for k, o in enumerate(expected(i)) if k != touched], i
        names = lambda o: {cat.groups[GROUPS[touched]][j] for j in o or []}
        first = DEEPFASHION_ATTRIBUTES[0][0]; known = [o for o, k in DEEPFASHION_ATTRIBUTES if k == touched]
        if change is not same:
            for i in range(120): assert names(told[name(i)][touched]) == {known[j] for j in expected(i)[touched] or []} - {first}, i

def test_attributes_of_two_equal_names_are_one(tmp_path):
    cat = deepfashion(unpack(tmp_path/"a", lines_of(ATTRIBUTES, same))); k = DEEPFASHION_ATTRIBUTES[0][1]
    j = [j for j, (_, o) in enumerate(DEEPFASHION_ATTRIBUTES) if o == k][1]; told = attributes(cat)
    assert len(cat.groups[GROUPS[k]]) == DEEPFASHION_SIZES[GROUPS[k]] - 1
    for i in range(120): assert (0 in (told[name(i)][k] or [])) == bool({deepfashion_values(i)[0], deepfashion_values(i)[j]} & {1}), i

@pytest.mark.parametrize("path, lost", [(ATTRIBUTES, VALUES), (VALUES, ATTRIBUTES)])
def test_one_list_of_attributes_is_none(tmp_path, path, lost):
    cat = deepfashion(unpack(tmp_path/"a", deepfashion_files() | {path: WHOLE[path]}))
    assert list(cat.groups) == ["category", "type"] and listed(cat) == [("missing file", lost[5:])] and f"no {lost[5:]}: the attributes are not read" in report_text(check(cat))

@pytest.mark.parametrize("path, raw, words", [(ATTRIBUTES, b"<html>sign in", "a web page"), (VALUES, b"<html>sign in", "a web page"), (VALUES, b"0\nimage_name x\n", "found no row"), (ATTRIBUTES, b"0\nattribute_name x\n", "no name"),
    (ATTRIBUTES, lines_of(ATTRIBUTES, short)[ATTRIBUTES], "expected a name and 999 values in each line of"), (VALUES, deepfashion_list("image_name  x", [(name(0), "1 0 -1")]), "found 4 words in line 3: are the two of one download?")])
def test_lists_of_attributes_that_do_not_fit(tmp_path, path, raw, words):
    with pytest.raises(UserError) as e: deepfashion(unpack(tmp_path/"a", WHOLE | {path: raw}))
    assert words in str(e.value) and "\n" not in str(e.value) and "agreement" in str(e.value)

def test_attributes_by_the_commands(tmp_path, capfd):
    home = unpack(tmp_path/"a", lines_of(VALUES, odd))
    assert main(["data", "check", "deepfashion", "--data-dir", str(home), "--defects", str(tmp_path/"bad.csv")]) == 0
    out = capfd.readouterr().out
    assert "1 unusable value" in out and all(f"  {g} " in out for g in GROUPS) and "values are 1 (present)" in out
    assert [(o["kind"], o["id"]) for o in csv.DictReader(open(tmp_path/"bad.csv"))] == [("unusable value", name(0))]
    assert main(["data", "check", "deepfashion", "--data-dir", str(home), "--no-pictures"]) == 0 and "120 images" in capfd.readouterr().out
    assert main(["data", "show", "deepfashion", "--data-dir", str(home), "--out", str(tmp_path/"sheet.png")]) == 0 and (tmp_path/"sheet.png").exists()
