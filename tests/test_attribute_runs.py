"iFashion's method from the command line on catalogues that lack something: labels of the test split, pictures, attributes, weights."
import csv, json, os, subprocess, sys
import numpy as np, pytest, torch
from PIL import Image
from fashion_repro.backbones.bn_inception import BNInception
from fashion_repro.training.rows import weights_file

@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_REPRO_CACHE", str(tmp_path/"cache")); monkeypatch.setenv("FASHION_REPRO_WEIGHTS", str(tmp_path/"weights"))

def say(*args):
    r = subprocess.run([sys.executable, "-m", "fashion_repro.cli", *map(str, args)], capture_output=True, text=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return r.returncode, r.stdout + r.stderr

def record(folder): return json.loads((folder/"record.json").read_text())

def paint(path, i):
    "A coloured picture with a bar, so that something can be learnt."
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((80, 60, 3), (40 + 50*(i % 4), 90, 200 - 40*(i % 4)), np.uint8); pixels[10*(i % 5):10*(i % 5)+8] = 255
    Image.fromarray(pixels).save(path, quality=90)

def imaterialist(folder, n=60):
    "Miniature files: a label of each of the eight groups, every fifth picture of the training split missing, no labels of the test split."
    groups = [(1, "category", 105), (2, "color", 21), (3, "gender", 3), (4, "material", 34), (5, "neckline", 11), (6, "pattern", 28), (8, "sleeve", 5), (9, "style", 21)]
    tasks = [(t, name) for t, name, n in groups for _ in range(n)]
    first = [1 + sum(n for _, _, n in groups[:g]) for g in range(8)]           # the first label of each group; ids need not be sorted by group in the file
    folder.mkdir(parents=True)
    (folder/"iMat_fashion_2018_label_map_228.csv").write_bytes("\r\n".join(["labelId,taskId,labelName,taskName", *(f"{i},{t},label {i},{name}" for i, (t, name) in enumerate(tasks, 1))]).encode())
    for split, file in dict(train="train.json", validation="validation.json", test="test.json").items():
        images = [dict(imageId=str(i), url=f"https://example.invalid/{i}.jpg") for i in range(1, n+1)]
        labels = [dict(imageId=str(i), labelId=[str(k + i % 3) for k in first]) for i in range(1, n+1)]
        (folder/file).write_text(json.dumps(dict(images=images) | ({} if split == "test" else dict(annotations=labels))))
        for i in range(1, n+1):
            if split != "train" or i % 5: paint(folder/split/f"{i}.jpg", i)
    return folder

def test_private_test_labels_and_missing_pictures(tmp_path):
    "The record is about the validation split, trains on the pictures that are there and counts those that are not."
    mini = imaterialist(tmp_path/"imat")
    status, said = say("train", "ifashion.attributes", "--row", "small_cnn", "--table", "table3", "--data", "imaterialist", "--data-dir", mini, "--scale", "smoke", "--out", tmp_path/"run")
    assert status == 0, said
    r = record(tmp_path/"run")
    assert r["split"] == "val" and r["n_train"] == 48 and r["n_eval"] == 60 and r["n_missing"] == 12
    assert not any(k.startswith("test_") for k in r["metrics"]) and r["metrics"]["images_per_s"] > 0
    assert np.load(tmp_path/"run/groups_val.npy").shape == (60, 2, 8)

def test_fewer_attributes_than_answers(tmp_path):
    "Somebody's catalogue with one attribute group of three classes."
    (tmp_path/"shop").mkdir()
    with open(tmp_path/"shop/products.csv", "w", newline="") as f:
        w = csv.writer(f); w.writerow(["file", "colour", "title"])
        for i in range(60): paint(tmp_path/f"shop/{i}.jpg", i); w.writerow([f"{i}.jpg", ["red", "green", "blue"][i % 3], f"thing {i}"])
    status, said = say("data", "columns", tmp_path/"shop/products.csv", "--image", "file", "--group", "colour", "--text", "title")
    assert status == 0, said
    run = ("train", "ifashion.attributes", "--row", "small_cnn", "--table", "table3", "--data", "catalogue", "--data-dir", tmp_path/"shop/products.csv", "--scale", "smoke", "--out", tmp_path/"run")
    status, said = say(*run)
    assert status == 2 and said.count("\n") == 1 and "3 attributes, fewer than the k = 8 answers" in said and "--set k=1" in said
    status, said = say(*run, "--set", "k=1")
    assert status == 0, said
    assert record(tmp_path/"run")["params"]["k"] == 1

def test_the_starred_row_needs_its_weights(tmp_path):
    run = ("train", "ifashion.attributes", "--row", "inception_bn_pre", "--data", "wardrobe", "--scale", "smoke", "--set", "epochs=0.05", "--out", tmp_path/"run")
    status, said = say(*run)
    assert status == 2 and "bn_inception-52deb4733.pth" in said and "Traceback" not in said
    file = weights_file("bn_inception-52deb4733.pth"); file.parent.mkdir()
    torch.manual_seed(0); torch.save(BNInception(1000).state_dict(), file)      # the public file's names and shapes
    status, said = say(*run)
    assert status == 0, said
    assert record(tmp_path/"run")["params"] | dict(initial="imagenet", width=1.0) == record(tmp_path/"run")["params"]
