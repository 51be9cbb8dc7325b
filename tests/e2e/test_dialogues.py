#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Plays tests/dialogue/{smtp,submission}/*.txt against one server; afterwards the INBOXes hold what the files say was accepted.

A file says so by the name that it gives to the id of the letter: {ab_note} lies in the INBOX of a and of b,
{b1000_note} a thousand times in that of b, since it went to a thousand of his addresses.
"""
import collections
import concurrent.futures
import pathlib
import re
import unittest

import dialogue
import house
import post

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "dialogue"
FILES = sorted(path for name in ("smtp", "submission") for path in (FOLDER / name).glob("*.txt"))
ACCOUNTS = "abcd"
ALIASES = """\
team@a.test a@a.test,b@a.test
@catch.test c@a.test
loop@a.test back@a.test
back@a.test loop@a.test
out@a.test x@far.test
half@a.test a@a.test,x@far.test
many@a.test few@a.test,others@a.test
""" + "".join(f"{name}@a.test {','.join(f'{name}{n}@far.test' for n in range(600))}\n" for name in ("few", "others"))
LETTER = re.compile(f"([{ACCOUNTS}]+)([0-9]*)_[a-z0-9_]+")
TOGETHER = 12       # files at a time: many of them wait on purpose


def play(path, ports):
    """(variables, nothing) or (nothing, what went wrong)."""
    try:
        return dialogue.run(path, ports), None
    except dialogue.DialogueError as error:
        return {}, str(error)


class Dialogues(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = house.House(start=False, message_size_limit=65536)
        cls.addClassCleanup(cls.home.discard)
        cls.home.write("postfix-accounts.cf", post.ACCOUNTS)
        cls.home.write("postfix-virtual.cf", ALIASES)
        cls.home.start()
        cls.before = cls.home.roles()
        ports = cls.home.ports()
        with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
            cls.results = dict(zip(FILES, pool.map(lambda path: play(path, ports), FILES)))

    def test_no_role_was_started_anew(self):
        self.assertEqual(self.home.roles(), self.before)
        self.home.check_log()

    def test_the_inboxes_hold_what_was_accepted(self):
        if any(error for _, error in self.results.values()):
            self.skipTest("a dialogue went wrong, so that nobody knows what was accepted")
        promised = [(account, value) for variables, _ in self.results.values() for name, value in variables.items()
                    if (hit := LETTER.fullmatch(name)) for account in hit[1] for _ in range(int(hit[2] or 1))]
        self.assertGreater(len(promised), len(ACCOUNTS))

        def stored():
            return [(account, row[1]) for account in ACCOUNTS for row in post.inbox(self.home, f"{account}@a.test")]
        house.until(lambda: len(stored()) >= len(promised), "delivery of all letters")
        self.home.restart()         # what is still under way would show now
        found, said = collections.Counter(stored()), collections.Counter(promised)
        self.assertEqual((found - said, said - found), (collections.Counter(), collections.Counter()))


def case(path):
    def test(self):
        if error := self.results[path][1]:
            self.fail(error)
    return test


for file in FILES:
    setattr(Dialogues, f"test_{file.parent.name}_{file.stem}", case(file))


if __name__ == "__main__":
    unittest.main()
