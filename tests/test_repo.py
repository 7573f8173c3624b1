"The repository agrees with itself: notebooks, library, locks, environment.yml, README; and importing it costs nothing."
import ast, json, os, re, shutil, subprocess, sys, time
from configparser import ConfigParser
from pathlib import Path
import pytest, yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

root = Path(__file__).resolve().parent.parent
ini = ConfigParser(delimiters=["="]); ini.read(root/"settings.ini"); cfg = ini["DEFAULT"]
sys.path.insert(0, str(root/"tools"))
NBS = sorted(p for p in (root/"nbs").rglob("*.ipynb") if not any(x.startswith((".", "_")) for x in p.relative_to(root).parts))
YAMLS = sorted((root/"fashion_repro").glob("*/experiments.yaml"))
LOCKS = ["requirements.lock", "requirements-lab.lock", "bootstrap.lock"]
CARD = "jupyterlab papermill nbdev torch torchvision transformers matplotlib seaborn scikit-learn umap-learn".split()
HEAVY = {"torch", "torchvision", "transformers", "datasets", "accelerate", "matplotlib", "sklearn", "pandas", "numpy", "papermill",
         "nbformat", "snakemake", "nbdev", "faiss", "umap", "pyarrow", "PIL", "onnx", "onnxruntime", "onnxscript"}

def rel(p): return str(p.relative_to(root))
def cells(nb): return json.loads(nb.read_text())["cells"]
def tagged(nb): return [c for c in cells(nb) if "parameters" in c["metadata"].get("tags", [])]
EXPERIMENTS = [p for p in NBS if re.match(r"(table|figure)A?\d|curation_|search_demo|attention_|embeddings_", p.stem)]

def run(*args, cwd=root, **env):
    e = {**os.environ, "NO_COLOR": "1", **env}; e.pop("IN_TEST", None); e.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run([str(a) for a in args], cwd=cwd, env=e, capture_output=True, text=True)

