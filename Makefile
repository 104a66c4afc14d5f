# make demo: learn brick from one photograph and draw more of it.   make test: all tests.
# make studio: open the web app with the bundles of exported/.
# make bundles: train those of exported/ again, for an hour; FASHION=FILE for Fashion-MNIST's too.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: install studio bundles demo test check format clean

install: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Error: Python 3.11 or newer is needed; give one with make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[gpu,train,tensorboard,studio]' --group dev
	touch $(STAMP)

studio: install
	$(BIN)/coop-studio exported

demo: install
	rm -rf runs/demo exported/demo
	$(BIN)/coop-train texture brick --out runs/demo --minutes 5
	$(BIN)/coop-export runs/demo exported/demo
	$(BIN)/coop-run generate exported/demo --size 448x448 --seed 0 -o demo.png
	@echo "Look at demo.png: a larger wall of the bricks in runs/demo/samples, drawn without torch."

bundles: install
	$(BIN)/python exported/make_bundles.py $(if $(FASHION),--fashion $(FASHION))

test: install
	$(BIN)/python -m pytest

check: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf .venv runs/demo exported/demo demo.png demo.png.json dist
