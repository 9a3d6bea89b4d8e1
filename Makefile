# Every target makes the environment it needs; `make train` and `make test` each work alone on a fresh machine.
PYTHON ?= python3
BIN := .venv/bin
# What is never imported need not be compiled: a third of the time of an installation.
QUICKLY := --quiet --disable-pip-version-check --no-compile

# Hundreds of processes import the same modules: the first one compiles them for all.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup train test test-slow test-browser test-torch test-kernels test-long fuzz test-lowest check lint types format cover bench docs gradcheck wheel wheel-check clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# To collect all tests takes pytest as long as some of them do.
files_with = $(shell grep -rl --include='test_*.py' 'mark\.$(1)\b' tests)

.venv/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "imgclf needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install $(QUICKLY) --editable .
	@touch $@

.venv/.developed: .venv/.installed
	$(BIN)/pip install $(QUICKLY) --editable '.[dev]'
	@touch $@

setup: .venv/.developed  ## make .venv with everything for development

train: .venv/.installed  ## train on the images that ship with imgclf
	$(BIN)/imgclf train
	@echo
	@echo 'imgclf is in $(BIN). So that a shell finds it:  . $(BIN)/activate'

test: .venv/.developed  ## run the tests
	$(BIN)/python -m pytest -q -n auto --dist worksteal

test-slow: .venv/.developed  ## run the tests that take longest: kills, strangers' files, several processes, the course
	$(BIN)/python -m pytest -q -n 3 --dist worksteal -m 'slow and not long and not torch' $(call files_with,slow)

test-browser: .venv/.developed  ## run the tests of the page in a browser; it needs chromium and chromium-driver
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m 'browser and not long' -rs tests/browser

# PyTorch takes a gigabyte, and more where pip finds one for graphics cards: it has an environment of its own.
test-torch: .venv-torch/.installed  ## run the tests that need PyTorch, on the processor
	.venv-torch/bin/python -m pytest -q -n 2 --dist worksteal -m 'torch and not long' $(call files_with,torch)

.venv-torch/.installed: pyproject.toml tests/torch.txt
	rm -rf .venv-torch
	$(PYTHON) -m venv .venv-torch
	.venv-torch/bin/pip install $(QUICKLY) --editable . --requirement tests/torch.txt
	@touch $@

# OpenBLAS multiplies with the kernel that is named: AVX2, and SSE2 alone. `make test` has the processor's own.
test-kernels: .venv/.developed  ## run the tests of last bits with other kinds of matrix multiplication, too
	@for kernel in $(or $(KERNELS),Haswell Prescott); do \
		echo "OPENBLAS_CORETYPE=$$kernel"; \
		OPENBLAS_CORETYPE=$$kernel $(BIN)/python -m pytest -q -n auto -m 'bits and not long and not torch' $(call files_with,bits) || exit 1; \
	done

test-long: .venv/.developed  ## run the long forms of the tests, and fuzz: some hours; FUZZ_MINUTES=10 a reader; CIFAR10=DIR for real images
	$(BIN)/python -m pytest -q -m long
	$(MAKE) fuzz

fuzz: .venv-fuzz/.installed  ## look for files that a reader cannot stand, guided by what they make it do; READERS='npz,IDX'
	PYTHONPATH=tests .venv-fuzz/bin/python -m hostile.fuzz $(or $(FUZZ_MINUTES),10) '$(READERS)'

.venv-fuzz/.installed: pyproject.toml
	rm -rf .venv-fuzz
	$(PYTHON) -m venv .venv-fuzz
	.venv-fuzz/bin/pip install $(QUICKLY) --editable . 'atheris>=2.3'
	@touch $@

check: lint types  ## lint and types, in under a minute

lint: .venv/.developed  ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.developed  ## mypy, strict
	$(BIN)/mypy

format: .venv/.developed  ## let ruff order the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

cover: .venv/.developed  ## run the tests and show what they did not reach
	$(BIN)/pip install $(QUICKLY) 'pytest-cov>=5'
	$(BIN)/python -m pytest -q --cov=imgclf --cov-report=term-missing:skip-covered

gradcheck: .venv/.installed  ## check the gradients of all losses
	$(BIN)/imgclf gradcheck

bench: .venv-bench/.installed  ## measure every kernel beside PyTorch and scikit-learn, write benchmarks/RESULTS.md; CIFAR10=DIR for real images
	.venv-bench/bin/python benchmarks/training.py
	.venv-bench/bin/python benchmarks/ranks.py
	.venv-bench/bin/python benchmarks/gradcheck.py

.venv-bench/.installed: pyproject.toml benchmarks/requirements.txt
	rm -rf .venv-bench
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install $(QUICKLY) --editable . --requirement benchmarks/requirements.txt
	@touch $@

docs: .venv-docs/.installed  ## build the documentation: build/docs/index.html
	rm -rf build/docs
	.venv-docs/bin/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env --doctree-dir build/docs-cache --conf-dir docs/site . build/docs
	.venv-docs/bin/python docs/site/check.py build/docs

.venv-docs/.installed: pyproject.toml
	rm -rf .venv-docs
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/pip install $(QUICKLY) --editable '.[docs]'
	@touch $@

wheel: .venv/.developed  ## build dist/*.whl and dist/*.tar.gz
	rm -rf dist
	$(BIN)/python -m build --outdir dist .

wheel-check: wheel  ## check what a package index reads, install the wheel into an empty environment, train in an empty folder
	$(BIN)/pip install $(QUICKLY) 'twine>=6.1'
	$(BIN)/twine check --strict dist/*
	rm -rf build/wheel-check && mkdir -p build/wheel-check/empty
	$(PYTHON) -m venv build/wheel-check/venv
	build/wheel-check/venv/bin/pip install $(QUICKLY) dist/*.whl
	cd build/wheel-check/empty && ../venv/bin/imgclf train -s train.epochs=2 && ../venv/bin/imgclf eval \
		&& ../venv/bin/imgclf config init --from cifar10_softmax

# What meets the libraries; the commands compute and draw as well.
test-lowest: .venv-lowest/.installed  ## run the tests that meet other libraries, on the oldest supported versions
	.venv-lowest/bin/python -m pytest -q -n auto --dist worksteal \
		tests/config tests/data tests/estimator tests/files tests/test_imports.py \
		$(addprefix tests/cli/commands/test_,$(addsuffix .py,train eval predict report compare download))

.venv-lowest/.installed: pyproject.toml tests/lowest.txt
	rm -rf .venv-lowest
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/pip install $(QUICKLY) --constraint tests/lowest.txt --editable '.[mpi,sklearn]' mpich pytest pytest-xdist hypothesis hatchling
	@touch $@

clean:  ## remove what the targets made, but not runs/
	rm -rf .venv .venv-lowest .venv-bench .venv-docs .venv-fuzz .venv-torch build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
