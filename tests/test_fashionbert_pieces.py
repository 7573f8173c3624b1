"The run that makes features of pieces: killed while it computes them, two at once, asked for after its catalogue has grown."
import json, os, subprocess, sys, time
from multiprocessing import get_context
import numpy as np, pytest, torch
from fashion_repro.data.demo import wardrobe
from fashion_repro.fashionbert import features, trunk
from fashion_repro.fashionbert.features import open_pieces, pieces_of
from fashion_repro.training.runs import Run

CHUNK = 8   # pictures that are lost when a process is killed

def work(folder, pause, products, used):
    "In a process of its own: a run of the trunk, or (`used`) the features of a catalogue by a finished one; every chunk is written down, with a pause before it."
    torch.set_num_threads(1)
    real, fill = features.extract, features.FeatureStore.fill
    def slow(net, items, part, workers=0):
        time.sleep(pause)
        with open(folder/"asked.txt", "a") as f: f.write(f"{len(part)}\n")
        return real(net, items, part, workers)
    features.extract = slow
    features.FeatureStore.fill = lambda self, keys, compute, chunk=256, title="": fill(self, keys, compute, CHUNK, title)
    folder.mkdir(parents=True, exist_ok=True)
    if used: pieces_of(used, wardrobe(products), folder)
    else: trunk.train(trunk.SMOKE, wardrobe(products), Run("fashionbert", "table1", "trunk", "wardrobe", "", "smoke", 0, "cpu", folder))

def start(folder, pause=0., products=60, used=None):
    process = get_context("fork").Process(target=work, args=(folder, pause, products, used)); process.start()
    return process

def done(process): process.join(400); assert process.exitcode == 0
def asked(folder): return sum(map(int, (folder/"asked.txt").read_text().split())) if (folder/"asked.txt").exists() else 0
def all_of(pieces): return pieces[np.arange(len(pieces))]
def bytes_below(folder): return {f: f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}

@pytest.fixture(scope="module")
def closet(tmp_path_factory):
    with pytest.MonkeyPatch.context() as m:
        m.setenv("FASHION_REPRO_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield wardrobe(60)

@pytest.fixture(scope="module")
def run(closet, tmp_path_factory):
    "A finished run."
    folder = tmp_path_factory.mktemp("run")
    done(start(folder))
    return folder

def test_killed_while_it_computes_features(closet, run, tmp_path):
    "kill -9 between network and last feature: the same features in the end, and no picture looked at twice but those of one chunk."
    child, cut, end = start(tmp_path/"cut", .2), tmp_path/"cut", time.monotonic() + 400
    while time.monotonic() < end and child.is_alive() and asked(cut) < 3*CHUNK: time.sleep(.02)
    child.kill(); child.join()
    assert 3*CHUNK <= asked(cut) < len(closet) and not (cut/"model").exists()
    done(start(cut))
    assert len(closet) <= asked(cut) <= len(closet) + CHUNK
    assert (all_of(open_pieces(run, closet)) == all_of(open_pieces(cut, closet))).all()

def test_two_at_once(closet, run, tmp_path):
    "Two processes fill one folder: each picture is looked at once, and the finished run whose network they use is left as it is."
    before, both = bytes_below(run), tmp_path/"both"
    two = [start(both, .05, 60, run) for _ in range(2)]
    for o in two: done(o)
    assert asked(both) == len(closet) and (all_of(pieces_of(run, closet, both)) == all_of(open_pieces(run, closet))).all()
    assert bytes_below(run) == before

def test_a_catalogue_that_has_grown(closet, run, tmp_path):
    "Only new pictures are looked at, and the old ones keep their features."
    first, more = (pieces_of(run, o, tmp_path) for o in (closet, wardrobe(70)))
    assert more.there.all() and len(more) > len(first) and (more[np.arange(len(first))] == all_of(first)).all()
    assert json.loads(next(tmp_path.rglob("speed.json")).read_text())["pictures"] == len(more)

def test_two_processes(closet, tmp_path):
    "Under torchrun: one fills the store with the network of the first, both open it, one writes."
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "fashion_repro.fashionbert.trunk"]
    r = subprocess.run([*launch, "--row", "trunk", "--table", "table1", "--device", "cpu", "--out", str(tmp_path/"two")], env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=500)
    assert r.returncode == 0, r.stderr
    record, speed = json.loads((tmp_path/"two"/"record.json").read_text()), json.loads(next((tmp_path/"two").rglob("speed.json")).read_text())
    assert record["metrics"]["pictures"] == record["n_eval"] == speed["pictures"] and len(list((tmp_path/"two"/"features").iterdir())) == 1
