#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Logged-in clients that ask for too much: the mailbox process keeps its memory, and another session is served at once."""
import pathlib
import re
import threading
import time
import unittest

import house
import test_imap_rfc3501 as imap

SLOW = 10 if house.FLAVOUR == "asan" else 1
GROWTH = 24 << 10           # KiB; a sanitizer's quarantine is another matter
LETTER = imap.PLAIN + b"x" * 70 + b"\r\n"


def memory(home):
    """KiB of each mailbox process, without what it shares with others."""
    total = {}
    for role, pid in home.roles().items():
        if role.startswith("mailbox/"):
            rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            total[role] = sum(int(kib) for kib in re.findall(r"^Private_\w+:\s+(\d+)", rollup, re.M))
    return max(total.values())


class Other:
    """A session of another account that works on beside; slowest: its longest wait in seconds."""

    def __init__(self, home, user):
        self.client = imap.Client(home, user)
        self.slowest, self.rounds, self.error, self.over = 0, 0, None, False
        self.client.append("INBOX", imap.PLAIN)
        self.client.say("SELECT INBOX")
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        try:
            while not self.over:
                for command in ("NOOP", "FETCH 1 (FLAGS BODY.PEEK[])", "SEARCH BODY hello", "STATUS Trash (MESSAGES)"):
                    begun = time.monotonic()
                    assert self.client.say(command)[1].startswith(b"OK"), command
                    self.slowest = max(self.slowest, time.monotonic() - begun)
                self.rounds += 1
                time.sleep(0.02)
        except Exception as error:      # pylint: disable=broad-exception-caught
            self.error = error

    def end(self):
        self.over = True
        self.thread.join()
        self.client.close()


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = house.House(start=False, shards=1)
        cls.home.write("postfix-accounts.cf", "".join(f"{name}@a.test|{{PLAIN}}pw\n" for name in "abcdefgh"))
        cls.home.start()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.home.stop()
        finally:
            cls.home.discard()

    def setUp(self):
        self.before = memory(self.home)
        self.other = Other(self.home, "h@a.test")

    def tearDown(self):
        self.other.end()
        self.assertIsNone(self.other.error)
        self.assertGreater(self.other.rounds, 0)
        self.assertLess(self.other.slowest, 2 * SLOW)

    def check_memory(self):
        if house.FLAVOUR != "asan":
            self.assertLess(memory(self.home) - self.before, GROWTH)

    def client(self, user):
        made = imap.Client(self.home, user, "INBOX")
        self.addCleanup(made.close)
        return made

    def test_searches_of_many_terms(self):
        c = self.client("a@a.test")
        for _ in range(4):
            c.append("INBOX", LETTER)
        for what in ("SUBJECT x", "OR SEEN (", "NOT", "(", "1,", "BODY hello"):
            reply = c.say("SEARCH " + " ".join([what] * 10000) + " ALL")[1]
            self.assertRegex(reply, rb"^(BAD|NO) ", what)
        self.assertTrue(c.say("SEARCH " + "NOT " * 90 + "BODY world")[1].startswith(b"OK"))
        self.assertTrue(c.say("SEARCH " + "BODY world " * 1500 + "ALL")[1].startswith(b"OK"))
        self.check_memory()

    def test_sets_and_names_without_end(self):
        c = self.client("b@a.test")
        c.append("INBOX", LETTER)
        for command, reply in (("FETCH 1:4294967295 FLAGS", b"BAD"), ("UID FETCH 1:4294967295 FLAGS", b"OK"), ("UID SEARCH UID 4294967295:1", b"OK"),
                               ("UID FETCH " + ",".join(["1:4294967295"] * 5000) + " UID", b"OK"), ("CREATE " + ".".join(["a"] * 10000), b"NO"),
                               ("CREATE " + ".".join(["a"] * 400), b"(OK|NO)"), ('LIST "" ' + "%." * 450, b"OK"), ('LIST "" *' + "*a" * 400 + "b", b"OK"),
                               ("STATUS INBOX (" + "MESSAGES " * 5000 + "UNSEEN)", b"OK|BAD"), ("STORE 1 +FLAGS (" + " ".join(f"k{n}" for n in range(5000)) + ")", b"NO|BAD"),
                               ("FETCH 1 (" + "BODY.PEEK[] " * 3000 + "UID)", b"OK|BAD|NO")):
            with self.subTest(command=command[:60]):
                self.assertRegex(c.say(command)[1], b"^(" + reply + b")")
        self.check_memory()

    def test_a_thousand_noops(self):
        c = self.client("c@a.test")
        c.send(b"".join(b"n%d NOOP\r\n" % n for n in range(1000)))
        for n in range(1000):
            self.assertTrue(c.response().startswith(b"n%d OK" % n))
        self.check_memory()

    def test_who_never_reads(self):
        c = self.client("d@a.test")
        for _ in range(10):
            c.append("INBOX", LETTER * 20)
        for _ in range(10):
            self.assertTrue(c.say("COPY 1:* INBOX")[1].startswith(b"OK"))
            c.say("NOOP")
        deaf = [self.client("d@a.test") for _ in range(5)]
        for one in deaf:
            one.send(b"f FETCH 1:* (UID FLAGS ENVELOPE BODY.PEEK[])\r\n" * 3)
        time.sleep(2)
        self.check_memory()
        self.assertRegex(c.say("STATUS INBOX (MESSAGES)")[0][-1], rb"MESSAGES 10240")

    def test_a_storm_of_appends(self):
        letter = imap.PLAIN + b"y" * 78 + b"\r\n"
        letter += (b"z" * 78 + b"\r\n") * 12000
        errors = []

        def storm():
            try:
                c = imap.Client(self.home, "e@a.test")
                for _ in range(4):
                    reply = c.say(b"APPEND INBOX {%d+}\r\n" % len(letter) + letter)[1]
                    assert reply.startswith(b"OK") or reply.startswith(b"NO ["), reply
                c.close()
            except Exception as error:      # pylint: disable=broad-exception-caught
                errors.append(error)
        threads = [threading.Thread(target=storm) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        self.check_memory()
        self.assertRegex(self.client("e@a.test").say("STATUS INBOX (MESSAGES)")[0][-1], rb"MESSAGES \d+")


if __name__ == "__main__":
    unittest.main()
