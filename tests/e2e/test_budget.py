#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a letter and an idle house cost, in counts: system calls, syncs, bytes written, memory.

docs/performance.md has the budgets.  Times are for `make bench`; what is counted here hardly changes with the machine.
The ceilings leave room for a busy one, where fewer letters share a sync.
"""
import collections
import os
import pathlib
import re
import signal
import subprocess
import threading
import time
import unittest

import house
import post

FLAVOURS = ("release",)         # a sanitizer has costs of its own
TIMEOUT = 240
LETTERS, SESSIONS, SIZE = 500, 20, 4096
PEOPLE = ("a@a.test", "b@a.test", "c@a.test", "d@a.test")
# A letter's ceilings.  The budget is 60 calls, a share of one sync for each of two files, its size and 6 KiB.
CALLS, SYNCS, WRITTEN = 70, 1.5, 8 << 10
# The house's, in KiB of PSS: all of it idle and after a burst (with rooms for more than two cores), and each role by itself.
WHOLE, ROLE = (40 + 4 * max((os.cpu_count() or 1) - 2, 0)) << 10, 4 << 10
ROLE_OF = {"resolver/0": 8 << 10}
COUNT = re.compile(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", re.M)


def number(path, name):
    return int(re.search(rf"^{name}:\s+(\d+)", pathlib.Path(path).read_text(encoding="ascii"), re.M)[1])


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def switches(pid):
    return sum(number(task / "status", name) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
               for name in ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"))


class Counter:
    """strace of every process, from the beginning of the block to its end: calls["gate/0"]["read"]."""

    def __init__(self, home, processes):
        self.home, self.processes, self.calls, self.tracers = home, processes, {}, {}

    def report(self, role):
        return self.home.folder / f"calls-{role.replace('/', '-')}"

    def __enter__(self):
        for role, pid in self.processes.items():
            # Whatever happens here, the limit ends it: a traced process waits for its tracer at every call.
            self.tracers[role] = subprocess.Popen(["timeout", "--signal=INT", "60", "strace", "-c", "-f", "-q", "-o", self.report(role),
                                                   "-p", str(pid)], stderr=subprocess.DEVNULL, start_new_session=True)
        house.until(lambda: all(number(f"/proc/{pid}/status", "TracerPid") for pid in self.processes.values()), "tracers")
        return self

    def __exit__(self, kind, error, trace):
        for tracer in self.tracers.values():
            tracer.send_signal(signal.SIGINT)
        for tracer in self.tracers.values():
            tracer.wait(30)
        for role in self.processes:
            rows = COUNT.findall(self.report(role).read_text())
            self.calls[role] = collections.Counter({name: int(count) for count, name in rows if name != "total"})


@unittest.skipUnless(os.geteuid() == 0, "a room's calls, pages and bytes can be counted by root alone")
class Budget(unittest.TestCase):
    def setUp(self):
        self.home = house.House(start=False, connections_per_address=0)
        self.addCleanup(self.home.discard)
        self.home.configure(log=self.home.folder / "mail.log")
        self.home.write("postfix-accounts.cf", post.ACCOUNTS)
        self.home.spawn()
        house.until(lambda: ": ready" in self.log(), "line ready")
        self.processes = {**self.home.roles(), "master": self.home.process.pid}
        self.sent, self.troubles = 0, []

    def log(self):
        path = self.home.folder / "mail.log"
        return path.read_text() if path.exists() else ""

    def load(self, letters=LETTERS, sessions=SESSIONS):
        """That many letters over kept connections, to their INBOXes, and the moment in which the index follows."""
        def work(dialogue, first):
            try:
                for k in range(first, letters, sessions):
                    dialogue.send("s@far.test", [PEOPLE[k % len(PEOPLE)]], self.letter(k))
            except OSError as error:
                self.troubles.append(str(error))
        dialogues = [post.Dialogue(self.home, limit=60) for _ in range(sessions)]
        threads = [threading.Thread(target=work, args=(dialogue, k), daemon=True) for k, dialogue in enumerate(dialogues)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(100)
        self.sent += letters
        house.until(lambda: self.log().count(": stored\n") >= self.sent, "delivery of all letters")
        for dialogue in dialogues:
            dialogue.close()
        time.sleep(1.5)
        self.assertEqual(self.troubles, [])

    @staticmethod
    def letter(k):
        return post.letter(k, SIZE)[:SIZE].rstrip("\r\n")

    def memory(self):
        return {role: number(f"/proc/{pid}/smaps_rollup", "Pss") for role, pid in self.processes.items()}

    def test_calls_and_syncs_of_a_letter(self):
        self.load(100)          # what happens once has happened
        with Counter(self.home, self.processes) as counter:
            self.load()
        calls = {role: sum(counts.values()) / LETTERS for role, counts in counter.calls.items()}
        syncs = sum(counts[name] for counts in counter.calls.values() for name in ("fdatasync", "fsync")) / LETTERS
        for role, counts in counter.calls.items():
            print(f"# {role}: {calls[role]:.1f} calls a letter:", ", ".join(f"{n} {c / LETTERS:.2f}" for n, c in counts.most_common(6)))
        print(f"# together {sum(calls.values()):.1f} calls and {syncs:.2f} syncs a letter")
        self.assertGreater(sum(calls.values()), 10, "strace saw next to nothing")
        self.assertLess(sum(calls.values()), CALLS, calls)
        self.assertLess(syncs, SYNCS)
        self.assertEqual(self.home.roles() | {"master": self.home.process.pid}, self.processes, "a role was started anew")
        self.home.stop()

    def test_bytes_of_a_letter(self):
        def written():
            return {role: number(f"/proc/{pid}/io", "write_bytes") for role, pid in self.processes.items()}
        self.load(100)
        before, time_before = written(), {role: (processor_seconds(pid), switches(pid)) for role, pid in self.processes.items()}
        self.load()
        share = {role: (count - before[role]) / LETTERS for role, count in written().items()}
        for role, pid in self.processes.items():
            cpu, turns = processor_seconds(pid) - time_before[role][0], switches(pid) - time_before[role][1]
            print(f"# {role}: {share[role]:.0f} bytes, {1000 * cpu / LETTERS:.2f} ms of CPU, {turns / LETTERS:.1f} context switches a letter")
        print(f"# together {sum(share.values()):.0f} bytes a letter of {SIZE}")
        if sum(share.values()) < SIZE:
            self.skipTest("the test's folder is on no disk")
        self.assertLess(sum(share.values()), SIZE + WRITTEN, share)
        self.home.stop()

    def test_memory_idle_and_after_a_burst(self):
        def show(when, sizes):
            print(f"# KiB of PSS {when}: {sum(sizes.values())} together:", ", ".join(f"{role} {size}" for role, size in sizes.items()))
        sizes = self.memory()
        show("at the start", sizes)
        self.assertLess(sum(sizes.values()), WHOLE, sizes)
        for role, size in sizes.items():
            self.assertLess(size, ROLE_OF.get(role, ROLE), role)
        self.load(2000, 100)
        show("after a burst", self.memory())
        # A room gives memory back when master asks it whether it is alive and it had nothing to do.
        house.until(lambda: sum(self.memory().values()) < WHOLE, f"memory below {WHOLE} KiB after a burst", 40)
        self.assertEqual(self.home.roles() | {"master": self.home.process.pid}, self.processes, "a role was started anew")
        self.home.stop()


if __name__ == "__main__":
    unittest.main()
