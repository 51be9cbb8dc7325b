#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sending mail with the programs that people use, on 587 and 465: msmtp, swaks, curl, mutt, neomutt, s-nail, smtplib, nodemailer.

Each logs in as a@a.test, verifies our certificate, and what it sent is in the INBOX of b@a.test.
"""
import email
import email.policy
import imaplib
import re
import smtplib
import ssl
import subprocess
import unittest

import client
import house
import post

TIMEOUT = 300
QUEUED = re.compile(r"2\.0\.0 Ok: queued as ([0-9A-F]{16})")
WAYS = ("submission", "submissions")


def look(home, account, folder="INBOX"):
    """The letters of a folder as IMAP gives them, parsed."""
    context = ssl.create_default_context(cafile=home.folder / "cert.pem")
    imap = imaplib.IMAP4_SSL("localhost", home.ports()["imaps"], ssl_context=context, timeout=client.LIMIT)
    imap.login(account, "pw")
    imap.select(folder)
    parts = imap.fetch("1:*", "(BODY.PEEK[])")[1]
    imap.logout()
    return [email.message_from_bytes(part[1], policy=email.policy.default) for part in parts if isinstance(part, tuple)]


class Send(unittest.TestCase):
    def setUp(self):
        self.home = client.houseful()
        self.addCleanup(self.home.discard)
        self.mail = client.Home(self.home)
        self.ports = self.home.ports()

    def arrived(self, count, account="b@a.test"):
        """That many letters, each complete, with what a submission must have; then the house ends in order."""
        house.until(lambda: len(post.inbox(self.home, account)) >= count, f"{count} letters")
        letters = look(self.home, account)
        self.home.stop()
        self.assertEqual(len(letters), count)
        for letter in letters:
            self.assertEqual(letter["Return-Path"], "<a@a.test>", letter)
            self.assertEqual(letter["Delivered-To"], account)
            self.assertIsNotNone(letter["Date"], letter)
            self.assertRegex(letter["Message-ID"], r"^<[^<>@]+@[^<>@]+>$")
            self.assertEqual([header for header in letter.get_all("Received", ()) if "127.0.0.1" in header or "client.test" in header], [],
                             "says where the sender sat")
        return sorted(letters, key=lambda letter: letter["Subject"])

    def test_msmtp(self):
        rows = "".join(f"""account {way}
