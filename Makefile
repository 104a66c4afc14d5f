# make demo: learn brick from one photograph and draw more of it.   make test: all tests.
# make studio: open the web app with the bundles of exported/.
# make bundles: train those of exported/ again, for an hour; FASHION=FILE for Fashion-MNIST's too.
# make docs: the documentation as a site.   make dist: wheel and sdist, checked.
PYTHON ?= python3
SCRIPTS := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
# Examples in docstrings print paths as POSIX writes them.
DOCTESTS := $(if $(filter Windows_NT,$(OS)),,runtime)
BIN := .venv/$(SCRIPTS)
STAMP := .venv/.installed

.PHONY: install studio results results-quick bundles demo test soak test-runtime check format docs dist clean

install: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Error: Python 3.11 or newer is needed; give one with make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[gpu,train,tensorboard,studio,eval]' --group dev
	touch $(STAMP)

studio: install
	$(BIN)/coop-studio exported

demo: install
	rm -rf runs/demo exported/demo
	$(BIN)/coop-train texture brick --out runs/demo --minutes 5
	$(BIN)/coop-export runs/demo exported/demo
	$(BIN)/coop-run generate exported/demo --size 448x448 --seed 0 -o demo.png
	@echo "Look at demo.png: a larger wall of the bricks in runs/demo/samples, drawn without torch."

# The papers' experiments against their peers: three seeds, or half an hour. Kept and resumed.
results: install
	$(BIN)/python benchmarks/results.py

results-quick: install
	$(BIN)/python benchmarks/results.py --quick

bundles: install
	$(BIN)/python exported/make_bundles.py $(if $(FASHION),--fashion $(FASHION))

# A process per core; a file's tests stay together, for what they share.
test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile

# Sixteen clients of one Coop Studio for five minutes; benchmarks/studio_soak.py does more.
soak: install
	OMP_NUM_THREADS=1 COOP_SOAK_CLIENTS=16 COOP_SOAK_SECONDS=300 $(BIN)/python -m pytest -s tests/apps/studio/test_soak.py

# The runtime and its commands' packages alone, as a program that embeds it has them: no torch.
test-runtime: .venv-runtime/.installed
	.venv-runtime/$(SCRIPTS)/python -m pip install --quiet --editable '.[cpu,apps]'
	.venv-runtime/$(SCRIPTS)/python -m pytest tests/runtime $(DOCTESTS)

docs: .venv-docs/.installed
	.venv-docs/$(SCRIPTS)/python -m mkdocs build --strict

dist: .venv-dist/.installed
	rm -rf dist
	.venv-dist/$(SCRIPTS)/python -m build
	.venv-dist/$(SCRIPTS)/python -m twine check --strict dist/*
	.venv-dist/$(SCRIPTS)/cffconvert --validate

# An environment for one group of pyproject.toml's [dependency-groups].
.venv-%/.installed: pyproject.toml
	test -x .venv-$*/$(SCRIPTS)/python || $(PYTHON) -m venv .venv-$*
	.venv-$*/$(SCRIPTS)/python -m pip install --quiet --upgrade 'pip>=25.1'
	.venv-$*/$(SCRIPTS)/python -m pip install --quiet --group $*
	touch $@

check: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf .venv .venv-* site runs/demo exported/demo demo.png demo.png.json dist
