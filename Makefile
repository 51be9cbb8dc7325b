# SPDX-License-Identifier: Apache-2.0
# Front door: what each target does is in tools/ and tests/run.py.
PYTHON := /usr/bin/python3
SECONDS := 60

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

# The peers and the libraries stay: they take long to fetch and never change.
clean:
	@mkdir -p build && find build -mindepth 1 -maxdepth 1 ! -name peers ! -name npm -exec rm -rf {} +

.PHONY: all deps peers demo test lint fuzz valgrind bench clean
