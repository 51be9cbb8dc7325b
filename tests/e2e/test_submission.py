#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Submission on 587, 465 and data_dir/run/submit: with real clients, forged senders, and rooms that die meanwhile."""
import email
import imaplib
import os
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import unittest

import client
import house
import peer
import post

TIMEOUT = 400
PASSWORD = "correct horse"
# src/run/test_password.c has all schemes and says how they were made; of each family the cheapest.
SCHEMES = {
    "plain": "{PLAIN}correct horse",
    "b64": "{PLAIN.b64}Y29ycmVjdCBob3JzZQ==",
    "md5crypt": "{MD5-CRYPT}$1$saltsalt$NuzA7WTAelpl95xgBGWN60",
    "bcrypt": "{BLF-CRYPT}$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
    "sha256crypt": "{SHA256-CRYPT}$5$rounds=1234$saltstring$JwEtARLq22IuEMOkyrnAzPCpAMczLA.b/Lpn1eZkj.1",
    "sha512crypt": "{SHA512-CRYPT}$6$rounds=1234$saltstring$jCcf.TW0mJZwKsX/lGyOmNrP5mmUtjuip2DA5RkZ4RgrifFxxsOVyCsXxALyx1XjfjIDq7"
                   "0Oiuaz93.cqMjIE1",
    "sha": "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=",
    "ssha": "{SSHA}awc/Cj0kafyFd5d8fGn07xoHBJJzYWx0c2FsdA==",
    "ssha512": "{SSHA512}50rsRNBf8j3I5xE+QwaHdFyMhOzITssZ8BB3UxwQ+SI1JKygYm6ZeRYTDuUyFZIIqDonoTuXwB0Z/MAPhgQCFHNhbHRzYWx0",
    "crammd5": "{CRAM-MD5}38b57fd1a0c4b46c814aa05f20318edd71c455380655f2c0ac35c5b359528d29",
    "pbkdf2": "{PBKDF2}$1$somesalt$5000$d5feb84e8228a961146ce68c561fa0eece3a8845",
    "argon2id": "{ARGON2ID}$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$ZUDqUgMuBMaaeInW9f9JPW7gJRYc7LolDNmfiyqbGOo",
}
ALIASES = "team@a.test a@a.test,b@a.test\n@catch.test a@a.test\nout@a.test x@far.test\n"
LETTER = "From: <a@a.test>\r\nTo: <b@a.test>\r\nSubject: submitted\r\nMessage-ID: <1@a.test>\r\nX-Mailer: Spy 1.0\r\n\r\ntext\r\n"


def houseful(accounts=post.ACCOUNTS, **settings):
    home = house.House(start=False, **settings)
    home.write("postfix-accounts.cf", accounts)
    home.write("postfix-virtual.cf", ALIASES)
    home.start()
    return home


def blind():
    """The server's certificate is its own."""
    return ssl._create_unverified_context()


def session(home, way="submission", login="a@a.test", password="pw"):
    """A smtplib session, logged in unless login is None."""
    port = home.ports()[way]
    if way == "submissions":
        smtp = smtplib.SMTP_SSL("127.0.0.1", port, timeout=house.PATIENCE, context=blind())
    else:
        smtp = smtplib.SMTP("127.0.0.1", port, timeout=house.PATIENCE)
        smtp.starttls(context=blind())
    if login:
        smtp.login(login, password)
    return smtp


def newest(home, account="b@a.test"):
    """The newest letter of the INBOX as text, over IMAP."""
    imap = imaplib.IMAP4_SSL("127.0.0.1", home.ports()["imaps"], ssl_context=blind(), timeout=house.PATIENCE)
    imap.login(account, "pw")
    count = int(imap.select("INBOX")[1][0])
    text = imap.fetch(str(count), "(BODY[])")[1][0][1].decode()
    imap.logout()
    return text


def arrived(home, count, account="b@a.test"):
    house.until(lambda: len(post.inbox(home, account)) == count, f"{count} letters for {account}")


