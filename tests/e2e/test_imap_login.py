#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Logging in over IMAP with real clients, and the way of a session into its shard."""
import imaplib
import socket
import ssl
import subprocess
import time
import unittest

import house
import post

TIMEOUT = 300
PEOPLE = "a@a.test|{PLAIN}se cret\nb@a.test|{PLAIN}two\n"


def houseful(**settings):
    home = house.House(start=False, **settings)
    home.write("postfix-accounts.cf", PEOPLE)
    home.start()
    return home


def blind():
    """The server's certificate is its own."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def client(home, way):
    ports = home.ports()
    if way == "imaps":
        return imaplib.IMAP4_SSL("127.0.0.1", ports["imaps"], ssl_context=blind(), timeout=20)
    imap = imaplib.IMAP4("127.0.0.1", ports["imap"], timeout=20)
    if way == "starttls":
        imap.starttls(blind())
    return imap


class Login(unittest.TestCase):
    def test_every_way_in(self):
        with houseful() as home:
            for way in ("plain", "starttls", "imaps"):
                for user in ("a@a.test", "A@A.TEST"):
                    imap = client(home, way)
                    self.assertEqual(imap.login(user, "se cret")[0], "OK", way)
                    self.assertEqual(imap.select("INBOX")[0], "OK", way)
                    self.assertEqual(imap.noop()[0], "OK")
                    self.assertEqual(imap.logout()[0], "BYE")
                imap = client(home, way)
                self.assertEqual(imap.authenticate("PLAIN", lambda _: b"\0b@a.test\0two")[0], "OK", way)
                imap.logout()
            self.assertIn("imap-login: Login: user=<a@a.test>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, TLS", home.log())

    def test_a_wrong_password_waits(self):
        with houseful() as home:
            imap, begun = client(home, "imaps"), time.monotonic()
            with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
                imap.login("a@a.test", "wrong")
            self.assertGreaterEqual(time.monotonic() - begun, 2)
            self.assertEqual(imap.login("a@a.test", "se cret")[0], "OK")
            imap.logout()
            self.assertIn("auth: passwd-file(a@a.test,127.0.0.1): Password mismatch", home.log())

    def test_curl_and_openssl(self):
        with houseful() as home:
            ports = home.ports()
            for arguments in ((f"imap://127.0.0.1:{ports['imap']}/INBOX", "--ssl-reqd"), (f"imaps://127.0.0.1:{ports['imaps']}/INBOX",)):
                done = subprocess.run(["curl", "-sSk", "-u", "a@a.test:se cret", "-X", "NOOP", *arguments], capture_output=True,
                                      text=True, timeout=60)
                self.assertEqual(done.returncode, 0, done.stderr)
            done = subprocess.run(["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{ports['imap']}", "-starttls", "imap"],
                                  input="a LOGIN a@a.test \"se cret\"\r\nb LOGOUT\r\n", capture_output=True, text=True, timeout=60)
            self.assertIn("a OK", done.stdout)
            self.assertIn("b OK", done.stdout)

    def test_a_dead_shard_and_a_pipelining_client(self):
        with houseful(shards=1) as home:
            imap = client(home, "imaps")
            imap.login("a@a.test", "se cret")
            home.kill("mailbox/0")
            self.assertIn(b"* BYE", imap.readline())
            house.until(lambda: client(home, "imaps").login("a@a.test", "se cret")[0] == "OK", "login after the shard's death")
            with socket.create_connection(("127.0.0.1", home.ports()["imap"]), timeout=20) as raw:
                raw.sendall(b"a LOGIN {8}\r\n")
                heard = b""
                while b"+ OK" not in heard:
                    heard += raw.recv(4096)
                raw.sendall(b"a@a.test {7+}\r\nse cret\r\nb SELECT INBOX\r\nc LOGOUT\r\n")
                while chunk := raw.recv(4096):
                    heard += chunk
            for tag in (b"a OK", b"b OK", b"* BYE", b"c OK"):
                self.assertIn(tag, heard)


if __name__ == "__main__":
    unittest.main()