@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    "A scratch copy of the source (nbdev skips folders whose path has a part that starts with a dot)."
    d = tmp_path_factory.mktemp("copy")
    for f in ["settings.ini", "pyproject.toml", "setup.py"]: shutil.copy(root/f, d/f)
    shutil.copytree(root/"nbs", d/"nbs", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    for tool in ("nbdev_export", "nbdev_clean"):
        r = run(Path(sys.executable).parent/tool, cwd=d); assert not r.returncode, r.stderr
    return d

def test_library_in_sync(copy):
    "Exporting into an empty package gives exactly the committed one: finds edited, missing and orphaned modules."
    files = lambda d: {str(p.relative_to(d)): p.read_text() for p in (d/"fashion_repro").rglob("*.py")}
    here, fresh = files(root), files(copy)
    assert here.keys() == fresh.keys(), f"run nbdev_export; a removed notebook's module must be deleted: {sorted(here.keys() ^ fresh.keys())}"
    assert not (differ := [k for k in here if here[k] != fresh[k]]), f"run nbdev_export: {differ}"

def test_notebooks_clean(copy):
    dirty = [rel(p) for p in NBS if p.read_bytes() != (copy/rel(p)).read_bytes()]
    assert not dirty, f"run nbdev_clean: {dirty}"

def test_pyflakes():
    r = run(sys.executable, "-m", "pyflakes", "fashion_repro", "tools", "tests", "benchmarks", "docs")
    lines = [x for x in r.stdout.splitlines() if "_modidx" not in x]
    assert not lines, "\n".join(lines)

@pytest.mark.parametrize("tool", ["readme", "envyml"])
def test_generated_files_are_fresh(tool):
    r = run(sys.executable, f"tools/{tool}.py", "--check"); assert not r.returncode, r.stderr

def test_datasets_page_has_every_data_set():
    "DATASETS.md says of each data set that can be opened what it is, what may be shown, and which command checks it."
    from fashion_repro.training.runs import data_names
    parts = re.split(r"^## ", (root/"DATASETS.md").read_text(), flags=re.M)
    about = {m[1]: part for part in parts if (m := re.match(r"`(.+)`", part))}
    assert list(about) == data_names() and len(about) >= 5
    for name, part in about.items(): assert "may be shown" in part and f"fashion-repro data check {name}" in part, name

@pytest.mark.parametrize("nb", NBS, ids=rel)
def test_no_place_of_this_machine(nb):
    "Stored outputs and sources name no folder of whoever ran them."
    text = nb.read_text()
    for place in (str(root), str(Path.home()) + "/", "site-packages", "ipykernel_"): assert place not in text, place

@pytest.mark.parametrize("nb", EXPERIMENTS, ids=rel)
def test_experiment_parameters(nb):
    "One `parameters` cell of at most 12 literals, smoke scale by default, each line of a form papermill reads."
    assert len(tagged(nb)) == 1
    source = "".join(tagged(nb)[0]["source"])
    names = {n.target.id if isinstance(n, ast.AnnAssign) else n.targets[0].id: ast.literal_eval(n.value)
             for n in ast.parse(source).body if isinstance(n, (ast.AnnAssign, ast.Assign))}
    assert {"data", "data_dir", "scale", "seed", "device", "runs_dir", "out_dir"} <= names.keys() and len(names) <= 12
    assert names["scale"] == "smoke" and names["out_dir"] == "" and names["runs_dir"] == ""
    for line in filter(None, source.split("\n")): assert line.count("=") <= 1 and "|" not in line.split("=")[0], line
    from papermill import inspect_notebook
    assert inspect_notebook(str(nb)).keys() == names.keys()
    assert not any(c.get("outputs") for c in cells(nb)), "experiment sources are committed without outputs"

def test_tagged_notebooks_are_experiments():
    assert [rel(p) for p in NBS if tagged(p)] == [rel(p) for p in EXPERIMENTS]

def test_tables_of_yaml_have_notebooks():
    "Every table that rows are listed for has exactly one notebook, and the other way round."
    listed = {(p.parent.name, r["table"]) for p in YAMLS for r in yaml.safe_load(p.read_text())}
    assert listed == {(p.parent.name, p.stem.split("_")[0]) for p in EXPERIMENTS}
    assert len({(p.parent.name, p.stem.split("_")[0]) for p in EXPERIMENTS}) == len(EXPERIMENTS)

def pins(f): return {canonicalize_name(m[1]): m[2] for m in re.finditer(r"^([\w.\-]+)==(\S+)", (root/f).read_text(), flags=re.M)}

@pytest.mark.parametrize("lock,keys", [("requirements.lock", ["requirements", "dev_requirements"]),
                                       ("requirements-lab.lock", ["requirements", "dev_requirements", "lab_requirements"])])
def test_lock_satisfies_settings(lock, keys):
    have = pins(lock)
    for r in map(Requirement, " ".join(cfg[k] for k in keys).split()):
        n = canonicalize_name(r.name)
        assert n in have, f"{r} is not in {lock}: run make lock"
        assert r.specifier.contains(have[n], prereleases=True), (str(r), have[n])

def test_locks_agree():
    lab = set(re.findall(r"^[\w.\-]+==\S+", (root/"requirements-lab.lock").read_text(), flags=re.M))
    assert set(re.findall(r"^[\w.\-]+==\S+", (root/"requirements.lock").read_text(), flags=re.M)) <= lab
    assert pins("bootstrap.lock")["uv"] == pins("requirements.lock")["uv"]

@pytest.mark.parametrize("f", LOCKS + ["environment.yml"])
def test_lock_names_no_host(f):
    text = (root/f).read_text()
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|file:", text)
    blocks = re.split(r"\n(?=\S)", text) if f in LOCKS else []
    assert f not in LOCKS or blocks
    for block in blocks: assert "--hash=sha256:" in block, block

def test_environment_names_the_promised_packages():
    "What environment.yml installs holds JupyterLab and every package the project's description promises."
    named = re.findall(r"-r (\S+)", (root/"environment.yml").read_text().split("pip:")[1])
    have = {n for f in named for n in pins(f)}
    assert named and not [p for p in CARD if canonicalize_name(p) not in have]

def best_of_3(*cmd):
    def once():
        t = time.perf_counter(); r = run(*cmd, cwd="/"); assert not r.returncode, r.stderr
        return time.perf_counter() - t
    return min(once() for _ in range(3))

def test_import_is_instant():
    "Against what importing torch costs here and now."
    bare = best_of_3(sys.executable, "-c", "pass")
    torch = best_of_3(sys.executable, "-c", "import torch") - bare
    assert best_of_3(sys.executable, "-c", "import fashion_repro") - bare < torch/5
    assert best_of_3(sys.executable, "-m", "fashion_repro.cli", "--help") - bare < torch/2

@pytest.mark.parametrize("module", ["fashion_repro", "fashion_repro.cli"])
def test_nothing_heavy_is_imported(module):
    code = f"import sys, {module}; print(*{{m.split('.')[0] for m in sys.modules}})"
    assert not HEAVY & set(run(sys.executable, "-c", code).stdout.split())

def test_papers_do_not_import_each_other():
    "Arrows point one way: a paper's room never imports another paper's room, and no shared room imports a paper."
    papers = {"ifashion", "mtss", "fashionbert", "fame_vil"}
    for f in (root/"fashion_repro").rglob("*.py"):
        room = f.relative_to(root/"fashion_repro").parts[0]
        if f.name == "_modidx.py" or room in ("ledger", "workflow", "cli.py", "attributes.py", "caption.py", "search.py"): continue
        for node in ast.walk(ast.parse(f.read_text())):
            name = getattr(node, "module", None) or ""
            for hit in papers & set(name.split(".")): assert hit == room, f"{f.name} imports {name}"
