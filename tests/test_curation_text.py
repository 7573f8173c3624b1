"Tags against texts and the taxonomy, end to end: written, read again, applied; every kind of bad input; the time for many titles."
import time
import numpy as np, pytest
from fashion_repro.data.datasets import open_catalogue
from fashion_repro.data.decisions import apply_decisions, read_decisions, write_findings
from fashion_repro.data.demo import in_memory, truth, wardrobe
from fashion_repro.data.garments import attributes
from fashion_repro.data.table import Catalogue, subset, table_features
from fashion_repro.data.taxonomy import find_taxonomy
from fashion_repro.data.text_tags import find_contradictions
from fashion_repro.errors import UserError

@pytest.fixture(scope="module")
def spoilt(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASHION_REPRO_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield wardrobe(60, seed=2, missing=.1, wrong=.05)

def shop(n, colours=("Red", "Blue", "Green"), seed=0):
    "n titles, each with its own number, and their true colours."
    ids = np.random.default_rng(seed).integers(0, len(colours), n).tolist()
    columns = dict(image=[None]*n, image_id=[f"s{k}" for k in range(n)], text=[f"Acme Men {colours[i]} Shirt No {k}" for k,i in enumerate(ids)], colour=[[i] for i in ids])
    return Catalogue("shop", in_memory(columns, table_features(["image", "image_id", "text"], dict(colour=list(colours)))), dict(colour=list(colours)))

def wrong_tags(cat):
    ids = cat.table["image_id"][:]
    return sum(set(attributes(g)[k]) != {names[i] for i in tags} for k,names in cat.groups.items() for g,tags in zip(truth(ids), cat.table[k][:]) if tags)

def tagged(cat): return sum(bool(tags) for k in cat.groups for tags in cat.table[k][:])

def test_found_written_read_and_applied(spoilt, tmp_path):
    before = {k: spoilt.table[k][:] for k in spoilt.groups}
    found = find_contradictions(spoilt)
    assert {k: spoilt.table[k][:] for k in spoilt.groups} == before                 # a step changes nothing
    write_findings(found, tmp_path/"text")
    again = read_decisions(tmp_path/"text"/"decisions.csv")
    assert [(o["image_id"], o["action"], o["group"], o["was"], o["becomes"]) for o in again] == [(o["image_id"], o["action"], o["group"], o["was"], o["becomes"]) for o in found.decisions]
    clean = apply_decisions(spoilt, again)
    assert wrong_tags(clean) < .6*wrong_tags(spoilt) and tagged(clean) > tagged(spoilt)
    texts = dict(zip(spoilt.table["image_id"][:], spoilt.table["text"][:]))
    assert all(texts[o["image_id"]][:90] in o["because"] for o in found.decisions)  # the evidence is the text itself
    report = (tmp_path/"text"/"report.md").read_text()
    assert "contradictions" in report and "missing tags" in report

def test_taxonomy_of_a_sound_wardrobe_proposes_nothing(spoilt, tmp_path):
    found = find_taxonomy(spoilt)
    assert not found.decisions and any("several classes" in o for o in found.notes)
    write_findings(found, tmp_path/"taxonomy")
    assert (tmp_path/"taxonomy"/"report.md").exists()

@pytest.mark.parametrize("step", [find_contradictions, find_taxonomy])
def test_what_can_still_be_done_is_done(step, spoilt):
    assert step(subset(spoilt, [])).decisions == []
    other = step(spoilt, ["color", "colour"])
    assert any("did you mean 'colour'" in o for o in other.notes) and {o["group"] for o in other.decisions} <= {"colour"}
    mute = Catalogue("mute", spoilt.table.remove_columns(["text"]), spoilt.groups)
    assert not [o for o in step(mute).decisions if o["step"] == "text"]
    untagged = shop(5); untagged = Catalogue("untagged", untagged.table.remove_columns(["colour"]), {})
    assert step(untagged).decisions == []

def test_a_synonym_for_no_class_is_a_slip(spoilt):
    with pytest.raises(UserError, match="did you mean 't-shirt'"): find_contradictions(spoilt, synonyms={"tshirt": "tee"})

def test_the_same_answer_every_time(spoilt):
    assert find_contradictions(spoilt) == find_contradictions(spoilt) and find_taxonomy(spoilt) == find_taxonomy(spoilt)

def test_time_grows_in_proportion():
    seconds = []
    for n in (10_000, 40_000):
        cat = shop(n); t = time.process_time(); found = find_contradictions(cat); find_taxonomy(cat); seconds.append(time.process_time()-t)
        assert found.counts["contradictions"] == 0
    assert seconds[1] < 30 and seconds[1] < 8*seconds[0]

def test_real_titles(real_data):
    cat = open_catalogue("fashion-products", real_data("fashion-product-images-small"), scale="paper")
    t = time.process_time(); found = find_contradictions(cat); seconds = time.process_time()-t
    assert seconds < 10 and found.counts["images with a text"] == len(cat)
    assert 1000 < found.counts["contradictions"] < 2500 and found.counts["contradictions in baseColour"] > 500
    assert any(o["action"] == "untag" and (o["group"], o["was"]) == ("gender", "Men") and "'boys'" in o["because"] for o in found.decisions)
    assert any("tagged Free Gifts" in o for o in found.notes)                       # a class at fault, left to the taxonomy
    proposed = {(o["group"], o["was"]) for o in find_taxonomy(cat).decisions}
    assert ("articleType", "Free Gifts") in proposed and not {c for g,c in proposed if g == "baseColour"}

def test_real_pictures_without_texts(real_data):
    cat = open_catalogue("clothing-dataset", real_data("clothing-dataset"), scale="paper")
    found = find_contradictions(cat)
    assert found.decisions == [] and found.counts["contradictions"] == 0 and "no texts" in found.notes[0]
    assert not find_taxonomy(cat).decisions
