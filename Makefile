# All commands for users, developers and CI. Targets write to .venv*, node_modules/ and build/.
#   make run ARGS="--port 0 --model some.gguf"        make PYTHON=python3.13 run
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.NOTPARALLEL:
.DEFAULT_GOAL := help

PYTHON ?= python3
ARGS :=
BIN := .venv/bin

# Tests start hundreds of processes. Without cached bytecode each of them compiles the whole server again, half a second.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run install install-dev test test-slow lint types spec templates fuzz page-machine soak bench-page \
  screenshots screens icons starter lock clean

include .ci/install.mk
include .ci/suites.mk

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: export STREAMUI_MODEL ?= auto
run: install ## start the chat server and print its address; options: make run ARGS="--port 0"
	@exec $(BIN)/streamui serve $(ARGS)

install: ## install the requirements of `make run` into .venv and node_modules; does nothing if they are up to date
	@$(check_venv)
	@$(MAKE) -s .venv/.runtime
	@$(MAKE) -s node_modules/.libraries build/page/bundle.json \
	  || echo "The page does without: it loads more slowly, code may have no colours, and formulas may stay as they are written."

install-dev: ## install also the requirements of `make test` and `make lint`
	@$(check_venv)
	@$(MAKE) -s .venv/.dev node_modules/.installed build/page/bundle.json

test: install-dev | build ## run every suite: Python, coverage, fuzzing, JavaScript, browsers; fails at the end if one failed
	@failed=; \
	printf '\n== python\n'; $(MAKE) --no-print-directory test-python || failed=" python"; \
	printf '\n== coverage, fuzz and frontend, at once\n'; $(call run_together,test-,coverage fuzz frontend); \
	printf '\n== browser\n'; $(MAKE) --no-print-directory test-browser || failed="$$failed browser"; \
	[ -z "$$failed" ] || { echo "make test: these suites failed:$$failed"; exit 1; }
	@echo "make test: python, coverage, fuzz, frontend and browser passed"

test-slow: install-dev | build ## run what `make test` leaves out: long tests, and all browser tests in Firefox and WebKit
	@failed=; $(MAKE) --no-print-directory test-python-slow || failed=" python"; \
	RANDOM_TYPES=100 node --test tests/openai/random-types.test.js || failed="$$failed random-types"; \
	for browser in firefox webkit; do \
	  $(MAKE) --no-print-directory "test-$$browser" BROWSER_TESTS="tests/e2e -not -name '*.chromium.test.js'" || failed="$$failed $$browser"; \
	done; \
	[ -z "$$failed" ] || { echo "make test-slow: these suites failed:$$failed"; exit 1; }

lint: install-dev | build ## check style, types, layers, the docstrings' wording, and known vulnerabilities
	@failed=; printf '\n== lint, of Python and of the page at once\n'; $(call run_together,lint-,python page); \
	[ -z "$$failed" ] || { echo "make lint: it failed in:$$failed"; exit 1; }

types: install-dev ## check only types: mypy --strict, and tsc for the page's JSDoc
	$(BIN)/mypy
	node_modules/.bin/tsc -p tsconfig.json

spec: install-dev ## write what follows from tables: the sampling parameters' code, the protocol's documents, the table of options
	$(BIN)/python -m tests.generated
	$(BIN)/python -m protocol.spec
	$(BIN)/python -m protocol.conformance.traceability
	$(BIN)/python -m tests.docs.options

templates: install-dev ## print a table of how the chat templates of 70 models are rendered here
	@$(BIN)/python -m tests.server.chat.table

FUZZ_SECONDS ?= 3600
fuzz: install-dev | build ## run an hour of fuzzing, long runs of two connected sessions, and 50,000 streamed answers
	$(BIN)/python -m tests.fuzz $(FUZZ_SECONDS)
	MACHINE_EXAMPLES=10000 $(BIN)/pytest tests/protocol/test_session_machine.py
	STREAMING_TEXTS=50000 node --test tests/frontend/rendering/markdown/streaming.test.js

PAGE_MACHINE_RUNS ?= 200
page-machine: export BROWSER := chromium
page-machine: export PAGE_MACHINE_RUNS := $(PAGE_MACHINE_RUNS)
page-machine: install-dev | build ## do random actions on the page, PAGE_MACHINE_RUNS times with and without a browser
	node --test --test-concurrency=1 tests/e2e/page-machine.chromium.test.js

soak: install-dev ## run the long form of the fault tests, then ten thousand generations; takes hours
	SOAK=1 $(BIN)/pytest -o faulthandler_timeout=14400 tests/faults $(ARGS)
	SOAK_GENERATIONS=10000 $(BIN)/pytest -s -o faulthandler_timeout=14400 tests/server/engine/test_soak.py

bench-page: install-dev ## measure the page's start, long answers and long conversations; takes ten minutes on an idle machine
	node tests/e2e/bench/start.js
	node tests/e2e/bench/page.js $(ARGS)

screenshots: install-dev ## take the README's pictures of the page
	node tests/e2e/screenshots.js $(ARGS)

screens: export BROWSER := chromium
screens: install-dev ## take every screen in every width, text size and theme into build/screens/, for a person to look at: ARGS="empty login"
	node tests/e2e/all-screens.js $(ARGS)

icons: install-dev ## draw the icons of the installed page from frontend/icon.svg
	node tests/e2e/icons.js

starter: install .venv-starter/.installed ## train the built-in model again (about an hour on two cores) and print its scores
	OMP_WAIT_POLICY=passive .venv-starter/bin/python -m server.starter.training.train $(ARGS)
	$(BIN)/python -m server.starter.training.score

lock: .venv-lock/.installed ## pin every dependency again; newer versions: make lock ARGS=--upgrade
	$(call compile,pyproject.toml,requirements.lock)
	$(call compile,--group build,requirements-build.lock)
	$(call compile,--group dev --constraint requirements.lock --constraint requirements-build.lock,requirements-dev.lock)
	npm install --package-lock-only

clean: ## remove everything that was installed and built, also the virtual environments
	rm -rf .venv .venv-starter .venv-lock .venv-node node_modules build dist
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find server protocol tests -name __pycache__ -type d -prune -exec rm -rf {} +
