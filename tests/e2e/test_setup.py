#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`mailstead setup`: an account that is added gets mail at once."""
import unittest

import house
import post


class Setup(unittest.TestCase):
    def test_a_new_account_needs_no_waiting(self):
        with house.House() as home:
            home.command("setup", "email", "add", "New@a.test", "secret")
            home.command("setup", "alias", "add", "info@a.test", "new@a.test")
            dialogue = post.Dialogue(home)
            names = [dialogue.send("s@far.test", [to], post.letter(k)) for k, to in enumerate(("new@a.test", "info@a.test"))]
            house.until(lambda: [row[1] for row in post.inbox(home, "new@a.test")] == names, "both letters")
            self.assertIn("* new@a.test", home.command("setup", "email", "list"))
            home.command("setup", "email", "del", "-n", "new@a.test")
            dialogue.say("MAIL FROM:<s@far.test>", "250")
            dialogue.say("RCPT TO:<new@a.test>", "5")
            dialogue.close()

    def test_without_a_server_it_writes_the_files(self):
        home = house.House(start=False)
        try:
            home.command("setup", "email", "add", "a@a.test", "secret")
            self.assertIn("a@a.test|{SHA512-CRYPT}$6$", (home.config_dir / "postfix-accounts.cf").read_text())
            self.assertIn("already exists", home.command("setup", "email", "add", "a@a.test", "secret", status=1))
            self.assertIn("is invalid", home.command("setup", "fly", status=2))
        finally:
            home.discard()


if __name__ == "__main__":
    unittest.main()
