# SPDX-License-Identifier: Apache-2.0
# Front door: what each target does is in tools/ and tests/run.py.
PYTHON := /usr/bin/python3
SECONDS := 60

all:
	@tools/build release

deps:
	@tools/deps

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

# The peers stay: they take long to fetch and never change.
clean:
	@mkdir -p build && find build -mindepth 1 -maxdepth 1 ! -name peers -exec rm -rf {} +

.PHONY: all deps peers demo test lint fuzz valgrind bench clean
