# Needs Python 3.11 or later, make and git. Everything else lands in .venv, from requirements.lock.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-all lint format bench lock dictionary sbom audit fuzz faults validation clean
.DEFAULT_GOAL := help

help:
	@echo "make demo        a sample feed, the whole job on it, and the page to open"
	@echo "make test        the tests (make test-all: the slow ones too)"
	@echo "make lint        ruff and mypy"
	@echo "make bench       parsing and item histories against their peers (the detectors: touchstone bench detectors)"
	@echo "make dictionary  docs/data-dictionary.md from the models' headers"
	@echo "make lock        requirements.lock from pyproject.toml"
	@echo "make sbom        var/sbom.cdx.json: all packages, CycloneDX 1.6"
	@echo "make audit       known vulnerabilities of the lock (says so where there is no network)"
	@echo "make fuzz        mutated documents into every reader (INPUTS=1000000 SEED=1)"
	@echo "make faults      runs killed at random moments, docs/validation/fault-campaign.md (KILLS=200)"
	@echo "make validation  docs/validation/trace-matrix.md, and the results under var"

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
	@$(BIN)/python -m pytest -n auto -m "not slow"

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

sbom: .venv/installed
	@$(BIN)/python -m tests.supply.sbom

audit: .venv/installed
	@$(BIN)/python -m tests.supply.audit

INPUTS ?= 1000000
SEED ?= 1
fuzz: .venv/installed
	@$(BIN)/python -m tests.fuzz --inputs $(INPUTS) --seed $(SEED)

KILLS ?= 200
faults: .venv/installed
	@$(BIN)/python -m tests.faults.campaign --kills $(KILLS) --seed $(SEED)

validation: .venv/installed
	@$(BIN)/python -m tests.validation

clean:
	@rm -rf .venv var
