# Every target installs what it needs, works twice in a row and asks nothing.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Tools find their programs and this checkout without an activated environment.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONPATH := $(CURDIR)

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | column -t -s "$$(printf '\t')"

$(READY): requirements.txt
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 python3-venv; }
	@echo "Installing the Python requirements into $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.PHONY: setup
setup: $(READY) ## Install what the other targets need

.PHONY: demo
demo: $(READY) ## From a practice Proxmox to a running Omakase host (leaves the lab up)
	@python -m lab.demo

.PHONY: test
test: $(READY) ## Every test: linters, unit, contract, roles, the whole site on the lab
	@python -m lab test-packages
	@# The quick ones first
	@python -m pytest tests/meta tests/unit tests/lab tests/contract tests/integration tests/roles tests/end_to_end

.PHONY: lint
lint: $(READY) ## The linters alone
	@python -m pytest tests/meta

.PHONY: unit
unit: $(READY) ## The unit tests alone
	@python -m pytest tests/unit

.PHONY: lab-up
lab-up: $(READY) ## Start the practice Proxmox, registry and repositories
	@python -m lab up

.PHONY: lab-down
lab-down: $(READY) ## Stop the lab and remove its containers; keeps the caches
	@python -m lab down

.PHONY: build
build: $(READY) ## Build the collection's artifact into build/
	@ansible-galaxy collection build --force --output-path build .

.PHONY: clean
clean: ## Remove the lab, its caches and everything that make created here
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m lab purge; fi
	@rm -rf $(VENV) build .*_cache
