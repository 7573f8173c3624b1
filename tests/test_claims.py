"Claims end to end: every claim has its place, and finished runs on disk become statuses, a table and a page."
import json
import numpy as np, pytest
from fashion_repro.ledger.claims import METRICS, claims_table, claims_without_test, comparisons, decide_claims, listed, read_statuses, write_statuses
from fashion_repro.ifashion.transfer import PROTOCOL
from fashion_repro.ledger import papers
from fashion_repro.ledger.papers import load_ledger, read_yaml
from fashion_repro.ledger.records import current_code, current_params, read_records
from fashion_repro.ledger.report import ledger_text
from fashion_repro.training.rows import read_rows
from fashion_repro.training.runs import data_names

KEYS = {"paper", "claim", "statement", "table", "data", "scales", "seen", "needs", "given"}
PAIR, PROPERTY = {"a", "b", "beyond", "metric", "protocol", "split", "min_effect", "seeds"}, {"row", "expr", "n_train", "seeds", "over"}
BUILT = ["ifashion", "mtss", "fashionbert", "fame_vil"]

@pytest.mark.parametrize("paper", BUILT)
def test_no_claim_is_passed_over(paper):
    "Each claim of the ledger has a test, is decided by printed numbers, or says what it waits for; none twice."
    places = [*papers.tested_claims(paper), *claims_without_test(paper, "printed"), *claims_without_test(paper, "not_yet")]
    assert sorted(c for c in places if c[0] == "C") == sorted(load_ledger(paper).claims)
    assert len(read_yaml("claims")["tests"]) == sum(len(papers.tested_claims(p)) for p in BUILT)

@pytest.mark.parametrize("paper,claim", [(p, c) for p in BUILT for c in papers.tested_claims(p)])
def test_a_test_names_what_exists(paper, claim):
    t = papers.tested_claims(paper)[claim]
    assert t.keys() <= KEYS | (PROPERTY if "expr" in t else PAIR), t.keys()
    rows = {(r.table, r.row): r for r in read_rows(paper)}
    runs = read_yaml("claims")["tables"][paper][t["table"]]["runs"]
    compared = {r for a, b, *_ in comparisons(t) for r in (a, b) if r} - {"ceiling"}
    assert t.get("over", "seeds") == "seeds" and ("over" not in t or "expr" in t)
    beyond = t.get("beyond", {})
    assert not beyond or beyond.keys() == compared, "each row of a gain needs the row it is beyond"
    for row in {t["row"]} if "expr" in t else {*compared, *beyond.values()}: assert (runs, row) in rows, row
    widths = {rows[runs, row].set.get("width") for row in {*compared, *beyond.values()}}
    assert {*listed(t["metric"])} <= METRICS.keys() if "a" in t else True
    assert len(widths) <= 1 or t["scales"] == ["paper"], "a wide network and a narrow one, except at the paper's scale"
    trained = "a" in t or rows[runs, t["row"]].module != "ifashion.statistics"
    assert not trained or t["seeds"] >= 3, "what is trained takes several seeds"
    for data in [*listed(t["data"]), *listed(t.get("given", []))]: assert data in data_names(), data
    if paper == "ifashion" and runs == "table4" and "a" in t: assert {PROTOCOL.get(d, "accuracy") for d in listed(t["data"])} == {t["protocol"]}, "as the records name it"

def run(folder, row, seed, hits, experiment="table3", metrics=None, **place):
    "A finished run: its record, made by the code of today, and hits of 6 true labels among 8 answers for each image."
    record = dict(paper="ifashion", experiment=experiment, row=row, seed=seed, data="fashion-products", scale="demo", split="test", protocol="P1",
        metrics=metrics or dict(test_f1=.5), n_train=20000, n_eval=400, n_missing=0, fingerprint="f", code="", version="0", commit=None, dirty=None, device="cpu", threads=1, minutes=1., peak_mib=1., defects=[]) | place
    out = folder/"ifashion"/experiment/f"{record['data']}-{record['scale']}"/f"{row}-s{seed}"; out.mkdir(parents=True)
    record["params"] = current_params(record)
    (out/"record.json").write_text(json.dumps(record | dict(code=current_code(record))))
    for split in ("val", "test"): np.save(out/f"items_{split}.npy", np.stack([hits, np.full(400, 8), np.full(400, 6)], 1))

@pytest.fixture
def runs(tmp_path):
    rng = np.random.default_rng(0)
    for row, p in dict(inception_v3=.8, inception_v1=.7, inception_bn=.6, small_cnn=.75).items():
        for seed in range(3): run(tmp_path, row, seed, rng.binomial(6, p, 400))
    run(tmp_path, "all", 0, np.zeros(400), "table1", dict(train_top_half_share=.85))
    return tmp_path

def test_runs_become_statuses(runs):
    "Holds, fails, not testable, of another table: each as it is; and the page tells the same."
    for table in ("table3", "table1"):
        records = read_records(runs, "ifashion", table, "fashion-products", "demo")
        write_statuses(decide_claims(records, "ifashion"), runs/"ifashion"/table/"fashion-products-demo"/"claims.json")
    found = claims_table("ifashion", read_statuses(runs, "ifashion")).set_index("claim")
    assert found.status[["C01", "C02", "H02", "H03", "C03", "C05", "C13", "C15", "C16"]].tolist() == [
        "holds", "holds", "fails", "fails", "not testable here", "not tested", "not tested yet", "not tested", "holds in the printed numbers"]
    assert found.why["C14"].startswith("it is decided on imaterialist")
    assert "- inception_v1 on" in found.why["C01"]                      # the smaller of the two gains
    page = ledger_text("ifashion", runs_dir=runs)
    assert "claims decided: 5" in page and "H02  fails" in page and "train_top_half_share = 0.85" in page
