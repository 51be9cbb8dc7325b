#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Letters to other people's servers: Postfix, Exim and OpenSMTPD as the next hop, found by MX or named as smarthost."""
import email
import imaplib
import os
import random
import re
import signal
import smtplib
import ssl
import time
import unittest

import client
import house
import peer
import post

TIMEOUT = 300
WAITS = True             # for peers that start, and for retries
FLAVOURS = ("release",)  # test_relay.py and test_sending.py go the same ways under the sanitizer
# Every domain of peer.mail_zones() that has a way to the server.
REACHED = ("b.test", "two.test", "equal.test", "six.test", "bare.test", "alias.c.test", "pointed.c.test")
LOST = ("null.test", "gone.test", "empty.test")
QUICK = {"queue_retry_first": "1s", "queue_retry_last": "2s"}


class PostfixAt(peer.Postfix):
    """At an address that somebody knows already."""

    def __init__(self, host, **options):
        self.wanted = host
        super().__init__(**options)

    def write_files(self):
        self.host = self.wanted
        super().write_files()


class Relay(unittest.TestCase):
    def open(self, **settings):
        self.home = client.houseful(**QUICK, **settings)
        self.addCleanup(self.home.discard)
        context = ssl.create_default_context(cafile=self.home.folder / "cert.pem")
        self.smtp = smtplib.SMTP_SSL("localhost", self.home.ports()["submissions"], "client.test", timeout=client.LIMIT, context=context)
        self.addCleanup(self.smtp.close)
        self.smtp.login("a@a.test", "pw")

    def send(self, recipients, number, size=2000):
        """Submits a letter; its id."""
        self.assertEqual(self.smtp.mail("a@a.test")[0], 250)
        for recipient in recipients:
            code, text = self.smtp.rcpt(recipient)
            self.assertEqual(code, 250, text)
        code, text = self.smtp.data(post.letter(number, size))
        self.assertEqual(code, 250, text)
        return re.search(r"queued as ([0-9A-F]{16})", text.decode())[1]

    def said(self, name, recipient, status):
        """Waits for the log line of what became of a recipient."""
        return self.home.wait_log(rf"{name}: to=<{re.escape(recipient)}>, .*, status={status} .*$")[0]

    def bounces(self, count):
        """That many delivery reports in the sender's INBOX, parsed: (recipient, status) of each."""
        house.until(lambda: len(post.inbox(self.home, "a@a.test")) >= count, f"{count} bounces")
        context = ssl.create_default_context(cafile=self.home.folder / "cert.pem")
        imap = imaplib.IMAP4_SSL("localhost", self.home.ports()["imaps"], ssl_context=context, timeout=client.LIMIT)
        imap.login("a@a.test", "pw")
        imap.select("INBOX")
        reports = []
        for part in imap.fetch("1:*", "(BODY.PEEK[])")[1]:
            if isinstance(part, tuple):
                letter = email.message_from_bytes(part[1])
                self.assertEqual((letter.get_content_type(), letter.get_param("report-type")), ("multipart/report", "delivery-status"))
                self.assertEqual(letter["Return-Path"], "<>")
                for block in letter.get_payload()[1].get_payload():
                    if "Final-Recipient" in block:
                        reports.append((block["Final-Recipient"].split(";")[1].strip(), block["Action"], block["Status"]))
        imap.logout()
        return sorted(reports)

    def goes_by_mx(self, kind, tls=True, **options):
        with kind(domains=REACHED, **options) as server, peer.Nsd(peer.mail_zones(server.host)) as dns:
            self.open(resolver=dns.address)
            names = {domain: self.send([f"x@{domain}"], number, 500 + 9999 * number) for number, domain in enumerate(REACHED)}
            for domain, name in names.items():
                self.assertIn(server.host, self.said(name, f"x@{domain}", "sent"))
            arrived = [email.message_from_bytes(letter)["Message-ID"] for letter in server.wait_mails(len(REACHED))]
            self.assertEqual(sorted(arrived), sorted(f"<{number}@far.test>" for number in range(len(REACHED))))
            if tls:
                self.assertGreaterEqual(len(re.findall("TLS connection established to mx.", self.home.log())), 1)
            # these lead nowhere, for ever or for now
            for domain in LOST:
                self.said(self.send([f"x@{domain}"], 99), f"x@{domain}", "bounced")
            self.said(self.send(["x@lame.test"], 99), "x@lame.test", "deferred")
            self.assertEqual([report[:2] for report in self.bounces(len(LOST))], sorted((f"x@{domain}", "failed") for domain in LOST))
            self.home.stop()

    def test_postfix(self):
        self.goes_by_mx(peer.Postfix)

    def test_postfix_that_wants_tls(self):
        self.goes_by_mx(peer.Postfix, tls="encrypt")

    def test_exim(self):
        self.goes_by_mx(peer.Exim)

    def test_opensmtpd_without_tls(self):
        self.goes_by_mx(peer.OpenSmtpd, tls=False)

    def refused(self, kind):
        replies = {"no@b.test": "550 5.1.1 no such user here", "later@b.test": "450 4.2.0 come again"}
        with kind(domains=["b.test"], replies=replies) as server, peer.Nsd(peer.mail_zones(server.host)) as dns:
            self.open(resolver=dns.address)
            name = self.send(["no@b.test", "yes@b.test", "later@b.test"], 1)
            self.assertIn("no such user here", self.said(name, "no@b.test", "bounced"))
            self.said(name, "yes@b.test", "sent")
            self.assertIn("come again", self.said(name, "later@b.test", "deferred"))
            self.assertEqual(self.bounces(1), [("no@b.test", "failed", "5.1.1")])
            # tried again, for that recipient alone
            house.until(lambda: self.home.log().count("come again") >= 2, "second try")
            self.assertEqual(len(server.mails()), 1)
            self.home.restart()
            mark = self.home.mark()
            self.home.wait_log(rf"{name}: to=<later@b\.test>, .*status=deferred", mark)
            self.home.stop()

    def test_postfix_refuses(self):
        self.refused(peer.Postfix)

    def test_exim_refuses(self):
        self.refused(peer.Exim)

    def test_opensmtpd_refuses(self):
        self.refused(peer.OpenSmtpd)

    def smarthost(self, kind):
        with peer.Sink() as sink, kind(next_hop=sink.port, accounts={"me@far.test": "se cret"}) as server:
            self.open(relay_host=f"[{server.host}]:25", relay_user="me@far.test", relay_password="se cret")
            names = [self.send([f"x{number}@anywhere.test"], number) for number in range(20)]
            for number, name in enumerate(names):
                self.said(name, f"x{number}@anywhere.test", "sent")
            self.assertEqual(sorted(recipients[0] for _, recipients, _ in sink.wait_letters(20)), sorted(f"x{n}@anywhere.test" for n in range(20)))
            self.home.configure(relay_password="wrong")
            self.home.restart()
            self.open_again()
            self.said(self.send(["x@anywhere.test"], 99), "x@anywhere.test", "deferred")
            self.assertEqual(len(sink.letters), 20)
            self.home.stop()

    def open_again(self):
        context = ssl.create_default_context(cafile=self.home.folder / "cert.pem")
        self.smtp = smtplib.SMTP_SSL("localhost", self.home.ports()["submissions"], "client.test", timeout=client.LIMIT, context=context)
        self.addCleanup(self.smtp.close)
        self.smtp.login("a@a.test", "pw")

    def test_postfix_as_smarthost(self):
        self.smarthost(peer.PostfixAuth)

    def test_exim_as_smarthost(self):
        self.smarthost(peer.Exim)

    def test_nobody_there_and_then_somebody(self):
        host = peer.loopback_address()
        with peer.Nsd(peer.mail_zones(host)) as dns:
            self.open(resolver=dns.address)
            name = self.send(["x@b.test"], 1)
            self.said(name, "x@b.test", "deferred")
            with PostfixAt(host, domains=["b.test"]) as server:
                self.said(name, "x@b.test", "sent")
                self.assertEqual(len(server.wait_mails(1)), 1)
            self.home.stop()

    def test_rooms_die_while_letters_leave(self):
        """A letter with a 250 gets there, whoever dies on the way; nothing is told to be lost."""
        count, choice = 120, random.Random(int(time.time()))
        with peer.Sink() as sink:
            self.open(relay_host=f"[127.0.0.1]:{sink.port}")
            for number in range(count):
                self.send([f"x{number}@anywhere.test"], number)
                if number % 10 == 9:
                    roles = {name: pid for name, pid in self.home.roles().items() if name.startswith(("relay", "spool", "resolver", "keeper"))}
                    try:
                        os.kill(choice.choice(sorted(roles.values())), signal.SIGKILL)
                    except ProcessLookupError:
                        pass
            expected = {f"x{number}@anywhere.test" for number in range(count)}
            house.until(lambda: {to for _, recipients, _ in list(sink.letters) for to in recipients} == expected, "every letter", 60)
            self.assertLess(len(sink.letters), count * 3 // 2, "too many came twice")
            self.assertEqual(post.inbox(self.home, "a@a.test"), [])
            self.home.stop()


if __name__ == "__main__":
    unittest.main()