class Clients(unittest.TestCase):
    def test_smtplib_and_every_cheap_scheme(self):
        people = "".join(f"{name}@a.test|{stored}\n" for name, stored in SCHEMES.items())
        with houseful(people + "b@a.test|{PLAIN}pw\n") as home:
            for name in SCHEMES:
                way = "submissions" if len(name) % 2 else "submission"
                with session(home, way, f"{name}@a.test", PASSWORD) as smtp:
                    smtp.sendmail(f"{name}@a.test", ["b@a.test"], LETTER)
            arrived(home, len(SCHEMES))
            with session(home, login=None) as smtp, self.assertRaises(smtplib.SMTPAuthenticationError) as raised:
                smtp.login("argon2id@a.test", PASSWORD + " ")
            self.assertEqual(raised.exception.smtp_code, 535)
            home.wait_log(r"gate\[\d+\]: warning: localhost\[127\.0\.0\.1\]: SASL (PLAIN|LOGIN) authentication failed: "
                          r"\(reason unavailable\), sasl_username=argon2id@a\.test$")

    def test_swaks_curl_msmtp_and_openssl(self):
        with client.houseful() as home:
            mail, ports, count = client.Home(home), home.ports(), 0
            for arguments in (("-tls", "--port", ports["submission"], "--auth", "PLAIN"),
                              ("-tls", "--port", ports["submission"], "--auth", "LOGIN"),
                              ("--tls-on-connect", "--port", ports["submissions"], "--auth", "LOGIN", "--pipeline")):
                mail.run("swaks", "--server", "127.0.0.1", *map(str, arguments), "--auth-user", "a@a.test", "--auth-password", "pw",
                         "--from", "a@a.test", "--to", "b@a.test", "--body", "hello")
                count += 1
            letter = mail.file("letter", LETTER)
            for url in (f"smtp://127.0.0.1:{ports['submission']}/laptop", f"smtps://127.0.0.1:{ports['submissions']}/laptop"):
                for mechanism in ("PLAIN", "LOGIN"):
                    mail.run("curl", "-sSk", "--ssl-reqd", url, "-u", "a@a.test:pw", "--login-options", f"AUTH={mechanism}",
                             "--mail-from", "a@a.test", "--mail-rcpt", "b@a.test", "--upload-file", letter)
                    count += 1
            for starttls, name in (("on", "submission"), ("off", "submissions")):
                rc = mail.file(f"msmtprc-{name}", f"account default\nhost localhost\nport {ports[name]}\ntls on\ntls_starttls {starttls}\n"
                               f"tls_trust_file {mail.certificate}\nauth on\nuser a@a.test\npassword pw\nfrom a@a.test\n")
                mail.run("msmtp", "-C", rc, "b@a.test", text=LETTER.replace("\r\n", "\n"))
                count += 1
            said = mail.run("openssl", "s_client", "-quiet", "-crlf", "-connect", f"127.0.0.1:{ports['submission']}", "-starttls", "smtp",
                            text="EHLO openssl\nAUTH PLAIN AGFAYS50ZXN0AHB3\nMAIL FROM:<a@a.test>\nRCPT TO:<b@a.test>\nBDAT 24 LAST\n"
                                 "Subject: by hand\n\nhi\nQUIT\n")
            self.assertIn("235 2.7.0", said)
            self.assertIn("250 2.0.0 Ok: 24 bytes queued as ", said)
            arrived(home, count + 1)


