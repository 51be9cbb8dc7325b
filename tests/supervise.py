#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one test program with a time limit and sees to it that nothing of it stays behind.

    supervise.py SECONDS COMMAND [ARGUMENT]...

Orphans of the command become children of this process (PR_SET_CHILD_SUBREAPER), so every process it
started can be found, however it was started.  One that still lives when the command has ended, or when
the time is over, is killed and reported as a failed TAP test.  Ends with the command's status.
"""
import ctypes
import os
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
GRACE = 1.0     # seconds in which processes that are ending anyway may end


def parents():
    """{pid: (parent's pid, state)} of every process."""
    table = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as f:
                    fields = f.read().rpartition(b")")[2].split()
            except OSError:
                continue
            table[int(name)] = (int(fields[1]), fields[0].decode())
    return table


def descendants(root):
    """The living processes below root, root not included."""
    table = parents()
    children = {}
    for pid, (parent, _) in table.items():
        children.setdefault(parent, []).append(pid)
    found, todo = [], [root]
    while todo:
        below = children.get(todo.pop(), [])
        todo += below
        found += [pid for pid in below if table[pid][1] != "Z"]
    return found


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "?"


def reap():
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def kill_all():
    while pids := descendants(os.getpid()):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.01)
        reap()


def leftovers():
    deadline = time.monotonic() + GRACE
    while (pids := descendants(os.getpid())) and time.monotonic() < deadline:
        time.sleep(0.02)
        reap()
    return [f"{pid} {command_line(pid)}" for pid in pids]


def main():
    limit, command = float(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    status = 1
    try:
        child = subprocess.Popen(command, start_new_session=True)
        try:
            status = child.wait(limit)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGABRT)   # Python's faulthandler then says where it stood
            time.sleep(0.5)
            print(f"not ok - ends within {limit:g} s", flush=True)
            return 1
        if left := leftovers():
            print("not ok - leaves no process behind", *(f"# {line}" for line in left), sep="\n", flush=True)
            return 1
    finally:
        kill_all()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
