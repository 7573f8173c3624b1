"Pictures and archives for miniatures of data sets."
import io, json, zipfile
import numpy as np
from PIL import Image

def picture(seed, mode="RGB", kind="JPEG", size=(60, 80)):
    im = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (4, 3, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
    f = io.BytesIO(); (im.quantize(8) if mode == "P" else im.convert(mode)).save(f, kind); return f.getvalue()

def pack(path, files, inside=""):
    with zipfile.ZipFile(path, "w") as z:
        for name, raw in files.items(): z.writestr(inside+name, raw)
    return path

def unpack(folder, files):
    for name, raw in files.items():
        (folder/name).parent.mkdir(parents=True, exist_ok=True); (folder/name).write_bytes(raw)
    return folder

# --- Clothing1M: 90 keys, each list, each file as published ---

def clothing1m_key(i): return f"images/{i % 10}/{i % 10}{i % 7}/{i*31},{i*17}.{'png' if i % 11 == 3 else 'jpg'}"
CLOTHING1M = dict(train=range(0, 20), val=range(20, 34), test=range(34, 44), noisy=range(44, 90))      # validation is larger than test
CLOTHING1M_BOTH = range(10, 40)                                                                         # with a clean and a noisy label

def clothing1m_files(place="", prefix=lambda i: True):
    "place: folder of the text lists; prefix: whether picture i was unpacked with its leading images/."
    text = lambda lines, end="\n": end.join([*lines, ""]).encode()
    names = "T-Shirt Shirt Knitwear Chiffon Sweater Hoodie Windbreaker Jacket Downcoat Suit Shawl Dress Vest Underwear".split()
    lists = {("noisy_train" if o == "noisy" else f"clean_{o}"): text(map(clothing1m_key, k)) for o, k in CLOTHING1M.items()}
    files = {f"{o}_key_list.txt": raw for o, raw in lists.items()} | {"category_names_eng.txt": text(names, "\r\n").rstrip(),
        "clean_label_kv.txt": text(f"{clothing1m_key(i)} {i % 14}" for i in reversed(range(44))),
        "noisy_label_kv.txt": text(f"{clothing1m_key(i)} {(i + (i % 3 == 0)) % 14}" for i in [*range(89, 43, -1), *CLOTHING1M_BOTH])}
    pictures = {clothing1m_key(i).removeprefix("" if prefix(i) else "images/"): picture(i) for i in range(90)}    # all JPEG, .png too
    return {f"{place}{o}": raw for o, raw in files.items()} | pictures

# --- DeepFashion: 120 pictures in six folders, 50 categories of which 46 are used ---

DEEPFASHION = [f"kind {k}" for k in range(1, 51)]
for k, merged in {38: "Cape", 45: "Nightdress", 49: "Shirtdress", 50: "Sundress"}.items(): DEEPFASHION[k-1] = merged
def deepfashion_name(i): return f"img/{('Sheer_Blouse', 'Rib Knit Tee', 'Denim-Shorts', 'Maxi_Dress', 'A', 'Boxy_Top')[i % 6]}/img_{i+1:08}.jpg"
def deepfashion_category(i): return [k for k in range(1, 49) if k not in (38, 45)][i % 46]
def deepfashion_split(i): return "train" if i < 80 else "val" if i < 100 else "test"

def deepfashion_list(header, rows, n=None, width=70):
    "A list of the published form: count, header, columns padded with blanks."
    return "\n".join([str(len(rows) if n is None else n), header, *(f"{a:<{width}}{b}" for a, b in rows), ""]).encode()

def deepfashion_files(anno="Anno/", evaluation="Eval/", images="Img/"):
    "The files of a miniature, whose pictures are 60 x 80 px."
    n = range(120)
    return {f"{anno}list_category_cloth.txt": deepfashion_list("category_name  category_type", [(o, 1 + (k > 20) + (k > 36)) for k, o in enumerate(DEEPFASHION, 1)], width=20),
        f"{anno}list_category_img.txt": deepfashion_list("image_name  category_label", [(deepfashion_name(i), deepfashion_category(i)) for i in n]),
        f"{anno}list_bbox.txt": deepfashion_list("image_name  x_1 y_1 x_2 y_2", [(deepfashion_name(i), f"{i % 20:03} 010 {40 + i % 20:03} 070") for i in reversed(n)]),
        f"{evaluation}list_eval_partition.txt": deepfashion_list("image_name  evaluation_status", [(deepfashion_name(i), deepfashion_split(i)) for i in n]),
        **{f"{images}{deepfashion_name(i)}": picture(1000 + i) for i in n}}

# --- DeepFashion's attributes: 1,000 names of five types in no order, and what the values of the same 120 pictures are ---

DEEPFASHION_SIZES = dict(texture=156, fabric=218, shape=180, part=216, style=230)
_kinds = np.random.default_rng(7).permutation(np.repeat(range(5), list(DEEPFASHION_SIZES.values())))
DEEPFASHION_ATTRIBUTES = [(f"{('abstract chevron print', 'a-line', 'v-neck lace', 'boho')[i % 4]} {i}", int(k)) for i, k in enumerate(_kinds)]    # name, position of its type

def deepfashion_values(i):
    "1,000 values; of some pictures nobody looked at the texture, some have no style, some nothing at all."
    values = np.random.default_rng(500 + i).choice([1, -1, 0], 1000, p=[.004, .796, .2])
    if i % 7 == 3: values[_kinds == 0] = 0
    if i % 7 == 4: values[_kinds == 4] = -1
    if i % 7 == 5: values[:] = 0
    return values

def deepfashion_attribute_files(anno="Anno/"):
    "The two lists of attributes, for the miniature above."
    rows = [(deepfashion_name(i), " ".join(f"{v:2}" for v in deepfashion_values(i))) for i in reversed(range(120))]
    return {f"{anno}list_attr_cloth.txt": deepfashion_list("attribute_name  attribute_type", [(o, k + 1) for o, k in DEEPFASHION_ATTRIBUTES], width=40),
        f"{anno}list_attr_img.txt": deepfashion_list("image_name  attribute_labels", rows)}

# --- Fashion-Gen: two HDF5 files, 60 and 20 products of one to six views, the traps of the published texts ---

FASHIONGEN = dict(train=range(60), validation=range(60, 80))
FASHIONGEN_TEXTS = [(b"Short sleeve piqu\xe9 polo in black.", "Short sleeve piqu\u00e9 polo in black."), (b"Piqu&eacute; &amp; lace dress.<br>Zip at back.", "Piqu\u00e9 & lace dress. Zip at back."), (b"", None)]

def fashiongen_text(i): return FASHIONGEN_TEXTS[i] if i < 3 else (b"Slim-fit jeans no %d in blue. " % i, f"Slim-fit jeans no {i} in blue.")
def fashiongen_rows(part): return [(i, v) for i in FASHIONGEN[part] for v in range(1 + i % 6)]     # product, view
def fashiongen_pixels(part, row): return np.random.default_rng([row, len(part)]).integers(0, 256, (12, 10, 3), np.uint8)

def fashiongen_files(folder, **options):
    "Both files as published; options are those of `h5py.File.create_dataset` for the pictures."
    import h5py
    folder.mkdir(parents=True, exist_ok=True)
    for part in FASHIONGEN:
        rows = fashiongen_rows(part)
        with h5py.File(folder/f"fashiongen_256_256_{part}.h5", "w") as f:
            f.create_dataset("input_image", data=np.stack([fashiongen_pixels(part, k) for k in range(len(rows))]), **options)
            f["index"], f["index_2"] = np.arange(len(rows))[:, None], np.arange(len(rows))
            f["input_productID"], f["input_msrpUSD"] = np.array([[1000 + i] for i, _ in rows], np.int32), np.array([[9.5 + i] for i, _ in rows])
            for key, value in dict(name=lambda i, v: b"Polo %d" % i, description=lambda i, v: fashiongen_text(i)[0], concat_description=lambda i, v: b"all of %d" % i, category=lambda i, v: [b"TOPS", b"JACKETS &amp; COATS"][i % 2],
                subcategory=lambda i, v: b"KIND %d" % (i % 7), brand=lambda i, v: b"B", composition=lambda i, v: b"100% wool", department=lambda i, v: b"CLOTHING", gender=lambda i, v: [b"Men", b"Women"][i % 2],
                pose=lambda i, v: b"id_gridfs_%d" % (v + 1), season=lambda i, v: b"SS2016").items(): f[f"input_{key}"] = np.array([[value(i, v)] for i, v in rows])
    return folder

# --- FashionIQ: nine lists of 20 pictures that overlap as the published ones do, three of them with blanks, empty captions and letters other than ASCII ---

FASHIONIQ = ("dress", "shirt", "toptee")
def fashioniq_id(c, s, k): return f"{'BKL'[FASHIONIQ.index(c)]}{'tve'[('train', 'val', 'test').index(s)]}{k:08}"

def fashioniq_list(c, s):
    "ASINs of a list; tops hold two validation and one training picture of shirts, shirts none of tops, dresses are apart."
    ids = [fashioniq_id(c, s, k) for k in range(20)]
    if (c, s) == ("toptee", "train"): ids[-3:] = [fashioniq_id("shirt", "val", 4), fashioniq_id("shirt", "val", 19), fashioniq_id("shirt", "train", 0)]
    if (c, s) == ("toptee", "val"): ids[-1] = fashioniq_id("shirt", "test", 0)
    return ids

FASHIONIQ_CAPTIONS = [["is red", "has long sleeves"], [" is shiny ", "more & \"louder\""], ["", "is ombr\u00e9 blue"], ["They\u2019re shorter", "is black "]]

def fashioniq_queries(c, s):
    "Six queries: references repeat, targets do not; the last target of toptee's training is a validation target of shirts."
    ids = fashioniq_list(c, s); target = lambda k: ids[17] if (c, s, k) == ("toptee", "train", 5) else ids[4 + k]
    return [({} if s == "test" else dict(target=target(k))) | dict(candidate=ids[k % 3], captions=FASHIONIQ_CAPTIONS[k % 4]) for k in range(6)]

def fashioniq_files():
    "The published files, without pictures."
    raw = lambda o: json.dumps(o, ensure_ascii=False, indent=4).encode()
    return {f"{folder}.{c}.{s}.json": raw(make(c, s)) for c in FASHIONIQ for s in ("train", "val", "test") for folder, make in (("captions/cap", fashioniq_queries), ("image_splits/split", fashioniq_list))}

def fashioniq_ids(): return list(dict.fromkeys(o for s in ("train", "val", "test") for c in FASHIONIQ for o in fashioniq_list(c, s)))
def fashioniq_pictures(lost=(), place="images/", ending=".jpg"): return {f"{place}{o}{ending}": picture(k) for k, o in enumerate(fashioniq_ids()) if o not in lost}
