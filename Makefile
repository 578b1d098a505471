# acdcore: `make run` starts a hotline, `make demo` shows one at work. `make help` lists the rest.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
RUN    := $(VENV)/.installed-run
ALL    := $(VENV)/.installed-all
ENGINE := $(wildcard src/acdcore/media/*.pyx src/acdcore/media/*.pxd) src/acdcore/ivr/resample.py src/acdcore/ivr/resample.pxd setup.py pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help setup run demo test quick check format bench sim-long tools clean

help:            ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: $(RUN)    ## make .venv, install the locked dependencies and compile the media engine

run: $(RUN)      ## start the daemon on config/acdcore.toml and say what to dial
	@$(BIN)/acdcore run

demo: $(RUN)  ## a busy minute on free loopback ports: scripted callers and agents, a live board, the records
	@$(BIN)/python -m bench.demo

test: $(ALL) tools  ## everything, with real phones; installs Debian's sip-tester and baresip when root
	@sh tests/peers.sh
	$(BIN)/python -m pytest

quick: $(ALL)    ## the tests that need neither real time nor real phones
	$(BIN)/python -m pytest -q -m "not wire and not slow"

check: $(ALL)    ## format, lint, types, imports
	$(BIN)/ruff format --check src tests bench setup.py
	$(BIN)/ruff check src tests bench setup.py
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(ALL)   ## put the code into the common format
	$(BIN)/ruff format src tests bench setup.py
	$(BIN)/ruff check --fix src tests bench setup.py

bench: $(ALL) tools  ## the benchmarks of the README's table, about seven minutes
	$(BIN)/python -m bench

sim-long: $(ALL)  ## 1,000 simulated days of chaos past every invariant, about ten minutes
	$(BIN)/python -m tests.simulation.long --days 1000

tools:           ## compile the load tools
	@$(MAKE) --no-print-directory -s -f bench/tools.mk

clean:           ## remove what was built; keeps var/
	rm -rf $(VENV) build bench/bin src/*.egg-info
	find src -name '*.so' -delete

$(VENV)/bin/python:
	@sh config/preflight.sh $(PYTHON)
	$(PYTHON) -m venv $(VENV)

$(RUN): requirements/run.txt $(ENGINE) | $(VENV)/bin/python
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

$(ALL): requirements/all.txt $(RUN)
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/all.txt
	@touch $@
