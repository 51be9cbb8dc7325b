#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Letters on port 25: into INBOX, through crashes of every room, and through real clients."""
import os
import random
import signal
import smtplib
import ssl
import subprocess
import time
import unittest

import house
import post

TIMEOUT = 400
ROUNDS = int(os.environ.get("MAILSTEAD_ROUNDS", "20"))


def houseful(**settings):
    home = house.House(start=False, **settings)
    home.write("postfix-accounts.cf", post.ACCOUNTS)
    home.write("postfix-virtual.cf", "team@a.test a@a.test,b@a.test\n@catch.test c@a.test\n")
    home.start()
    return home


class Receive(unittest.TestCase):
    def test_a_letter_reaches_the_inbox(self):
        with houseful() as home:
            dialogue = post.Dialogue(home)
            first = dialogue.send("s@far.test", ["a@a.test"], post.letter(1))
            second = dialogue.send("", ["A+tag@a.test", "b@a.test"], post.letter(2, 200000))
            third = dialogue.send("s@far.test", ["team@a.test", "anyone@catch.test"], post.letter(3))
            dialogue.close()
            house.until(lambda: len(post.inbox(home, "a@a.test")) == 3, "three letters for a")
            rows = post.inbox(home, "a@a.test")
            self.assertEqual(sorted(row[1] for row in rows), sorted([first, second, third]))
            self.assertEqual([row[0] for row in rows], ["1", "2", "3"])
            house.until(lambda: len(post.inbox(home, "b@a.test")) == 2, "two letters for b")
            house.until(lambda: [row[1] for row in post.inbox(home, "c@a.test")] == [third], "one letter for c")
            home.restart()
            self.assertEqual(post.inbox(home, "a@a.test"), rows)

    def test_refusals(self):
        with houseful() as home:
            dialogue = post.Dialogue(home)
            dialogue.say("MAIL FROM:<s@far.test>", "250 2.1.0 Ok")
            dialogue.say("RCPT TO:<nobody@a.test>", "550 5.1.1 <nobody@a.test>: Recipient address rejected: User unknown")
            for trick in ("x@far.test", "x%far.test@a.test", "far.test!x@a.test", "@a.test,@b.test:x@far.test", "x@far.test@a.test",
                          '"x@far.test"@a.test', "x@[127.0.0.1]"):
                dialogue.say(f"RCPT TO:<{trick}>", "5")
            dialogue.say("RCPT TO:<postmaster>", "250")
            dialogue.say("RSET", "250 2.0.0 Ok")
            dialogue.say("QUIT", "221 2.0.0 Bye")
            dialogue.close()

    def test_clients(self):
        with houseful() as home:
            port = home.ports()["smtp"]
            context = ssl._create_unverified_context()
            with smtplib.SMTP("127.0.0.1", port, "client.test", timeout=20) as smtp:
                smtp.starttls(context=context)
                self.assertNotIn("auth", smtp.esmtp_features)
                smtp.sendmail("s@far.test", ["a@a.test"], "Subject: over TLS\r\n\r\nHello.\r\n")
            done = subprocess.run(["swaks", "--server", f"127.0.0.1:{port}", "--helo", "client.test", "--from", "s@far.test", "--to",
                                   "a@a.test", "--tls", "--body", "hello"], capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            done = subprocess.run(["curl", "--silent", "--show-error", f"smtp://127.0.0.1:{port}/client.test", "--mail-from", "s@far.test",
                                   "--mail-rcpt", "a@a.test", "--upload-file", "-"], input="Subject: curl\r\n\r\nhello\r\n",
                                  capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            house.until(lambda: len(post.inbox(home, "a@a.test")) == 3, "three letters")


class Kill(unittest.TestCase):
    ACCOUNTS = ["a@a.test", "b@a.test", "c@a.test", "d@a.test"]

    def rounds(self, strike):
        """Load, a blow a round; afterwards everything that got a 250 is there once."""
        seed = int(time.time())
        choice = random.Random(seed)
        with houseful() as home:
            load = post.Load(home, self.ACCOUNTS).start()
            try:
                for _ in range(ROUNDS):
                    time.sleep(choice.uniform(0.05, 0.4))
                    strike(home, choice)
            finally:
                load.stop()
            self.assertGreater(load.check(), ROUNDS, load.failures)
            # and nothing changes when it all starts anew
            before = {account: post.inbox(home, account) for account in self.ACCOUNTS}
            home.kill_everything()
            home.start()
            load.check()
            for account in self.ACCOUNTS:
                self.assertEqual(post.inbox(home, account), before[account], f"seed {seed}")

    def test_each_role_at_random(self):
        def strike(home, choice):
            roles = home.roles()
            if roles:
                try:
                    os.kill(choice.choice(sorted(roles.values())), signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self.rounds(strike)

    def test_everything_at_once(self):
        def strike(home, _):
            home.kill_everything()
            home.start()
        self.rounds(strike)

    def test_master_alone(self):
        def strike(home, _):
            home.process.kill()
            home.process.wait()
            home.start()
        self.rounds(strike)


class Stopped(unittest.TestCase):
    def test_a_stopped_room_stops_nothing_else(self):
        with houseful() as home:
            for role in ("resolver/0", "keeper/0", "scan/0", "spool/0", "mailbox/0"):
                load = post.Load(home, ["a@a.test"], senders=3).start()
                time.sleep(0.3)
                pid = home.kill(role, signal.SIGSTOP)
                time.sleep(1)
                # the others still answer
                if role != "resolver/0":
                    home.command("lookup", "localhost")
                os.kill(pid, signal.SIGCONT)
                time.sleep(0.5)
                load.stop()
                load.check()
                self.assertEqual(home.roles()[role], pid, "it was ended for standing still a second")


if __name__ == "__main__":
    unittest.main()
