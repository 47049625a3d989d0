# The front door. `make demo` and `make test` set everything up by themselves.
.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
SERVE  ?= 1
DATA   ?= data/demo
# BLAS and OpenMP pools fight with each other and with our own workers; one thread each is faster here.
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: help setup demo test quick check format bench clean

help:           ## list the commands
	@grep -E '^[a-z]+: .*##|^[a-z]+:  *##' $(MAKEFILE_LIST) | sed -E 's/:.*##/  -/'

$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found; install Python 3.11 or name it: make PYTHON=/path/to/python"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $(STAMP)

setup: $(STAMP)  ## create .venv and install the package, unless nothing changed

demo: $(STAMP)   ## build a world, train, evaluate, print a feed, then serve it (SERVE=0 ends before serving)
	$(BIN)/segue --data $(DATA) demo $(if $(filter 0,$(SERVE)),--no-serve,--serve)

test: $(STAMP)   ## run every test
	$(BIN)/python -m pytest -n 2 --dist loadgroup -q

quick: $(STAMP)  ## run the quick tests (no end-to-end)
	$(BIN)/python -m pytest -n 2 --dist loadgroup -q -m "not e2e"

check: $(STAMP)  ## format, lint, imports, types, quick tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadgroup -q -m "unit or contracts or property"

format: $(STAMP) ## format the code and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)  ## time the parts side by side
	$(BIN)/python -m pytest benchmarks tests/benchmarks -q --benchmark-only --benchmark-columns=min,median,ops

clean:          ## remove caches and the demo's data, never .venv or data/
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache data/demo
