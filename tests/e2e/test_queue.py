#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The queue of a running server, through its command and under the names that people know."""
import os
import pathlib
import re
import signal
import subprocess
import unittest

import house
import post

TIMEOUT = 120

HEADINGS = "-Queue ID-        --Size-- ----Arrival Time---- -Sender/Recipient-------"


def houseful():
    home = house.House(start=False, shards="1")
    home.write("postfix-accounts.cf", post.ACCOUNTS)
    home.start()
    return home


def ids(listing):
    return re.findall(r"^([0-9A-F]{16})([*! ]) ", listing, re.M)


class Queue(unittest.TestCase):
    def test_letters_that_wait(self):
        with houseful() as home:
            self.assertEqual(home.command("queue"), "Mail queue is empty\n")
            # A shard that stands still takes nothing: the letters stay.
            shard = home.roles()["mailbox/0"]
            os.kill(shard, signal.SIGSTOP)
            dialogue = post.Dialogue(home)
            first = dialogue.send("s@far.test", ["a@a.test", "b@a.test"], post.letter(1))
            second = dialogue.send("", ["a@a.test"], post.letter(2))
            third = dialogue.send("s@far.test", ["a@a.test"], post.letter(3))
            dialogue.close()
            listing = home.command("queue", "list")
            self.assertEqual(listing.splitlines()[0], HEADINGS)
            self.assertEqual(ids(listing), [(first, "*"), (second, "*"), (third, "*")])
            self.assertIn(" MAILER-DAEMON\n" + 48 * " " + "a@a.test\n", listing)
            self.assertRegex(listing, r"\n-- \d+ Kbytes in 3 Requests\.\n$")
            shown = home.command("queue", "show", first)
            self.assertIn("sender: s@far.test\nrecipient: a@a.test\n", shown)
            self.assertIn("Subject:", shown)
            self.assertIn("Deleted: 1 message\n", home.command("queue", "delete", second))
            self.assertIn("Placed on hold: 2 messages\n", home.command("queue", "hold", "ALL"))
            listing = home.command("queue")
            self.assertEqual(ids(listing), [(first, "!"), (third, "!")])
            self.assertIn("(held by the operator)\n", listing)
            # Held across a crash of the room that holds them; what the old shard had is nobody's now.
            home.kill("spool/0")
            home.wait_role("spool/0", other_than=None)
            home.kill("mailbox/0")
            house.until(lambda: self.try_list(home) == [(first, "!"), (third, "!")], "the same queue")
            self.assertEqual(post.inbox(home, "b@a.test"), [])
            home.command("queue", "release", first)
            house.until(lambda: [row[1] for row in post.inbox(home, "b@a.test")] == [first], "the letter for b")
            home.command("queue", "flush")
            self.assertEqual(ids(home.command("queue")), [(third, "!")])
            home.command("queue", "delete", "ALL")
            self.assertEqual(home.command("queue"), "Mail queue is empty\n")
            self.assertEqual([row[1] for row in post.inbox(home, "a@a.test")], [first])

    @staticmethod
    def try_list(home):
        try:
            return ids(home.command("queue"))
        except house.HouseError:
            return None

    def test_names_and_errors(self):
        with houseful() as home:
            folder = pathlib.Path(home.folder) / "bin"
            folder.mkdir()
            environment = {"MAILSTEAD_DATA_DIR": str(pathlib.Path(home.folder) / "data"), "PATH": os.environ["PATH"]}

            def call(name, *words, text=None):
                link = folder / name
                if not link.exists():
                    link.symlink_to(home.binary)
                return subprocess.run([link, *words], env=environment, input=text, capture_output=True, text=True,
                                      timeout=house.PATIENCE)

            self.assertEqual(call("mailq").stdout, "Mail queue is empty\n")
            self.assertEqual(call("postqueue", "-p").stdout, "Mail queue is empty\n")
            self.assertEqual(call("postqueue", "-f").returncode, 0)
            self.assertEqual(call("postsuper", "-d", "ALL").returncode, 0)
            done = call("postsuper", "-d", "-", text="00000000000003E9\n")
            self.assertEqual((done.returncode, house.SWAPCONTEXT.sub("", done.stderr)),
                             (1, "mailstead: 00000000000003E9: there is nothing to do\n"))
            self.assertEqual(call("postcat", "-q", "00000000000FFFFF").returncode, 1)
            self.assertEqual(call("postsuper").returncode, 2)
            home.stop()
            done = call("mailq")
            self.assertEqual(done.returncode, 75)
            self.assertRegex(done.stderr, r"^mailstead: no server runs with data_dir .*\n$")
            home.start()


if __name__ == "__main__":
    unittest.main()
