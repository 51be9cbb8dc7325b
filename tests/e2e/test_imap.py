#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reading mail over IMAP with real clients: what came in on port 25 is listed, read, flagged, moved and removed."""
import imaplib
import ssl
import statistics
import subprocess
import threading
import time
import unittest

import client
import house
import post

CONTEXT = ssl._create_unverified_context()      # the certificate is self-signed


def houseful():
    home = house.House(start=False)
    home.write("postfix-accounts.cf", post.ACCOUNTS)
    home.start()
    return home


def deliver(home, count, to="a@a.test"):
    dialogue = post.Dialogue(home)
    for number in range(count):
        dialogue.send("s@far.test", [to], post.letter(number))
    dialogue.close()
    house.until(lambda: len(post.inbox(home, to)) >= count, f"{count} letters")


class Imaplib(unittest.TestCase):
    def test_a_session_over_tls(self):
        with houseful() as home:
            deliver(home, 3)
            imap = imaplib.IMAP4_SSL("127.0.0.1", home.ports()["imaps"], ssl_context=CONTEXT, timeout=30)
            self.assertEqual(imap.login("a@a.test", "pw")[0], "OK")
            names = b"\n".join(imap.list()[1])
            for folder in (b"INBOX", b"Drafts", b"Sent", b"Junk", b"Trash", b"Archive"):
                self.assertIn(folder, names)
            self.assertEqual(imap.select("INBOX"), ("OK", [b"3"]))
            status, data = imap.fetch("1:3", "(UID FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE)")
            self.assertEqual((status, len(data)), ("OK", 3))
            self.assertIn(b'"letter 0"', data[0])
            whole = imap.fetch("1", "(BODY.PEEK[])")[1][0][1]
            self.assertTrue(whole.startswith(b"Return-Path: <s@far.test>\r\nDelivered-To: a@a.test\r\nReceived: "), whole[:200])
            self.assertIn(b"\r\nSubject: letter 0\r\n", whole)
            self.assertEqual(imap.search(None, "SUBJECT", "\"letter 2\"")[1], [b"3"])
            self.assertEqual(imap.store("2", "+FLAGS", r"(\Flagged \Deleted)")[0], "OK")
            self.assertEqual(imap.copy("1", "Archive")[0], "OK")
            self.assertEqual(imap.expunge(), ("OK", [b"2"]))
            self.assertEqual(imap.select("Archive"), ("OK", [b"1"]))
            self.assertEqual(imap.create("Plans.2027")[0], "OK")
            self.assertEqual(imap.logout()[0], "BYE")
            home.restart()
            imap = imaplib.IMAP4_SSL("127.0.0.1", home.ports()["imaps"], ssl_context=CONTEXT, timeout=30)
            imap.login("a@a.test", "pw")
            self.assertEqual(imap.select("INBOX"), ("OK", [b"2"]))
            self.assertIn(b"Plans.2027", b"\n".join(imap.list()[1]))
            imap.logout()

    def test_a_first_login_beside_the_first_letter(self):
        """The account's folders are being made by the letter's act: the login waits for it."""
        names = [f"u{number}@a.test" for number in range(60)]
        with house.House(start=False) as home:
            home.write("postfix-accounts.cf", "".join(f"{name}|{{PLAIN}}pw\n" for name in names))
            home.start()
            replies = []

            def read(first):
                for name in names[first::3]:
                    with imaplib.IMAP4("127.0.0.1", home.ports()["imap"], timeout=house.PATIENCE) as imap:
                        imap.login(name, "pw")
                        replies.append(imap.select("INBOX")[0])
            readers = [threading.Thread(target=read, args=(first,)) for first in range(3)]
            for reader in readers:
                reader.start()
            dialogue = post.Dialogue(home)
            for number, name in enumerate(names):
                dialogue.send("s@far.test", [name], post.letter(number))
            dialogue.close()
            for reader in readers:
                reader.join()
            self.assertEqual(replies, ["OK"] * len(names))

    def test_new_mail_wakes_those_that_idle(self):
        with houseful() as home:
            dialogue, waits, count = post.Dialogue(home), [], 0
            imap = imaplib.IMAP4_SSL("127.0.0.1", home.ports()["imaps"], ssl_context=CONTEXT, timeout=30)
            imap.login("a@a.test", "pw")
            imap.select("INBOX")
            imap.send(b"i IDLE\r\n")
            self.assertTrue(imap.readline().startswith(b"+"))
            for number in range(20):
                dialogue.send("s@far.test", ["a@a.test"], post.letter(number))
                accepted = time.monotonic()
                while not (line := imap.readline()).endswith(b" EXISTS\r\n"):
                    self.assertTrue(line.endswith(b" RECENT\r\n"), line)
                waits.append(time.monotonic() - accepted)
                count += 1
                self.assertEqual(line, b"* %d EXISTS\r\n" % count)
            print(f"# from the 250 to EXISTS: median {statistics.median(waits) * 1000:.1f} ms, longest {max(waits) * 1000:.1f}")
            imap.send(b"DONE\r\n")
            dialogue.close()
            imap.shutdown()

    def test_starttls_and_a_wrong_password(self):
        with houseful() as home:
            imap = imaplib.IMAP4("127.0.0.1", home.ports()["imap"], timeout=60)
            imap.starttls(CONTEXT)
            with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
                imap.login("a@a.test", "wrong")
            self.assertEqual(imap.login("A@a.test", "pw")[0], "OK")
            self.assertEqual(imap.noop()[0], "OK")
            imap.logout()

    def test_two_sessions_see_each_other(self):
        with houseful() as home:
            deliver(home, 2)
            one, two = (imaplib.IMAP4_SSL("127.0.0.1", home.ports()["imaps"], ssl_context=CONTEXT, timeout=30) for _ in range(2))
            for imap in (one, two):
                imap.login("a@a.test", "pw")
                imap.select("INBOX")
            one.store("1", "+FLAGS", r"(\Deleted)")
            one.expunge()
            two.noop()
            self.assertEqual(two.response("EXPUNGE")[1], [b"1"])
            deliver(home, 2)
            two.noop()
            self.assertTrue(two.response("EXISTS")[1])
            for imap in (one, two):
                imap.logout()


class Others(unittest.TestCase):
    def test_curl(self):
        with houseful() as home:
            deliver(home, 1)
            done = subprocess.run(["curl", "--silent", "--show-error", "--insecure", "--user", "a@a.test:pw",
                                   f"imaps://127.0.0.1:{home.ports()['imaps']}/INBOX;MAILINDEX=1"], capture_output=True, timeout=60,
                                  check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(b"Subject: letter 0", done.stdout)

    def test_mbsync(self):
        with houseful() as home:
            deliver(home, 20)
            store = home.folder / "maildir"
            store.mkdir()
            for _ in range(2):
                client.mbsync(home, store)
            letters = [p for p in (store / "INBOX").rglob("*") if p.parent.name in ("new", "cur") and p.is_file()]
            self.assertEqual(len(letters), 20)


if __name__ == "__main__":
    unittest.main()
