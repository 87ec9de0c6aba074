# The suites of `make test`, each a target of its own.

# A suite passes if its runner succeeds and at least one test passed. It fails if all tests were skipped.
# WORKERS: number of processes of the Python suite. Its tests mostly wait, so three keep two cores busy.
WORKERS ?= 3
.PHONY: test-python test-python-slow test-coverage test-fuzz test-frontend test-browser test-chromium test-chromium-pages \
  test-chromium-measures test-firefox test-webkit
test-python: | build
	@$(BIN)/python -m tests.llama_sources >/dev/null
	@$(BIN)/pytest -m "not slow" -n $(WORKERS) --dist worksteal $(ARGS) | tee build/test-python.log
	@grep -Eq '(^|[ =,])[1-9][0-9]* passed' build/test-python.log || { echo "no Python test passed"; exit 1; }

test-python-slow: | build
	@$(BIN)/pytest -m slow -o faulthandler_timeout=3600 $(ARGS)

# Full coverage of the protocol's pure core by its own tests; pyproject.toml lists its files. The random sessions of the state
# machine add no line to it, and take half the time.
NOT_COVERING = $(wildcard tests/protocol/*client*) tests/protocol/test_session_machine.py
test-coverage: | build
	@$(BIN)/coverage run -m pytest -q $(filter-out $(NOT_COVERING),$(wildcard tests/protocol/test_*.py))
	@$(BIN)/coverage report

test-fuzz: | build
	@$(BIN)/python -m tests.fuzz $(if $(CI),60,20)

test-frontend: | build
	@$(call run_node_tests,tests/frontend tests/protocol tests/openai,test-frontend,2)

# Chromium runs all browser tests, then Firefox and WebKit at once those that show where browsers differ. `make test-slow` runs all
# in each.
#   make test BROWSERS=chromium    for the page in one of them
BROWSERS := chromium firefox webkit
EVERYWHERE := page composer attachments login tabs event-source
test-browser: | build
	@failed=; \
	$(if $(filter chromium,$(BROWSERS)),printf '\n-- chromium\n'; $(MAKE) --no-print-directory test-chromium || failed=" chromium";) \
	$(call run_together,test-,$(filter-out chromium,$(BROWSERS))); \
	[ -z "$$failed" ] || { echo "make test-browser: it failed in:$$failed"; exit 1; }

# What `*.chromium.test.js` measures depends on timing, so these run one at a time. Two of the others run at once, each with
# a browser and a server of its own.
test-chromium: export BROWSER := chromium
test-chromium: | build
	@$(call check_program,$${CHROMIUM:-/usr/bin/chromium},chromium,CHROMIUM)
	@failed=; for part in pages measures; do $(MAKE) --no-print-directory "test-chromium-$$part" || failed="$$failed $$part"; done; \
	[ -z "$$failed" ] || { echo "make test-chromium: these parts failed:$$failed"; exit 1; }

test-chromium-pages test-chromium-measures: export BROWSER := chromium
test-chromium-pages: | build
	@$(call run_node_tests,tests/e2e -not -name '*.chromium.test.js',test-chromium-pages,2)

test-chromium-measures: | build
	@$(call run_node_tests,tests/e2e -name '*.chromium.test.js',test-chromium-measures)

test-firefox: export BROWSER := firefox
test-firefox: | build
	@$(call check_program,$${FIREFOX:-/usr/bin/firefox-esr},firefox-esr,FIREFOX)
	@$(call run_node_tests,$(BROWSER_TESTS),test-firefox)

test-webkit: export BROWSER := webkit
test-webkit: | build
	@$(call check_program,$${WEBKIT_DRIVER:-/usr/bin/WebKitWebDriver},webkit2gtk-driver,WEBKIT_DRIVER)
	@$(call check_program,/usr/bin/Xvfb,xvfb)
	@$(call run_node_tests,$(BROWSER_TESTS),test-webkit)

# Tests that Firefox and WebKit run.
BROWSER_TESTS = $(EVERYWHERE:%=tests/e2e/%.test.js)

# The two parts of `make lint`. Each runs on one core.
.PHONY: lint-python lint-page
lint-python:
	$(BIN)/mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tests.wording
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive server protocol
	@# Asks PyPI and npm's registry for known vulnerabilities; says so where it can't, and continues.
	$(BIN)/python -m tests.audit

lint-page:
	node_modules/.bin/tsc -p tsconfig.json
	node_modules/.bin/eslint
	@# The page's content security policy forbids inline script and style; here it shows before a browser says so.
	! grep -rnEi --include='*.html' '<style|<script>|[ "]style=|[ "]on[a-z]+=|javascript:' frontend server

# Runs the target $(1)NAME for each NAME of $(2), all at once, shows the output of each when it has ended, and adds those that failed
# to $$failed.
define run_together
declare -A running=(); trap 'kill "$${running[@]}" 2>/dev/null || :' EXIT; \
for name in $(2); do $(MAKE) --no-print-directory "$(1)$$name" >"build/$(1)$$name.out" 2>&1 & running[$$name]=$$!; done; \
for name in $(2); do \
  result=0; wait "$${running[$$name]}" || result=$$?; printf '\n-- %s\n' "$$name"; cat "build/$(1)$$name.out"; \
  [ "$$result" = 0 ] || failed="$$failed $$name"; \
done
endef

# $(1) the program, $(2) the Debian package that brings it, $(3) the variable that names another one
define check_program
program="$(1)"; [ -x "$$program" ] || { \
  echo "The browser tests need $$program, which is not there: apt-get install $(2)$(if $(3), -- or set $(3)=/path/to/it)"; exit 1; }
endef

# $(1) folders and a pattern of files; $(2) name of the log; $(3) how many files at once, 1 if it is left out. Files are passed by name: Node 20
# and 22 treat a folder differently, and without names Node runs every test that it finds.
define run_node_tests
mapfile -t files < <(find $(1) -name '*.test.js' | sort); \
[ "$${#files[@]}" -gt 0 ] || { echo "no *.test.js in $(1)"; exit 1; }; \
node --test --test-reporter=spec --test-concurrency=$(or $(3),1) --test-timeout=900000 "$${files[@]}" | tee build/$(2).log; \
grep -Eq 'pass [1-9]' build/$(2).log || { echo "no test of $(1) passed"; exit 1; }
endef
