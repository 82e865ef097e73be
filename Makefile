# What a person types. The environment is made when first needed and again when its pins change.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export SCHOOLBRIDGE_HOME ?= var

# Pure logic and one database (SQLite): no browser, no processes, no PostgreSQL.
QUICK := tests/test_architecture.py tests/test_documents.py tests/provisioning tests/auth/clients \
	tests/auth/linking tests/auth/signin tests/service/words
SOAK ?= 20

.PHONY: demo test coverage quick soak check serve bench format

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed (PYTHON=... names another one)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP)
	@$(BIN)/python -m service.demo

serve: $(STAMP)
	@$(BIN)/schoolbridge init
	@exec $(BIN)/schoolbridge serve

test: $(STAMP)
	@sh tests/system-packages.sh
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

# The same with what it costs to watch every branch, about two fifths more.
coverage: $(STAMP)
	@sh tests/system-packages.sh
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered

quick: $(STAMP)
	$(BIN)/pytest -q -n 2 -m "not soak" -k "not postgresql" $(QUICK)

soak: $(STAMP)
	SOAK=$(SOAK) $(BIN)/pytest -n 2 -m soak

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@$(MAKE) --no-print-directory test

bench: $(STAMP)
	$(BIN)/python -m bench
	$(BIN)/python -m bench.people --seed 1 2 3

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
