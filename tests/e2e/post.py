# SPDX-License-Identifier: Apache-2.0
"""Letters for end-to-end tests: sent over plain SMTP by many at once, and counted in the INBOXes afterwards.

    load = post.Load(home, ["a@a.test", "b@a.test"], senders=8).start()
    ...                     kill what you like
    load.stop()
    load.check()            each letter with a 250 is there exactly once, the others at most once
"""
import collections
import itertools
import random
import re
import socket
import threading
import time

import house

QUEUED = re.compile(r"250 2\.0\.0 Ok: queued as ([0-9A-F]{16})")
# A line of --inbox; AddressSanitizer may have put one of its own before them.
ROW = re.compile(r"^(\d+) ([0-9A-F]{16}) ([0-9a-f]{64})$", re.M)
ACCOUNTS = "\n".join(f"{name}@a.test|{{PLAIN}}pw" for name in ("a", "b", "c", "d")) + "\n"


class Dialogue:
    """One SMTP connection that says what it gets."""

    def __init__(self, home, limit=10):
        self.socket = home.connect("smtp", limit)
        self.file = self.socket.makefile("rwb")
        self.expect("220")
        self.say("EHLO client.test", "250")

    def expect(self, code):
        """The reply's last line; ConnectionError when the connection ends or another code comes."""
        while True:
            line = self.file.readline().decode(errors="replace").rstrip("\r\n")
            if not line:
                raise ConnectionError("the connection ended")
            if line[3:4] != "-":
                break
        if not line.startswith(code):
            raise ConnectionError(line)
        return line

    def say(self, text, code):
        self.file.write(text.encode() + b"\r\n")
        self.file.flush()
        return self.expect(code)

    def send(self, sender, recipients, body):
        """The letter's id once it was accepted."""
        self.say(f"MAIL FROM:<{sender}>", "250")
        for recipient in recipients:
            self.say(f"RCPT TO:<{recipient}>", "250")
        self.say("DATA", "354")
        line = self.say(body + "\r\n.", "250")
        return QUEUED.search(line)[1]

    def close(self):
        for closing in (self.file, self.socket):
            try:
                closing.close()
            except OSError:
                pass


def letter(number, size=1500):
    head = f"From: <s@far.test>\r\nTo: <a@a.test>\r\nSubject: letter {number}\r\nMessage-ID: <{number}@far.test>\r\n\r\n"
    lines = f"This is line {{}} of letter {number}, which is here to be stored.\r\n"
    body = "".join(lines.format(k) for k in range(max(1, size // 60)))
    return head + body.rstrip("\r\n")


def inbox(home, account):
    """[(uid, letter id, sha-256)] of the account's INBOX."""
    return ROW.findall(home.command("--inbox", account))


class Load:
    def __init__(self, home, recipients, senders=8, sizes=(500, 4000, 4000, 50000)):
        self.home, self.recipients, self.sizes = home, recipients, sizes
        self.accepted = {}              # letter id -> recipient
        self.failures = collections.Counter()
        self.numbers = itertools.count()
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(k,), daemon=True) for k in range(senders)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def work(self, seed):
        choice = random.Random(seed)
        while not self.ending.is_set():
            dialogue = None
            try:
                dialogue = Dialogue(self.home, limit=180)
                for _ in range(choice.randint(1, 20)):
                    if self.ending.is_set():
                        break
                    recipient = choice.choice(self.recipients)
                    name = dialogue.send("s@far.test", [recipient], letter(next(self.numbers), choice.choice(self.sizes)))
                    if name in self.accepted:
                        self.failures["an id was given twice"] += 1
                    self.accepted[name] = recipient
            except (OSError, ValueError) as error:
                self.failures[str(error)[:60]] += 1
                time.sleep(0.02)
            finally:
                if dialogue:
                    dialogue.close()

    def stop(self):
        self.ending.set()
        for thread in self.threads:
            thread.join(200)
            if thread.is_alive():
                raise house.HouseError("a sender hangs")

    def check(self, limit=60):
        """HouseError unless each accepted letter is in its INBOX exactly once, and none is anywhere twice."""
        if self.failures["an id was given twice"]:
            raise house.HouseError("an id was given twice")
        accepted = dict(self.accepted)

        def missing():
            found = collections.Counter()
            for account in self.recipients:
                for _, name, _ in inbox(self.home, account):
                    found[name, account] += 1
            twice = [key for key, count in found.items() if count > 1]
            if twice:
                raise house.HouseError(f"delivered twice: {twice[:5]}")
            return [name for name, account in accepted.items() if not found[name, account]]

        house.until(lambda: not missing(), "delivery of all accepted letters", limit)
        return len(accepted)
