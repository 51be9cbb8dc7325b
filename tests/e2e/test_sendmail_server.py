#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`sendmail` and the server: letters of users of this machine, who need no password."""
import os
import subprocess
import unittest

import house
import post


class SendmailServer(unittest.TestCase):
    def sendmail(self, home, *words, text="Subject: x\n\nhi\n", status=0, **more):
        done = subprocess.run([home.binary, "sendmail", "-c", home.config, *words], input=text, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=home.environment, timeout=house.PATIENCE, check=False, **more)
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def test_letters_arrive(self):
        with house.House() as home:
            home.command("setup", "email", "add", "anna@a.test", "secret")
            self.sendmail(home, "-i", "anna@a.test")
            self.sendmail(home, "-t", "-F", "Cron Daemon", text="To: anna@a.test\nBcc: anna+b@a.test\n\nhi\n.\nno more")
            self.assertIn("<nobody@a.test>: 550 5.1.1", self.sendmail(home, "anna@a.test", "nobody@a.test", status=67))
            said = self.sendmail(home, "-bs", text="EHLO x\nMAIL FROM:<x>\nRCPT TO:<anna@a.test>\nDATA\nhi\n.\nQUIT\n")
            self.assertIn("250 2.0.0 Ok: queued as ", said)
            self.assertIn("\n221 ", said)
            count = 4
            if os.geteuid() == 0:
                self.sendmail(home, "anna@a.test", user=65534, group=65534, extra_groups=[])
                count += 1
            house.until(lambda: len(post.inbox(home, "anna@a.test")) == count, f"{count} letters")
            if os.geteuid() == 0:
                self.assertRegex(home.command("trace", "anna@a.test"), r"uid=65534 from=<nobody@mx\.house\.test>")


if __name__ == "__main__":
    unittest.main()
