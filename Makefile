# SPDX-License-Identifier: Apache-2.0
# Front door: what each target does is in tools/ and tests/run.py.
PYTHON := /usr/bin/python3
SECONDS := 60
ROUNDS := 1000
MINUTES := 10
E2E = MAILSTEAD_BIN=build/release/src/mailstead MAILSTEAD_CONFINEMENT=$(if $(filter 0,$(shell id -u)),full,best) $(PYTHON) tests/tap.py

all:
	@tools/build release

deps:
	@tools/deps
	@tools/npm || echo "npm: tests that need these libraries are skipped by name"

peers:
	@tools/peers

test: deps
	@tools/peers || echo "peers: tests that need a missing one are skipped by name"
	@$(PYTHON) tests/run.py $(ARGS)

demo:
	@tools/demo

lint:
	@$(PYTHON) tests/run.py --checks

fuzz:
	@$(PYTHON) tests/run.py --fuzz --fuzz-seconds $(SECONDS)

valgrind:
	@$(PYTHON) tests/run.py --valgrind

bench: all
	@tools/peers
	@$(PYTHON) tests/bench/smtp.py $(ARGS)

crash: all
	@MAILSTEAD_ROUNDS=$(ROUNDS) $(E2E) tests/e2e/test_crash.py Blows

soak: all
	@MAILSTEAD_MINUTES=$(MINUTES) $(E2E) tests/e2e/soak.py

# The peers and the libraries stay: they take long to fetch and never change.
clean:
	@mkdir -p build && find build -mindepth 1 -maxdepth 1 ! -name peers ! -name npm -exec rm -rf {} +

.PHONY: all deps peers demo test lint fuzz valgrind bench crash soak clean
