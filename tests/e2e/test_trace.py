#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`mailstead trace`: a letter's way through the rooms, from the log that the server keeps."""
import re
import unittest

import house
import post


class Trace(unittest.TestCase):
    def test_a_letter(self):
        for form in ("text", "json"):
            with self.subTest(form), house.House(log_format=form) as home:
                home.command("setup", "email", "add", "anna@a.test", "secret")
                dialogue = post.Dialogue(home)
                name = dialogue.send("s@far.test", ["anna@a.test"], post.letter(1))
                dialogue.say("MAIL FROM:<s@far.test>", "250")
                dialogue.say("RCPT TO:<nobody@a.test>", "550")
                dialogue.close()
                house.until(lambda: [row[1] for row in post.inbox(home, "anna@a.test")] == [name], "letter")
                house.until(lambda: "uid=1" in home.command("trace", name), "delivery in the log")
                told = home.command("trace", name.lower())
                self.assertTrue(re.search(r"client=.*from=<s@far\.test>.*to=<anna@a\.test>", told, re.S), told)
                self.assertTrue(all(name in line for line in told.splitlines()), told)
                self.assertEqual(home.command("trace", "anna@a.test"), told)
                self.assertIn("reject: RCPT", home.command("trace", "s@far.test"))
                self.assertIn("knows nothing", home.command("trace", "else@a.test", status=1))
                home.command("trace", status=2)


if __name__ == "__main__":
    unittest.main()
