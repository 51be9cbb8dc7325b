#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`mailstead setup`: an account that is added gets mail at once."""
import imaplib
import os
import random
import ssl
import subprocess
import time
import unittest

import house
import post

WAITS = True             # for the clock: a removed account comes back with a higher UIDVALIDITY
CONTEXT = ssl._create_unverified_context()      # the certificate is self-signed


def login(home, account, password="secret"):
    imap = imaplib.IMAP4_SSL("127.0.0.1", home.ports()["imaps"], ssl_context=CONTEXT, timeout=30)
    imap.login(account, password)
    return imap


def send(home, number, to):
    """One letter; a gate that remembers a removed account asks the sender to come again."""
    def attempt():
        dialogue = post.Dialogue(home)
        try:
            return dialogue.send("s@far.test", [to], post.letter(number))
        except ConnectionError as error:
            if not str(error).startswith("451"):
                raise
            return None
        finally:
            dialogue.close()
    return house.until(attempt, "a letter that is taken")


def uidvalidity(imap):
    return int(imap.status("INBOX", "(UIDVALIDITY)")[1][0].split()[-1].rstrip(b")"))



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

    def test_a_removed_account_leaves_nothing(self):
        with house.House() as home:
            folder = home.data_dir / "accounts" / "a.test" / "new"
            home.command("setup", "email", "add", "new@a.test", "secret")
            home.command("setup", "email", "add", "other@a.test", "secret")
            self.assertIn("* new@a.test ( 0 / ~ ) [0%]\n", home.command("setup", "email", "list"))
            names = [send(home, number, "new@a.test") for number in range(3)]
            send(home, 3, "other@a.test")
            house.until(lambda: [row[1] for row in post.inbox(home, "new@a.test")] == names, "three letters")
            self.assertRegex(home.command("setup", "email", "list"), r"\* new@a\.test \( [5-9]\.\dK / ~ \) \[0%\]\n")
            idle, selected = login(home, "new@a.test"), login(home, "new@a.test")
            before = uidvalidity(selected)
            selected.select("INBOX")
            idle.send(b"i IDLE\r\n")
            self.assertTrue(idle.readline().startswith(b"+"))
            said = home.command("setup", "email", "del", "-y", "new@a.test")
            self.assertIn("'new@a.test' and associated data (aliases, quotas) deleted", said)
            for imap in (idle, selected):
                lines = []
                while line := imap.readline():
                    lines.append(line)
                self.assertIn(b"* BYE The account was removed.\r\n", lines)
            self.assertFalse(folder.exists())
            self.assertTrue((folder.parent / "other").exists())
            self.assertNotIn("new@a.test", home.command("setup", "email", "list"))
            home.command("setup", "email", "add", "new@a.test", "secret")
            imap = login(home, "new@a.test")
            self.assertEqual(imap.select("INBOX"), ("OK", [b"0"]))
            self.assertGreater(uidvalidity(imap), before)
            last = send(home, 4, "new@a.test")
            house.until(lambda: [row[:2] for row in post.inbox(home, "new@a.test")] == [("1", last)], "the new letter")
            imap.logout()
            home.command("setup", "email", "del", "-y", "new@a.test", "other@a.test")
            self.assertFalse(folder.parent.exists())

    def test_what_cannot_be_removed_stays(self):
        with house.House() as home:
            home.command("setup", "email", "add", "a@a.test", "secret")
            said = home.command("setup", "email", "del", "-y", "a@a.test", status=1)
            self.assertIn(f"Mailbox data directory '{home.data_dir}/accounts/a.test/a' does not exist", said)
            home.command("setup", "email", "add", "a@a.test", "secret")
            home.stop()
            self.assertIn("only while the server runs", home.command("setup", "email", "del", "-y", "a@a.test", status=1))
            self.assertEqual(home.command("setup", "email", "list"), "* a@a.test\n\n")
            home.start()

    def test_a_room_that_dies_while_an_account_goes(self):
        seed = int(os.environ.get("MAILSTEAD_SEED", "1"))
        chance = random.Random(seed)
        with house.House() as home:
            folder = home.data_dir / "accounts" / "a.test" / "new"
            home.command("setup", "email", "add", "other@a.test", "secret")

            def begin():
                return subprocess.Popen([home.binary, "setup", "email", "del", "-y", "new@a.test", "-c", home.config],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=home.environment)

            for turn in range(4):
                home.command("setup", "email", "add", "new@a.test", "secret")
                names = [send(home, 10 * turn + k, "new@a.test") for k in range(2)]
                house.until(lambda: [row[1] for row in post.inbox(home, "new@a.test")] == names, f"letters of turn {turn}")
                role = ("spool/0", "mailbox/0")[turn % 2]
                time.sleep(6)       # as long as a younger account, which has six UIDVALIDITYs, would wait for the clock
                command = begin()
                time.sleep(chance.uniform(0.0, 0.25))
                before = home.kill(role)
                home.wait_role(role, other_than=before)
                command.wait(timeout=60)
                # It may be asked for again, also when it is in no table any more.
                house.until(lambda: begin().wait(timeout=60) >= 0 and not folder.exists(), f"end of turn {turn}", 60)

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
