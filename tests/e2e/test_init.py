#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`mailstead init`: what it writes starts, and the account that it adds can log in."""
import imaplib
import re
import ssl
import unittest

import house
import post


class Init(unittest.TestCase):
    def test_from_nothing_to_a_letter(self):
        home = house.House(start=False)
        try:
            home.config.unlink()
            home.config_dir.rmdir()
            options = [word for key, value in home.settings.items() for word in ("-o", f"{key}={value}")]
            told = home.command("init", "anna@a.test", *options, text="")
            password = re.search(r"with the password (\S+) ", told)[1]
            self.assertIn("a.test. IN MX 10 mx.house.test.\n", told)
            home.start()
            dialogue = post.Dialogue(home)
            name = dialogue.send("s@far.test", ["anna@a.test"], post.letter(1))
            dialogue.close()
            house.until(lambda: [row[1] for row in post.inbox(home, "anna@a.test")] == [name], "letter")
            client = imaplib.IMAP4_SSL("127.0.0.1", home.ports()["imaps"], ssl_context=ssl._create_unverified_context())
            client.login("anna@a.test", password)
            self.assertEqual(client.select("INBOX")[1], [b"1"])
            client.logout()
            # with the server running: the new account is known at once
            told = home.command("init", "bert@a.test", text="secret\n")
            self.assertIn("there already, left as it is", told)
            client = imaplib.IMAP4_SSL("127.0.0.1", home.ports()["imaps"], ssl_context=ssl._create_unverified_context())
            client.login("bert@a.test", "secret")
            client.logout()
            home.stop()
        finally:
            home.discard()


if __name__ == "__main__":
    unittest.main()
