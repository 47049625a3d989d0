# The front door. `make demo` and `make test` set everything up by themselves.
.DEFAULT_GOAL := help
# Name an interpreter (`make PYTHON=/path/to/python3.11`) or let the first Python 3.11 be found.
PYTHON ?=
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
SERVE  ?= 1
DATA   ?= data/demo
LASTFM      ?= data/lastfm
HETREC      ?= ../shared/data/lastfm-hetrec
PEERS       := .peers
KUAIRAND    ?= data/kuairand
IMPRESSIONS ?= ../shared/data/kuairand/impressions.parquet
KUAIRAND_COLUMNS := track_id=video_id,at=time_ms,surface=tab,play=is_click,finish=long_view,like=is_like,dislike=is_hate,follow=is_follow,share=is_forward,played_ms=play_time_ms,track_ms=duration_ms,creator_id=author_id,released_at=upload_date,tags=tag
# BLAS and OpenMP pools fight with each other and with our own workers; one thread each is faster here.
export OPENBLAS_NUM_THREADS ?= 1
# Empty is unset: what the tests start is compiled once, not by each of some hundred processes.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup docs demo test quick lint check format bench kuairand scale peers clean

help:            ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## */  \1\t/' | expand -t 12

# A name on PATH may be a shim that runs nothing, so each candidate is asked for its version.
$(STAMP): pyproject.toml constraints.txt
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  for candidate in $(or $(PYTHON),python3.11 python3 python); do \
	    if $$candidate -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1; then \
	      echo "Creating $(VENV) with $$candidate"; exec $$candidate -m venv --clear $(VENV); \
	    fi; \
	  done; \
	  echo "No Python 3.11 was found; install it or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Installing the package into $(VENV); the first time takes some minutes"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

setup: $(STAMP)  ## create .venv and install the package, unless nothing changed

docs: $(STAMP)   ## write docs/settings.md anew from the models
	$(BIN)/python -m tests.support.settings_page

demo: $(STAMP)   ## build a world, train, evaluate, print a feed, then serve it (SERVE=0 ends before serving)
	$(BIN)/segue --data $(DATA) demo $(if $(filter 0,$(SERVE)),--no-serve,--serve)

test: $(STAMP)   ## run every test
	$(BIN)/python -m pytest -n 2 --dist loadfile -q

quick: $(STAMP)  ## run the quick tests: units, contracts, properties
	$(BIN)/python -m pytest -n 2 --dist loadfile -q -m "not e2e and not integration"

lint: $(STAMP)   ## format, lint, imports, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

# By folder: with marks every worker would import the slow tests too, and what they need.
check: lint      ## lint, then the quick tests
	$(BIN)/python -m pytest -n 2 --dist loadfile -q tests/unit tests/contracts tests/property

format: $(STAMP) ## format the code and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)  ## time the parts side by side
	$(BIN)/python -m pytest benchmarks -q --benchmark-only --benchmark-columns=min,median,ops

kuairand: $(STAMP) ## judge heads on real impressions (IMPRESSIONS names the file)
	$(BIN)/segue --data $(KUAIRAND) import impressions $(IMPRESSIONS) --columns $(KUAIRAND_COLUMNS) --time-unit ms
	$(BIN)/segue --data $(KUAIRAND) evaluate heads --day-offset-hours 8

scale: $(STAMP)  ## time describing and learning from 100,000, 1 and 5 million slots
	$(BIN)/python benchmarks/ranker_scale.py

# RecTools and LensKit want other versions than ours: an environment of their own.
$(PEERS)/.installed: benchmarks/peers/requirements.txt
	$(BIN)/python -m venv --clear $(PEERS)
	$(PEERS)/bin/python -m pip install -q -r benchmarks/peers/requirements.txt
	touch $@

peers: $(STAMP) $(PEERS)/.installed ## tune, fit and judge Segue beside RecTools, LensKit and implicit
	$(BIN)/segue --data $(LASTFM) import lastfm-hetrec $(HETREC)
	$(BIN)/python benchmarks/peers/run.py --data $(LASTFM) --peers-python $(PEERS)/bin/python \
	  --scratch $(LASTFM)/peers --out docs/peers.md

clean:          ## remove caches and the demo's data, never .venv or data/
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache data/demo
