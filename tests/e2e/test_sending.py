#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Mailstead as the sending side: by MX and through a smarthost, with retries and bounces.

The letters come in on port 25 for an alias that leads abroad, so that nothing but sending is tested here.
"""
import base64
import collections
import email
import email.policy
import re
import ssl
import unittest

import aiosmtpd.smtp

import house
import imaplib
import peer
import post

HOP = "127.0.0.1"
ALIASES = "".join(f"{name}@a.test {name}@b.test\n" for name in ("x", "y", "z", "good", "bad", "late")) + \
    "c@a.test someone@c.test\nn@a.test someone@null.test\ng@a.test someone@gone.test\nm@a.test someone@two.test\n"


def zones(host=HOP, dead="127.0.0.66"):
    """b.test has an MX, c.test none, two.test one that refuses and one that answers, null.test takes no mail."""
    return {"b.test": f"@ MX 10 mx\nmx A {host}\n",
            "c.test": f"@ A {host}\n",
            "two.test": f"@ MX 10 dead\n@ MX 20 mx\ndead A {dead}\nmx A {host}\n",
            "null.test": "@ MX 0 .\n",
            "far.test": "@ MX 10 mx\nmx A 127.0.0.1\n",
            "a.test": "@ MX 10 mx\nmx A 127.0.0.1\n",
            "test": ""}         # all others do not exist


class Sending(unittest.TestCase):
    """One name server for all; each test has a house and the hops that it wants."""

    @classmethod
    def setUpClass(cls):
        peer.Nsd.need()
        cls.dns = peer.Nsd(zones())

    @classmethod
    def tearDownClass(cls):
        cls.dns.close()

    def house(self, port, **settings):
        settings = {"resolver": self.dns.address, "relay_port": port, "queue_retry_first": "2s", **settings}
        home = house.House(start=False, **settings)
        home.write("postfix-accounts.cf", post.ACCOUNTS)
        home.write("postfix-virtual.cf", ALIASES)
        home.start()
        return home

    def send(self, home, recipients, sender="s@far.test", number=1):
        dialogue = post.Dialogue(home)
        try:
            return dialogue.send(sender, recipients, post.letter(number))
        finally:
            dialogue.close()

    def bounces(self, home, user="a@a.test", count=1):
        """The account's letters, once there are so many."""
        house.until(lambda: len(post.inbox(home, user)) >= count, f"letter {count} of {user}")
        with imaplib.IMAP4(HOP, home.ports()["imap"]) as imap:
            imap.login(user, "pw")
            imap.select()
            _, rows = imap.fetch("1:*", "(RFC822)")
        return [email.message_from_bytes(row[1], policy=email.policy.default) for row in rows if isinstance(row, tuple)]

    # Routes

    def test_by_mx_by_address_and_past_a_dead_one(self):
        with peer.Sink() as sink, self.house(sink.port) as home:
            name = self.send(home, ["x@a.test", "y@a.test", "c@a.test", "m@a.test"])
            letters = sink.wait_letters(3)
            self.assertEqual(collections.Counter(tuple(sorted(rcpts)) for _, rcpts, _ in letters),
                             {("x@b.test", "y@b.test"): 1, ("someone@c.test",): 1, ("someone@two.test",): 1})
            home.wait_log(f"{name}: removed")
            log = home.log()
            for to in ("x@b.test", "y@b.test", "someone@c.test", "someone@two.test"):
                self.assertRegex(log, rf"{name}: .*to=<{to}>.*relay=\S*\[127\.0\.0\.1\]:{sink.port}, .*dsn=2\.\d\.\d, status=sent")
            for sender, _, letter in letters:
                self.assertEqual(sender, "s@far.test")
                self.assertIn(name.encode(), letter.split(b"\r\n\r\n")[0])

    def test_what_cannot_be_sent_comes_back_once(self):
        with peer.Sink(lambda to: "550 5.1.1 no such user" if "bad" in to else "250 2.1.5 OK") as sink, \
                self.house(sink.port) as home:
            name = self.send(home, ["bad@a.test", "good@a.test", "n@a.test", "g@a.test"], sender="a@a.test")
            home.wait_log(f"{name}: removed")
            self.assertEqual([rcpts for _, rcpts, _ in sink.wait_letters(1)], [["good@b.test"]])
            reports = self.bounces(home)
            told = collections.Counter()
            for report in reports:
                self.assertEqual(report.get_content_type(), "multipart/report")
                self.assertEqual(report["content-type"].params["report-type"], "delivery-status")
                self.assertEqual(report["return-path"], "<>")
                self.assertEqual(report["auto-submitted"], "auto-replied")
                text, status, original = report.iter_parts()
                self.assertEqual(status.get_content_type(), "message/delivery-status")
                self.assertIn("letter 1", original.as_string())
                for block in list(status.iter_parts() if status.is_multipart() else status.get_payload())[1:]:
                    told[block["final-recipient"].split(";")[1].strip(), block["action"], block["status"][:1]] += 1
                    self.assertIn(block["final-recipient"].split(";")[1].strip(), text.get_content())
            self.assertEqual(told, {("bad@b.test", "failed", "5"): 1, ("someone@null.test", "failed", "5"): 1,
                                    ("someone@gone.test", "failed", "5"): 1})

    def test_nothing_comes_back_to_nobody(self):
        with peer.Sink(lambda to: "550 5.1.1 no such user") as sink, self.house(sink.port) as home:
            name = self.send(home, ["bad@a.test"], sender="")
            home.wait_log(f"{name}: removed")
            self.assertEqual(post.inbox(home, "a@a.test"), [])
            self.assertEqual(len(re.findall(r"status=bounced", home.log())), 1)

    # Retries

    def test_what_is_refused_for_a_while_is_tried_again(self):
        seen = collections.Counter()

        def rcpt(to):
            seen[to] += 1
            return "450 4.2.0 greylisted" if "late" in to and seen[to] < 3 else "250 2.1.5 OK"

        with peer.Sink(rcpt) as sink, self.house(sink.port) as home:
            name = self.send(home, ["late@a.test", "good@a.test"])
            sink.wait_letters(2)
            home.wait_log(f"{name}: removed")
            self.assertEqual(seen, {"late@b.test": 3, "good@b.test": 1})
            self.assertEqual(len(re.findall(rf"{name}: .*status=deferred", home.log())), 2)

    def test_a_restart_and_a_flush(self):
        refusing = [True]
        with peer.Sink(lambda to: "450 4.2.0 not now" if refusing[0] else "250 2.1.5 OK") as sink, \
                self.house(sink.port, queue_retry_first="1h") as home:
            name = self.send(home, ["x@a.test"])
            home.wait_log(f"{name}: .*status=deferred")
            home.kill_everything()
            home.start()
            self.assertIn(name, home.command("queue", "list"))
            self.assertIn("not now", home.command("queue", "list"))
            self.assertIn("x@b.test", home.command("queue", "show", name))
            refusing[0] = False
            home.command("queue", "flush")
            sink.wait_letters(1)
            house.until(lambda: "empty" in home.command("queue", "list"), "empty queue")

    def test_kills_lose_nothing(self):
        with peer.Sink() as sink, self.house(sink.port) as home:
            names = []
            for number in range(60):
                dialogue = post.Dialogue(home)
                names.append(dialogue.send("s@far.test", ["x@a.test"], post.letter(number)))
                dialogue.close()
                if number % 20 == 10:
                    home.wait_role("relay/0", other_than=home.kill("relay/0"))
                if number % 20 == 19:
                    home.wait_role("spool/0", other_than=home.kill("spool/0"))
            house.until(lambda: "empty" in home.command("queue", "list"), "empty queue", 60)
            numbers = collections.Counter(re.search(rb"Subject: letter (\d+)", letter)[1] for _, _, letter in sink.letters)
            self.assertEqual(len(numbers), 60)
            # What was under way at one of six blows may have come twice.
            self.assertLess(sum(numbers.values()), 60 + 6 * 20)

    # A smarthost

    def tls(self):
        folder = self.dns.folder
        peer.certificate(folder, "hop.test")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        return context

    def test_a_smarthost_with_a_password(self):
        asked = []

        def check(server, session, envelope, mechanism, data):
            asked.append((mechanism, data.login, data.password))
            return aiosmtpd.smtp.AuthResult(success=data.password == b"secret")

        with peer.Sink(tls_context=self.tls(), authenticator=check, auth_required=True) as sink, \
                self.house(1, relay_host=f"[{HOP}]:{sink.port}", relay_user="me", relay_password="secret") as home:
            name = self.send(home, ["x@a.test", "c@a.test"])
            letters = sink.wait_letters(1)
            home.wait_log(f"{name}: removed")
            self.assertEqual([sorted(rcpts) for _, rcpts, _ in letters], [["someone@c.test", "x@b.test"]])
            self.assertEqual(asked[0][1:], (b"me", b"secret"))
            self.assertIsNotNone(sink.sessions[0].ssl)
            self.assertNotIn(base64.b64encode(b"secret").decode(), home.log())
            self.assertNotIn("secret", home.log())

    def test_tls_is_used_where_it_is_offered(self):
        with peer.Sink(tls_context=self.tls()) as sink, self.house(sink.port) as home:
            self.send(home, ["x@a.test"])
            sink.wait_letters(1)
            self.assertIsNotNone(sink.sessions[0].ssl)


if __name__ == "__main__":
    unittest.main()
