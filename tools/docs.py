"""nbs/ and results/ -> build/site-src (MyST notebooks) for Sphinx, by nbdev's own processors, without Quarto.

Library notebooks come with the outputs stored in them; experiments come as the executed copies in results/."""
import json, re, shutil, sys
from pathlib import Path
import nbformat
from nbformat import v4
from execnb.nbio import read_nb
from nbdev.config import get_config
from nbdev.doclinks import nbglob
from nbdev.frontmatter import FrontmatterProc
from nbdev.process import NBProcessor
from nbdev.processors import (add_fold, add_show_docs, clean_magics, filter_stream_, hide_, hide_line, mv_exports, populate_language,
                              rm_export, rm_header_dash, strip_ansi, strip_hidden_metadata)

ROOT = Path(__file__).resolve().parent.parent
PROCS = [FrontmatterProc, populate_language, add_show_docs, strip_ansi, hide_line, filter_stream_, rm_header_dash,
         rm_export, clean_magics, hide_, add_fold, mv_exports, strip_hidden_metadata]
ROOMS = ["data", "backbones", "text", "metrics", "training", "ifashion", "mtss", "fashionbert", "fame_vil", "ledger", "plots", "workflow"]

NAMES = dict(ifashion="iFashion", mtss="MTSS", fashionbert="FashionBERT", fame_vil="FAME-ViL")   # rooms whose name is a paper's

def is_experiment(path):
    "An experiment is a notebook with a `parameters` cell, wherever it lies."
    return any("parameters" in c["metadata"].get("tags", []) for c in json.loads(Path(path).read_text())["cells"])

def symbols():
    "name -> {module: qualified name}, from nbdev's index."
    ns, out = {}, {}
    exec((get_config().lib_path/"_modidx.py").read_text(), ns)
    for m, d in ns["d"]["syms"].items():
        for q in d: out.setdefault(q[len(m)+1:], {})[m] = q
    return out

def qualified(name, mod, syms):
    "The qualified name meant on the page of `mod`: its own, or the only one; None when that is open."
    found = syms.get(name, {})
    return found.get(mod) or (list(found.values())[0] if len(found) == 1 else None)

def plain(o):
    "execnb's attribute dicts and fastcore's lists -> plain ones."
    if isinstance(o, dict): return {k: plain(v) for k, v in o.items()}
    if isinstance(o, (list, tuple)) or type(o).__name__ == "L": return [plain(x) for x in o]
    return o

def output(o):
    "A stored output, its lists of lines joined; counts of executions dropped."
    def joined(v): return "".join(v) if isinstance(v, list) and all(isinstance(x, str) for x in v) else v
    o = plain(o)
    if "text" in o: o["text"] = joined(o["text"])
    if "data" in o: o["data"] = {k: joined(v) for k, v in o["data"].items()}
    if o["output_type"] == "execute_result": o["execution_count"] = None
    return nbformat.from_dict(o)

def autodoc(name, mod, syms):
    "The Sphinx directive that documents one symbol."
    import importlib, inspect
    q = qualified(name, mod, syms) or f"{mod}.{name}"
    o = importlib.import_module(q[:-len(name)-1])
    for p in name.split("."): o = getattr(o, p)
    kind = "autoclass" if inspect.isclass(o) else "automethod" if "." in name else "autofunction" if callable(o) else "autodata"
    return f"```{{eval-rst}}\n.. {kind}:: {q}\n```"

def with_links(text, mod, syms):
    "Markdown in which `name` becomes a cross-reference where nbdev knows the symbol."
    def link(m):
        q = qualified(m[1], mod, syms)
        return f"{{py:obj}}`{m[1]}{m[2] or ''} <{q}>`" if q else m[0]
    out, fence = [], False
    for line in text.split("\n"):
        if line.lstrip().startswith("```"): fence = not fence
        elif not fence and not line.startswith("    "): line = re.sub(r"(?<![`\[}])`([\w.]+)(\(\))?`(?!`)", link, line)
        out.append(line)
    return "\n".join(out)

def split_title(nb):
    "nbdev takes the cell with the title as front matter and drops the rest of it: give the rest a cell of its own."
    for i, c in enumerate(nb.cells):
        if c.cell_type != "markdown" or not (m := re.match(r"# .*\n+(> .*\n?)*", c.source + "\n")): continue
        rest = c.source[m.end():].strip()
        c.source = c.source[:m.end()].strip()
        if rest: nb.cells.insert(i + 1, type(c)(i + 1, dict(cell_type="markdown", source=rest, metadata={})))
        for n, o in enumerate(nb.cells): o["idx_"] = n
        return