class Letters(unittest.TestCase):
    def test_nothing_tells_of_the_client(self):
        with houseful() as home:
            with session(home) as smtp:
                smtp.sendmail("a@a.test", ["b@a.test"], LETTER)
            arrived(home, 1)
            text = newest(home)
            head = text.partition("\r\n\r\n")[0]
            received = email.message_from_string(text)["Received"]
            self.assertRegex(received, r"^by mx\.house\.test \(Mailstead\) with ESMTPSA id [0-9A-F]{16}\s+for <b@a\.test>;")
            for trace in ("127.0.0.1", "localhost", "Spy", "TLSv1"):
                self.assertNotIn(trace, head)
            self.assertIn("\r\nDate: ", head)
            number = re.search(r" id ([0-9A-F]{16})", received)[1]
            home.wait_log(rf"{number}: client=localhost\[127\.0\.0\.1\], sasl_method=\w+, sasl_username=a@a\.test$")

    def test_senders(self):
        with houseful() as home:
            with session(home) as smtp:
                for sender in ("a@a.test", "A@A.TEST", "team@a.test", ""):
                    smtp.sendmail(sender, ["b@a.test"], LETTER)
                for sender in ("b@a.test", "a+tag@a.test", "x@catch.test", "x@far.test", "root@mx.house.test", "out@a.test"):
                    with self.assertRaises(smtplib.SMTPRecipientsRefused) as raised:
                        smtp.sendmail(sender, ["b@a.test"], LETTER)
                    self.assertEqual(raised.exception.recipients["b@a.test"], (553, (
                        f"5.7.1 <{sender}>: Sender address rejected: not owned by user a@a.test").encode()))
            arrived(home, 4)
            # a change of the table counts at once
            home.write("postfix-virtual.cf", ALIASES + "new@a.test a@a.test\n")
            home.command("reload", "--wait")
            with session(home) as smtp:
                smtp.sendmail("new@a.test", ["b@a.test"], LETTER)
            arrived(home, 5)

    def test_senders_without_protection(self):
        with houseful(spoof_protection=0) as home, session(home) as smtp:
            for sender in ("b@a.test", "x@far.test", "a+tag@a.test"):
                smtp.sendmail(sender, ["b@a.test"], LETTER)
            arrived(home, 3)

    def test_nobody_relays_without_a_login(self):
        with houseful(mynetworks="127.0.0.0/8") as home:
            for way in ("submission", "submissions"):
                with session(home, way, login=None) as smtp:
                    for to in ("x@far.test", "b@a.test", "x%far.test@a.test"):
                        with self.assertRaises(smtplib.SMTPRecipientsRefused) as raised:
                            smtp.sendmail("a@a.test", [to], LETTER)
                        self.assertEqual(raised.exception.recipients[to][0], 554)


class Abroad(unittest.TestCase):
    def test_submissions_programs_and_aliases_reach_other_servers(self):
        with peer.Sink() as sink, houseful(relay_host=f"[127.0.0.1]:{sink.port}") as home:
            with session(home) as smtp:
                smtp.sendmail("a@a.test", ["x@far.test", "b@a.test"], LETTER)
            arrived(home, 1)
            home.command("sendmail", "-f", "cron", "y@far.test", text="Subject: job\n\nhi\n")
            dialogue = post.Dialogue(home)
            dialogue.send("s@else.test", ["out@a.test"], post.letter(1))
            dialogue.close()
            letters = {sender: (recipients, text.decode()) for sender, recipients, text in sink.wait_letters(3)}
            self.assertEqual({sender: recipients for sender, (recipients, _) in letters.items()},
                             {"a@a.test": ["x@far.test"], "cron@mx.house.test": ["y@far.test"], "s@else.test": ["x@far.test"]})
            submitted = letters["a@a.test"][1]
            self.assertRegex(submitted, r"^Received: by mx\.house\.test \(Mailstead\) with ESMTPSA id [0-9A-F]{16}")
            self.assertNotIn("127.0.0.1", submitted)
            self.assertIn(f"from userid {os.getuid()})", letters["cron@mx.house.test"][1])


