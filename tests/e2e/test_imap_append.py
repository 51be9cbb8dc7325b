#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Storing mail over IMAP: APPEND from real clients, through deaths of the rooms on its way."""
import hashlib
import imaplib
import re
import socket
import ssl
import subprocess
import threading
import time
import unittest

import client as programs
import house
import post

CONTEXT = ssl._create_unverified_context()      # the certificate is self-signed
imaplib._MAXLINE = 10_000_000


def houseful(**settings):
    home = house.House(start=False, **settings)
    home.write("postfix-accounts.cf", post.ACCOUNTS)
    home.start()
    return home


def client(home, user="a@a.test"):
    imap = imaplib.IMAP4_SSL("127.0.0.1", home.ports()["imaps"], ssl_context=CONTEXT, timeout=120)
    imap.login(user, "pw")
    return imap


def letter(number, size=0):
    text = f"Subject: upload {number}\r\nMessage-ID: <{number}@upload.test>\r\n\r\nBody of {number}.\r\n"
    line = f"{number:>8} " + "x" * 60 + "\r\n"
    return (text + line * (max(0, size - len(text)) // len(line))).encode()


def uid_of(data):
    return int(re.search(rb"APPENDUID \d+ (\d+)", data[0])[1])


def whole(imap, uid):
    return imap.uid("FETCH", str(uid), "(BODY.PEEK[])")[1][0][1]


class Imaplib(unittest.TestCase):
    def test_no_end_of_a_command_waits_for_a_delayed_ack(self):
        """imaplib writes the CRLF behind a literal by itself: Linux sends it after the ACK, and delays that for 40 ms."""
        def took(imap, number):
            begin = time.monotonic()
            self.assertEqual(imap.append("INBOX", None, None, letter(number, 4096))[0], "OK")
            return time.monotonic() - begin
        with houseful() as home:
            plain = imaplib.IMAP4("127.0.0.1", home.ports()["imap"], timeout=120)
            plain.login("a@a.test", "pw")
            for imap in plain, client(home):
                self.assertLess(min(took(imap, number) for number in range(12)), 0.03)
                imap.logout()

    def test_what_was_stored_is_read(self):
        with houseful() as home:
            imap, other = client(home), client(home)
            other.select("Sent")
            kept = {}
            # Some in a volume, some as files of their own, one with thousands of parts.
            for number, size in enumerate((0, 1000, 40_000, 255_000, 300_000, 5_000_000)):
                message = letter(number, size)
                status, data = imap.append("Sent", r"(\Seen \Draft $Mark)", '"17-Jul-1996 02:44:25 -0700"', message)
                self.assertEqual(status, "OK", data)
                kept[uid_of(data)] = message
            wide = (b"Subject: wide\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
                    + b"--b\r\nContent-Type: text/plain; name=part\r\n\r\nx\r\n" * 3000 + b"--b--\r\n")
            kept[uid_of(imap.append("Sent", None, None, wide)[1])] = wide
            other.noop()
            self.assertEqual(other.response("EXISTS")[1][-1], str(len(kept)).encode())
            self.assertEqual(imap.append("Nowhere", None, None, letter(1))[0], "NO")
            self.assertIn(b"TRYCREATE", imap.append("Nowhere", None, None, letter(1))[1][0])
            for again in (False, True):
                if again:
                    home.restart()
                    imap = client(home)
                imap.select("Sent")
                for uid, message in kept.items():
                    self.assertEqual(whole(imap, uid), message)
                status, data = imap.fetch("1", "(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)")
                self.assertIn(b'"17-Jul-1996 09:44:25 +0000"', data[0])
                for part in (rb"\Seen", rb"\Draft", b"$Mark", b'"upload 0"', b"RFC822.SIZE %d" % len(letter(0))):
                    self.assertIn(part, data[0])
                structure = b"".join(part if isinstance(part, bytes) else part[0]
                                     for part in imap.fetch(str(len(kept)), "(BODYSTRUCTURE)")[1])
                self.assertGreater(structure.count(b'"part"'), 900)
                imap.logout()
            other.shutdown()

    def test_idle_hears_of_it(self):
        with houseful() as home:
            imap, other = client(home), client(home)
            other.select("INBOX")
            other.send(b"i IDLE\r\n")
            self.assertTrue(other.readline().startswith(b"+"))
            imap.append("INBOX", None, None, b"a: b\n\nLF only\n")
            self.assertEqual(other.readline(), b"* 1 EXISTS\r\n")
            imap.select("INBOX")
            self.assertEqual(whole(imap, 1), b"a: b\r\n\r\nLF only\r\n")
            other.send(b"DONE\r\n")
            other.shutdown()
            imap.logout()


class Limits(unittest.TestCase):
    def talk(self, home):
        plain = socket.create_connection(("127.0.0.1", home.ports()["imaps"]), timeout=60)
        wire = CONTEXT.wrap_socket(plain)
        file = wire.makefile("rb")
        file.readline()
        wire.sendall(b"l LOGIN a@a.test pw\r\n")
        self.assertTrue(file.readline().startswith(b"l OK"))
        return wire, file

    def test_literals(self):
        with houseful(message_size_limit="64K") as home:
            wire, file = self.talk(home)
            for line, answer in ((b"a APPEND INBOX {65537}\r\n", rb"a NO \[TOOBIG\] .* 65536 octets\.\r\n"),
                                 (b"b APPEND INBOX {65537+}\r\n" + b"x" * 65537 + b"\r\n", rb"b NO \[TOOBIG\] "),
                                 (b"c APPEND INBOX {0}\r\n", rb"c NO "),
                                 (b"d APPEND INBOX {99999999999999999999}\r\n", rb"d BAD "),
                                 (b"e APPEND INBOX {5+}\r\na\0b\r\n\r\n", rb"e BAD Message contains NUL"),
                                 (b"f APPEND INBOX {5+}\r\na\nb\r\n\r\n", rb"f OK \[APPENDUID \d+ 1\] "),
                                 (b"g NOOP\r\n", rb"g OK ")):
                wire.sendall(line)
                self.assertRegex(file.readline(), answer)
            # More than anybody waits for.
            wire.sendall(b"h APPEND INBOX {9000000000000000000+}\r\n")
            self.assertRegex(file.readline(), rb"h NO \[TOOBIG\]")
            for _ in range(1100):
                wire.sendall(b"x" * 65536)
            self.assertRegex(file.readline(), rb"\* BYE Too much input")
            file.close()
            wire.close()

    def test_who_stops_in_the_middle(self):
        with houseful() as home:
            open_ones = []
            for number in range(20):
                wire, file = self.talk(home)
                wire.sendall(b"a APPEND INBOX {40000000}\r\n")
                # Together they may not take all of the memory: three are let in, the others wait.
                open_ones.append((wire, file))
                if number < 3:
                    self.assertTrue(file.readline().startswith(b"+"))
                    wire.sendall(b"Subject: half\r\n")
            for wire, file in open_ones:
                file.close()
                wire.close()
            imap = client(home)
            self.assertEqual(imap.append("INBOX", None, None, letter(1))[0], "OK")
            self.assertEqual(imap.select("INBOX"), ("OK", [b"1"]))
            imap.logout()


class Deaths(unittest.TestCase):
    """Every answered APPENDUID is there once, with its bytes."""

    def upload(self, home, user, session, stop, answered):
        number = 0
        while not stop.is_set():
            try:
                imap = client(home, user)
                while not stop.is_set():
                    number += 1
                    message = letter(f"{session}-{number}", 300_000 if number % 16 == 0 else number % 7 * 3000)
                    status, data = imap.append("Archive", None, None, message)
                    if status == "OK":
                        answered.append((uid_of(data), hashlib.sha256(message).digest()))
                imap.logout()
            except (imaplib.IMAP4.error, OSError):
                time.sleep(0.05)

    def run_with(self, users, roles):
        with houseful() as home:
            stop, kept, threads = threading.Event(), [], []
            for session, user in enumerate(users):
                kept.append((user, []))
                threads.append(threading.Thread(target=self.upload, args=(home, user, session, stop, kept[-1][1])))
                threads[-1].start()
            try:
                for role in roles:
                    time.sleep(0.7)
                    pid = home.kill(role)
                    home.wait_role(role, other_than=pid)
                # And a good one after the last death.
                before = [len(answers) for _, answers in kept]
                house.until(lambda: all(len(answers) > n for (_, answers), n in zip(kept, before)), "an answer afterwards", 60)
            finally:
                stop.set()
                for thread in threads:
                    thread.join(120)
            for user in set(users):
                imap = client(home, user)
                imap.select("Archive")
                answers = [answer for name, some in kept if name == user for answer in some]
                self.assertGreater(len(answers), 5)
                self.assertEqual(len(answers), len({uid for uid, _ in answers}))
                for uid, digest in answers:
                    self.assertEqual(hashlib.sha256(whole(imap, uid)).digest(), digest, (user, uid))
                # No letter twice under different UIDs.
                names = [line[1] for line in imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (Message-ID)])")[1] if isinstance(line, tuple)]
                self.assertEqual(len(names), len(set(names)))
                imap.logout()

    def test_spool(self):
        self.run_with(("a@a.test", "b@a.test"), ("spool/0",) * 6)

    def test_mailbox(self):
        self.run_with(("a@a.test", "b@a.test"), ("mailbox/0",) * 6)

    def test_scan(self):
        self.run_with(("a@a.test", "b@a.test"), ("scan/0",) * 6)

    def test_all_under_sessions_of_one_account(self):
        self.run_with(("a@a.test",) * 4, ("spool/0", "mailbox/0", "scan/0") * 2)


class Others(unittest.TestCase):
    def test_curl(self):
        with houseful() as home:
            path = home.folder / "letter"
            path.write_bytes(letter(1, 20_000))
            done = subprocess.run(["curl", "--silent", "--show-error", "--insecure", "--user", "a@a.test:pw", "-T", str(path),
                                   f"imaps://127.0.0.1:{home.ports()['imaps']}/Sent"], capture_output=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            imap = client(home)
            imap.select("Sent")
            self.assertEqual(whole(imap, 1), letter(1, 20_000))
            imap.logout()

    def test_mbsync_in_both_directions(self):
        with houseful() as home:
            store = home.folder / "maildir"
            for part in ("cur", "new", "tmp"):
                (store / "INBOX" / part).mkdir(parents=True)
            for number in range(30):
                # A client's files end their lines with LF.
                (store / "INBOX" / "cur" / f"{number}.near:2,S").write_bytes(letter(number, 1000).replace(b"\r\n", b"\n"))

            def near():
                return sum(1 for part in ("cur", "new") for _ in (store / "INBOX" / part).iterdir())

            programs.mbsync(home, store, "INBOX")
            imap = client(home)
            self.assertEqual(imap.select("INBOX"), ("OK", [b"30"]))
            self.assertEqual(len(imap.search(None, "SEEN")[1][0].split()), 30)
            # There and back: one goes here, one there, one comes here.
            imap.store("1", "+FLAGS", r"(\Deleted)")
            imap.expunge()
            next((store / "INBOX" / "cur").iterdir()).unlink()
            imap.append("INBOX", None, None, letter("back"))
            programs.mbsync(home, store, "INBOX")
            imap.noop()
            counts = (near(), int(imap.select("INBOX")[1][0]))
            self.assertIn(counts, ((29, 29), (30, 30)))     # it may have been the same letter that went on both sides
            programs.mbsync(home, store, "INBOX")
            self.assertEqual((near(), int(imap.select("INBOX")[1][0])), counts)
            imap.logout()


if __name__ == "__main__":
    unittest.main()
