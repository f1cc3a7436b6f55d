# Two commands do everything: `make run` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
VENV := .venv
PY := $(VENV)/bin/python
DEMO ?= 1
MASKLINE_LANGUAGE ?= zh
export MASKLINE_LANGUAGE
LOCK := uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
	--python-version 3.11 -q --custom-compile-command "make lock"

.PHONY: help run stop test lint types fmt lock bench chaos soak clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: ## Set up, start everything and play the demo (DEMO=0: start empty)
	@scripts/bootstrap.sh run
	@$(PY) -m maskline up $(if $(filter 0,$(DEMO)),--no-demo,)

test: ## Install what the tests need and run lint, types, contracts, migrations and all tests
	@scripts/bootstrap.sh test
	@scripts/test.sh

bench: ## Measure against named peers and write docs/reference/benchmarks.md (QUICK=1: a short look)
	@scripts/bootstrap.sh test
	@$(PY) -m bench $(if $(filter 1,$(QUICK)),--quick,)

lint: ## Format check, lint, import contracts, templates
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/lint-imports --no-cache
	@$(VENV)/bin/deptry .

types: ## Strict types
	@$(VENV)/bin/mypy core gateway qa devicepolicy dashboard maskline

fmt: ## Format and mend what can be mended
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

lock: ## Resolve the lock files anew (needs uv)
	@$(LOCK) -o requirements/run.lock
	@$(LOCK) --group dev -c requirements/run.lock -o requirements/dev.lock

clean: ## Remove the environment and caches; data stays
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

stop: ## Stop what `make run` started
	@$(PY) -m maskline stop

chaos: ## Kill the processes at random under mixed load and check every book (MINUTES=10)
	@scripts/bootstrap.sh test
	@$(PY) -m tests.chaos.storm --minutes $(or $(MINUTES),10)

soak: ## Kill processes at random while phones hand in and lose power (MINUTES=3)
	@scripts/bootstrap.sh test
	@$(PY) -m tests.chaos.uploads --minutes $(or $(MINUTES),3)
