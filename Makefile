# Two commands set up everything: `make demo` runs the main job, `make test` passes the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo hub-demo test check peers clean

demo: $(VENV)/installed
	$(BIN)/python examples/tiny/demo.py

# The hub on SQLite, with a stand-in for the model hub; it serves on until Ctrl-C.
hub-demo: $(VENV)/installed
	$(BIN)/python examples/hub/demo.py

test: $(VENV)/installed
	$(MAKE) check
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist loadfile

check: $(VENV)/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The harnesses hold libraries back that `constraints.txt` pins higher, so they have a place of their own.
peers:
	$(PYTHON) -m venv $(VENV)/peers
	grep -E '^(torch|transformers)==' constraints.txt > $(VENV)/peers/constraints.txt
	PIP_CONSTRAINT=$(VENV)/peers/constraints.txt $(VENV)/peers/bin/pip install --quiet --disable-pip-version-check --editable '.[dev,peers]'
	$(VENV)/peers/bin/pytest -m peers

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "attest: expected Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
