#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A letter that kills scan: it is held, every other one goes its way, and its owner can have it all the same.

The server is the one that was built so that a header field kills scan (src/meson.build), since no other is known.
"""
import imaplib
import os
import pathlib
import time
import unittest

import house
import post

BINARY = pathlib.Path(os.environ["MAILSTEAD_BIN"]).with_name("mailstead_poisonable")
POISON = "From: <s@far.test>\r\nX-Poison: scan\r\nSubject: poison\r\nMIME-Version: 1.0\r\n" \
         "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b--"


class Poison(unittest.TestCase):
    def test_it_is_held_and_the_house_goes_on(self):
        with house.House(binary=BINARY, start=False, scanners=2) as home:
            home.write("postfix-accounts.cf", post.ACCOUNTS)
            home.start()
            before = {name: pid for name, pid in home.roles().items() if not name.startswith("scan/")}
            load = post.Load(home, ["b@a.test", "c@a.test"], senders=4).start()
            time.sleep(0.5)
            dialogue = post.Dialogue(home)
            names = [dialogue.send("s@far.test", ["a@a.test"], text)
                     for text in (post.letter(1), POISON, post.letter(2), POISON, post.letter(3))]
            dialogue.close()
            load.stop()
            load.check()
            poison = {names[1], names[3]}
            house.until(lambda: len(post.inbox(home, "a@a.test")) == 3, "the three other letters")
            queue = home.command("queue", "list")
            for name in names:
                self.assertEqual(f"{name}!" in queue, name in poison, queue)
            self.assertIn("scan ended twice", home.command("queue", "show", names[1]))
            # A restart changes nothing.
            self.assertEqual({name: home.roles()[name] for name in before}, before)
            home.restart()
            self.assertIn(f"{names[1]}!", home.command("queue", "list"))
            self.assertEqual(len(post.inbox(home, "a@a.test")), 3)
            # Its owner may have it, as one part that nobody has looked into.
            home.command("queue", "release", names[1])
            home.command("queue", "delete", names[3])
            house.until(lambda: len(post.inbox(home, "a@a.test")) == 4, "the letter that was released")
            house.until(lambda: "empty" in home.command("queue", "list"), "empty queue")
            with imaplib.IMAP4("127.0.0.1", home.ports()["imap"]) as imap:
                imap.login("a@a.test", "pw")
                imap.select()
                _, rows = imap.fetch("4", "(BODYSTRUCTURE RFC822)")
                self.assertIn(b'"TEXT" "PLAIN"', rows[0][0].upper())
                self.assertIn(b"X-Poison: scan\r\n", rows[0][1])
                self.assertIn(names[1].encode(), rows[0][1])


if __name__ == "__main__":
    unittest.main()
