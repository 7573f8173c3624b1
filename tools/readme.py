"README.md and DATASETS.md with their pictures (docs/images/) from notebooks; `--check` fails when they are stale."
import re, sys
from pathlib import Path
from nbconvert import MarkdownExporter
from nbformat import v4
from traitlets.config import Config

ROOT = Path(__file__).resolve().parent.parent
PAGES = {"README.md": "nbs/index.ipynb", "DATASETS.md": "nbs/datasets.ipynb"}
sys.path.insert(0, str(ROOT/"tools"))

def render(target, source):
    "-> (text of `target`, {path of a picture: its bytes})"
    from docs import page
    key = target[:-3].lower()
    nb = v4.new_notebook(cells=page(ROOT/source, {}), metadata={"language_info": {"name": "python"}})
    config = Config(TagRemovePreprocessor=dict(enabled=True, remove_input_tags={"remove-input"}))
    body, res = MarkdownExporter(config=config).from_notebook_node(nb, resources={"output_files_dir": "docs/images", "unique_key": key})
    body = re.sub(rf"^!\[\w+\]\(docs/images/{key}_", f"![](docs/images/{key}-", body, flags=re.M)
    body = re.sub(r"^[ \t]+$", "", body, flags=re.M)
    note = f"<!-- Generated from {source} by tools/readme.py; do not edit. -->\n"
    return note + re.sub(r"\n{3,}", "\n\n", body).strip() + "\n", {k.replace(f"{key}_", f"{key}-"): v for k, v in res["outputs"].items()}

def stale():
    want = {}
    for target, source in PAGES.items():
        text, pictures = render(target, source)
        want |= {ROOT/target: text.encode(), **{ROOT/k: v for k, v in pictures.items()}}
    return {p: b for p, b in want.items() if not p.exists() or p.read_bytes() != b}

if __name__ == "__main__":
    todo = stale()
    if "--check" in sys.argv: sys.exit(f"stale: {', '.join(p.name for p in todo)}; run `python tools/readme.py`" if todo else 0)
    for p, b in todo.items():
        p.parent.mkdir(parents=True, exist_ok=True); p.write_bytes(b)
