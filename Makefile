# What people and CI call. Everything is installed into .venv/ from the lock file.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: help setup run test test-fast lint docs bench clean

help: ## Say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(INSTALLED) ## Install everything into .venv/

$(INSTALLED): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@# Imports take twice as long without compiled bytecode; a few packages ship files that no Python compiles.
	-@$(BIN)/python -m compileall -q -q -j 0 .venv/lib
	@touch $@

run: setup ## Generate the demonstration company, run it, publish into warehouse/
	@$(BIN)/encours demo

test: setup ## All tests
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test-fast: setup ## The tests that take no warehouse run, in under two minutes
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not slow"

lint: setup ## Style and types of SQL and Python
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	ENCOURS_BUILD_DATABASE=$${TMPDIR:-/tmp}/encours-lint.duckdb $(BIN)/sqlfluff lint models tests/dbt analyses

docs: setup ## Write docs/kpi-catalogue.md from the models
	$(BIN)/python scripts/write_kpi_docs.py

bench: setup ## Time and memory of a run, and of the daily balances against two simpler ways
	$(BIN)/python scripts/bench.py

clean: ## Remove what can be made again, but no data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis target logs
