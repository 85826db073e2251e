# Every target works in a fresh clone on a fresh machine with Python 3.11 or 3.12; nothing else is needed but what it installs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
SONANT := $(BIN)/sonant
PORT   ?= 8000

.DEFAULT_GOAL := help
.PHONY: help demo test unit check format docs browser clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all,cpu,dev]'
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[speech]' \
	  || echo 'no PESQ and STOI: they need a C compiler; their tests are skipped'
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[sphinx]' \
	  || echo 'no PocketSphinx: it needs a wheel or a C compiler; the demo goes without transcription'
	@touch $@

demo: $(VENV)/installed  ## speech corpus, training, export, server and console on this machine
	@test -f data/words/corpus.json || $(SONANT) prepare words
	@test -f store/words/aliases.json || $(SONANT) train kws/words --promote champion
	@$(BIN)/python -c 'import pocketsphinx' 2>/dev/null && with=serve/demo || with=serve/kws; \
	  exec $(SONANT) serve $$with http_options.port=$(PORT)

# Two processes of two threads each would wait for each other on two cores.
test unit: export OMP_NUM_THREADS = 1

# Tests of memory and time go alone; the others a file at a time in each of two processes: servers start and stop for most
# of the time, each on a Ray of its own.
test: unit browser  ## every test
	$(BIN)/python -m pytest tests/security
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/integration tests/chaos tests/browser

unit: $(VENV)/installed  ## the fast tests, two processes at once: no Ray, no browser
	$(BIN)/python -m pytest -n 2 --dist worksteal tests/unit tests/contract

check: $(VENV)/installed  ## lint, format, import law and types: what CI runs besides the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

format: $(VENV)/installed  ## rewrite the sources in house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/installed  ## regenerate the documents that are made from code
	$(BIN)/python -m sonant.config.reference
	$(BIN)/python -m sonant.edge.asyncapi
	$(BIN)/python -m serve_apps.openapi
	$(BIN)/python -m sonant.edge.metrics_reference

# The browser tests drive a real Chromium, which pip cannot install.
browser:
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq chromium; }

clean:  ## remove what targets made, the environment excepted
	rm -rf data runs store build .pytest_cache .ruff_cache