host localhost
port {self.ports[way]}
tls on
tls_starttls {"on" if way == "submission" else "off"}
tls_trust_file {self.mail.certificate}
auth {method}
user a@a.test
password pw
from a@a.test
""" for way, method in zip(WAYS, ("plain", "login")))
        self.mail.file("rc", rows)
        for way in WAYS:
            text = f"To: b@a.test\nSubject: by {way}\n\n.\nA dot above, umlauts äöü.\n" + "x" * 900 + "\n"
            self.mail.run("msmtp", "-C", "rc", "-a", way, "-t", text=text)
        # another's address, and a wrong password
        said = self.mail.run("msmtp", "-C", "rc", "-a", "submission", "-f", "c@a.test", "b@a.test", text="Subject: no\n\nno\n",
                             status=(65, 69, 77))
        self.assertIn("Sender address rejected: not owned by user a@a.test", said)
        self.mail.file("rc", rows.replace("password pw", "password no"))
        said = self.mail.run("msmtp", "-C", "rc", "-a", "submissions", "b@a.test", text="Subject: no\n\nno\n", status=(77,))
        self.assertIn("535", said)
        for letter, way in zip(self.arrived(2), WAYS):
            self.assertEqual(letter["Subject"], f"by {way}")
            self.assertTrue(letter.get_payload(decode=True).startswith(".\r\nA dot above, umlauts äöü.\r\n".encode()), letter)

    def test_swaks(self):
        for number, (way, method) in enumerate((w, m) for w in WAYS for m in ("PLAIN", "LOGIN")):
            said = self.mail.run("swaks", "--server", "localhost", "--port", str(self.ports[way]), "--helo", "client.test",
                                 "--tls-on-connect" if way == "submissions" else "--tls", "--tls-verify", "--tls-ca-path",
                                 self.mail.certificate, "--auth", method, "--auth-user", "a@a.test", "--auth-password", "pw", "--from",
                                 "a@a.test", "--to", "b@a.test", "--header", f"Subject: {number}", "--body", "hello")
            self.assertRegex(said, QUEUED)
        # nothing without TLS, nothing without a password, nothing for a wrong one
        bare = ("swaks", "--server", "localhost", "--port", str(self.ports["submission"]), "--helo", "client.test", "--from", "a@a.test",
                "--to", "b@a.test")
        said = self.mail.run(*bare, "--auth", "PLAIN", "--auth-user", "a@a.test", "--auth-password", "pw", status=(28,))
        self.assertNotIn("AUTH PLAIN", said)
        self.assertIn("530 5.7.0", self.mail.run(*bare, status=(23,)))
        said = self.mail.run(*bare, "--tls", status=(23, 24))
        self.assertRegex(said, r"<~\* 5[35][04] ")
        said = self.mail.run(*bare, "--tls", "--auth", "LOGIN", "--auth-user", "a@a.test", "--auth-password", "no", status=(28,))
        self.assertIn("535 5.7.8", said)
        self.assertEqual([letter["Subject"] for letter in self.arrived(4)], ["0", "1", "2", "3"])

    def test_curl(self):
        for way, scheme in (("submission", "smtp"), ("submissions", "smtps")):
            self.mail.run("curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", self.mail.certificate, "--user", "a@a.test:pw",
                          f"{scheme}://localhost:{self.ports[way]}/client.test", "--mail-from", "a@a.test", "--mail-rcpt", "b@a.test",
                          "--crlf", "--upload-file", "-", text=f"From: a@a.test\nTo: b@a.test\nSubject: {way}\n\nhello\n")
        self.assertEqual([letter["Subject"] for letter in self.arrived(2)], list(WAYS))

    def mutt(self, program):
        """From the command line, as scripts do; with an attachment that is longer than a buffer, and a copy in Sent."""
        attached = self.mail.file("list.csv", "".join(f"{k},{k * k}\n" for k in range(20000)))
        for way, scheme in (("submission", "smtp"), ("submissions", "smtps")):
            self.mail.file("rc", f"""set smtp_url = "{scheme}://a%40a.test@localhost:{self.ports[way]}/"
set smtp_pass = "pw"
set from = "a@a.test"
set realname = "A. Sender"
set certificate_file = {self.mail.certificate}
set ssl_force_tls = yes
set ssl_starttls = yes
set copy = yes
set hostname = client.test
set use_envelope_from = yes
set folder = "imaps://localhost:{self.ports['imaps']}"
set imap_user = "a@a.test"
set imap_pass = "pw"
set record = "+Sent"
""")
            self.mail.run(program, "-n", "-F", "rc", "-s", f"Grüße, {way}", "-a", attached, "--", "b@a.test", text="Schöne Grüße\n")
        kept = sorted(letter["Message-ID"] for letter in look(self.home, "a@a.test", "Sent"))
        letters = self.arrived(2)
        if program == "mutt":       # neomutt keeps no copy over IMAP in batch mode
            self.assertEqual(kept, sorted(letter["Message-ID"] for letter in letters))
        for letter, way in zip(letters, WAYS):
            self.assertEqual(letter["Subject"], f"Grüße, {way}")
            self.assertEqual(letter.get_body().get_content(), "Schöne Grüße\r\n")
            content = next(letter.iter_attachments()).get_content()
            self.assertEqual((content if isinstance(content, str) else content.decode()).replace("\r\n", "\n"), attached.read_text())

    def test_mutt(self):
        self.mutt("mutt")

    def test_neomutt(self):
        self.mutt("neomutt")

    def test_s_nail(self):
        for way, scheme in (("submission", "smtp"), ("submissions", "smtps")):
            self.mail.file("rc", f"""set v15-compat
