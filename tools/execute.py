"""Run the library notebooks, each in its own kernel and folder, and store their outputs in them (`make notebooks`).

`python tools/execute.py [nbs/room/notebook.ipynb ...]`. A notebook that fails is left as it was. Cells that nbdev_test
skips (`eval: false`, tst_flags) and the exporting cell are not run. Experiments are not stored: their copies are in runs/."""
import os, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbdev.config import get_config
from nbdev.doclinks import nbglob

ROOT = Path(__file__).resolve().parent.parent
META = {"kernelspec": {"display_name": "python3", "language": "python", "name": "python3"}, "language_info": {"name": "python"}}

def skipped(source, flags):
    directives = [line[2:].strip() for line in source.split("\n") if line.startswith("#|")]
    return "nbdev_export(" in source or any(d in flags or d.replace(" ", "").lower() == "eval:false" for d in directives)

def execute(path, flags):
    "Run one notebook and store it; returns the error, '' when there is none."
    nb = nbformat.read(path, 4)
    kept = {i: (c.source, c.get("outputs", [])) for i, c in enumerate(nb.cells) if c.cell_type == "code" and skipped(c.source, flags)}
    for i in kept: nb.cells[i].source = "pass"
    try: NotebookClient(nb, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}).execute()
    except CellExecutionError as e: return str(e)
    for i, (source, outputs) in kept.items(): nb.cells[i].source, nb.cells[i].outputs = source, outputs
    nb.metadata = META
    nbformat.write(nb, path)
    return ""

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT/"tools"))
    from docs import is_experiment
    os.environ.pop("IN_TEST", None)
    flags = set(get_config().tst_flags.split())
    paths = [Path(p).resolve() for p in sys.argv[1:] or nbglob(ROOT/"nbs", as_path=True)]
    failed = 0
    paths = sorted(p for p in paths if not is_experiment(p))
    with ThreadPoolExecutor(2) as pool:
        for p, error in zip(paths, pool.map(lambda p: execute(p, flags), paths)):
            print(f"{p.relative_to(ROOT)}: {'failed' if error else 'stored'}", error, flush=True)
            failed += bool(error)
    sys.exit(f"{failed} notebooks failed; they were left as they were" if failed else 0)
