#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The peers themselves: each starts, answers, and moves a letter, before Mailstead is blamed for anything."""
import imaplib
import smtplib
import ssl
import subprocess
import unittest

import peer

FLAVOURS = ("release",)         # Mailstead has no part in this

LETTER = "From: <a@a.test>\r\nTo: <b@b.test>\r\nSubject: {}\r\n\r\nHello.\r\n"


def dig(dns, name, kind):
    done = subprocess.run(["dig", "+short", "+tries=1", f"@{dns.host}", "-p", str(dns.port), name, kind], stdout=subprocess.PIPE,
                          text=True, check=True)
    return sorted(done.stdout.split("\n")[:-1])


class Dns(unittest.TestCase):
    def test_nsd_serves_zones(self):
        zones = {"a.test": "@ MX 10 mx\n@ MX 20 mx.b.test.\nmx A 127.0.0.9\nmx AAAA ::1\n@ TXT \"v=spf1 -all\"\n",
                 "b.test": "mx A 127.0.0.10\n"}
        with peer.Nsd(zones) as dns:
            self.assertEqual(dig(dns, "a.test", "MX"), ["10 mx.a.test.", "20 mx.b.test."])
            self.assertEqual(dig(dns, "mx.a.test", "A"), ["127.0.0.9"])
            self.assertEqual(dig(dns, "mx.a.test", "AAAA"), ["::1"])
            self.assertEqual(dig(dns, "a.test", "TXT"), ['"v=spf1 -all"'])
            self.assertEqual(dig(dns, "mx.b.test", "A"), ["127.0.0.10"])
            self.assertEqual(dig(dns, "gone.a.test", "A"), [])
            dns.change("b.test", "mx A 127.0.0.11\n")
            self.assertEqual(dig(dns, "mx.b.test", "A"), ["127.0.0.11"])

    def test_two_side_by_side(self):
        with peer.Nsd({"a.test": "@ A 127.0.0.1\n"}) as one, peer.Nsd({"a.test": "@ A 127.0.0.2\n"}) as two:
            self.assertEqual(dig(one, "a.test", "A") + dig(two, "a.test", "A"), ["127.0.0.1", "127.0.0.2"])


def send(server, recipient, subject):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with smtplib.SMTP(server.host, server.port, local_hostname="client.test", timeout=20) as smtp:
        smtp.ehlo()
        if smtp.has_extn("starttls"):
            smtp.starttls(context=context)
        smtp.sendmail("a@a.test", [recipient], LETTER.format(subject))


class Mail(unittest.TestCase):
    def keeps_and_sends(self, kind):
        with peer.Sink() as sink, kind(domains=["b.test"], next_hop=sink.port) as server:
            send(server, "b@b.test", "one")
            send(server, "c@b.test", "two")
            send(server, "d@far.test", "three")
            letters = server.wait_mails(2)
            self.assertTrue(any(b"Subject: two" in letter for letter in letters), letters)
            (sender, recipients, letter), = sink.wait_letters(1)
            self.assertEqual((sender, recipients), ("a@a.test", ["d@far.test"]))
            self.assertIn(b"Subject: three", letter)
            self.assertEqual(len(server.mails()), 2)

    def test_postfix(self):
        self.keeps_and_sends(peer.Postfix)

    def test_exim(self):
        self.keeps_and_sends(peer.Exim)

    def test_opensmtpd(self):
        self.keeps_and_sends(peer.OpenSmtpd)

    def test_sink_refuses(self):
        with peer.Sink(rcpt=lambda address: "550 5.1.1 no" if address.startswith("x") else "250 ok") as sink:
            with smtplib.SMTP("127.0.0.1", sink.port, local_hostname="client.test", timeout=20) as smtp:
                self.assertEqual(list(smtp.sendmail("a@a.test", ["x@b.test", "y@b.test"], LETTER.format("s"))), ["x@b.test"])
            self.assertEqual(sink.wait_letters(1)[0][1], ["y@b.test"])

    def test_dovecot(self):
        with peer.Dovecot({"a@a.test": "secret"}) as server:
            with imaplib.IMAP4(server.host, server.port, timeout=20) as imap:
                imap.login("a@a.test", "secret")
                imap.append("INBOX", None, None, LETTER.format("kept").encode())
                self.assertEqual(imap.select("INBOX"), ("OK", [b"1"]))


if __name__ == "__main__":
    unittest.main()
