# Two commands matter: `make plan` runs the main job, `make test` the tests. Both set up what they need; a stamp makes the next run instant.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet
JOBS ?= 2

.PHONY: plan test lint types bench golden fit accuracy clean

plan: $(VENV)/.runtime
	@$(BIN)/suanli plan deepseek-v3 --workload azure-2023-conversation --place CN
	@$(BIN)/suanli plan deepseek-v3 --workload azure-2023-conversation --place US

test: $(VENV)/.development
	$(BIN)/python -m pytest -n $(JOBS)

lint: $(VENV)/.development
	$(BIN)/ruff check src tests scripts examples

types: $(VENV)/.development
	$(BIN)/mypy

bench: $(VENV)/.development
	$(BIN)/python scripts/bench_sweep.py
	$(BIN)/python scripts/bench_training.py
	$(BIN)/python scripts/bench_export.py

golden: $(VENV)/.development
	$(BIN)/python scripts/golden.py
	$(BIN)/python scripts/golden_training.py

# fits data/calibration/kernels.toml, then serving.toml and training.toml upon it (10 minutes on 2 cores); TRUTH is the folder of measured tables
fit: $(VENV)/.development
	$(BIN)/python scripts/fit_kernels.py $(TRUTH)
	$(BIN)/python scripts/fit_serving.py $(TRUTH)
	$(BIN)/python scripts/fit_training.py $(TRUTH)

# writes docs/accuracy.md and its chart; TRUTH as above, after make fit (which leaves the left-out predictions in build/)
accuracy: $(VENV)/.development
	$(BIN)/python scripts/write_accuracy.py $(TRUTH)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "suanli needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) install -r requirements.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.development: requirements-dev.txt $(VENV)/.runtime
	$(PIP) install -r requirements-dev.txt
	@touch $@
