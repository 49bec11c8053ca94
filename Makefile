# Needs GNU make and Python 3.11 or newer, nothing else: everything is installed into .venv.

VENV := .venv
BIN := $(VENV)/bin
NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	if $$p $(NEW_ENOUGH) 2>/dev/null; then echo $$p; break; fi; done)

LAB_FLAGS ?=
LOCK_FLAGS ?=
MODULES ?=
NOTEBOOKS ?=
CORE := $(addprefix tests/,ground events retry breaker fallback test_deadline.py test_errors.py)
ROOMS := events retry breaker fallback virtual_time simulation plots live widgets desk practice
BROWSER_REPORT := build/browser.txt

# A stamp is as old as the pins that it installed, so nothing is installed twice.
VENV_READY := $(VENV)/.venv-ready
LAB_READY := $(VENV)/.lab-ready
TEST_READY := $(VENV)/.test-ready
BENCH_READY := $(VENV)/.bench-ready

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help lab quick test browser check docs mutants notebooks interview picture bench lock clean
.PHONY: tests-and-notebooks browser-beside

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

lab: $(LAB_READY) ## open your own copy of the course, my_course/ (LAB_FLAGS=... for resilience-lab or JupyterLab)
	$(BIN)/resilience-lab $(LAB_FLAGS)

quick: $(TEST_READY) ## run the core's tests, in seconds
	$(BIN)/pytest -q -n logical --dist worksteal $(CORE)

test: $(TEST_READY) ## run every test, every notebook against its committed outputs and in a browser
	@$(MAKE) --no-print-directory --keep-going --jobs=2 tests-and-notebooks browser-beside

tests-and-notebooks:
	@status=0; set -x; \
	$(BIN)/pytest -n logical --dist worksteal --cov --cov-report=term-missing:skip-covered \
		--ignore=tests/browser tests || status=1; \
	$(BIN)/pytest --nbval --nbval-current-env --nbval-cell-timeout=60 -n logical --dist loadfile \
		notebooks/ || status=1; \
	exit $$status

# Beside the rest, so its report comes in one piece, and nothing is measured on a busy machine.
browser-beside:
	@mkdir -p $(dir $(BROWSER_REPORT))
	@MEASURING_SECONDS=0 $(BIN)/pytest -rs tests/browser >$(BROWSER_REPORT) 2>&1; status=$$?; \
	cat $(BROWSER_REPORT); exit $$status

browser: $(TEST_READY) ## try every notebook in a browser, and time what a key press changes
	$(BIN)/pytest -rs tests/browser

check: $(TEST_READY) ## lint, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict

docs: $(TEST_READY) ## build the API reference from the docstrings: build/docs/index.html
	$(BIN)/pdoc --docformat numpy --output-directory build/docs resilience_lab $(addprefix resilience_lab.,$(ROOMS))

mutants: $(TEST_READY) ## see which small faults in the core no test finds (MODULES=... for some)
	$(BIN)/python tests/mutants/run.py $(MODULES)

notebooks: $(LAB_READY) ## execute the notebooks and write them back (NOTEBOOKS=... for some)
	$(BIN)/python tests/notebooks/regenerate.py $(NOTEBOOKS)

interview: $(LAB_READY) ## build notebook 06 and its solutions from tests/notebooks/interview.md
	$(BIN)/python tests/notebooks/build_interview.py

picture: $(LAB_READY) ## draw the README's picture anew
	$(BIN)/python notebooks/images/outage.py

bench: $(BENCH_READY) ## run the benchmarks
	$(BIN)/pytest tests/benchmarks --benchmark-disable-gc --benchmark-sort=min \
		--benchmark-columns=min,median,rounds

lock: $(BIN)/uv ## write the pins anew from pyproject.toml (LOCK_FLAGS=--upgrade for newer ones)
	$(call compile,binder/requirements.txt,--extra lab --extra peers)
	$(call compile,tests/requirements.txt,--extra test --constraint binder/requirements.txt)
	$(call compile,tests/benchmarks/requirements.txt,--extra bench --constraint tests/requirements.txt)

clean: ## remove .venv, caches and build output
	rm -rf $(VENV) build dist .coverage .coverage.* .hypothesis .benchmarks .mutants
	rm -rf .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -name .ipynb_checkpoints -prune -exec rm -rf {} +

$(VENV_READY):
	@'$(PYTHON)' $(NEW_ENOUGH) 2>/dev/null || { \
		echo 'Python 3.11 or newer is needed, and $(or $(PYTHON),python3) is not.' \
			'Choose one: make $(MAKECMDGOALS) PYTHON=python3.12' >&2; exit 1; }
	'$(PYTHON)' -m venv $(VENV)
	@touch $@

# Matplotlib lists the fonts on its first import and, on a slow disk, says so: here, not in a notebook.
$(LAB_READY): binder/requirements.txt pyproject.toml $(VENV_READY)
	@echo 'Installing the lab into $(VENV): a minute or two, the first time.'
	@$(BIN)/pip install --quiet --requirement $<
	@$(BIN)/pip install --quiet --no-deps --editable .
	@$(BIN)/python -c 'import matplotlib.pyplot'
	@touch $@

$(TEST_READY): tests/requirements.txt $(LAB_READY)
	@echo 'Installing what the tests need.'
	@$(BIN)/pip install --quiet --requirement $<
	@touch $@

$(BENCH_READY): tests/benchmarks/requirements.txt $(LAB_READY)
	@echo 'Installing what the benchmarks need.'
	@$(BIN)/pip install --quiet --requirement $<
	@touch $@

$(BIN)/uv: $(VENV_READY)
	@$(BIN)/pip install --quiet uv
	@touch $@

define compile
$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-annotate \
	--no-header $(LOCK_FLAGS) $(2) --output-file $(1) pyproject.toml
{ echo '# Exact pins, written by `make lock` from the extras in pyproject.toml.'; cat $(1); } > $(1).new
mv $(1).new $(1)
endef
