# `make test` and `make demo` need Python 3.11 or newer and a package registry; everything else they bring themselves.
# Another interpreter: make test PYTHON=python3.12

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
ARGS ?=

# Nothing asks the network whether there is a newer version of a tool.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.PHONY: help test oracle demo lint bench wheel clean

help:
	@echo "make test    set up $(VENV) and run the test suite (make test ARGS='-k conv')"
	@echo "make oracle  run the tests that need real Keras beside kgc"
	@echo "make demo    set up $(VENV), train on scikit-learn's digits, show the IR, save and reload"
	@echo "make lint    ruff, pyright, and the public API files"
	@echo "make bench   time kgc against Keras and hand-written JAX"
	@echo "make clean   remove everything that these made"

# Each stamp says what the environment holds: the project with its test tools, and Keras for comparison.
$(VENV)/test.stamp: pyproject.toml
	@test -n "$(PYTHON)" || { echo "kgc needs Python 3.11 or newer, and found none" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@

$(VENV)/oracle.stamp: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet --editable '.[test,oracle]'
	@touch $@

# pytest's status is make's, so a run that collects no test (5) fails too.
test: $(VENV)/test.stamp
	$(BIN)/python -m pytest -q -n $(WORKERS) $(ARGS)

oracle: $(VENV)/oracle.stamp
	$(BIN)/python -m pytest -q -n $(WORKERS) -m keras $(ARGS)

demo: $(VENV)/test.stamp
	$(BIN)/python tools/demo.py $(ARGS)

bench: $(VENV)/oracle.stamp
	$(BIN)/python -m kgc.tools.bench $(ARGS)

# What a user would install, unpacked: pyright reads `kgc.…` in the tests and the API from here.
wheel: $(VENV)/test.stamp
	rm -rf build kgc.egg-info
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/dist .
	$(BIN)/python -m zipfile -e build/dist/kgc-*.whl build/wheel

# With Keras, whose names the oracle's files use.
lint: wheel $(VENV)/oracle.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m kgc.tools.api --check
	$(BIN)/pyright --pythonpath $(BIN)/python

clean:
	rm -rf $(VENV) build dist kgc.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
