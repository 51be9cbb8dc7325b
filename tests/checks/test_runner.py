#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The test runner itself: what it counts, and that nothing of a test can hide or stay behind."""
import contextlib
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))
import run

PYTHON = "/usr/bin/python3"


class Counting(unittest.TestCase):
    def score(self, output, status=0, tap=True, ci=False):
        score = run.Score()
        with mock.patch.object(run, "CI", ci), contextlib.redirect_stdout(io.StringIO()):
            score.take(run.job("j", ["true"], tap=tap), status, output, 0.1)
        return score

    def counts(self, *args, **options):
        score = self.score(*args, **options)
        return score.passed, len(score.failures), len(score.skips)

    def test_tap(self):
        self.assertEqual(self.counts("1..3\nok 1 - a\nok 2 - b # 0.1 s\nok 3 # SKIP c\n# ok - str\n"), (2, 0, 1))
        self.assertEqual(self.counts("1..2\nok 1 - a\nnot ok 2 - b\n# why\n", 1), (1, 1, 0))
        self.assertEqual(self.counts("not ok 1 - a\nnot ok 2 - b\n", 2), (0, 2, 0))
        self.assertEqual(self.counts("  ok 1 - not at the margin\nokay\nok 1 - a\n"), (1, 0, 0))

    def test_failed_status_after_good_cases(self):
        self.assertEqual(self.counts("1..1\nok 1 - a\n==1==ERROR: LeakSanitizer\n", 23), (1, 1, 0))

    def test_no_case_is_a_failure(self):
        self.assertEqual(self.counts("hello\n"), (0, 1, 0))

    def test_without_tap_the_status_counts(self):
        self.assertEqual(self.counts("not ok 1 - just words\n", 0, tap=False), (1, 0, 0))
        self.assertEqual(self.counts("", 1, tap=False), (0, 1, 0))

    def test_skip_fails_in_ci(self):
        self.assertEqual(self.counts("ok 1 - a # SKIP no root\n", ci=True), (0, 1, 0))
        score = self.score("ok 1 - a # SKIP no root\n")
        self.assertEqual(score.skips, [("j: a", "no root")])

    def test_closing_line(self):
        for output, status, line, end in (("ok 1 - a\n", 0, "1 passed, 0 failed", 0),
                                          ("ok 1 - a\nnot ok 2 - b\n", 1, "1 passed, 1 failed", 1),
                                          ("ok 1 - a\nok 2 - b # SKIP c\n", 0, "1 passed, 0 failed, 1 skipped", 0)):
            score, out = self.score(output, status), io.StringIO()
            with contextlib.redirect_stdout(out):
                self.assertEqual(score.close(), end)
            self.assertEqual(out.getvalue().splitlines()[-1], line)

    def test_nothing_run_is_a_failure(self):
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(run.Score().close(), 1)

    def test_log_is_shown(self):
        score, out = self.score("not ok 1 - a\n# the reason\n", 1), io.StringIO()
        with contextlib.redirect_stdout(out):
            score.close()
        self.assertIn("==== FAILED j: a\nnot ok 1 - a\n# the reason\n", out.getvalue())