class Local(unittest.TestCase):
    def test_programs_of_this_machine(self):
        with houseful() as home:
            path = home.data_dir / "run" / "submit"
            self.assertEqual(path.stat().st_mode & 0o777, 0o666)
            with socket.socket(socket.AF_UNIX) as raw:
                raw.settimeout(house.PATIENCE)
                raw.connect(str(path))
                raw.sendall(b"EHLO here\r\nMAIL FROM:<cron>\r\nRCPT TO:<b@a.test>\r\nRCPT TO:<postmaster>\r\nRCPT TO:<nobody@a.test>\r\n"
                            b"DATA\r\n")
                heard = b""
                while b"354 " not in heard:
                    heard += raw.recv(4096)
                self.assertIn(b"550 5.1.1 <nobody@a.test>", heard)
                self.assertNotIn(b"AUTH", heard)
                raw.sendall(b"Subject: cron\r\n\r\ntext\r\n.\r\nQUIT\r\n")
                while chunk := raw.recv(4096):
                    heard += chunk
                self.assertIn(b"250 2.0.0 Ok: queued as ", heard)
            arrived(home, 1)
            text = newest(home)
            self.assertRegex(text, rf"Received: by mx\.house\.test \(Mailstead, from userid {os.getuid()}\)\r\n\tid [0-9A-F]{{16}};")
            self.assertIn("Return-Path: <cron@mx.house.test>", text)
            self.assertIn("\r\nFrom: ", text)
            home.wait_log(rf"[0-9A-F]{{16}}: uid={os.getuid()} from=<cron@mx\.house\.test>$")

    @unittest.skipUnless(os.getuid() == 0, "needs to become another user")
    def test_another_user_is_known_by_his_uid(self):
        with houseful() as home:
            script = ("import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b'EHLO x\\r\\nMAIL FROM:<n>"
                      "\\r\\nRCPT TO:<b@a.test>\\r\\nDATA\\r\\n'); f = s.makefile('rb')\nwhile not f.readline().startswith(b'354'): pass\n"
                      "s.sendall(b'Subject: x\\r\\n\\r\\n.\\r\\n'); assert f.readline().startswith(b'250')")
            done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", script,
                                   home.data_dir / "run" / "submit"], capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            home.wait_log(r": uid=65534 from=<n@mx\.house\.test>$")


class Deaths(unittest.TestCase):
    def test_a_right_outlives_the_keeper_that_gave_it(self):
        with houseful() as home, session(home) as smtp:
            smtp.sendmail("a@a.test", ["b@a.test"], LETTER)
            for moment in ("before MAIL", "before RCPT", "before DATA", "before the end"):
                before = home.roles()["keeper/0"]
                if moment != "before MAIL":
                    self.assertEqual(smtp.mail("a@a.test")[0], 250)
                if moment in ("before DATA", "before the end"):
                    self.assertEqual(smtp.rcpt("b@a.test")[0], 250)
                if moment == "before the end":
                    self.assertEqual(smtp.docmd("DATA")[0], 354)
                home.kill("keeper/0", signal.SIGKILL)
                if moment == "before MAIL":
                    self.assertEqual(smtp.mail("a@a.test")[0], 250)
                if moment in ("before MAIL", "before RCPT"):
                    self.assertEqual(smtp.rcpt("b@a.test")[0], 250, moment)
                if moment != "before the end":
                    self.assertEqual(smtp.docmd("DATA")[0], 354)
                smtp.send(LETTER + ".\r\n")
                self.assertEqual(smtp.getreply()[0], 250, moment)
                home.wait_role("keeper/0", other_than=before)
            arrived(home, 5)

    def test_a_right_ends_with_its_account(self):
        with houseful() as home, session(home, login="d@a.test") as smtp:
            self.assertEqual(smtp.mail("d@a.test")[0], 250)
            self.assertEqual(smtp.rcpt("b@a.test")[0], 250)
            home.write("postfix-accounts.cf", post.ACCOUNTS.replace("d@a.test|{PLAIN}pw\n", ""))
            home.command("reload", "--wait")
            # keeper said yes to the sender before; spool asks it again
            self.assertEqual(smtp.docmd("DATA")[0], 354)
            smtp.send(LETTER + ".\r\n")
            self.assertEqual(smtp.getreply()[0], 451)
            self.assertEqual(smtp.mail("d@a.test")[0], 250)
            self.assertEqual(smtp.rcpt("b@a.test"), (530, b"5.7.0 Authentication required"))
            self.assertEqual(post.inbox(home, "b@a.test"), [])


if __name__ == "__main__":
    unittest.main()
