#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/house.py against a fake server: what it waits for, what it finds, what it does not let pass."""
import os
import pathlib
import re
import signal
import sys
import unittest
from unittest import mock

CHECKS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(CHECKS.parent / "e2e"))
import house

FAKE = CHECKS / "fake_mailstead.py"


def open_house(**settings):
    return house.House(binary=FAKE, **settings)


class Houses(unittest.TestCase):
    def test_start_look_stop(self):
        with open_house(fake="late", hostname="a.test") as home:
            self.assertEqual(sorted(home.roles()), ["gate/1", "resolver"])
            self.assertEqual(sorted(home.ports()), ["imap", "smtp"])
            home.connect("smtp").close()
            self.assertIn("with a.test", home.command("lookup"))
            self.assertIn("with a.test: hello", home.command("echo", text="hello"))
            folder, master = home.folder, home.process
        self.assertEqual(master.returncode, 0)
        self.assertFalse(folder.exists())

    def test_two_side_by_side(self):
        with open_house() as one, open_house() as two:
            self.assertNotEqual(one.ports()["smtp"], two.ports()["smtp"])
            self.assertFalse(set(one.roles().values()) & set(two.roles().values()))

    def test_role_killed_and_back(self):
        with open_house() as home:
            mark = home.mark()
            pid = home.kill("resolver")
            self.assertNotEqual(home.wait_role("resolver", other_than=pid), pid)
            self.assertEqual(home.wait_log(r"(\S+) ended, starting it again", since=mark)[1], "resolver")
            self.assertFalse(house.alive(pid))

    def test_restart_reads_its_own_ready(self):
        with open_house() as home:
            home.restart()
            self.assertEqual(len(re.findall("ready", home.log())), 2)
            home.kill_everything()
            home.start()
            self.assertEqual(len(re.findall("ready", home.log())), 3)

    def test_configure(self):
        home = open_house(start=False, listen_imap=None)
        self.addCleanup(home.discard)
        home.configure(hostname="b.test")
        text = home.config.read_text()
        self.assertIn("hostname = b.test\n", text)
        self.assertNotIn("listen_imap ", text)
        home.write("aliases.cf", "a b\n")
        self.assertEqual((home.config_dir / "aliases.cf").read_text(), "a b\n")

    def refused(self, sentence, **settings):
        with self.assertRaisesRegex(house.HouseError, sentence):
            with open_house(**settings):
                pass

    def test_early_end(self):
        self.refused("ended with status 1 before it was ready(.|\n)*cannot bind", fake="dies")

    def test_bad_status(self):
        self.refused("ended with status 3", fake="status")

    def test_crash_in_the_log(self):
        self.refused("in the log: .*heap-use-after-free", fake="crash-line")

    def test_never_ready(self):
        home = open_house(start=False, fake="silent")
        self.addCleanup(home.discard)
        home.spawn()
        with self.assertRaisesRegex(house.HouseError, "no log line like"):
            home.wait_log("ready", limit=0.3)

    def test_does_not_stop(self):
        home = open_house(fake="stubborn")
        self.addCleanup(home.discard)
        roles = home.roles()
        with self.assertRaisesRegex(house.HouseError, "still there 0.3 s after SIGTERM, with gate/1, resolver"):
            home.stop(limit=0.3)
        self.assertFalse([pid for pid in roles.values() if house.alive(pid)])

    def test_environment_is_no_configuration(self):
        with mock.patch.dict(os.environ, {"MAILSTEAD_FLAVOUR": "asan"}), open_house(environment={"EXTRA_WORD": "x"}) as home:
            self.assertEqual(home.wait_log("environment: (.*)")[1], "EXTRA_WORD")

    def test_command_status(self):
        with open_house() as home:
            home.command("refuse", status=1)
            with self.assertRaisesRegex(house.HouseError, "refuse ended with 1, not 0"):
                home.command("refuse")

    def test_log_is_a_note_of_the_error(self):
        with self.assertRaises(ZeroDivisionError) as caught:
            with open_house() as home:
                pid = home.process.pid
                1 / 0
        self.assertIn("ready", caught.exception.__notes__[0])
        self.assertFalse(house.alive(pid))

    def test_crash_words(self):
        for line in ("x.c:3:1: runtime error: shift", "gate: panic: broken list", "==1==ERROR: LeakSanitizer: detected"):
            self.assertTrue(house.CRASH.search(f"a\n{line}\nb"))
        self.assertFalse(house.CRASH.search("gate/1: sanitized address\n"))
        self.assertTrue(house.READY.search("x master[1]: ready\n"))
        self.assertFalse(house.READY.search("x master[1]: not ready yet\nalready\nx gate: not ready\n"))

    def test_alive(self):
        pid = os.fork()
        if pid == 0:
            signal.pause()
        self.assertTrue(house.alive(pid))
        os.kill(pid, signal.SIGKILL)
        house.House.wait_gone([pid])        # a zombie is gone
        os.waitpid(pid, 0)


if __name__ == "__main__":
    unittest.main()
