# Two commands: `make demo` and `make test`. Each sets up what it needs.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
FRAMEWORKS := $(VENV)/.frameworks
# Else each of the thousands of processes that the tests start would compile this package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test checked quick thorough kinds faults lint bench clinic docs tables site browser postgres clean

# Runs the doctor on a script of its own accord: digits, raw pixels, a loss that sits at 2.303. It ends with status 1: findings.
demo: $(READY)
	@$(BIN)/descend doctor examples/digits_mlp.py || [ $$? -eq 1 ]

# More workers than CI has cores: many tests wait for processes and clocks.
test: checked
	$(BIN)/pytest -n 3 --dist worksteal

quick: $(READY)
	$(BIN)/pytest -n 2 --dist worksteal --quick -m "not slow and not browser and not frameworks"

# All cases of each kind, of which `make test` takes some.
thorough: checked
	$(BIN)/pytest -n 3 --dist worksteal --thorough

# Every kind of script through the doctor, healthy and sick: the table of docs/kinds.md. About a quarter of an hour.
kinds: $(FRAMEWORKS)
	$(BIN)/pytest -n 2 --dist worksteal tests/kinds tests/sandbox/test_corpus.py --kinds

# Processes of asynchronous training killed ten times each: servers, workers, ranks.
faults: $(READY)
	$(BIN)/pytest tests/parallel -k killed --times 10

# What the tests need, and the linters while it is being installed.
checked: $(FRAMEWORKS)
	@$(MAKE) --no-print-directory -j 2 lint postgres

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e ".[bench]"
	$(BIN)/python benchmarks/run.py

clinic: $(READY)
	$(BIN)/pytest -n 2 tests/clinic --seeds 5 --thorough
	$(BIN)/python clinic/run.py

docs: $(READY)
	$(BIN)/python docs/regenerate.py

# Pages made from the source alone, and the snapshot of all sentences that can be printed.
tables: $(READY)
	$(BIN)/python docs/regenerate.py --tables

# The site, from the documents and the program: build/site/index.html.
site: $(READY)
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e ".[site]"
	$(BIN)/python website/write_site.py

# Chromium, to open the report in; where it cannot be installed the browser tests say so and are skipped.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { \
	  sudo=$$(command -v sudo || true); [ "$$(id -u)" = 0 ] && sudo=; \
	  $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	} || echo "no Chromium: the browser tests will be skipped"

# A PostgreSQL server, which the tests start by themselves; where it cannot be installed they say so and are skipped.
postgres: | browser  # one installation at a time
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
	  sudo=$$(command -v sudo || true); [ "$$(id -u)" = 0 ] && sudo=; \
	  $$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends postgresql >/dev/null; \
	} || echo "no PostgreSQL: its tests will be skipped"

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

$(FRAMEWORKS): $(READY)
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e ".[frameworks]"
	@touch $@

clean:
	rm -rf $(VENV) .descend .mypy_cache .ruff_cache
