# The workflow: what depends on what. `fashion-repro reproduce` writes the choices into runs/plan.json and starts this.
#
#   catalogue   opens a data set once                 -> runs/catalogue/<data>-<scale>.json
#   run         one row, data set and seed, after those it uses -> runs/<paper>/<table>/<data>-<scale>/<row>-s<seed>/finished.json
#   table       an experiment notebook on its runs    -> runs/<paper>/<table>/<data>-<scale>/<notebook>.ipynb
#
# Snakemake repeats a job when its params or inputs change. Params are functions of the wildcards only: with more arguments
# they are never compared. Where a run's files lie and on which device it computes stand in the command instead: another
# path or device repeats nothing. Snakemake deletes declared outputs before a job starts, so checkpoints and record.json are
# none: Snakemake decides when a run is *asked*, and the run itself whether its record still holds (made by the same code from
# the same data and recipe: nothing to do) or where it goes on. finished.json is a copy of the record it answered with.
import os, shlex, sys
from functools import cache
from fashion_repro.training.closure import run_code
from fashion_repro.training.rows import row_code
from fashion_repro.workflow.experiments import plan, runs_in
from fashion_repro.workflow.jobs import files_signature, notebook_code
from fashion_repro.workflow.publish import beside

configfile: "runs/plan.json"
TABLES = {str(t.folder): t for t in plan(**config["choices"])}
JOBS = {str(j.folder): j for j in runs_in(TABLES.values())}
DATA_DIR, DEVICE, GPU, PY = config["data_dir"], config["device"], config["gpu"], sys.executable
FILES = f"--data-dir {shlex.quote(DATA_DIR)}" if DATA_DIR else ""
CHOICE = "{data}-{scale}"
CODE = cache(run_code)

def job(wc): return JOBS[f"runs/{wc.paper}/{wc.table}/{wc.data}-{wc.scale}/{wc.row}-s{wc.seed}"]
def table(wc): return TABLES[f"runs/{wc.paper}/{wc.table}/{wc.data}-{wc.scale}"]
def others(wc): return [f"{r['path']}/record.json" for r in beside("runs", wc.paper, wc.table, wc.data, wc.scale)[0]]

wildcard_constraints:
    paper=r"\w+", table=r"\w+", data=r"[\w-]+?", scale="smoke|demo|paper", row=r"[\w.-]+?", seed=r"\d+", notebook=r"((table|figure)[A-Z]?\d|curation_|search_demo|attention_|embeddings_)\w*"

localrules: all

rule all:
    input: [t.output for t in TABLES.values()], [j.folder/"finished.json" for j in JOBS.values()]

rule catalogue:
    output: f"runs/catalogue/{CHOICE}.json"
    log:    f"runs/catalogue/{CHOICE}.log"
    params: files=lambda wc: files_signature(DATA_DIR), code=lambda wc: run_code("fashion_repro.data.datasets", wc.data)
    threads: 1
    shell:  "exec {PY} -m fashion_repro.workflow.jobs catalogue --data {wildcards.data} --scale {wildcards.scale} "
            "{FILES} --out {output} > {log} 2>&1"

rule run:
    input:  f"runs/catalogue/{CHOICE}.json", uses=lambda wc: [o.folder/"finished.json" for o in job(wc).uses]
    output: f"runs/{{paper}}/{{table}}/{CHOICE}/{{row}}-s{{seed}}/finished.json"
    log:    f"runs/{{paper}}/{{table}}/{CHOICE}/{{row}}-s{{seed}}/log.txt"
    params: module=lambda wc: job(wc).row.module, settings=lambda wc: sorted(job(wc).row.set.items()),
            code=lambda wc: row_code(job(wc).row, wc.data, code=CODE)
    threads: 1
    resources: gpu=GPU
    shell:  "run=$(dirname {output}); {PY} -m fashion_repro.cli train {params.module} --row {wildcards.row} --table {wildcards.table} "
            "--data {wildcards.data} {FILES} --scale {wildcards.scale} --seed {wildcards.seed} --device {DEVICE} "
            "--out $run > {log} 2>&1 && cp $run/record.json {output}"

rule table:
    input:  notebook=lambda wc: ancient(table(wc).notebook), runs=lambda wc: [j.folder/"finished.json" for j in table(wc).jobs],
            others=others, # runs of other data sets that a survey lists, as they are: no rule makes a record.json
            ledger=lambda wc: [p for p in (f"fashion_repro/ledger/{wc.paper}.yaml", "fashion_repro/ledger/claims.yaml") if os.path.exists(p)]
    output: f"runs/{{paper}}/{{table}}/{CHOICE}/{{notebook}}.ipynb"
    log:    f"runs/{{paper}}/{{table}}/{CHOICE}/log/{{notebook}}.txt"
    params: code=lambda wc: notebook_code(table(wc).notebook), seed=lambda wc: table(wc).jobs[0].seed
    threads: 1
    shell:  "exec {PY} -m fashion_repro.workflow.jobs table --paper {wildcards.paper} --table {wildcards.table} --data {wildcards.data} "
            "{FILES} --scale {wildcards.scale} --seed {params.seed} --device {DEVICE} --out {output} > {log} 2>&1"
