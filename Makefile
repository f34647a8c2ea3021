# Every target does the set-up that it needs: a fresh clone needs only Python and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=

.PHONY: help setup demo report test check gate bench clean

help:
	@echo "make demo [ARGS='--once --json out.json']   a guarded pipeline, its tax table, and /metrics"
	@echo "make report                                 the whole tax of made-up examples, as report.html"
	@echo "make test [ARGS='-k attribution']           the test suite"
	@echo "make check                                  lint, types, import contracts"
	@echo "make gate                                   what recording a call costs, against its budget"
	@echo "make bench                                  all benchmarks, against their peers"
	@echo "make setup                                  only .venv, with everything in it"

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt hatchling
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-build-isolation -e ".[all,dev]"
	@touch $(STAMP)

demo: setup
	@$(BIN)/aligntax demo $(ARGS)

report: setup
	@$(BIN)/aligntax report examples/records --html report.html $(ARGS)

test: setup
	@$(BIN)/python -m pytest $(ARGS)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# A ratio to the clock reads that every instrument must make, so that no machine is too slow for it.
gate: setup
	$(BIN)/aligntax bench benchmarks.own_overhead:pipeline --no-cold --budget 30 --json .own_overhead.json
	$(BIN)/aligntax gate .own_overhead.json --budget benchmarks/own_overhead.toml

bench: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[peers]" --no-build-isolation
	$(BIN)/python benchmarks/run.py all

clean:
	rm -rf $(VENV) .own_overhead.json dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
