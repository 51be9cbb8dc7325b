#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reading mail with the programs that people use: offlineimap, mutt, neomutt, getmail, fetchmail and imapflow."""
import imaplib
import os
import re
import shutil
import ssl
import unittest

import client
import post

TIMEOUT = 300
ROOT = os.geteuid() == 0
MANY = 300
SUBJECT = re.compile(r"^Subject: (.*)$", re.M)


def look(home, account="a@a.test"):
    """An imaplib session, to see what a client has changed."""
    context = ssl.create_default_context(cafile=home.folder / "cert.pem")
    imap = imaplib.IMAP4_SSL("localhost", home.ports()["imaps"], ssl_context=context, timeout=client.LIMIT)
    imap.login(account, "pw")
    return imap


def found(imap, folder, *keys):
    """UIDs of the letters in the folder that the keys match."""
    assert imap.select(folder)[0] == "OK", folder
    return [int(word) for word in imap.uid("SEARCH", *keys)[1][0].split()]


def letters_of(path):
    """The letters of a Maildir, those of its folders not included."""
    return sorted(p for p in (*path.glob("cur/*"), *path.glob("new/*")))


def subjects(texts):
    return sorted(SUBJECT.search(text)[1] for text in texts)


class OfflineImap(unittest.TestCase):
    def test_syncs_both_ways(self):
        with client.houseful() as home:
            mail = client.Home(home)
            mail.file("rc", f"""[general]
accounts = a
metadata = {mail.folder}/state
[Account a]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {mail.folder}/mail
[Repository far]
type = IMAP
remotehost = localhost
remoteport = {home.ports()['imaps']}
remoteuser = a@a.test
remotepass = pw
ssl = yes
sslcacertfile = {mail.certificate}
""")
            sync = ("offlineimap", "-o", "-u", "basic", "-c", "rc")
            client.deliver(home, [post.letter(k) for k in range(MANY)])
            mail.run(*sync)
            inbox = mail.folder / "mail" / "INBOX"
            self.assertEqual(subjects(path.read_text() for path in letters_of(inbox)), sorted(f"letter {k}" for k in range(MANY)))
            for name in ("Drafts", "Sent", "Junk", "Trash", "Archive"):
                self.assertTrue((mail.folder / "mail" / name / "cur").is_dir(), name)
            # here ten are read and ten thrown away, there one is flagged and one comes in
            mine = letters_of(inbox)
            for path in mine[:10]:
                path.rename(inbox / "cur" / (path.name.split(":")[0] + ":2,S"))
            for path in mine[10:20]:
                path.unlink()
            imap = look(home)
            imap.select("INBOX")
            imap.uid("STORE", str(MANY), "+FLAGS", r"(\Flagged)")
            client.deliver(home, [post.letter(MANY)])
            mail.run(*sync)
            self.assertEqual(len(found(imap, "INBOX", "ALL")), MANY - 10 + 1)
            self.assertEqual(len(found(imap, "INBOX", "SEEN")), 10)
            self.assertEqual(len(letters_of(inbox)), MANY - 10 + 1)
            flagged = [path.read_text() for path in letters_of(inbox) if path.name.endswith(":2,F")]
            self.assertEqual(len(flagged), 1)
            # and a third time nothing changes
            mail.run(*sync)
            self.assertEqual(len(letters_of(inbox)), MANY - 10 + 1)
            imap.logout()


class Mutt(unittest.TestCase):
    def shows_and_moves(self, program):
        with client.houseful() as home:
            mail = client.Home(home)
            client.deliver(home, [post.letter(k) for k in range(12)])
            mail.file("rc", f"""set folder = "imaps://localhost:{home.ports()['imaps']}"
set spoolfile = "+INBOX"
set imap_user = "a@a.test"
set imap_pass = "pw"
set resolve = no
set certificate_file = {mail.certificate}
set ssl_force_tls = yes
set ssl_verify_dates = yes
set quit = yes
set wait_key = no
set mail_check = 600
set header_cache = ""
set confirmappend = no
set delete = yes
set mark_old = no
set pipe_decode = yes
set sort = mailbox-order
""")
            # One is shown and read, one flagged, one thrown away; all with "letter 1" move to the archive.
            keys = ("<jump>1<enter><pipe-message>cat >shown<enter><clear-flag>N<jump>2<enter><flag-message><jump>3<enter><delete-message>"
                    "<tag-pattern>~s 'letter 1'<enter><tag-prefix><save-message>=Archive<enter><quit>")
            mail.typed(program, "-n", "-F", "rc", "-e", f'push "{keys}"')
            shown = (mail.folder / "shown").read_text()
            self.assertIn("Subject: letter 0", shown)
            self.assertIn("This is line 0 of letter 0", shown)
            imap = look(home)
            self.assertEqual(found(imap, "INBOX", "ALL"), [1, 4, 5, 6, 7, 8, 9, 10])
            self.assertEqual(found(imap, "INBOX", "SEEN"), [1])
            self.assertEqual(found(imap, "Archive", "ALL"), [1, 2, 3])
            self.assertEqual(found(imap, "Archive", "FLAGGED"), [1])
            imap.logout()

    def test_mutt(self):
        self.shows_and_moves("mutt")

    def test_neomutt(self):
        self.shows_and_moves("neomutt")


