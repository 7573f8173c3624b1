"README.md and its pictures (docs/images/) from nbs/index.ipynb; `--check` fails when they are stale."
import re, sys
from pathlib import Path
from nbconvert import MarkdownExporter
from nbformat import v4
from traitlets.config import Config

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT/"tools"))

def render():
    "-> (text of README.md, {path of a picture: its bytes})"
    from docs import page
    cells = page(ROOT/"nbs/index.ipynb", {})
    nb = v4.new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
    body, res = MarkdownExporter(config=Config(TagRemovePreprocessor=dict(enabled=True, remove_input_tags={"remove-input"}))).from_notebook_node(nb, resources={"output_files_dir": "docs/images", "unique_key": "readme"})
    body = re.sub(r"^!\[\w+\]\(docs/images/readme_", "![](docs/images/readme-", body, flags=re.M)
    body = re.sub(r"^[ \t]+$", "", body, flags=re.M)
    note = "<!-- Generated from nbs/index.ipynb by tools/readme.py; do not edit. -->\n"
    return note + re.sub(r"\n{3,}", "\n\n", body).strip() + "\n", {k.replace("readme_", "readme-"): v for k, v in res["outputs"].items()}

def stale():
    text, pictures = render()
    want = {ROOT/"README.md": text.encode(), **{ROOT/k: v for k, v in pictures.items()}}
    return {p: b for p, b in want.items() if not p.exists() or p.read_bytes() != b}

if __name__ == "__main__":
    todo = stale()
    if "--check" in sys.argv: sys.exit(f"stale: {', '.join(p.name for p in todo)}; run `python tools/readme.py`" if todo else 0)
    for p, b in todo.items():
        p.parent.mkdir(parents=True, exist_ok=True); p.write_bytes(b)
