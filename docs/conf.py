"Sphinx configuration; the pages are written to build/site-src by tools/docs.py."
import re, sys
from configparser import ConfigParser
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root))
ini = ConfigParser(delimiters=["="]); ini.read(root/"settings.ini"); cfg = ini["DEFAULT"]

project, author, release, copyright = cfg["title"], cfg["author"], cfg["version"], cfg["copyright"]
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "sphinx.ext.mathjax", "sphinx-mathjax-offline"]
html_theme = "pydata_sphinx_theme"
html_title = project
html_show_sourcelink = False
html_copy_source = False
html_theme_options = dict(
    show_toc_level=2, navigation_depth=3, show_nav_level=2, collapse_navigation=False, header_links_before_dropdown=6,
    navbar_align="left", secondary_sidebar_items=["page-toc"], footer_start=["copyright"], footer_end=[],
    show_prev_next=True, pygments_light_style="tango", pygments_dark_style="monokai",
)
html_static_path = [str(root/"docs/_static")]
html_css_files = ["custom.css"]
nb_execution_mode = "off"   # notebooks arrive executed
nb_merge_streams = True
nb_render_markdown_format = "myst"
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type", "myst.xref_missing"]
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
python_use_unqualified_type_names = True

def rst(text):
    "A docment or docstring as reStructuredText: `code` is a literal, nothing else is markup."
    parts = re.split(r"`([^`]+)`", text)
    plain = [re.sub(r"([*_|\\])", r"\\\1", p) for p in parts[::2]]
    plain[1:] = [("\\ " if p[:1].isalnum() else "") + p for p in plain[1:]]   # a literal must not touch a word
    code = [f"``{p}``" for p in parts[1::2]]
    return "".join(x for pair in zip(plain, code + [""]) for x in pair)

def docments_fields(app, what, name, obj, options, lines):
    "fastcore docments (`n:int=1, # number of items`) become :param: fields."
    from fastcore.docments import docments
    lines[:] = [rst(x) for x in lines]
    if not callable(obj): return
    try: found = docments(obj, full=True)
    except (TypeError, ValueError, OSError): return   # no signature or no source: a builtin
    fields = [f":returns: {rst(v.docment)}" if k == "return" else f":param {k}: {rst(v.docment)}" for k, v in found.items() if k != "self" and v.get("docment")]
    if fields: lines += ["", *[f.replace("\n", " ") for f in fields], ""]

def setup(app):
    app.connect("autodoc-process-docstring", docments_fields)
    # myst-nb numbers lines 10,000 a cell, and myst pads reStructuredText with that many blank ones, which takes a minute a page
    from myst_parser.mdit_to_docutils import base
    numbered = base.token_line
    base.token_line = lambda *args, **kw: numbered(*args, **kw) % 10_000
