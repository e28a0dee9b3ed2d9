# The commands of everyday work. Whoever runs one needs Python 3.11 or newer and make; all else is put into $(VENV).
#
#   PYTHON=python3.12   the Python that makes the virtual environment
#   VENV=.venv          where it is
#   PORT, DATA_DIR      for `make run`: where to listen (8000) and where to keep the data (var)
#   ARGS="…"            further arguments for the command behind `make test`, `make bench` and `make lock`

PYTHON ?= python3
VENV ?= .venv
ARGS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check fix bench lock setup clean

BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input
# Wheels only: building a package would download tools that no hash is kept for.
INSTALL_LOCKED := $(PIP_INSTALL) --require-hashes --only-binary :all:
COMPILE_LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --group build

help: ## list the commands (the default)
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' Makefile

run: $(VENV)/.runtime ## start everything on http://127.0.0.1:8000, with a demo portal and form
	@exec $(BIN)/marketable up

test: $(VENV)/.development ## run all tests, or those named: make test ARGS="tests/unit -k stint"
	@exec $(BIN)/pytest --numprocesses=3 --dist=loadscope $(ARGS)

check: $(VENV)/.development ## check form, types, import contracts, Dockerfile, compose.yaml and scripts
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	$(BIN)/shellcheck .ci/run

fix: $(VENV)/.development ## put the code in form and mend what can be mended without thought
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/ruff format .

bench: $(VENV)/.development ## measure throughput against the parts it is made of
	@exec $(BIN)/python -m bench $(ARGS)

lock: $(VENV)/.development ## write the locks anew from pyproject.toml; newest versions: make lock ARGS=--upgrade
	$(COMPILE_LOCK) $(ARGS) pyproject.toml --output-file requirements.txt
	$(COMPILE_LOCK) $(ARGS) pyproject.toml --extra dev --constraint requirements.txt --output-file requirements-dev.txt

setup: $(VENV)/.development ## make the virtual environment for development, and nothing else

clean: ## remove the virtual environment, caches and build results; never the data
	test ! -e $(VENV)/pyvenv.cfg || rm -rf $(VENV)
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is younger than what it was made from; a changed lock installs again into the same virtual environment.
$(VENV)/.runtime: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Marketable needs Python 3.11 or newer. $(PYTHON): $$($(PYTHON) --version 2>&1 | head -n 1)" >&2; \
	  echo "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments: its venv module is missing." >&2; \
	  echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Making a virtual environment in $(VENV)"; $(PYTHON) -m venv --clear $(VENV); }
	@echo "Installing what Marketable runs on (requirements.txt), checked by hash"
	@$(INSTALL_LOCKED) -r requirements.txt
	@$(PIP_INSTALL) --no-index --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.development: $(VENV)/.runtime requirements-dev.txt
	@echo "Installing what tests and checks need (requirements-dev.txt), checked by hash"
	@$(INSTALL_LOCKED) -r requirements-dev.txt
	@touch $@