set mta={scheme}://a%40a.test:pw@localhost:{self.ports[way]}
set from=a@a.test
set smtp-use-starttls
set smtp-auth=plain
set tls-ca-file={self.mail.certificate}
set tls-verify=strict
set hostname=client.test
""")
            self.mail.environment["MAILRC"] = str(self.mail.folder / "rc")
            self.mail.run("s-nail", "-:u", "-s", way, "b@a.test", text="hello\n")
        self.assertEqual([letter["Subject"] for letter in self.arrived(2)], list(WAYS))

    def test_smtplib(self):
        context = ssl.create_default_context(cafile=self.mail.certificate)
        text = "Subject: {}\r\n\r\nhello\r\n"
        with smtplib.SMTP("localhost", self.ports["submission"], "client.test", timeout=client.LIMIT) as smtp:
            smtp.ehlo()
            self.assertNotIn("auth", smtp.esmtp_features)
            with self.assertRaisesRegex(smtplib.SMTPResponseException, "530"):
                smtp.sendmail("a@a.test", ["b@a.test"], text.format("no"))
            smtp.starttls(context=context)
            smtp.login("a@a.test", "pw")
            for number in range(20):
                smtp.sendmail("a@a.test", ["b@a.test"], text.format(f"{number:02}"))
            with self.assertRaises(smtplib.SMTPRecipientsRefused) as caught:
                smtp.sendmail("c@a.test", ["b@a.test"], text.format("no"))
            self.assertEqual(caught.exception.recipients["b@a.test"],
                             (553, b"5.7.1 <c@a.test>: Sender address rejected: not owned by user a@a.test"))
        with smtplib.SMTP_SSL("localhost", self.ports["submissions"], "client.test", timeout=client.LIMIT, context=context) as smtp:
            with self.assertRaises(smtplib.SMTPAuthenticationError):
                smtp.login("a@a.test", "no")
            smtp.login("A@A.test", "pw")
            smtp.sendmail("a@a.test", ["b@a.test", "B@a.test"], text.format("20"))
        self.assertEqual([letter["Subject"] for letter in self.arrived(21)], [f"{number:02}" for number in range(21)])

    def test_nodemailer(self):
        for way in WAYS:
            for method in ("PLAIN", "LOGIN"):
                results = self.mail.node("nodemailer.js", {
                    "port": self.ports[way], "secure": way == "submissions", "method": method, "ca": str(self.mail.certificate),
                    "user": "a@a.test", "password": "pw", "from": "Ä. Sender <a@a.test>",
                    "letters": [{"to": "b@a.test", "subject": f"{way} {method} {k}", "text": "Grüße " * 500,
                                 "html": "<b>Grüße</b>", "attachments": [{"filename": "ü.bin", "content": "x" * 50000}]}
                                for k in range(5)]})
                for response, name in results:
                    self.assertRegex(response, QUEUED)
                    self.assertRegex(name, "@a.test>$")
        results = self.mail.node("nodemailer.js", {"port": self.ports["submissions"], "secure": True, "ca": str(self.mail.certificate),
                                                   "user": "a@a.test", "password": "pw", "from": "c@a.test",
                                                   "letters": [{"to": "b@a.test", "subject": "no", "text": "no"}]})
        self.assertIn("553 5.7.1", results[0][0])
        letters = self.arrived(20)
        self.assertEqual({letter["Subject"][:-2] for letter in letters}, {f"{way} {method}" for way in WAYS for method in ("PLAIN", "LOGIN")})
        for letter in letters:
            self.assertEqual(letter.get_body(("plain",)).get_content().strip(), ("Grüße " * 500).strip())
            self.assertEqual(next(letter.iter_attachments()).get_filename(), "ü.bin")

    def test_openssl(self):
        """By hand: what s_client says line by line."""
        words = "EHLO client.test\r\nAUTH PLAIN AGFAYS50ZXN0AHB3\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@a.test>\r\nDATA\r\n"
        with subprocess.Popen(["openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", self.mail.certificate, "-starttls", "smtp",
                               "-connect", f"localhost:{self.ports['submission']}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) as process:
            heard = []
            for word in [*words.splitlines(), "Subject: by hand\n\nhello\n.", "QUIT"]:
                process.stdin.write(word.replace("\n", "\r\n") + "\r\n")
                process.stdin.flush()
                while (line := process.stdout.readline()) and line[3:4] == "-":
                    pass
                heard.append(line[:3])
        # s_client reads one reply to its own EHLO before ours
        self.assertEqual(heard[-6:], ["235", "250", "250", "354", "250", "221"])
        self.arrived(1)


if __name__ == "__main__":
    unittest.main()
