"Attribute protocols end to end: the counts that runs leave on disk become statuses of claims, and agree with what their records say."
import numpy as np, pytest, torch
from fashion_repro.ledger.claims import METRICS, claim_status, evidence_of
from fashion_repro.metrics.attribute_protocols import recall_counts, type_counts, type_metrics

DATA, N = "fashion-products", 600
TYPES = dict(category=(30, 1.), colour=(12, 1.3), season=(4, .8), usage=(3, .2))
gen = torch.Generator().manual_seed(0)
TRUTH = {t: (torch.rand(N, K, generator=gen) < n/K).long() for t, (K, n) in TYPES.items()}

def scores(signal, seed):
    "Scores that know the truth through noise, the more the higher the signal."
    g = torch.Generator().manual_seed(1000 + seed)      # not the numbers the truth was drawn with
    return {t: signal*y + torch.randn(y.shape, generator=g) for t, y in TRUTH.items()}

def run(folder, row, seed, signal, corrupted=None):
    "A finished run: its record, counts of its types, and of corrupted versions that take some of its signal."
    path = folder/f"{row}-s{seed}"; path.mkdir()
    made = scores(signal, seed)
    np.save(path/"types_test.npy", type_counts(made, TRUTH))
    if corrupted is not None:
        np.save(path/"corrupted_test.npy", np.concatenate([recall_counts(made, TRUTH, 3)] + [recall_counts(scores(signal*c, 100*seed + i), TRUTH, 3) for i, c in enumerate(corrupted)], 1))
    return dict(row=row, seed=seed, path=str(path), stale=False, fingerprint="f", experiment="table4", metrics=type_metrics(made, TRUTH))

def decided(rows, metric, a="s", b="t", min_effect=0.):
    test = dict(paper="mtss", claim="C04", table="T4a", a=a, b=b, metric=metric, split="test", min_effect=min_effect, seeds=3, data=DATA, scales=["demo"])
    return claim_status({k: v for k, v in test.items() if v is not None}, evidence_of(test, rows), DATA, "demo")

@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    made = dict(t=(1.5, None), s=(2.1, (.9, .3)), mix=(2.1, (.9, .8)))
    return {row: [run(folder, row, seed, signal, c) for seed in range(3)] for row, (signal, c) in made.items()}

@pytest.mark.parametrize("metric,key", [("type_mean_f1_1", "mean_f1_1"), ("type_mean_r_3", "mean_r_3"), ("pooled_f1_1", "all_f1_1"), ("pooled_r_1", "all_r_1"), ("pooled_r_3", "all_r_3"), ("pooled_r_5", "all_r_5")])
def test_a_gain_over_types(rows, metric, key):
    "The difference of a claim is that of the records, and its sign decides."
    said = {row: np.mean([r["metrics"][key] for r in rows[row]]) for row in rows}
    found = decided(rows, metric)
    assert found.status == "holds" and found.difference == pytest.approx(said["s"] - said["t"]) and 0 < found.low < found.difference < found.high
    assert decided(rows, metric, "t", "s").status == "fails" and decided(rows, metric, "mix", "s").status == "undecided"

def test_corrupted_images(rows):
    "Mixing helps on corrupted images, leaves clean ones as they are, and what corruption takes is a share of the clean recall."
    assert decided(rows, "corrupted_r_3", "mix", "s").status == "holds"
    clean = decided(rows, "clean_r_3", "mix", "s")
    assert clean.status == "undecided" and clean.low < clean.difference == 0 < clean.high
    lost = decided(rows, "corruption_loss", "s", None, min_effect=.02)
    both = [decided(rows, m, "s", None).difference for m in ("clean_r_3", "corrupted_r_3")]
    assert lost.status == "holds" and lost.difference == pytest.approx(1 - both[1]/both[0], abs=1e-3)
    assert decided(rows, "corrupted_r_3", "s", "t").status == "not tested"        # t was never scored on corrupted images

def test_every_metric_reads_counts_that_runs_keep(rows):
    files = {"types": np.load(rows["s"][0]["path"] + "/types_test.npy").sum(0), "corrupted": np.load(rows["s"][0]["path"] + "/corrupted_test.npy").sum(0)}
    mine = {m: (f, kind) for m, (f, kind) in METRICS.items() if kind in files}
    assert len(mine) == 10
    for f, kind in mine.values():
        one = f(files[kind]); assert 0 < one < 1
        assert f(np.stack([files[kind]]*6).reshape(2, 3, -1)) == pytest.approx(np.full((2, 3), one))