def code_cell(c, tags, name):
    "A code cell without its nbdev directives; None when nothing is left of it."
    d = {k.rstrip(":"): " ".join(v) for k, v in getattr(c, "directives_", {}).items()}
    source = re.sub(r"^#\|.*\n?", "", c.source, flags=re.M).strip()
    if not source: return None
    if d.get("echo") == "false": tags = tags | {"remove-input"}
    cell = v4.new_code_cell(source, metadata=dict(tags=sorted(tags)))
    if "fig-cap" in d: cell.metadata["mystnb"] = dict(figure=dict(caption=d["fig-cap"], name=d.get("label", name)))
    cell.outputs = [output(o) for o in c.get("outputs", []) or []]
    return cell

def page(src, syms, report=False):
    "One notebook as the cells of one page; `report`: a published experiment, its code folded."
    nb = read_nb(src)
    split_title(nb)
    exp = next((m[1] for c in nb.cells if c.cell_type == "code" and (m := re.search(r"#\|\s*default_exp\s+(\S+)", c.source))), None)
    mod = f"{get_config().lib_path.name}.{exp}" if exp else None
    NBProcessor(nb=nb, procs=PROCS, process=True)
    fm = getattr(nb, "frontmatter_", {})
    head = f"# {fm.get('title', src.stem)}\n" + (f"\n*{fm['description']}*\n" if fm.get("description") else "")
    cells = [v4.new_markdown_cell(with_links(head, mod, syms))]
    for c in nb.cells:
        tags = set((c.get("metadata") or {}).get("tags", []))
        if c.cell_type == "raw": continue
        if c.cell_type == "markdown": cells.append(v4.new_markdown_cell(with_links(c.source, mod, syms)))
        elif m := re.match(r"show_doc\(\s*([\w.]+)", c.source.strip()): cells.append(v4.new_markdown_cell(autodoc(m[1], mod, syms)))
        elif cell := code_cell(c, tags | ({"hide-input"} if report else set()), src.stem): cells.append(cell)
    return cells

def write(cells, dst):
    meta = dict(kernelspec=dict(name="python3", display_name="Python 3", language="python"), language_info=dict(name="python"))
    dst.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(v4.new_notebook(cells=cells, metadata=meta), dst)

def unnumbered(p): return Path(*[re.sub(r"^\d+[a-zA-Z0-9]*_", "", x) for x in p.parts])
def tree(title, names, depth=2): return f"# {title}\n\n```{{toctree}}\n:maxdepth: {depth}\n" + "\n".join(names) + "\n```\n"

def main(nbs=ROOT/"nbs", results=ROOT/"results", out=ROOT/"build/site-src"):
    shutil.rmtree(out, ignore_errors=True)
    syms, rooms, top = symbols(), {}, []
    for f in sorted((Path(p).resolve() for p in nbglob(nbs, as_path=True)), key=str):
        if is_experiment(f): continue
        rel = unnumbered(f.relative_to(nbs)).with_suffix("")
        write(page(f, syms), out/rel.with_suffix(".ipynb"))
        if rel.parent == Path("."): top.append(rel.name)
        else: rooms.setdefault(rel.parts[0], []).append("/".join(rel.parts[1:]))
    for f in sorted(results.rglob("*.ipynb")):
        rel = f.relative_to(results).with_suffix("")
        write(page(f, syms, report=True), out/"results"/rel.with_suffix(".ipynb"))
        rooms.setdefault("results", []).append(rel.as_posix())
    order = sorted(rooms, key=lambda k: (k != "results", ROOMS.index(k) if k in ROOMS else 99, k))
    for k in order:
        (out/k).mkdir(exist_ok=True)
        (out/k/"index.md").write_text(tree(NAMES.get(k, k.replace("_", " ").capitalize()), rooms[k]))
    front = nbformat.read(out/"index.ipynb", 4)
    entries = [f"{k}/index" for k in order] + [t for t in top if t != "index"]
    front.cells.append(v4.new_markdown_cell("```{toctree}\n:hidden:\n" + "\n".join(entries) + "\n```"))
    nbformat.write(front, out/"index.ipynb")
    print(f"{sum(map(len, rooms.values()))+len(top)} pages in {out.relative_to(ROOT)}")

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
