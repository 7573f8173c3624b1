"Retrieval on whole catalogues: who is asked among whom, hits by product and by equal text, and what the released evaluation makes of it."
import subprocess, sys
from pathlib import Path
import numpy as np, pytest, torch
from fashion_repro.data.datasets import open_catalogue
from fashion_repro.data.table import arrow_columns, product_numbers, split_indices
from fashion_repro.metrics.bootstrap import paired_bootstrap
from fashion_repro.metrics.ranking_sums import DIRECTIONS, NEGATIVES, RANKING_METRICS
from fashion_repro.metrics.retrieval import as_released, candidates_101, chance_hits, equal_texts, first_views, rank_hits, ranking_counts, ranking_metrics, ranks, text_numbers
from fashion_repro.metrics.similarities import blockwise_ranks

def asked(cat, split, queries):
    "Pool, text numbers and all four kinds of lists of a catalogue."
    rows, words = split_indices(cat, split), arrow_columns(cat.table, ["text", "subcategory"]).to_pydict()
    rows = rows[[bool(words["text"][i]) for i in rows]]
    pool = first_views(rows, product_numbers(cat)[rows], [words["subcategory"][i] for i in rows])
    return pool, text_numbers(words["text"]), {(d, n): candidates_101(pool, d, n, queries) for d in DIRECTIONS for n in NEGATIVES.values()}, words["subcategory"]

def check_lists(cat, found, kinds):
    products = product_numbers(cat)
    for (_, n), c in found.items():
        for row in c.lists:
            row = row[row >= 0]
            assert len(set(products[row])) == len(row)                                   # no product twice, so no other view of the query's
            if n == "same_subcategory": assert {kinds[i] for i in row} == {kinds[row[0]]}

def test_wardrobe():
    "Several views a product: one of them is asked, a list holds one of each product, and a ranker that knows half of the products is measured as such."
    cat = open_catalogue("wardrobe", scale="smoke")
    pool, texts, found, kinds = asked(cat, "train", 50)
    assert len(set(pool.products)) == len(pool.products) < len(split_indices(cat, "train"))
    check_lists(cat, found, kinds)
    knows = {r: i % 2 == 0 for i, r in enumerate(sorted(found["i2t", "random"].queries))}
    rng = np.random.default_rng(0)
    def scores(c): return rng.random(c.lists.shape)*.4 + .5*((np.arange(101) == 0) & np.array([knows[r] for r in c.queries])[:, None])
    counts = ranking_counts({k: (c, scores(c)) for k, c in found.items()}, texts)
    m = ranking_metrics(counts)
    assert .5 <= m["i2t_random_r1"] < .6 and m["i2t_random_mean_candidates"] == min(101, len(pool.rows)) > m["i2t_same_mean_candidates"]
    assert .74 < m["i2t_random_balanced"] < .76 and m["both_same_r10"] > m["both_random_r10"]         # shorter lists are easier
    blind = ranking_counts({k: (c, np.zeros(c.lists.shape)) for k, c in found.items()}, texts)
    gap = paired_bootstrap(counts, blind, RANKING_METRICS["both_random_r1"], replicates=100)
    assert gap.low > .3 and gap.n_items == 50

def test_titles_shared_by_products(real_data):
    "Real titles: a ranker that reads nothing but the title is perfect by text and not by product."
    cat = open_catalogue("fashion-products", real_data("fashion-product-images-small"), scale="demo", images=False)
    pool, texts, found, kinds = asked(cat, "test", 1000)
    assert len(pool.rows) == len(split_indices(cat, "test")) and len(found["i2t", "random"].queries) == 1000           # one picture a product
    shared = np.bincount(texts)[texts] > 1
    assert .35 < shared.mean() < .45                                                     # of all products
    check_lists(cat, {k: c for k, c in found.items() if k[0] == "t2i"}, kinds)
    m = ranking_metrics(ranking_counts({k: (c, equal_texts(c.lists, texts).astype(float)) for k, c in found.items()}, texts))
    assert m["both_same_r1"] < .995 and m["both_same_r1"] < m["both_random_r1"] and m["both_same_r1_text"] == m["both_random_r1_text"] == 1
    assert 60 < m["t2i_same_mean_candidates"] < 101 == m["t2i_random_mean_candidates"]
    c, rng = found["t2i", "same_subcategory"], np.random.default_rng(0)
    noise = rng.random(c.lists.shape)
    at = (1, 10, 100)
    assert np.allclose(rank_hits(ranks(noise, c.valid), at)[c.asked].mean(0), chance_hits(c.valid.sum(1)[c.asked], at), atol=.04)
    broken = as_released(noise, c.valid)
    assert broken["r100"] < .62 and broken["groups"] > 1.6*len(c.queries)                                                # no ranking of 101 could be so bad

def test_full_split_agrees_with_lists(real_data):
    "Vectors: among all candidates a rank is never better than among a hundred of them."
    cat = open_catalogue("fashion-products", real_data("fashion-product-images-small"), scale="demo", images=False)
    pool, _, found, _ = asked(cat, "test", 300)
    gen = torch.Generator().manual_seed(0)
    pictures = torch.nn.functional.normalize(torch.randn(len(pool.rows), 16, generator=gen), dim=1)
    words = torch.nn.functional.normalize(pictures + .35*torch.randn(pictures.shape, generator=gen), dim=1)
    c, at = found["t2i", "random"], np.searchsorted(pool.rows, found["t2i", "random"].lists)
    sim = torch.einsum("qd,qcd->qc", words[at[:, 0]], pictures[at]).double().numpy()
    few, every = ranks(sim, c.valid), blockwise_ranks(words[at[:, 0]], pictures, pool.products[at[:, 0]], pool.products)
    assert (few <= every).all() and few.mean() < every.mean()/10 and (rank_hits(few) >= rank_hits(every)).all()
    with pytest.raises(ValueError): blockwise_ranks(words[:5], pictures[5:], pool.products[:5], pool.products[5:])

def test_the_matrix_is_never_held():
    "8,132 x 8,132 similarities are 252 MiB; a process that ranks them block by block grows by far less, also where small results are kept of each block."
    out = subprocess.run([sys.executable, Path(__file__).parents[1]/"benchmarks"/"retrieval.py", "blocks", "8132"], check=True, capture_output=True, text=True).stdout
    assert float(out.split()[1]) < 100
