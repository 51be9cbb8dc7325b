#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The whole house under mixed load, while its rooms are killed, stopped and ended.

MAILSTEAD_ROUNDS says how many blows fall (20), MAILSTEAD_SEED which and when.  "make crash" runs a thousand.
"""
import itertools
import os
import random
import re
import signal
import statistics
import time
import unittest

import house
import mixed

TIMEOUT = 400
ROUNDS = int(os.environ.get("MAILSTEAD_ROUNDS", "20" if house.FLAVOUR == "release" else "10"))
SEED = int(os.environ.get("MAILSTEAD_SEED", "0")) or random.SystemRandom().randint(1, 10**9)
CHAPTER = 50            # after so many rounds all is read, compared and expunged
# A room is there again within a second of its first crash; here crashes follow each other, on a busy machine.
AGAIN = 15 if house.FLAVOUR == "release" else 45
# Letters that relay may have had open when it or spool died; those alone may come twice.
OPEN = 20
ENDS = 4
MEMORY = 48 << 10       # KiB by which the house may grow while a room stands still


def say(text):
    print(f"# {text}", flush=True)


def blows(rooms, choice):
    """What falls, for ever: each room, and between them all rooms, master alone, and everything."""
    while True:
        deck = [*rooms, "every room", "every room", "master", "master", "master", "everything", "everything"]
        choice.shuffle(deck)
        yield from deck


def strike(home, blow):
    if blow == "everything":
        home.kill_everything()
        home.start()
    elif blow == "master":
        home.process.kill()
        home.process.wait()
        home.start()
    else:
        roles = home.roles()
        for role in roles if blow == "every room" else [blow]:
            if role in roles:           # else it is on its way up
                try:
                    os.kill(roles[role], signal.SIGKILL)
                except ProcessLookupError:
                    pass


class Blows(unittest.TestCase):
    def test_nothing_is_lost(self):
        choice = random.Random(SEED)
        say(f"seed {SEED}, {ROUNDS} rounds")
        times, twice = {}, 0
        with mixed.next_hop() as sink, mixed.houseful(sink) as home:
            load = mixed.Load(home, sink, SEED).start()
            deck = blows(sorted(home.roles()), choice)
            for number in range(1, ROUNDS + 1):
                time.sleep(choice.uniform(0.05, 0.8))
                blow = next(deck)
                strike(home, blow)
                times.setdefault(blow, []).append(load.probe())
                if number % CHAPTER == 0 and number < ROUNDS:
                    twice += self.chapter(load, number)
                    load.clear()
                    load.start()
            twice += self.chapter(load, ROUNDS)
            # And nothing changes when it all starts anew.
            before = {who: self.picture(load, who) for who in mixed.PEOPLE}
            home.kill_everything()
            home.start()
            load.check()
            for who in mixed.PEOPLE:
                self.assertEqual(self.picture(load, who), before[who])
        for blow, seconds in sorted(times.items()):
            say(f"new session after {blow}: median {statistics.median(seconds):.2f} s, longest {max(seconds):.2f} s")
        say(f"0 lost, {twice} doubled at the next hop")
        self.assertLessEqual(max(itertools.chain(*times.values())), AGAIN)
        self.assertLessEqual(twice, OPEN * ROUNDS)

    @staticmethod
    def chapter(load, number):
        load.stop()
        begun = time.monotonic()
        twice = load.check()
        say(f"round {number}: {load.summary()}, {twice} doubled at the next hop; checked in {time.monotonic() - begun:.1f} s")
        return twice

    @staticmethod
    def picture(load, who):
        return {name: [(state.folder, state.uid, state.flags, text) for state, text in copies]
                for name, copies in load.read_all(who).items()}


class Stopped(unittest.TestCase):
    """A room stands still for a while: what does not need it goes on, and it goes on itself afterwards."""

    # What must work meanwhile: a letter comes in, somebody logs in and opens a folder, an open session reads on.  Of two
    # scans or gates it is the other that works.
    WORKS = {"relay/0": ("receives", "reads", "reads on"), "resolver/0": ("receives", "reads", "reads on"),
             "gate/0": ("receives", "reads"), "scan/0": ("receives", "reads", "reads on"), "spool/0": ("reads on",),
             "mailbox/0": ("receives", "other shard"), "keeper/0": ("reads on",)}

    def test_nothing_else_hangs(self):
        with mixed.next_hop() as sink, mixed.houseful(sink) as home:
            load = mixed.Load(home, sink, SEED).start()
            house.until(lambda: min(load.answers.get(kind, 0) for kind in ("250", "APPEND", "MOVE", "EXPUNGE")) > 5, "load")
            begun, most = mixed.memory(home), 0
            session = load.imap_session("d@a.test")
            for role, works in self.WORKS.items():
                if role[:-1] + "1" not in home.roles():     # one processor: there is no other
                    works = () if role in ("scan/0", "gate/0") else works
                load.select(session, "d@a.test", "INBOX")
                time.sleep(0.2)
                pid = home.kill(role, signal.SIGSTOP)
                until, alike = time.monotonic() + 1, load.answers.copy()
                try:
                    time.sleep(0.1)
                    for what in works:
                        self.works(home, load, session, pid, what)
                    time.sleep(max(0, until - time.monotonic()))
                    most = max(most, mixed.memory(home))
                    self.assertTrue(home.process.poll() is None)
                finally:
                    os.kill(pid, signal.SIGCONT)
                for kind in ("250", "APPEND", "STORE"):
                    house.until(lambda: load.answers[kind] > alike[kind] + 2, f"more {kind} after {role}")
                self.assertEqual(home.roles()[role], pid, "it was ended for standing still")
            session.logout()
            load.stop()
            twice = load.check()
            say(f"{load.summary()}; memory {begun >> 10} MiB at the start, {most >> 10} MiB at most while a room stood still")
            self.assertEqual(twice, 0)
            if house.FLAVOUR == "release":
                self.assertLess(most - begun, MEMORY)

    @staticmethod
    def works(home, load, session, pid, what):
        if what == "other shard":
            shards = dict(re.findall(r"mailbox\[(\d+)\]: \S+ to=<\S+>, account=<(\S+)>, uid=\d+, folder=INBOX", home.log()))
            if who := next((who for shard, who in shards.items() if int(shard) != pid), None):
                house.until(lambda: load.reads(who, 2), "session of another shard")
        elif what == "reads on":
            load.select(session, "d@a.test", "INBOX")
            assert session.fetch("1:*", "(UID FLAGS)")[0] == "OK"
        else:
            house.until(lambda: getattr(load, what)(patience=2), f"new session that {what}", 6)


class Ended(unittest.TestCase):
    def test_an_orderly_end_loses_and_doubles_nothing(self):
        with mixed.next_hop() as sink, mixed.houseful(sink) as home:
            load = mixed.Load(home, sink, SEED).start()
            for _ in range(ENDS):
                before = load.answers.copy()
                for kind in ("250", "APPEND", "STORE"):
                    house.until(lambda: load.answers[kind] > before[kind] + 5, f"more {kind}")
                home.restart()
            load.stop()
            twice = load.check()
            say(f"{load.summary()}, {twice} doubled at the next hop")
            self.assertEqual(twice, 0)


if __name__ == "__main__":
    unittest.main()
