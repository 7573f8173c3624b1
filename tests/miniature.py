"Pictures and archives for miniatures of data sets."
import io, zipfile
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
