# Needs Python 3.11 or later, make and git. Everything else lands in .venv, from requirements.lock.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-all lint format bench lock dictionary clean
.DEFAULT_GOAL := help

help:
	@echo "make demo        a sample feed, the whole job on it, and the page to open"
	@echo "make test        the tests (make test-all: the slow ones too)"
	@echo "make lint        ruff and mypy"
	@echo "make bench       parsing and item histories against their peers"
	@echo "make dictionary  docs/data-dictionary.md from the models' headers"
	@echo "make lock        requirements.lock from pyproject.toml"

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; $(PYTHON) is older. Say which: make PYTHON=python3.12 demo"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@# uv installs in seconds; where it cannot be had, pip does the same from the same hashes.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv 2>/dev/null || true
	@if test -x $(BIN)/uv; then \
		$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
		$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
	@touch $@

demo: .venv/installed
	@$(BIN)/touchstone demo

test: .venv/installed
	@$(BIN)/python -m pytest -m "not slow"

test-all: .venv/installed
	@$(BIN)/python -m pytest

lint: .venv/installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: .venv/installed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: .venv/installed
	@$(BIN)/touchstone bench

dictionary: .venv/installed
	@$(BIN)/touchstone dictionary > docs/data-dictionary.md

# No index address belongs in the repository: the lock holds names, versions and hashes.
lock:
	@test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet uv; }
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group dev --generate-hashes \
		--no-emit-index-url --no-header pyproject.toml --output-file requirements.lock

clean:
	@rm -rf .venv var
