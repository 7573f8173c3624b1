"What FAME-ViL is shown of a catalogue: published data sets in miniature, holes of every kind, loader processes, halves of a batch, and real products."
import io
import numpy as np, pytest, torch
from dataclasses import replace
from PIL import Image
from miniature import FASHIONIQ, fashiongen_files, fashioniq_files, fashioniq_id, fashioniq_pictures, fashioniq_queries, unpack
from fashion_repro.data.composed import change_words, join_captions, query_rows
from fashion_repro.data.datasets import open_catalogue
from fashion_repro.data.demo import wardrobe
from fashion_repro.data.fashioniq import fashioniq
from fashion_repro.data.table import Catalogue, split_indices, subset
from fashion_repro.errors import UserError
from fashion_repro.fame_vil.clip import tiny_clip
from fashion_repro.fame_vil.corpus import class_group, corpus_of, eval_images, findings, supported, task_items, task_rows, vocabulary_texts, with_queries
from fashion_repro.fame_vil.heads import TASKS, FameVil
from fashion_repro.fame_vil.steps import Goal, step
from fashion_repro.fame_vil.task_batches import TaskBatches
from fashion_repro.text.bytepairs import decode_texts, text_ends, train_bytepairs
from fashion_repro.training.batches import load_batches

@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_REPRO_CACHE", str(tmp_path/"cache"))

@pytest.fixture(scope="module")
def garments(tmp_path_factory):
    with pytest.MonkeyPatch.context() as m:
        m.setenv("FASHION_REPRO_CACHE", str(tmp_path_factory.mktemp("cache")))
        cat = wardrobe(60); return cat, train_bytepairs(vocabulary_texts(cat), 700)

def told(corpus): return " | ".join(f"{o['id']} {o['reason']}" for o in findings(corpus))

def test_fashioniq_teaches_composed_queries_alone(tmp_path, cache):
    cat = fashioniq(unpack(tmp_path/"a", fashioniq_files() | fashioniq_pictures(lost=[fashioniq_id("dress", "val", 0)])))
    tasks, why = supported(cat)
    assert tasks == ("tgir",) and list(why) == ["xmr", "scr", "fic"] and "no texts" in why["xmr"] and "one class a picture" in why["scr"]
    corpus = corpus_of(cat, train_bytepairs(vocabulary_texts(cat), 560), n=20); ids = cat.table["image_id"][:]
    assert list(corpus.queries) == ["train", "val"] and corpus.cells is None and [len(q.ids) for q in corpus.queries.values()] == [18, 16] and corpus.labels is None
    for s, asked in corpus.queries.items():
        found = [(c, ids[a], ids[b], said) for c, a, b, said in zip(asked.category, asked.references, asked.targets, asked.captions)]
        assert found == [(c, o["candidate"], o["target"], join_captions(o["captions"])) for c in FASHIONIQ for o in fashioniq_queries(c, s) if o["candidate"] != fashioniq_id("dress", "val", 0)]
    assert "scr left out" in told(corpus) and "xmr left out" in told(corpus) and "empty captions" not in told(corpus) and "pictures without" not in told(corpus)
    assert "empty captions: 6" in (why := told(corpus_of(cat, corpus.tokenizer, n=20, join="first"))), why                # one a category and split; the queries stay
    items = task_items(corpus, corpus.tasks, 32); batch = TaskBatches(items, 18).collate([("tgir", items["tgir"][0, i]) for i in range(18)])
    assert batch["images"].shape == batch["targets"].shape == (18, 3, 32, 32) and not torch.equal(batch["images"], batch["targets"])
    with pytest.raises(UserError, match="supports none of the tasks asked for"): corpus_of(cat, corpus.tokenizer, ("scr", "fic"))
    with pytest.raises(UserError, match="several classes of category"): corpus_of(cat, corpus.tokenizer, scr="category")

def test_fashiongen_has_its_subcategories(tmp_path, cache):
    pytest.importorskip("h5py"); cat = open_catalogue("fashiongen", fashiongen_files(tmp_path/"a"), "demo")
    assert class_group(cat) == "input_subcategory"
    corpus = corpus_of(cat, train_bytepairs(vocabulary_texts(cat), 560), n=30)
    assert corpus.tasks == TASKS and corpus.cells is not None and all((corpus.kinds[q.references] == corpus.kinds[q.targets]).all() for q in corpus.queries.values())
    names = np.array(cat.table["subcategory"][:])
    assert [corpus.classes[i] for i in corpus.labels[corpus.labels >= 0]] == names[corpus.labels >= 0].tolist() and set(names[corpus.labels < 0]) == set(corpus.unseen)
    train = split_indices(cat, "train"); mute = train[~corpus.has_text[train]]
    assert [cat.table["text"][int(i)] for i in mute] == [None]*len(mute) and not set(mute) & set(task_rows(corpus, "fic", "train")) and set(mute) <= set(task_rows(corpus, "scr", "train"))
    assert sum(len(v) for v in task_items(corpus, ["xmr"], 8)["xmr"].views) == len(train) - len(mute)      # every view can be drawn

def test_a_subcategory_only_the_test_split_has_is_told(garments):
    cat, tokenizer = garments; train, kinds = split_indices(cat, "train"), np.array(cat.table["subcategory"][:])
    both = [k for k in np.unique(kinds[train]) if k in kinds[split_indices(cat, "test")]][0]
    corpus = corpus_of(subset(cat, np.flatnonzero((kinds != both) | ~np.isin(np.arange(len(cat)), train))), tokenizer, n=40)
    names = np.array(corpus.catalogue.table["subcategory"][:])
    assert both not in corpus.classes and np.array_equal(np.flatnonzero(names == both), corpus.unseen[both]) and (corpus.labels[corpus.unseen[both]] == -1).all()
    assert f"{both} is in no training picture" in told(corpus) and not set(task_rows(corpus, "scr", "test")) & set(corpus.unseen[both])
    assert len(corpus.classes) == max(corpus.labels) + 1 == len(set(kinds[train])) - 1

