#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`sendmail`, by its name and as a command, against a played server on data_dir/run/submit."""
import os
import pathlib
import socket
import subprocess
import tempfile
import threading
import unittest

BINARY = os.environ["MAILSTEAD_BIN"]


class Played:
    """Takes every letter; .heard is what each client said."""

    def __init__(self, folder, refusals=()):
        self.path = pathlib.Path(folder) / "run" / "submit"
        self.path.parent.mkdir(parents=True)
        self.refusals = dict(refusals)
        self.heard = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            with client:
                self.heard.append(b"")
                self.talk(client)

    def talk(self, client):
        lines, in_letter = client.makefile("rb"), False
        client.sendall(b"220 mx\r\n")
        for line in lines:
            self.heard[-1] += line
            if in_letter and line != b".\r\n":
                continue
            in_letter = line.startswith(b"DATA")
            if line.startswith(b"QUIT"):
                return
            reply = next((self.refusals[start] for start in self.refusals if line.startswith(start)), None)
            client.sendall(reply or (b"354 go\r\n" if in_letter else b"250 ok\r\n"))

    def close(self):
        self.listener.close()


class Sendmail(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="sendmail-")
        self.addCleanup(self.folder.cleanup)
        self.data = pathlib.Path(self.folder.name) / "data"
        self.environment = {"PATH": os.environ["PATH"], "MAILSTEAD_DATA_DIR": str(self.data), "MAILSTEAD_HOSTNAME": "mx.a.test"}

    def played(self, **refusals):
        server = Played(self.data, **refusals)
        self.addCleanup(server.close)
        return server

    def run_as(self, name, *words, text=b"Subject: x\n\nhi\n", status=0):
        link = pathlib.Path(self.folder.name) / name
        if not link.exists():
            link.symlink_to(BINARY)
        done = subprocess.run([link, *words], input=text, capture_output=True, env=self.environment, timeout=60, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def test_by_name(self):
        server = self.played()
        self.run_as("sendmail", "-i", "-f", "a@a.test", "b@b.test", text=b"Subject: x\n\n.\nhi\n")
        self.assertEqual(server.heard, [b"EHLO mx.a.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n"
                                        b"Subject: x\r\n\r\n..\r\nhi\r\n.\r\nQUIT\r\n"])

    def test_recipients_of_the_header(self):
        server = self.played()
        self.run_as("sendmail", "-t", "-F", "Cron Daemon", "-f", "a@a.test", text=b"To: b@b.test\nBcc: c@b.test\n\nhi\n.\nno more")
        self.assertIn(b"RCPT TO:<b@b.test>\r\nRCPT TO:<c@b.test>\r\nDATA\r\n"
                      b'From: "Cron Daemon" <a@a.test>\r\nTo: b@b.test\r\n\r\nhi\r\n.\r\n', server.heard[0])

    def test_as_a_command(self):
        server = self.played()
        self.run_as("mailstead", "sendmail", "-oi", "-o", f"data_dir={self.data}", "root")
        self.assertIn(b"RCPT TO:<root>\r\n", server.heard[0])

    def test_a_dialogue(self):
        self.played()
        done = self.run_as("sendmail", "-bs", text=b"EHLO x\nQUIT\n")
        self.assertEqual(done.stdout, b"220 mx\r\n250 ok\r\n")

    def test_statuses(self):
        self.assertIn(b"no server", self.run_as("sendmail", "root", status=75).stderr)
        self.assertTrue(self.run_as("sendmail", "-bs", status=75).stdout.startswith(b"421 4.3.2 "))
        self.assertIn(b"Recipient addresses must be", self.run_as("sendmail", status=64).stderr)
        self.assertIn(b"unknown", self.run_as("sendmail", "-Z", status=64).stderr)
        self.run_as("sendmail", "-q")
        self.run_as("newaliases")
        self.played(refusals={b"RCPT TO:<nobody>": b"550 5.1.1 no such user\r\n"})
        self.assertIn(b"<nobody>: 550 5.1.1 no such user", self.run_as("sendmail", "nobody", status=67).stderr)
        self.assertIn(b"No recipient addresses found", self.run_as("sendmail", "-t", status=64).stderr)

    def test_a_configuration_that_is_named_must_be_good(self):
        server = self.played()
        config = pathlib.Path(self.folder.name) / "mailstead.conf"
        config.write_text(f"data_dir = {self.data}\n")
        self.run_as("mailstead", "sendmail", "-c", str(config), "root")
        config.write_text(f"data_dir = {self.data}\nrelay_password_file = /nonexistent\n")
        self.assertIn(b"relay_password", self.run_as("mailstead", "sendmail", "-c", str(config), "root", status=78).stderr)
        self.assertEqual(len(server.heard), 1)


if __name__ == "__main__":
    unittest.main()
