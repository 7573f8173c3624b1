"Scores of FAME-ViL: published galleries with holes, catalogues that lack something, what a run keeps against what a claim is decided on, and attributes in real titles."
import json
import numpy as np, pytest, torch
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from miniature import FASHIONIQ, fashioniq_files, fashioniq_id, fashioniq_pictures, unpack
from fashion_repro.data.datasets import open_catalogue
from fashion_repro.data.demo import wardrobe
from fashion_repro.data.fashioniq import fashioniq
from fashion_repro.data.table import split_indices
from fashion_repro.errors import UserError
from fashion_repro.fame_vil.clip import tiny_clip
from fashion_repro.fame_vil.corpus import corpus_of, vocabulary_texts
from fashion_repro.fame_vil.describing import named_counts
from fashion_repro.fame_vil.heads import FameVil
from fashion_repro.fame_vil.retrieving import Scoring, tgir_gallery
from fashion_repro.fame_vil.scoring import ledger_names, score, score_tasks
from fashion_repro.ledger.claims import claim_status, evidence_of
from fashion_repro.text.bytepairs import train_bytepairs
from fashion_repro.text.catalogue_texts import texts_of
from fashion_repro.training.runs import Run

@pytest.fixture
def cache(tmp_path, monkeypatch): monkeypatch.setenv("FASHION_REPRO_CACHE", str(tmp_path/"cache"))

def network(corpus, tasks): return FameVil(tiny_clip(len(corpus.tokenizer), image=16, patch=8, width=32, layers=1), tasks=tasks, bottleneck=4, classes=max(1, len(corpus.classes))).eval()
def opened(cat, **how): return corpus_of(cat, train_bytepairs(vocabulary_texts(cat), 560), n=40, **how)

def test_a_gallery_with_holes_has_both_sizes_and_three_categories(tmp_path, cache):
    cat = fashioniq(unpack(tmp_path/"a", fashioniq_files() | fashioniq_pictures(lost=[fashioniq_id("dress", "val", 0)])))
    corpus = opened(cat); model, q = network(corpus, ["tgir"]), corpus.queries["val"]
    metrics, found = score_tasks(model, corpus, "val")
    assert (metrics["val_tgir_original_dress_gallery"], metrics["val_tgir_original_dress_listed"]) == (19, 20) and metrics["val_tgir_queries"] == len(q.ids)
    assert all((metrics[f"val_tgir_{ours}_{c}_gallery"], metrics[f"val_tgir_{ours}_{c}_listed"]) == tuple(cat.report["galleries"][c][kind].values()) for c in FASHIONIQ for ours, kind in dict(original="original", union="val_union").items())
    each = [metrics[f"val_tgir_original_{c}_r{k}"] for c in FASHIONIQ for k in (10, 50)]
    named = ledger_names(metrics, "val")
    assert np.isclose(named["tgir_mean"], np.mean(each)) and named["toptee_r10"] == metrics["val_tgir_original_toptee_r10"] and {"dress_r10", "shirt_r50", "tgir_r10"} <= named.keys()
    assert np.isclose(metrics["val_tgir_toptee_over_shirt_r10"], named["toptee_r10"] - named["shirt_r10"]) and not any("_attr" in k or "miss_fit" in k for k in metrics)
    assert (found["tgir"].kept["tgir_rank"] <= 20).all() and {*found["tgir"].kept["tgir_top"][0]} <= {*tgir_gallery(corpus, "val", q.category[0])[0]}

    moved = replace(corpus, queries=dict(val=replace(q, category=np.where(np.arange(len(q.ids)) == 0, "shirt", q.category))))      # a dress among shirts
    elsewhere = score_tasks(model, moved, "val")[0]
    assert elsewhere["val_tgir_without_target"] == 1 and np.isnan(score_tasks(model, moved, "val")[1]["tgir"].kept["tgir_rank"][0])
    lost = replace(corpus, queries=dict(val=replace(q, category=np.array([dict(dress="shirt", shirt="toptee", toptee="dress")[c] for c in q.category]))))
    with pytest.raises(UserError, match="has its target in the gallery"): score_tasks(model, lost, "val")
    with pytest.raises(UserError, match="score another split with scored, such as val"): score_tasks(model, corpus, "test")           # its targets are not published

def test_a_catalogue_that_lacks_something_is_scored_on_the_rest(cache):
    cat = wardrobe(60)
    bare = opened(replace(cat, table=cat.table.remove_columns([*cat.groups, "category", "subcategory", "box"]), groups={}, composed=None))
    metrics, found = score_tasks(network(bare, ["xmr", "fic"]), bare, "test", Scoring(draws=1, queries=5, captions=4, max_len=6))
    assert list(found) == ["xmr", "fic"] and not any(o in k for k in metrics for o in ("101same", "miss_fit", "attr", "tgir", "scr", "attention"))
    assert {"test_full_i2t_r1", "test_101_t2i_r10_text", "test_fic_b"} <= metrics.keys() and metrics["test_fic_captions"] == 4

def test_a_claim_is_decided_on_what_runs_keep(tmp_path, cache):
    cat = wardrobe(60); corpus = opened(cat); rows = {}
    for row in ("fame_vil", "st"):
        rows[row] = []
        for seed in range(3):
            torch.manual_seed(seed); out = tmp_path/f"{row}-s{seed}"; out.mkdir()
            run = Run("fame_vil", "table2", row, "wardrobe", "", "demo", seed, "cpu", out)
            metrics = score(network(corpus, ["xmr", "tgir"]), corpus, "train", SimpleNamespace(draws=1, queries=20), run)
            rows[row].append(dict(path=str(out), seed=seed, metrics=metrics, n_train=1))
    names = ("full_both_mean", "101same_both_mean", "tgir_original_mean", "tgir_union_r10_attr", "full_gap_r10", "tgir_miss_fit")
    for metric in names:
        test = dict(paper="fame_vil", claim="X", a="fame_vil", b="st", metric=metric, split="train", min_effect=0., seeds=3, data="wardrobe", scales=["demo"])
        found = claim_status(test, evidence_of(test, rows), "wardrobe", "demo")
        means = [np.mean([r["metrics"][f"train_{metric}"] for r in rows[k]]) for k in ("fame_vil", "st")]
        assert np.isclose(found.difference, means[0] - means[1]) and found.low <= found.difference <= found.high and found.seeds == 3, metric
    assert not (Path(rows["st"][0]["path"])/"products_train.npy").exists() and len(json.loads((tmp_path/"st-s0"/"tgir_train.json").read_text())) == 25
    other = dict(paper="fame_vil", claim="X", a="fame_vil", b="st", metric="fic_c", split="train", min_effect=0., seeds=3, data="wardrobe", scales=["demo"])
    assert claim_status(other, evidence_of(other, rows), "wardrobe", "demo").status == "not tested"

def test_real_titles_name_attributes_that_are_true(real_data):
    cat = open_catalogue("fashion-products", real_data("fashion-product-images-small"), scale="paper")
    rows = split_indices(cat, "test")[:2000]; texts = texts_of(cat, rows)
    said, right, asked, ref_right, found = named_counts(cat, rows, texts, texts).sum(0)
    assert said == asked == found > 3*len(rows) and right == ref_right and .8 < right/said < 1, right/said
    wrong = named_counts(cat, rows, texts[1:] + texts[:1], texts).sum(0)
    assert wrong[1]/wrong[0] < .6 and wrong[3] == ref_right, wrong
