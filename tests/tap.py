#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the unittest cases of one file and prints them as TAP, what went wrong as # lines below.

    tap.py FILE [PATTERN]      only cases whose name contains PATTERN
"""
import faulthandler
import importlib.util
import pathlib
import sys
import time
import unittest

TESTS = pathlib.Path(__file__).resolve().parent


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.count = 0
        self.trouble = []       # of the case that is running: tracebacks
        self.broken = 0

    def line(self, ok, test, directive=""):
        self.count += 1
        name = test.id().split(".", 1)[-1] if "." in test.id() else test.id()
        print(f"{'ok' if ok else 'not ok'} {self.count} - {name}{directive}", flush=True)

    def fail(self, test, text):
        self.broken += 1
        self.line(False, test)
        print("".join(f"# {line}\n" for line in text.rstrip().splitlines()), end="", flush=True)

    def startTest(self, test):
        super().startTest(test)
        self.trouble, self.skipped_now, self.begun = [], False, time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        if self.trouble:
            self.fail(test, "\n".join(self.trouble))
        elif not self.skipped_now:
            self.line(True, test, f" # {time.monotonic() - self.begun:.2f} s")

    def note(self, test, err):
        text = self._exc_info_to_string(err, test)
        if isinstance(test, unittest.TestCase):
            self.trouble.append(text)
        else:                   # setUpClass or setUpModule, which have no stopTest
            self.fail(test, text)

    def addError(self, test, err):
        self.note(test, err)

    def addFailure(self, test, err):
        self.note(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.trouble.append(f"{subtest.id()}\n{self._exc_info_to_string(err, test)}")

    def addSkip(self, test, reason):
        self.skipped_now = True
        self.line(True, test, f" # SKIP {reason}")

    def addUnexpectedSuccess(self, test):
        self.trouble.append("passed, though marked as expected to fail")


def load(path):
    sys.path[:0] = [str(path.parent), str(TESTS), str(TESTS / "e2e")]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def cases(suite):
    for entry in suite:
        if isinstance(entry, unittest.TestSuite):
            yield from cases(entry)
        else:
            yield entry


def main():
    faulthandler.enable()
    suite = load(pathlib.Path(sys.argv[1]).resolve())
    if len(sys.argv) > 2:
        suite = unittest.TestSuite(case for case in cases(suite) if sys.argv[2] in case.id())
    result = TapResult()
    suite.run(result)
    print(f"1..{result.count}")
    return 1 if result.broken or result.count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
