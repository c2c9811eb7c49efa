# Every way to run, check and measure avtale. `make` alone lists them.
# Everything is installed into .venv, from pinned versions with their hashes; nothing else on the machine changes.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# The first interpreter that is new enough, or the one you name: make up PYTHON=/path/to/python3
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null && echo $$each && break; done)
VENV ?= .venv
VENV_PEERS ?= .venv-peers
# Given to the command that a target ends in: make up ARGS='--port 9000', make test ARGS='-k refund'
ARGS ?=
# Processes that share the tests; `logical` is one for each processor.
WORKERS ?= logical
# make lock UPGRADE=--upgrade takes the newest versions; without it, what is pinned stays.
UPGRADE ?=

BIN := $(VENV)/bin
INSTALL := -m pip install --quiet --disable-pip-version-check --no-input
INSTALL_AVTALE := $(INSTALL) --no-deps --no-build-isolation --editable .
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header $(UPGRADE)

# These files say what an environment holds; they are older than what they were made from when something changed.
SERVER := $(VENV)/.holds-server
DEV := $(VENV)/.holds-dev
PEERS := $(VENV_PEERS)/.holds-peers

# The tests use a Chromium that is there, under one of these names.
CHROMIUM := command -v chromium || command -v chromium-browser || command -v google-chrome

.PHONY: help up demo test browser node lint check format bench docs lock clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(SERVER) ## Start avtale: API, landing page, phone, dashboard, processing
	@exec $(BIN)/avtale up $(ARGS)

demo: $(SERVER) ## Show what it does, in a minute
	@exec $(BIN)/avtale demo $(ARGS)

test: $(DEV) browser node ## Run the tests, on SQLite and PostgreSQL (what is left out is listed, with the reason)
	@$(BIN)/pytest -n $(WORKERS) --maxprocesses 8 --dist worksteal $(ARGS)

# Whoever may install packages gets Debian's Chromium; for others, the tests in a browser are left out and say so.
browser:
	@if ! { $(CHROMIUM); } > /dev/null && test "$$(id -u)" = 0 && command -v apt-get > /dev/null; then \
		echo "Installing a browser for the tests, once: Debian's chromium." >&2; \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get update -qq > /dev/null && apt-get install -qq --yes --no-install-recommends chromium > /dev/null || \
			echo 'That did not work: the tests in a browser are left out.' >&2; \
	fi

# newman runs the exported Postman collection, pyright checks users' code; without Node.js, their tests are left out and say so.
node:
	@for folder in tests/postman tests/typing; do \
		if command -v npm > /dev/null && ! test -d $$folder/node_modules; then \
			echo "Installing what $$folder needs of Node.js, once." >&2; \
			npm ci --silent --no-audit --no-fund --ignore-scripts --prefix $$folder > /dev/null || \
				echo 'That did not work: what needs it is left out.' >&2; \
		fi; \
	done

lint: $(DEV) ## Check form, types and layers
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

check: lint test ## Check everything that a change must pass

format: $(DEV) ## Put the code into its form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(DEV) $(PEERS) ## Measure avtale beside its peers and the limits of this machine
	@command -v wrk > /dev/null || { echo 'The benchmarks need the load generator wrk (Debian: apt-get install wrk).' >&2; exit 1; }
	@PEERS=$(VENV_PEERS) $(BIN)/python -m benchmarks $(ARGS)

docs: $(DEV) ## Write the pages of the reference that are made from the code
	$(BIN)/python docs/generate.py

lock: $(DEV) ## Pin the dependencies of pyproject.toml anew, with their hashes
	$(LOCK) pyproject.toml --extra server --group build --output-file requirements/server.txt
	$(LOCK) pyproject.toml --extra server --group dev --constraints requirements/server.txt --output-file requirements/dev.txt
	$(LOCK) --group peers --output-file requirements/peers.txt

clean: ## Remove what building and testing leave behind; environments and data stay
	rm -rf dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find src tests -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python $(VENV_PEERS)/bin/python:
	@test -n '$(PYTHON)' || { echo 'avtale needs Python 3.11 or newer, and found none. Name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'avtale needs Python 3.11 or newer; $(PYTHON) is not.' >&2; exit 1; }
	@$(PYTHON) -m venv $(@D)/.. || { rm -rf $(@D); echo 'Python could not make a virtual environment (Debian: apt-get install python3-venv).' >&2; exit 1; }

$(SERVER): requirements/server.txt pyproject.toml | $(BIN)/python
	@echo 'Installing what avtale needs, once.' >&2
	@$(BIN)/python $(INSTALL) --require-hashes --requirement requirements/server.txt
	@$(BIN)/python $(INSTALL_AVTALE)
	@touch $@

# What the tests need includes what the server needs, in the same versions.
$(DEV): requirements/dev.txt requirements/server.txt pyproject.toml | $(BIN)/python
	@echo 'Installing what the tests need, once.' >&2
	@$(BIN)/python $(INSTALL) --require-hashes --requirement requirements/dev.txt
	@$(BIN)/python $(INSTALL_AVTALE)
	@touch $(SERVER) $@

$(PEERS): requirements/peers.txt | $(VENV_PEERS)/bin/python
	@echo 'Installing the peers, once.' >&2
	@$(VENV_PEERS)/bin/python $(INSTALL) --require-hashes --requirement requirements/peers.txt
	@touch $@