def test_without_products_every_picture_is_one(garments):
    cat, tokenizer = garments
    alone = corpus_of(replace(cat, table=cat.table.remove_columns(["product_id"])), tokenizer, n=40)
    assert alone.tasks == TASKS and len(task_items(alone, ["scr"], 16)["scr"]) == len(split_indices(cat, "train"))

def test_pictures_without_words_teach_what_they_can(garments):
    cat, tokenizer = garments
    cat = Catalogue("mine", cat.table.remove_columns(["text", "subcategory", "category", *(g for g in cat.groups if g != "colour")]), dict(colour=cat.groups["colour"]))
    with pytest.raises(UserError, match="mine supports none of the tasks asked for .*no texts.*no composed queries.*name one with scr") as e: supported(cat)
    assert str(e.value).count("no texts") == 1
    with pytest.raises(UserError, match="has no splits"): supported(replace(cat, table=cat.table.remove_columns(["split"])))

def test_loader_processes_change_nothing(garments):
    cat, tokenizer = garments; corpus = corpus_of(cat, tokenizer, n=40)
    items = TaskBatches(task_items(corpus, TASKS, 32, seed=5), 8)
    keys = [[(0, int(i)) for i in items.order(len(items), 5, 0)[k*8:k*8+8]] for k in range(10)]
    for one, other in zip(load_batches(items, keys, 0), load_batches(TaskBatches(task_items(corpus, TASKS, 32, seed=5), 8), keys, 2), strict=True):
        assert one.keys() == other.keys() and one["task"] == other["task"] and all(torch.equal(one[k], other[k]) for k in one if k != "task")
    other = task_items(corpus, ["xmr"], 32, seed=6)["xmr"]
    assert not torch.equal(items.tasks["xmr"][0, 0]["images"], other[0, 0]["images"])

@pytest.mark.parametrize("pad", ["count", "ignore_after_first_eos"])
def test_halves_of_a_batch_add_up(garments, pad):
    "Texts are cut to the longest of a batch only where that changes no loss."
    cat, tokenizer = garments; corpus = corpus_of(cat, tokenizer, n=40); torch.manual_seed(0)
    net = FameVil(tiny_clip(len(tokenizer), image=32, patch=8, width=32, layers=1), ["scr", "fic"], 8, classes=len(corpus.classes)).double()
    for task, items in task_items(corpus, ["scr", "fic"], 32).items():
        drawn = sorted((items[0, i] for i in range(8)), key=lambda o: int(text_ends(o["ids"])))       # the shorter half is shorter
        whole, *halves = (step(net, items.collate(part) | dict(task=task), goal=Goal(fic_pad=pad)) for part in (drawn, drawn[:4], drawn[4:]))
        assert sum(loss.item() for loss, _ in halves) == pytest.approx(whole[0].item(), rel=1e-9), task
        lengths = [items.collate(part)["ids"].shape[1] for part in (drawn, drawn[:4])]
        assert lengths == [40, 40] if task == "fic" else lengths[1] < lengths[0] < 40

def test_a_broken_picture_is_named(garments):
    cat, tokenizer = garments; corpus = corpus_of(cat, tokenizer, n=40)
    rows = split_indices(cat, "train")[:4]; few = subset(cat, rows)
    cells = few.table.with_format("arrow")["image"].to_pylist(); raw = cells[2]["bytes"]
    torn = few.table.remove_columns(["image"]).add_column("image", [raw if i != 2 else raw[:len(raw)//2] for i in range(4)])
    def spoilt(rows): return eval_images(replace(corpus, catalogue=replace(few, table=torn.cast_column("image", cat.table.features["image"]))), rows, 32)
    assert spoilt([1, 1, 0])[1]["row"] == 1 and Image.open(io.BytesIO(raw)).size == (64, 64)
    with pytest.raises(UserError, match=f"picture of image {few.table['image_id'][2]} is broken"): spoilt([0, 2])[1]

def test_real_products_are_mined(real_data):
    real_data("fashion-product-images-small")
    cat = open_catalogue("fashion-products", scale="smoke")
    assert class_group(cat) == "articleType"
    full = with_queries(cat, "articleType"); a, b, said = query_rows(full, "train")
    corpus = corpus_of(cat, train_bytepairs(vocabulary_texts(full), 800), n=32)
    q = corpus.queries["train"]
    assert corpus.tasks == TASKS and np.array_equal(q.references, a) and q.captions == [", ".join(o) for o in said] and (corpus.cells[a] != corpus.cells[b]).any()
    for g in ("gender", "articleType"): kinds = cat.table[g][:]; assert [kinds[i] for i in a] == [kinds[j] for j in b]
    colours, names = cat.table["baseColour"][:], cat.groups["baseColour"]
    changed = [k for k, (i, j) in enumerate(zip(a, b)) if colours[i] != colours[j]]
    assert changed and all(any(change_words("baseColour", [names[c] for c in colours[b[k]]], v) in q.captions[k] for v in range(3)) for k in changed)
    assert [corpus.classes[i] if i >= 0 else None for i in corpus.labels] == [n if (n := cat.groups["articleType"][o[0]]) in corpus.classes else None for o in cat.table["articleType"][:]]
    batch = TaskBatches(task_items(corpus, TASKS, 48), 16); batch = batch.collate([batch[0, int(i)] for i in batch.order(len(batch), 0, 0)[:16]])
    assert batch["images"].shape == (16, 3, 48, 48) and decode_texts(corpus.tokenizer, batch["ids"])[0]
