# Everything a developer does, each by one word. `make` lists them.

VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
BENCH ?=

# All tests are shared out among so many processes, each with servers of its own. A few tests are
# quicker in one, so ARGS runs in one unless it says otherwise itself.
LANES ?= 2
SHARED_OUT := --numprocesses $(LANES) --no-loadscope-reorder

# Our processes start by the hundred in a run of the tests, most of the time to compile what they
# import; some images forbid Python to keep what it compiled.
unexport PYTHONDONTWRITEBYTECODE

# The first interpreter that is new enough; asked only when an environment is made. Name another
# by `make setup PYTHON=/path/to/python3.12`.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null \
	&& echo $$python && break; done)

# A stamp says that its lock file is installed as it stands; a changed lock makes it stale.
MADE := $(VENV)/.made
RUN_STAMP := $(VENV)/.setup-run
DEVELOP_STAMP := $(VENV)/.setup

# What was locked is what gets in: nothing without its hash. The warning about pip as root is for
# system folders, and the environment is our own.
INSTALL := PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
	$(BIN)/python -m pip install --quiet
OURSELVES := --no-deps --no-build-isolation --editable .

LOCK_VENV := build/lock
COMPILE := UV_CUSTOM_COMPILE_COMMAND="make lock" $(LOCK_VENV)/bin/uv pip compile \
	--universal --python-version 3.11 --generate-hashes --no-emit-index-url --quiet
LOCKED_FOR_RUNTIME := requirements/runtime.in
LOCKED_FOR_LOCAL := $(LOCKED_FOR_RUNTIME) requirements/local.in requirements/build.in
LOCKED_FOR_DEVELOP := $(LOCKED_FOR_LOCAL) requirements/develop.in

# mypy reads these roots; folders without code would stop it.
CODE := $(wildcard services shared clients deploy examples benchmarks tests)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

##@ Use it

.PHONY: demo
demo: setup-run ## Play a season of buying on servers of its own, and check that it adds up
	@$(BIN)/python -m examples.season $(ARGS)

.PHONY: run
run: setup-run ## Play up to the live auctions, then leave all running until Ctrl-C
	@$(BIN)/python -m examples.season --keep-running $(ARGS)

##@ Work on it

.PHONY: setup
setup: $(DEVELOP_STAMP) ## Make .venv with everything that check and test run

.PHONY: setup-run
setup-run: $(RUN_STAMP) ## Make .venv with what demo and run need, and no more

.PHONY: test
test: setup ## Run the tests; ARGS="tests/unit -k money" runs some
	@$(BIN)/python -m pytest -ra $(or $(ARGS),$(SHARED_OUT))

.PHONY: check
check: lint format types imports dependencies tidy ## Run every check below

.PHONY: lint
lint: setup ## Look for faults of style and sense (ruff)
	@echo "── ruff check"
	@$(BIN)/ruff check .

.PHONY: format
format: setup ## See that the formatter would change nothing (ruff)
	@echo "── ruff format"
	@$(BIN)/ruff format --check .

.PHONY: types
types: setup ## Check the types (mypy, strict)
	@echo "── mypy"
	@$(BIN)/mypy $(CODE)

.PHONY: imports
imports: setup ## Check who may import what (import-linter)
	@echo "── lint-imports"
	@PYTHONPATH=. $(BIN)/lint-imports --no-logo

.PHONY: dependencies
dependencies: setup ## Check that what is imported is declared, and the other way round (deptry)
	@echo "── deptry"
	@$(BIN)/deptry .

.PHONY: tidy
tidy: setup ## Check the rules that no tool knows (tests/test_tidy.py)
	@echo "── tidy"
	@$(BIN)/python -m pytest --quiet --tb=short tests/test_tidy.py

.PHONY: bench
bench: setup ## Run one benchmark: make bench BENCH=webhooks
	@test -n "$(BENCH)" || { echo "Name one: make bench BENCH=name, of" \
		$(filter-out __init__,$(notdir $(basename $(wildcard benchmarks/*.py)))) >&2; exit 2; }
	@$(BIN)/python -m benchmarks.$(BENCH) $(ARGS)

.PHONY: events
events: setup ## Write docs/asyncapi.json anew from the event models
	@mkdir -p build
	@$(BIN)/python -m shared.events.asyncapi > build/asyncapi.json
	@mv build/asyncapi.json docs/asyncapi.json

.PHONY: lock
lock: $(LOCK_VENV)/bin/uv ## Lock requirements/*.in anew; UPGRADE=1 takes the newest versions
	@echo "Locking requirements/*.txt for Python 3.11 and on, every platform."
	@$(COMPILE) $(if $(UPGRADE),--upgrade) $(LOCKED_FOR_DEVELOP) -o requirements/develop.txt
	@$(COMPILE) -c requirements/develop.txt $(LOCKED_FOR_LOCAL) -o requirements/local.txt
	@$(COMPILE) -c requirements/develop.txt $(LOCKED_FOR_RUNTIME) -o requirements/runtime.txt

.PHONY: clean
clean: ## Remove what make made; a local stack's data (build/local) stays
	@echo "Removing $(VENV), caches and build, but not build/local."
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	@find . -name __pycache__ -prune -exec rm -rf {} +
	@if [ -d build ]; then find build -mindepth 1 -maxdepth 1 ! -name local -exec rm -rf {} +; fi

.PHONY: help
help: ## List these words
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# How an environment is made ------------------------------------------------------------------

$(MADE):
	@test -n "$(PYTHON)" || { echo "Python 3.11 to 3.14 is needed, and none was found." \
		"Name one: make setup PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Making an environment in $(VENV) with $(PYTHON)."
	@$(PYTHON) -m venv $(VENV) || { echo "No venv: on Debian and Ubuntu, install python3-venv." >&2; \
		rm -rf $(VENV); exit 1; }
	@touch $@

$(RUN_STAMP): requirements/local.txt pyproject.toml | $(MADE)
	@echo "Installing what running needs, each package held to its hash (under a minute)."
	@$(INSTALL) --require-hashes --requirement requirements/local.txt
	@$(INSTALL) $(OURSELVES)
	@touch $@

$(DEVELOP_STAMP): requirements/develop.txt pyproject.toml | $(MADE)
	@echo "Installing what development needs, each package held to its hash (about a minute)."
	@$(INSTALL) --require-hashes --requirement requirements/develop.txt
	@$(INSTALL) $(OURSELVES)
	@touch $(RUN_STAMP) $@

$(LOCK_VENV)/bin/uv:
	@echo "Fetching uv into $(LOCK_VENV)."
	@$(PYTHON) -m venv $(LOCK_VENV)
	@$(LOCK_VENV)/bin/python -m pip install --quiet uv
