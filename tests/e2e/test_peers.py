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

    def test_mail_zones(self):
        with peer.Nsd(peer.mail_zones("127.0.0.9")) as dns:
            self.assertEqual(dig(dns, "two.test", "MX"), ["10 dead.two.test.", "20 mx.b.test."])
            self.assertEqual(dig(dns, "alias.c.test", "MX"), ["10 mx.b.test.", "b.test."])
            self.assertEqual(dig(dns, "pointer.c.test", "A"), ["127.0.0.9", "mx.b.test."])
            self.assertEqual(dig(dns, "null.test", "MX"), ["0 ."])
            self.assertEqual(dig(dns, "bare.test", "A"), ["127.0.0.9"])
            for name, kind in (("bare.test", "MX"), ("gone.gone.test", "A"), ("empty.test", "MX"), ("empty.test", "A"), ("lame.test", "MX")):
                self.assertEqual(dig(dns, name, kind), [], name)

    def test_two_side_by_side(self):
        with peer.Nsd({"a.test": "@ A 127.0.0.1\n"}) as one, peer.Nsd({"a.test": "@ A 127.0.0.2\n"}) as two:
            self.assertEqual(dig(one, "a.test", "A") + dig(two, "a.test", "A"), ["127.0.0.1", "127.0.0.2"])


def session(server):
    """A connection, over TLS where that is offered."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    smtp = smtplib.SMTP(server.host, server.port, local_hostname="client.test", timeout=20)
    smtp.ehlo()
    if smtp.has_extn("starttls"):
        smtp.starttls(context=context)
        smtp.ehlo()
    return smtp


def send(server, recipient, subject):
    with session(server) as smtp:
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

    def refuses(self, kind, **options):
        """One recipient is refused for good, one for now, the third gets the letter."""
        replies = {"no@b.test": "550 5.1.1 no such user", "later@b.test": "450 4.2.0 come again"}
        with kind(domains=["b.test"], replies=replies, **options) as server:
            with session(server) as smtp:
                refused = smtp.sendmail("a@a.test", ["no@b.test", "later@b.test", "b@b.test"], LETTER.format("one"))
            self.assertEqual({to: reply[0] for to, reply in refused.items()}, {"no@b.test": 550, "later@b.test": 450})
            self.assertEqual(len(server.wait_mails(1)), 1)

    def test_postfix_refuses(self):
        self.refuses(peer.Postfix)

    def test_exim_refuses(self):
        self.refuses(peer.Exim)

    def test_opensmtpd_refuses(self):
        self.refuses(peer.OpenSmtpd)

    def wants_tls(self, kind):
        with kind(domains=["b.test"], tls="none") as server:
            with smtplib.SMTP(server.host, server.port, "client.test", timeout=20) as smtp:
                smtp.ehlo()
                self.assertFalse(smtp.has_extn("starttls"))
        with kind(domains=["b.test"], tls="encrypt") as server:
            with smtplib.SMTP(server.host, server.port, "client.test", timeout=20) as smtp:
                with self.assertRaisesRegex((smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused), "530"):
                    smtp.sendmail("a@a.test", ["b@b.test"], LETTER.format("open"))
            send(server, "b@b.test", "closed")
            self.assertIn(b"Subject: closed", server.wait_mails(1)[0])

    def test_postfix_wants_tls(self):
        self.wants_tls(peer.Postfix)

    def test_exim_wants_tls(self):
        self.wants_tls(peer.Exim)

    def is_a_smarthost(self, kind):
        with peer.Sink() as sink, kind(domains=["b.test"], next_hop=sink.port, accounts={"me@house.test": "se cret"}) as server:
            with smtplib.SMTP(server.host, server.port, "client.test", timeout=20) as smtp:
                smtp.ehlo()
                self.assertFalse(smtp.has_extn("auth"), "AUTH before STARTTLS")
            with session(server) as smtp, self.assertRaises(smtplib.SMTPRecipientsRefused):
                smtp.sendmail("a@a.test", ["d@far.test"], LETTER.format("no"))
            with session(server) as smtp, self.assertRaises(smtplib.SMTPAuthenticationError):
                smtp.login("me@house.test", "wrong")
            for mechanism in ("auth_plain", "auth_login"):
                with session(server) as smtp:
                    smtp.user, smtp.password = "me@house.test", "se cret"
                    smtp.auth(mechanism[5:].upper(), getattr(smtp, mechanism))
                    smtp.sendmail("a@a.test", ["d@far.test"], LETTER.format(mechanism))
            self.assertEqual([recipients for _, recipients, _ in sink.wait_letters(2)], [["d@far.test"]] * 2)

    def test_postfix_is_a_smarthost(self):
        self.is_a_smarthost(peer.PostfixAuth)

    def test_exim_is_a_smarthost(self):
        self.is_a_smarthost(peer.Exim)

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
