# make system   Debian packages that pip cannot bring
# make run      from nothing to adapted molecules in an SD file, in minutes
# make test     the tests          make slow   the tests that take minutes
# make test-dgl the tests of DGL graphs, in .venv-dgl
# make test-browser  the tests of the studio in a real browser
# make docs     the documentation, in docs/_build/html; `make test` builds it too
# make lint     ruff and mypy
#
# Everything but `system` uses .venv in this folder, and makes it when it is missing or out of date. pip takes the small
# CPU build of torch where it can find one; the README says how to point it there.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DGL_VENV := .venv-dgl
DGL_STAMP := $(DGL_VENV)/.installed
RUN := runs/demo

export OMP_WAIT_POLICY ?= passive

.PHONY: system run test test-dgl test-browser slow docs lint
.DELETE_ON_ERROR:

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[dev]'
# Its requirements pin a pomegranate that does not build any more; molvm reads its data files only.
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt --no-deps molsets
	touch $@

# What a virtual environment needs, the `xtb` program, with which slow tests compare the Python engines, and the browser
# that the tests of the studio drive.
SUDO := $(shell test "$$(id -u)" = 0 || echo sudo)
system:
	command -v xtb >/dev/null && command -v chromium >/dev/null && $(PYTHON) -c 'import ensurepip' || \
		{ $(SUDO) apt-get update && $(SUDO) apt-get install --yes --no-install-recommends xtb python3-venv chromium; }

run: $(STAMP)
	rm -rf $(RUN)
	mkdir -p $(dir $(RUN))
	$(BIN)/molvm train --dataset qm9 --reward dipole --recipe few-labels --strength 6 --iterations 8 --batch-size 32 --steps 30 \
		--set training.warmup=3 --set sampling.transition=analytic_variance --out $(RUN)
	$(BIN)/molvm sample $(RUN) -n 32 --score --out $(RUN)/samples.sdf
	@echo "Adapted molecules: $(RUN)/samples.sdf. The best that training met: $(RUN)/best.sdf."

test: docs
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal

docs: $(STAMP)
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

# DGL is no longer released, so it gets an environment of its own, which adds it and what it needs to what .venv has.
$(DGL_STAMP): $(STAMP)
	$(BIN)/python -m venv --clear $(DGL_VENV)
	$(BIN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
		> "$$($(DGL_VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/molvm.pth"
	$(DGL_VENV)/bin/python -m pip install --disable-pip-version-check --quiet -c constraints.txt 'molvm[dgl]'
	touch $@

test-dgl: $(DGL_STAMP)
	$(DGL_VENV)/bin/python -m pytest -m dgl tests/interop/test_dgl.py

test-browser: $(STAMP)
	$(BIN)/python -m pytest -m browser tests/browser

slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

lint: $(STAMP)
	$(BIN)/ruff check molvm apps tests benchmarks examples docs/conf.py
	$(BIN)/ruff format --check molvm apps tests benchmarks examples docs/conf.py
	$(BIN)/mypy
