"A small checkout with one toy paper, for tests of the workflow: two rows that count, one table, a figure that reads its runs, seconds to run."
import json, os, shutil, subprocess, sys
from pathlib import Path
import nbformat

root = Path(__file__).resolve().parent.parent
YAML = """
- {table: table1, row: fast, module: toy.counting, set: {step: 1}, headline: true}
- {table: table1, row: slow, module: toy.counting, set: {step: 2}, headline: true}
- {table: table1, row: extra, module: toy.counting, set: {step: 3}}
- {table: table1, row: starred, module: toy.counting, needs: public.pth, set: {step: 4}, headline: true}
- {table: figure1, from: table1}
- {table: table2, row: broken, module: toy.counting, set: {fail: true}, headline: true}
"""
MODULE = '''
"Counts to `n` in steps, keeping its place, and can be told to fail."
import json, sys, time
from dataclasses import dataclass
from pathlib import Path
from ..errors import UserError

@dataclass(frozen=True)
class Recipe:
    n:int = 6          # where to count to
    step:int = 1       # by how much
    pause:float = .0   # s between two counts, until there is a file `hurry` in the checkout
    fail:bool = False  # stop with a sentence

RECIPES = dict(smoke=Recipe(), demo=Recipe(), paper=Recipe())

def train(recipe, catalogue, run):
    if recipe.fail: raise UserError("this row was told to fail")
    place = Path(run.out)/"place.json"
    start = json.loads(place.read_text()) if place.exists() else 0
    for i in range(start, recipe.n):
        if not Path("hurry").exists(): time.sleep(recipe.pause)
        place.write_text(json.dumps(i + 1))
        with open(Path(run.out)/"counted.txt", "a") as f: f.write(f"{i}\\n")
    return dict(metrics=dict(test_r=recipe.n*recipe.step/100), split="test", protocol="count", n_train=1, n_eval=1, n_missing=0, defects=[])
'''
PARAMETERS = """data:str = 'wardrobe'   # a data set
data_dir:str = ''       # its files
scale:str = 'smoke'     # smoke, demo, paper
seed:int = 0            # of the run
device:str = 'auto'     # auto, cpu, cuda
runs_dir:str = ''       # finished runs
out_dir:str = ''        # where the table goes"""
READ = """import json
from pathlib import Path
records = [json.loads(p.read_text()) for p in sorted(Path(runs_dir or '.').glob(f'toy/{TABLE}/{data}-{scale}/*/record.json'))]
rows = [f"{r['row']},{r['seed']},{r['metrics']['test_r']}" for r in records]
if out_dir: (Path(out_dir)/'table.csv').write_text('\\n'.join(rows))
print(len(rows), 'records')"""

def notebook(path, table):
    "An experiment notebook that lists the records of its runs."
    v = nbformat.v4
    cells = [v.new_markdown_cell(f"# Toy, {table}"), v.new_code_cell(PARAMETERS, metadata=dict(tags=["parameters"])), v.new_code_cell(READ.replace("{TABLE}", table))]
    nb = v.new_notebook(cells=cells, metadata=dict(kernelspec=dict(name="python3", display_name="python3", language="python")))
    path.parent.mkdir(parents=True, exist_ok=True); nbformat.write(nb, path)

USES = """
- {table: table3, row: pupil, module: toy.counting, uses: [teacher, table1/extra], set: {step: 5}, headline: true}
- {table: table3, row: teacher, module: toy.counting, set: {step: 7}}
- {table: figure3, from: table3, rows: [pupil], headline: false}
"""

def checkout(folder, broken=False, slow="", uses=False):
    "Make the checkout: this project's package and workflow with the toy paper instead of the four; `slow`: settings for all rows; `uses`: rows that use others."
    folder.mkdir(parents=True)
    shutil.copytree(root/"fashion_repro", folder/"fashion_repro", ignore=shutil.ignore_patterns("__pycache__", "experiments.yaml"))
    shutil.copytree(root/"profiles", folder/"profiles")
    for f in ("Snakefile", ".gitignore", "settings.ini"): shutil.copy(root/f, folder/f)
    toy = folder/"fashion_repro"/"toy"; toy.mkdir()
    (toy/"__init__.py").touch(); (toy/"counting.py").write_text(MODULE)
    lines = [x for x in YAML.splitlines() if broken or "broken" not in x] + USES.splitlines()*uses
    (toy/"experiments.yaml").write_text("\n".join(lines).replace("step:", slow + "step:") + "\n")
    for t, runs in dict(table1="table1", figure1="table1", **(dict(table2="table2") if broken else {}), **(dict(table3="table3", figure3="table3") if uses else {})).items(): notebook(folder/"nbs"/"toy"/f"{t}_counts.ipynb", runs)
    git = lambda *a: subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.invalid", *a], cwd=folder, check=True, capture_output=True)
    git("init", "-q"); git("add", "-A"); git("commit", "-qm", "toy")
    return folder

def environment(folder):
    "So that child processes import the checkout's package and store their tables beside it."
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "IN_TEST")}
    return {**env, "PYTHONPATH": str(folder), "FASHION_REPRO_CACHE": str(folder.parent/"cache"), "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}

def command(folder, *args): return [sys.executable, "-m", "fashion_repro.cli", *map(str, args)]

def say(folder, *args, timeout=180):
    "Run `fashion-repro ARGS` in the checkout -> (exit status, stdout, stderr)."
    r = subprocess.run(command(folder, *args), cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=timeout)
    return r.returncode, r.stdout, r.stderr

def records(folder): return {p.parent.name: json.loads(p.read_text()) for p in folder.glob("runs/toy/*/*/*/record.json")}
