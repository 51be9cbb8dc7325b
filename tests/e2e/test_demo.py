#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What `make demo` shows: a letter through submission into another account's INBOX."""
import os
import pathlib
import subprocess
import sys
import unittest

# The release build alone, ("release",), as soon as a port for submission opens; before there is nothing to show.
FLAVOURS = ()
TOP = pathlib.Path(__file__).resolve().parents[2]


class Demo(unittest.TestCase):
    def test_once(self):
        environment = {"PATH": os.environ["PATH"], "DEMO_ONCE": "1"}
        done = subprocess.run([sys.executable, TOP / "tools" / "demo.py", os.environ["MAILSTEAD_BIN"]], env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("Subject: A letter goes all the way", done.stdout)
        self.assertIn("this came through your own mail server.", done.stdout)


if __name__ == "__main__":
    unittest.main()