class Supervising(unittest.TestCase):
    def supervise(self, code, limit=30):
        begun = time.monotonic()
        done = subprocess.run([PYTHON, TESTS / "supervise.py", str(limit), PYTHON, "-c", code], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout, time.monotonic() - begun

    def test_status_passes_through(self):
        self.assertEqual(self.supervise("raise SystemExit(7)")[0], 7)
        self.assertEqual(self.supervise("import os; os.kill(os.getpid(), 9)")[0], 128 + 9)

    def test_leftover_is_killed_and_reported(self):
        """Also one that left the process group and lost its parent."""
        with tempfile.TemporaryDirectory() as folder:
            note = pathlib.Path(folder, "pid")
            status, output, _ = self.supervise(
                "import os, sys, time\n"
                "if os.fork() == 0:\n"
                "    os.setsid()\n"
                "    if os.fork() == 0:\n"
                f"        open({str(note)!r}, 'w').write(str(os.getpid()))\n"
                "        time.sleep(600)\n"
                "    os._exit(0)\n"
                f"while not os.path.exists({str(note)!r}) or not os.path.getsize({str(note)!r}): time.sleep(0.01)\n")
            self.assertEqual(status, 1)
            self.assertIn("not ok - leaves no process behind", output)
            self.assertFalse(os.path.exists(f"/proc/{note.read_text()}"))

    def test_what_is_ending_may_end(self):
        self.assertEqual(self.supervise("import subprocess; subprocess.Popen(['sleep', '0.2'])")[0], 0)

    def test_time_limit(self):
        status, output, seconds = self.supervise("import time; time.sleep(600)", 0.5)
        self.assertEqual(status, 1)
        self.assertIn("not ok - ends within 0.5 s", output)
        self.assertLess(seconds, 20)


class Tap(unittest.TestCase):
    """What tests/tap.py makes of unittest cases."""
    module = '''
import unittest
class T(unittest.TestCase):
    def test_good(self): pass
    def test_bad(self): self.assertEqual(1, 2)
    def test_parts(self):
        for i in range(3):
            with self.subTest(i): self.assertNotEqual(i, 1)
    def test_error(self): raise ValueError("here")
    @unittest.skip("no peer")
    def test_skipped(self): pass
    def test_skipped_inside(self): self.skipTest("no root")
class U(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise OSError("no set-up")
    def test_never(self): pass
class V(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise unittest.SkipTest("no namespace")
    def test_never(self): pass
'''

    def tap(self, text, *args):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "test_it.py")
            path.write_text(text)
            done = subprocess.run([PYTHON, TESTS / "tap.py", path, *args], stdout=subprocess.PIPE, text=True, check=False)
        return done.returncode, done.stdout

    def test_all_outcomes(self):
        status, output = self.tap(self.module)
        self.assertEqual(status, 1)
        score = run.Score()
        with contextlib.redirect_stdout(io.StringIO()), mock.patch.object(run, "CI", False):
            score.take(run.job("j", ["true"], tap=True), status, output, 0.1)
        self.assertEqual((score.passed, len(score.failures), len(score.skips)), (1, 4, 3), output)
        for words in ("ValueError: here", "OSError: no set-up", "SKIP no peer", "SKIP no root", "SKIP no namespace"):
            self.assertIn(words, output)

    def test_pattern(self):
        status, output = self.tap(self.module, "test_good")
        self.assertEqual((status, output.splitlines()[-1]), (0, "1..1"))

    def test_no_case_fails(self):
        self.assertEqual(self.tap("x = 1\n")[0], 1)

    def test_broken_module_fails(self):
        self.assertNotEqual(self.tap("import nothing_of_that_name\n")[0], 0)


class EndToEndJobs(unittest.TestCase):
    def test_marks_at_the_left_margin(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(run, "TOP", pathlib.Path(folder)):
            e2e = pathlib.Path(folder, "tests/e2e")
            e2e.mkdir(parents=True)
            (e2e / "test_a.py").write_text("import house\n")
            (e2e / "test_b.py").write_text('FLAVOURS = ("release",)\nTIMEOUT = 300\nALONE = True\n')
            jobs = {j.name: j for j in run.end_to_end_jobs(["asan", "release"])}
        self.assertEqual(sorted(jobs), ["e2e/asan/a", "e2e/release/a", "e2e/release/b"])
        self.assertEqual((jobs["e2e/release/b"].limit, jobs["e2e/release/b"].alone), (300, True))
        self.assertEqual(jobs["e2e/asan/a"].env["MAILSTEAD_CONFINEMENT"], "off")
        self.assertTrue(jobs["e2e/asan/a"].env["MAILSTEAD_BIN"].endswith("build/gcc-asan/src/mailstead"))


if __name__ == "__main__":
    unittest.main()
