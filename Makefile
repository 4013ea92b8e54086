# Every target explains itself: `make` lists them.
.DEFAULT_GOAL := help
PYTHON ?= python

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

test:  ## run the tests but the slow ones, as the README does
	$(PYTHON) -m pytest -n auto -m 'not slow'

slow:  ## run the slow tests
	$(PYTHON) -m pytest -n auto -m slow

cover:  ## run all tests and show what they do not reach
	$(PYTHON) -m pytest -n auto --cov --cov-report=term

lint:  ## check style and format
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

format:  ## put the code into shape
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

types:  ## check the types of package, tests and the face as a user sees it
	$(PYTHON) -m mypy

imports:  ## check that the floors import only downwards
	lint-imports

bench:  ## measure what is promised about speed, and print the tables
	$(PYTHON) benchmarks/speed.py
	$(PYTHON) benchmarks/probe.py
	$(PYTHON) benchmarks/core.py
	$(PYTHON) benchmarks/table.py
	$(PYTHON) benchmarks/ledger.py

.PHONY: help test slow cover lint format types imports bench
