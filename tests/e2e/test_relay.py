#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""relay alone with other people's servers: a question at its command socket, as spool asks it, and their Maildirs."""
import array
import fcntl
import os
import pathlib
import re
import socket
import ssl
import struct
import tempfile
import time
import unittest

from aiosmtpd.smtp import AuthResult

import house
import peer
import post

QUESTION, ANSWER = 1, 2
SENT, DEFERRED, BOUNCED = 1, 2, 3
LIMIT = 60
DEFINITION = re.compile(r"^(?:question|note) (\w+)", re.M)
SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def message_type(name):
    """The number of a message: its place in net/messages.def."""
    return DEFINITION.findall((peer.TOP / "src/net/messages.def").read_text()).index(name) + 1


def string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<I", len(data)) + data


def sealed(data):
    fd = os.memfd_create("letter", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
    return fd


class Outcomes:
    """[(place, result, status, mta, text)] of an answer."""

    def __init__(self, data):
        self.data = data

    def take(self, form):
        value = struct.unpack_from(form, self.data)[0]
        self.data = self.data[struct.calcsize(form):]
        return value

    def string(self):
        size = self.take("<I")
        text, self.data = self.data[:size], self.data[size:]
        return text.decode()

    def rows(self):
        rows = []
        while self.data:
            rows.append((self.take("<I"), self.take("<B"), self.string(), self.string(), self.string()))
        return rows


def relay(home, domain, recipients, letter, sender="s@house.test"):
    """Asks as spool does; the outcomes."""
    who = b"".join(struct.pack("<IB", place, 0) + string(address) + string("") for place, address in enumerate(recipients))
    data = letter.encode()
    payload = (struct.pack("<Q", 0xABC) + string(domain) + string(sender) + struct.pack("<BBB", 0, 0, 0) + string("")
               + string(who) + struct.pack("<Q", len(data)))
    head = struct.pack("<HBBIQ", message_type("relay"), QUESTION, 0, 1, int(time.monotonic() * 1000) + LIMIT * 1000)
    fd = sealed(data)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(LIMIT)
        s.connect(str(home.data_dir / "run/control/relay"))
        s.sendmsg([head + payload], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
        os.close(fd)
        answer = s.recv(100000)
    kind, status = answer[2], answer[3]
    assert kind == ANSWER and status == 0, answer
    return Outcomes(answer[20:]).rows()


def zone(host):
    return f"@ MX 10 mx\nmx A {host}\n"


class Relay(unittest.TestCase):
    body = "\n".join((".a line that begins with a dot", ".", *(f"line {number}" for number in range(2000))))
    letter = post.letter(1).split("\r\n\r\n")[0] + "\r\n\r\n" + body.replace("\n", "\r\n") + "\r\n"

    def brings(self, kind, **settings):
        """A letter to a server of that kind, by its MX record; the log."""
        kind.need()
        with kind(domains=["b.test"], hostname="mx.b.test") as server, peer.Nsd({"b.test": zone(server.host)}) as dns:
            with house.House(resolver=dns.address, **settings) as home:
                rows = relay(home, "b.test", ["u@b.test"], self.letter)
                self.assertEqual([row[:2] for row in rows], [(0, SENT)], rows)
                self.assertEqual(rows[0][3], f"mx.b.test[{server.host}]:25")
                mail = server.wait_mails(1)[0].replace(b"\r\n", b"\n").decode()
                # They put fields into the header.
                self.assertEqual(mail.split("\n\n", 1)[1].rstrip(), self.body)
                return home.log()

    def test_postfix(self):
        self.assertIn("Untrusted TLS connection established to mx.b.test[", self.brings(peer.Postfix))

    def test_exim(self):
        self.assertIn("Untrusted TLS connection established to mx.b.test[", self.brings(peer.Exim, relay_tls="encrypt"))

    def test_opensmtpd(self):
        self.brings(peer.OpenSmtpd)

    def smarthost(self, password, **options):
        """The outcomes of a letter through a smarthost with a login, the letters that it took, and the log."""
        with tempfile.TemporaryDirectory() as folder:
            peer.certificate(pathlib.Path(folder), "sink.test")
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
        with peer.Sink(tls_context=tls, authenticator=self.judge, auth_required=True, **options) as sink:
            with house.House(relay_host=f"[127.0.0.1]:{sink.port}", relay_user="us@house.test", relay_password=password) as home:
                return relay(home, "", ["u@far.test"], self.letter), sink.letters, home.log()

    @staticmethod
    def judge(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == (b"us@house.test", b"s e cret"), handled=False)

    def test_login(self):
        for options in ({}, {"auth_exclude_mechanism": ["PLAIN"]}):
            with self.subTest(options=options):
                rows, letters, log = self.smarthost("s e cret", **options)
                self.assertEqual([row[1] for row in rows], [SENT], rows)
                self.assertEqual([(sender, who, letter.decode()) for sender, who, letter in letters],
                                 [("s@house.test", ["u@far.test"], self.letter)])
                self.assertNotIn("s e cret", log)

    def test_login_refused(self):
        rows, letters, _ = self.smarthost("other")
        self.assertEqual([row[1:3] for row in rows], [(DEFERRED, "4.7.8")], rows)
        self.assertIn("SASL authentication failed; server 127.0.0.1[127.0.0.1] said: 535 5.7.8", rows[0][4])
        self.assertFalse(letters)

    def test_refused(self):
        peer.Postfix.need()
        with (peer.Postfix(domains=["b.test"], extra="smtpd_recipient_restrictions = check_recipient_access inline:{bad@b.test=REJECT}, "
                                                     "permit_mynetworks, reject") as server,
              peer.Nsd({"b.test": zone(server.host), "null.test": "@ MX 0 .\n"}) as dns, house.House(resolver=dns.address) as home):
            rows = relay(home, "b.test", ["u@b.test", "bad@b.test"], self.letter)
            self.assertEqual([row[:3] for row in rows], [(0, SENT, "2.0.0"), (1, BOUNCED, "5.7.1")], rows)
            self.assertRegex(rows[1][4], r"^host mx\.b\.test\[127\.[0-9.]+\] said: 554 5\.7\.1 <bad@b\.test>: Recipient address "
                                         r"rejected: Access denied \(in reply to RCPT TO command\)$")
            self.assertEqual(len(server.wait_mails(1)), 1)
            rows = relay(home, "null.test", ["u@null.test"], self.letter)
            self.assertEqual(rows, [(0, BOUNCED, "5.1.0", "", "Domain null.test does not accept mail (nullMX)")])
            rows = relay(home, "gone.b.test", ["u@gone.b.test"], self.letter)
            self.assertEqual([row[:4] for row in rows], [(0, BOUNCED, "5.4.4", "")], rows)

    def test_nobody_there(self):
        host = peer.loopback_address()
        with peer.Nsd({"b.test": zone(host)}) as dns, house.House(resolver=dns.address) as home:
            refused = f"connect to mx.b.test[{host}]:25: Connection refused"
            self.assertEqual(relay(home, "b.test", ["u@b.test"], self.letter), [(0, DEFERRED, "4.4.1", f"mx.b.test[{host}]:25", refused)])
            # A new one works as well.
            before = home.roles()["relay/0"]
            home.kill("relay/0")
            home.wait_role("relay/0", other_than=before)
            house.until(lambda: self.answers(home), "answer of the new relay")

    def answers(self, home):
        try:
            return relay(home, "b.test", ["u@b.test"], self.letter)[0][1] == DEFERRED
        except OSError:
            return False


if __name__ == "__main__":
    unittest.main()