class Fetchers(unittest.TestCase):
    """What is fetched is the letter that was sent, whole; it stays or goes as the user says."""

    def test_getmail(self):
        with client.houseful() as home:
            mail = client.Home(home)
            box = mail.folder / "box"
            for name in (".", "cur", "new", "tmp"):
                (box / name).mkdir(exist_ok=True)
                if ROOT:
                    shutil.chown(box / name, "nobody")      # getmail does not deliver as root

            def fetch(options):
                mail.file("rc", f"""[retriever]
type = SimpleIMAPSSLRetriever
server = localhost
port = {home.ports()['imaps']}
username = a@a.test
password = pw
ca_certs = {mail.certificate}
[destination]
type = Maildir
path = {box}/
{"user = nobody" if ROOT else ""}
[options]
{options}
""")
                return mail.run("getmail", f"--getmaildir={mail.folder}", "--rcfile=rc")

            imap = look(home)
            client.deliver(home, [post.letter(k, 4000) for k in range(20)])
            fetch("read_all = false")
            self.assertEqual(subjects(path.read_text() for path in letters_of(box)), sorted(f"letter {k}" for k in range(20)))
            self.assertEqual(len(found(imap, "INBOX", "ALL")), 20)
            fetch("read_all = false")                   # it knows what it has
            self.assertEqual(len(letters_of(box)), 20)
            client.deliver(home, [post.letter(20)])
            fetch("read_all = false\ndelete = true")
            self.assertEqual(len(letters_of(box)), 21)
            self.assertEqual(found(imap, "INBOX", "ALL"), [])
            imap.logout()

    def test_fetchmail(self):
        with client.houseful() as home:
            mail = client.Home(home)
            box = mail.folder / "box"

            def fetch(service, *options, tls="", status=(0,)):
                mail.file("rc", f"""set no bouncemail
poll localhost protocol IMAP service {home.ports()[service]} user "a@a.test" password "pw" is nobody here
    sslcertck sslcertfile {mail.certificate} {tls} {' '.join(options)} mda "cat >>{box}; echo ==== >>{box}"
""")
                return mail.run("fetchmail", "--fetchmailrc", "rc", "--pidfile", mail.folder / "pid", "--idfile", mail.folder / "ids", "-v",
                                status=status)

            def fetched():
                return [text for text in box.read_text().split("====\n") if text]

            imap = look(home)
            client.deliver(home, [post.letter(k, 4000) for k in range(20)])
            fetch("imaps", "keep", tls="ssl")
            self.assertEqual(subjects(fetched()), sorted(f"letter {k}" for k in range(20)))
            self.assertEqual(len(found(imap, "INBOX", "ALL")), 20)
            self.assertEqual(len(found(imap, "INBOX", "SEEN")), 20)
            fetch("imap", "keep", tls="sslproto 'TLS1.2+'", status=(1,))        # nothing is new; 143 with STARTTLS
            self.assertEqual(len(fetched()), 20)
            client.deliver(home, [post.letter(20)])
            fetch("imap", "no keep", "fetchall", "expunge 5", tls="sslproto 'TLS1.2+'")
            self.assertEqual(len(fetched()), 41)
            self.assertEqual(found(imap, "INBOX", "ALL"), [])
            imap.logout()


class ImapFlow(unittest.TestCase):
    def reads(self, service):
        with client.houseful() as home:
            mail = client.Home(home)
            client.deliver(home, [post.letter(k) for k in range(40)])
            seen = mail.node("imapflow.js", {"port": home.ports()[service], "secure": service == "imaps", "ca": str(mail.certificate),
                                             "user": "a@a.test", "password": "pw"}, lambda: client.deliver(home, [post.letter(40)]))
            self.assertEqual(dict(seen["folders"]), {"INBOX": "\\Inbox", "Drafts": "\\Drafts", "Sent": "\\Sent", "Junk": "\\Junk",
                                                     "Trash": "\\Trash", "Archive": "\\Archive"})
            for name in ("IDLE", "UIDPLUS", "MOVE", "SPECIAL-USE", "NAMESPACE", "UNSELECT", "LITERAL+"):
                self.assertIn(name, seen["capabilities"])
            self.assertEqual(seen["status"], {"path": "INBOX", "messages": 40, "unseen": 40, "uidNext": 41})
            self.assertEqual([letter[:3] for letter in seen["letters"]], [[k + 1, f"letter {k}", "text/plain"] for k in range(40)])
            self.assertIn("This is line 0 of letter 0", seen["text"])
            self.assertEqual(seen["found"], [3, *range(21, 31)])
            self.assertEqual(seen["flagged"], [1])
            self.assertEqual((seen["moved"]["destination"], seen["moved"]["uidMap"]), ("Archive", [[2, 1]]))
            self.assertEqual(seen["copied"], "Sent")
            self.assertEqual(seen["left"], 38)
            self.assertEqual(seen["news"], 39)
            imap = look(home)
            self.assertEqual(len(found(imap, "INBOX", "ALL")), 39)
            self.assertEqual((found(imap, "Archive", "ALL"), found(imap, "Sent", "FLAGGED"), found(imap, "Plans", "ALL")), ([1], [1], []))
            imap.logout()

    def test_over_tls(self):
        self.reads("imaps")

    def test_with_starttls(self):
        self.reads("imap")


if __name__ == "__main__":
    unittest.main()
