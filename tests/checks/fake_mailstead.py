#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Behaves from outside like "mailstead serve", so that tests/e2e/house.py can be tested without it.

Settings of its own: fake = late | dies | silent | crash-line | stubborn | status picks what goes wrong.
"""
import os
import pathlib
import signal
import socket
import sys
import time

ROLE = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_DFL); time.sleep(600)"


def settings():
    path = sys.argv[sys.argv.index("-c") + 1]
    pairs = (line.split("=", 1) for line in pathlib.Path(path).read_text().splitlines())
    return {key.strip(): value.strip() for key, value in pairs}


def spawn(name):
    """Starts a role; returns when it has its name, which is when exec has closed the pipe."""
    mine, its = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.execv("/usr/bin/python3", [f"mailstead: {name}", "-c", ROLE])
    os.close(its)
    os.read(mine, 1)
    os.close(mine)
    return pid


def say(line):
    print(f"2026-01-01T00:00:00Z master[{os.getpid()}]: {line}", file=sys.stderr, flush=True)


def listen(listeners, data):
    run = data / "run"
    run.mkdir(parents=True, exist_ok=True)
    sockets = {}
    for name in listeners:
        sockets[name] = socket.create_server(("127.0.0.1", 0))
    (run / "ports").write_text("".join(f"{name} {s.getsockname()[1]}\n" for name, s in sockets.items()))
    return sockets


def serve():
    table = settings()
    fault = table.get("fake", "")
    if fault == "dies":
        say("cannot bind")
        sys.exit(1)
    sockets = listen(("smtp", "imap"), pathlib.Path(table["data_dir"]))
    names = ["gate/1", "resolver"]
    roles = {spawn(name): name for name in names}
    ended = []
    signal.signal(signal.SIGTERM, signal.SIG_IGN if fault == "stubborn" else lambda *_: ended.append(1))
    if fault == "late":
        time.sleep(0.3)
    if fault == "crash-line":
        say("gate/1: ==7==ERROR: AddressSanitizer: heap-use-after-free")
    if names := [name for name in os.environ if name.startswith(("MAILSTEAD_", "EXTRA_"))]:
        say(f"environment: {' '.join(names)}")
    if fault != "silent":
        say("ready")
    while not ended:
        pid, _ = os.waitpid(-1, os.WNOHANG)
        if pid:
            name = roles.pop(pid)
            say(f"{name} ended, starting it again")
            roles[spawn(name)] = name
        time.sleep(0.01)
    for pid in roles:
        os.kill(pid, signal.SIGTERM)
    for pid in roles:
        os.waitpid(pid, 0)
    for s in sockets.values():
        s.close()
    sys.exit(3 if fault == "status" else 0)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    print(f"{sys.argv[1]} with {settings()['hostname']}: {sys.stdin.read() if sys.argv[1] == 'echo' else ''}")
    sys.exit(1 if sys.argv[1] == "refuse" else 0)
