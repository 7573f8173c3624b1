# Two commands: `make reproduce` re-runs the experiments, `make test` checks the project; `make help` lists the rest.
# Needed: Python 3.11 or newer, make, git. Everything else is installed into .venv from requirements.lock.
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV   ?= .venv
BIN    := $(VENV)/bin
CORES  ?=

# what `reproduce` runs; an empty one means the default that `make help` states
PAPER    ?=
TABLE    ?=
SCALE    ?=
DATA     ?=
DATA_DIR ?=
SEEDS    ?=
DEVICE   ?=
ALL      ?=
PROFILE  ?=

# .pyc files halve the time of every import, pip must never reach another interpreter, tools must find the venv first
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME VIRTUAL_ENV IN_TEST
export PATH := $(abspath $(BIN)):$(PATH)
export PIP_REQUIRE_VIRTUALENV := 1
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := 1
export MPLBACKEND := agg
export PYTHONWARNINGS := ignore:IProgress not found,ignore:Failed to create YAML dict

TESTS := $(BIN)/python -m pytest
LOCK  := $(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.11

install: ## make .venv from requirements.lock (the other targets do it when it is needed)
	@test -n "$(PYTHON)" || { echo "fashion-repro needs Python 3.11 or newer, and no python3 was found on PATH"; exit 1; }
	@"$(PYTHON)" tools/install.py "$(VENV)"

reproduce: install ## re-run experiments: PAPER= TABLE= SCALE=smoke|demo|paper DATA= DATA_DIR= SEEDS=0,1,2 DEVICE=auto|cpu|cuda ALL=1 CORES= PROFILE=slurm
	@$(BIN)/fashion-repro reproduce $(if $(PAPER),--paper "$(PAPER)") $(if $(TABLE),--table "$(TABLE)") $(if $(SCALE),--scale "$(SCALE)") \
	  $(if $(DATA),--data "$(DATA)") $(if $(DATA_DIR),--data-dir "$(DATA_DIR)") $(if $(SEEDS),--seeds "$(SEEDS)") $(if $(DEVICE),--device "$(DEVICE)") \
	  $(if $(ALL),--all) $(if $(CORES),--cores "$(CORES)") $(if $(PROFILE),--profile "$(PROFILE)")

# one thread a test, as in the workflow's jobs: two workers side by side beat two threads, and sums keep their order
test test-all notebooks: export OMP_NUM_THREADS := 1

test: install ## the repository's own consistency, every notebook at smoke scale, tests of a minute or less
	$(TESTS) tests/test_repo.py
	$(BIN)/nbdev_test --n_workers $(or $(CORES),2)
	$(TESTS) -n $(or $(CORES),2) --dist loadfile -m "not slow" --ignore tests/test_repo.py tests

test-all: install ## the same with the slow tests
	$(TESTS) tests/test_repo.py
	$(BIN)/nbdev_test --n_workers $(or $(CORES),2)
	$(TESTS) -n $(or $(CORES),2) --dist loadfile --ignore tests/test_repo.py tests

lab: install ## open the notebooks in JupyterLab, explore.ipynb first
	@"$(PYTHON)" tools/install.py "$(VENV)" --lab
	$(BIN)/jupyter lab nbs/explore.ipynb

docs: install ## the site, in build/site
	$(BIN)/python tools/docs.py
	$(BIN)/python -m sphinx -q -W --keep-going -c docs -b html build/site-src build/site
	@echo "the site is build/site/index.html"

bench: install ## speed, as ratios against a baseline measured in the same run
	@for b in benchmarks/*.py; do echo "== $$b"; $(BIN)/python "$$b" || exit 1; done

notebooks: install ## run the library notebooks and store their outputs, export the package, write README.md
	$(BIN)/nbdev_export
	$(BIN)/python tools/execute.py
	$(BIN)/nbdev_clean
	$(BIN)/python tools/readme.py

lock: install ## resolve the requirements of settings.ini anew, with hashes
	$(LOCK) pyproject.toml --extra dev -o requirements.lock
	$(LOCK) pyproject.toml --extra dev --extra lab -c requirements.lock -o requirements-lab.lock
	sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements.lock | $(LOCK) - -o bootstrap.lock
	$(BIN)/python tools/envyml.py

clean: ## remove what was built: site, wheels, caches (runs, .venv and the data cache stay)
	rm -rf build dist .pytest_cache
	find fashion_repro tests tools benchmarks docs -name __pycache__ -prune -exec rm -rf {} +

clean-runs: ## forget every run; what was published in results/ and figures/ stays
	rm -rf runs .snakemake

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1@\2/p' $(MAKEFILE_LIST) | awk -F@ '{printf "%-18s %s\n", $$1, $$2}'

.PHONY: install reproduce test test-all lab docs bench notebooks lock clean clean-runs help
