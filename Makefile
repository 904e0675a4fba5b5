# Every target installs what it needs, works twice in a row and asks nothing.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# What builds the documentation's site, apart from the rest
SITE := .venv-docs
# Programs of others that tests run this collection with, apart from the rest
OTHERS := .venv-others
VERSION := $(shell sed -n 's/^version: //p' galaxy.yml)
# Tools find their programs and this checkout without an activated environment.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONPATH := $(CURDIR)

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | column -t -s "$$(printf '\t')"

$(READY): requirements.lock
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 python3-venv; }
	@echo "Installing the Python requirements into $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.PHONY: setup
setup: $(READY) ## Install what the other targets need

.PHONY: lock
lock: $(READY) ## Write each requirements.lock again: all that requirements.txt brings, with hashes, for every Python from 3.11 on
	@python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@for each in requirements docs/requirements tests/requirements; do \
	   UV_NO_CONFIG=1 uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	     --output-file $$each.lock $$each.txt >/dev/null || exit; \
	 done

.PHONY: demo
demo: $(READY) ## From a practice Proxmox to a running Omakase host (leaves the lab up)
	@python -m lab demo

.PHONY: test
test: unit ## Every test but the long proofs: unit, linters, contract, roles, the whole site on the lab
	@python -m lab test-packages
	@# A fresh lab for all of them, gone afterwards. Most tests wait for machines: three at a time keep two cores busy.
	@python -m lab down && python -m lab up && trap 'python -m lab down >/dev/null' EXIT \
	  && OMAKASE_KEEP_LAB=1 python -m pytest -n 3 --dist loadfile --no-loadscope-reorder \
	       tests/end_to_end tests/roles tests/integration tests/security tests/faults tests/contract tests/lab tests/meta

.PHONY: soak
soak: $(READY) ## Every test there is, the long proofs included, for hours (OMAKASE_SOAK_ROUNDS=20 for a fifth; OMAKASE_SOAK_SEED for other moments)
	@python -m lab test-packages
	@python -m lab down && python -m lab up && trap 'python -m lab down >/dev/null' EXIT \
	  && OMAKASE_KEEP_LAB=1 python -m pytest -m "soak or not soak"

.PHONY: lint
lint: $(READY) ## The linters alone
	@python -m pytest tests/meta

.PHONY: sanity
sanity: $(READY) ## ansible-test alone (CORE=2.17 for that ansible-core)
	@OMAKASE_SANITY_CORE=$(CORE) python -m pytest tests/meta/test_sanity.py

.PHONY: importer
importer: $(READY) ## What Galaxy asks of an artifact before it takes it (galaxy-importer)
	@python -m pytest -m soak tests/meta/test_importer.py

.PHONY: unit
unit: $(READY) ## The unit tests alone; they must reach 95 of 100 lines of the plugins
	@python -m pytest -n 2 tests/unit --cov --cov-report=term:skip-covered --cov-fail-under=95

.PHONY: bench
bench: $(READY) ## Measure the lookup again: bench/RESULTS.md (takes hours)
	@python bench/run.py

.PHONY: molecule
molecule: $(READY) ## The roles' Molecule scenarios (SCENARIO=docker for one)
	@python -m pytest "tests/roles/test_scenarios.py$(if $(SCENARIO),::test_the_scenario_passes[$(SCENARIO)])"

.PHONY: molecule-vendors
molecule-vendors: $(READY) ## The same with the vendors' own images and repositories, as in CI (MOLECULE_SYSTEM=ubuntu2404)
	@MOLECULE_GLOB='molecule/*/molecule.yml' molecule test $(if $(SCENARIO),--scenario-name $(SCENARIO),--all)

.PHONY: docs
docs: $(READY) $(SITE)/.ready ## Write what is generated (READMEs, the inventories' schema), and the site: build/site/index.html
	@python -m docs.role_readmes
	@python -m docs.inventory_schema
	@python -m docs.site
	@# --quiet would let --strict pass what it warns of.
	@NO_MKDOCS_2_WARNING=true $(SITE)/bin/mkdocs build --strict --config-file docs/mkdocs.yml

$(SITE)/.ready: docs/requirements.lock
$(OTHERS)/.ready: tests/requirements.lock
$(SITE)/.ready $(OTHERS)/.ready:
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.PHONY: demo-image
demo-image: $(READY) $(SITE)/.ready ## Run the demo, and draw docs/demo.svg from what it prints
	@mkdir -p build && set -o pipefail && python -m lab demo | tee build/demo.txt
	@$(SITE)/bin/python -m docs.demo_image <build/demo.txt

.PHONY: lab-up
lab-up: $(READY) ## Start the practice Proxmox, registry and repositories
	@python -m lab up

.PHONY: lab-down
lab-down: $(READY) ## Stop the lab and remove its containers; keeps the caches
	@python -m lab down

.PHONY: build
build: $(READY) ## Build the collection's artifact into build/, with a bill of materials (CycloneDX)
	@# Of the commit alone: a checkout may hold inventories and keys of its user's.
	@rm -rf build/tree && mkdir -p build/tree && git archive HEAD | tar -x --directory build/tree
	@ansible-galaxy collection build --force --output-path build build/tree && rm -rf build/tree
	@python -m docs.sbom build/*.tar.gz

.PHONY: release-notes
release-notes: $(READY) ## What the next release says of itself: build/release-notes.md
	@# In a copy, at the path by which the tool tells what is new: the fragments stay until the release itself.
	@rm -rf build/release && mkdir -p build/release/ansible_collections/omakase
	@git archive --prefix build/release/ansible_collections/omakase/homelab/ HEAD | tar -x --exclude=*/collections
	@cd build/release/ansible_collections/omakase/homelab \
	  && antsibull-changelog release --update-existing >/dev/null \
	  && antsibull-changelog generate --only-latest --output-format md --output $(CURDIR)/build/release-notes.md
	@rm -rf build/release && cat build/release-notes.md

.PHONY: release-check
release-check: ## Whether a tag is the version that galaxy.yml says (TAG=1.0.0)
	@[ "$(TAG)" = "$(VERSION)" ] || { echo "The tag is $(TAG), and galaxy.yml says version: $(VERSION)"; exit 1; }

.PHONY: publish
publish: $(READY) ## Publish build/ on the server that ANSIBLE_GALAXY_SERVER_LIST names
	@ansible-galaxy collection publish build/omakase-homelab-$(VERSION).tar.gz

.PHONY: clean
clean: ## Remove the lab, its caches and everything that make created here
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m lab purge; fi
	@rm -rf $(VENV) $(SITE) $(OTHERS) build .*_cache
