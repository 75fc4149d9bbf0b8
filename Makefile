# One line of help a target: `make help`.
PYTHON ?= python3
# The index that torch is taken from; empty: pip's own sources. README says when to set it.
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
TORCH := torch==2.13.0
INSTALLED := $(patsubst .engines/%/installed.json,%,$(wildcard .engines/*/installed.json))
space := $(subst ,, )
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup audit demo test test-engines test-proof test-night test-chaos test-chaos-server test-fuzz test-docker test-kubernetes images check format lock bench bench-quality up down clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.house  ## Make .venv with the house and the light engine (3 to 6 minutes, once)

demo: setup  ## Run the main job on a small series made here; ends with a page to listen to
	$(BIN)/voicecast demo

test: $(VENV)/.dev  ## Set up and run the tests (under 8 minutes on 2 cores)
	$(BIN)/python -m pytest -n 2 --dist loadgroup -q -m "not bench and not docker and not kubernetes and not proof" $(ARGS)

test-engines: setup  ## Test the engines that are installed here, by their own Python and the contract; PROOF=1: what takes minutes too
	$(BIN)/python -m pip install -q --no-deps --require-hashes --upgrade --target .engines/.pytest -r tests/engines/requirements.txt
	@set -e; for engine in $(INSTALLED); do \
		echo "$$engine:"; \
		PYTHONPATH=.engines/.pytest .engines/$$engine/bin/python -m pytest -q -p no:cacheprovider $(if $(PROOF),--timeout 3600,-m "not proof") tests/engines/$$engine; \
	done
	$(BIN)/python -m pytest -q -m "not docker" -k "$(subst $(space), or ,$(foreach engine,$(INSTALLED),process-$(engine)))" tests/contract

test-proof: $(VENV)/.dev  ## The slower proofs: Prefect's dashboard in a browser, suspended and dead runs
	$(BIN)/python -m pytest -n 2 --dist loadgroup -q -m "proof and not night and not docker and not kubernetes" $(ARGS)

test-night: $(VENV)/.dev  ## The proofs that take many minutes, one after another
	$(BIN)/python -m pytest -q -m "night and not docker and not kubernetes" $(ARGS)

test-chaos: $(VENV)/.dev  ## Strike seasons on stub at random instants: ROUNDS=40 SEED=1, faults by ARGS="--faults house write"
	$(BIN)/python -m tests.chaos --rounds $(or $(ROUNDS),40) --seed $(or $(SEED),1) $(ARGS)

test-chaos-server: $(VENV)/.dev  ## Kill Prefect's worker, server or database (KILL=...) under seasons: ROUNDS=20 SEED=1 DATABASE=postgresql
	$(BIN)/python -m tests.chaos.on_server --kill $(or $(KILL),worker) --database $(or $(DATABASE),postgresql) --rounds $(or $(ROUNDS),20) --seed $(or $(SEED),1) $(ARGS)

test-fuzz: $(VENV)/.dev  ## Damage files of every kind the house reads: CASES_EACH=300 SEED=1
	$(BIN)/python -m tests.fuzz --cases $(or $(CASES_EACH),300) --seed $(or $(SEED),1)

test-docker: $(VENV)/.dev  ## Test the docker runner, and every engine that has an image (make images) under the contract
	$(BIN)/python -m pytest -n 2 --dist loadgroup -q -m "docker and not kubernetes" $(ARGS)

test-kubernetes: $(VENV)/.dev  ## Test the kubernetes runner on a real cluster, which a tool beside the checkout brings up
	$(BIN)/python -m pytest -q -m kubernetes $(ARGS)

images: setup  ## Build the images of all engines, or of ENGINES="demucs pyannote"; BASE_IMAGE, WHEELS_IMAGE, TORCH_INDEX
	$(BIN)/python -m infra.images $(ENGINES)

check: $(VENV)/.dev  ## Lint, format, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit:  ## Ask the advisory database about all locked packages, where it answers
	.ci/audit.sh

format: $(VENV)/.dev  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup  ## Measure cost beside the plain script (10 minutes); BENCH=full: all, hours; PARTS="season-12 ..."; ends with a page
	$(BIN)/python -m tests.bench.cost $(PARTS) $(if $(filter full,$(BENCH)),--full) $(ARGS)

bench-quality: setup  ## Measure quality on real speech; needs CASES=folder
	$(BIN)/python -m tests.bench.quality

lock:  ## Lock the requirements anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header infra/requirements.in -o infra/requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --override containers/light/overrides.txt containers/light/requirements.in -o containers/light/requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --override containers/light/overrides.txt tests/requirements.in -o tests/requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header tests/engines/requirements.in -o tests/engines/requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header infra/requirements-otel.in -o infra/requirements-otel.txt
	for engine in audioseal demucs pyannote rvc sovits uvr vits; do \
		uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --override containers/$$engine/overrides.txt containers/$$engine/requirements.in -o containers/$$engine/requirements.txt || exit 1; \
	done

COMPOSE := $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose) -p voicecast -f infra/compose.yaml --env-file infra/compose.env

up: infra/compose.env  ## Start the stack of one machine by compose (docs/operations.md); without Docker: voicecast up
	$(COMPOSE) up -d --build
	@echo "Prefect's pages: http://127.0.0.1:4200, label sheet: http://127.0.0.1:8484; what lets you in stands in infra/compose.env"

down:  ## End it; volumes stay, and the next make up goes on
	$(COMPOSE) down

infra/compose.env:
	@umask 077; new() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }; \
	printf 'PREFECT_AUTH=admin:%s\nDATABASE_PASSWORD=%s\nREVIEW_TOKEN=%s\nS3_USER=voicecast\nS3_PASSWORD=%s\nSERIES_DIR=%s\n' \
		$$(new) $$(new) $$(new) $$(new) "$(or $(SERIES_DIR),$(CURDIR)/demo)" > $@

clean:  ## Remove the environment and what the demo made
	rm -rf $(VENV) demo

$(VENV)/.house: infra/requirements.txt containers/light/requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "voicecast needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing the house and the light engine ..."
	$(BIN)/python -m pip install -q --no-deps --require-hashes -r infra/requirements.txt -r containers/light/requirements.txt
	$(BIN)/python -m pip install -q $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) --no-warn-conflicts $(TORCH)
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.house tests/requirements.txt
	$(BIN)/python -m pip install -q --no-deps --require-hashes -r tests/requirements.txt
	@touch $@
