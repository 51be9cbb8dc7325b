#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Letters per second from SMTP into the mailbox, beside Debian's Postfix and Dovecot (LMTP) in the same run.

    smtp.py [--rounds N] [--letters N]

Both servers get 4 KiB letters from the same client (the peer a quarter of them), N rounds by turns, same disk; both sync before
they answer.  A round ends when the last letter is in its INBOX: for the peer when the Maildirs hold it, for Mailstead
when its log says so for every letter.  Prints a line for each figure: median, lowest and highest of the rounds.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.insert(0, str(TOP / "tests" / "e2e"))
import house    # noqa: E402
import peer     # noqa: E402

USERS = 100
SESSIONS = 20
FORMAT = "u%d@example.test"
PEER_PORT = 2525
# In a mount namespace: the peers' files over the machine's, users of their own.
ENTER = """
set -e
p=$1 state=$2; shift 2
mount -t overlay -o "lowerdir=$p/postfix/usr:$p/dovecot/usr:/usr" usr /usr
mount -t overlay -o "lowerdir=$state/etc:$p/postfix/etc:$p/dovecot/etc:/etc" etc /etc
mount -t tmpfs -o mode=755 memory /run
exec "$@"
"""


class Mailstead:
    name = "mailstead"

    def __init__(self, binary):
        self.home = house.House(binary=binary, start=False, confinement="best", hostname="mx.example.test",
                                connections_per_address="0", listen_imap="off", listen_imaps="off", listen_submission="off",
                                listen_submissions="off")
        self.home.write("postfix-accounts.cf", "".join(f"{FORMAT % k}|{{PLAIN}}pw\n" for k in range(USERS)))
        self.home.start()
        self.port = self.home.ports()["smtp"]
        self.begun = 0

    def mark(self):
        self.begun = self.home.mark()

    def delivered(self):
        with open(self.home.log_path, "rb") as log:
            log.seek(self.begun)
            return log.read().count(b": stored\n")

    def stop(self):
        self.home.stop()
        self.home.discard()


class PostfixDovecot:
    name = "postfix+dovecot"
    port = PEER_PORT

    def __init__(self):
        self.state = pathlib.Path(tempfile.mkdtemp(prefix="bench-peer-"))
        self.state.chmod(0o755)
        etc = self.state / "etc"
        etc.mkdir()
        users = [*((name, uid) for name, uid, _ in peer.USERS), ("vmailbench", 938)]
        for name in ("passwd", "group"):
            tail = "".join(f"{user}:x:{uid}:{uid}::/nonexistent:/usr/sbin/nologin\n" if name == "passwd" else f"{user}:x:{uid}:\n"
                           for user, uid in users)
            (etc / name).write_text(pathlib.Path("/etc", name).read_text() + tail)
        self.box = self.state / "postfix-dovecot" / "vmail"
        self.run("start")
        self.before = 0

    def run(self, word):
        subprocess.run(["unshare", "--mount", "bash", "-c", ENTER, "enter", TOP / "build" / "peers", self.state,
                        "bash", HERE / "peer-postfix-dovecot.sh", word], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "BENCH_STATE": str(self.state), "BENCH_USERS": str(USERS),
                            "LD_LIBRARY_PATH": ":".join(map(str, libraries()))})

    def count(self):
        done = subprocess.run(["find", self.box, "-path", "*/new/*", "-type", "f"], stdout=subprocess.PIPE, check=False)
        return done.stdout.count(b"\n")

    def mark(self):
        self.before = self.count()

    def delivered(self):
        return self.count() - self.before

    def stop(self):
        self.run("stop")
        shutil.rmtree(self.state, ignore_errors=True)


def libraries():
    """Folders of libraries that came with the peers."""
    found = (TOP / "build" / "peers").glob("*/usr/lib/x86_64-linux-gnu")
    return [path for path in found if path.is_dir()]


def round_of(server, client, letters, one_each):
    """{figure: value} of one round."""
    server.mark()
    began = time.monotonic()
    done = subprocess.run([client, "-h", "127.0.0.1", "-p", str(server.port), "-u", FORMAT, "-U", str(USERS), "-n", str(letters),
                           "-r", "1", "-c", str(SESSIONS), "-s", "4096", "-k", "1" if one_each else "0"],
                          stdout=subprocess.PIPE, text=True, check=True)
    figures = {line.split()[0]: float(line.split()[1]) for line in done.stdout.splitlines()}
    if figures["errors"] or figures["accepted"] != letters:
        sys.exit(f"{server.name}: {done.stdout}")
    while server.delivered() < letters:
        if time.monotonic() - began > 300:
            sys.exit(f"{server.name}: not all letters arrived")
        time.sleep(0.02)
    return {"accepted": figures["accepted_rate"], "in the mailbox": letters / (time.monotonic() - began)}


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--letters", type=int, default=2000)
    chosen = options.parse_args()
    client = pathlib.Path(tempfile.mkdtemp(prefix="bench-")) / "smtpload"
    subprocess.run(["gcc", "-O2", "-o", client, HERE / "smtpload.c", "-lssl", "-lcrypto", "-lpthread"], check=True)
    ours, theirs = Mailstead(str(TOP / "build" / "release" / "src" / "mailstead")), PostfixDovecot()
    try:
        rows = {}
        for number in range(chosen.rounds + 1):
            for one_each in (False, True):
                for server in (theirs, ours):
                    letters = chosen.letters if server is ours else chosen.letters // 4
                    for figure, value in round_of(server, client, letters, one_each).items():
                        if number:      # the first warms both up
                            case = "one a connection" if one_each else "connections kept"
                            rows.setdefault((case, figure), {}).setdefault(server.name, []).append(value)
    finally:
        ours.stop()
        theirs.stop()
        shutil.rmtree(client.parent, ignore_errors=True)
    print(f"4 KiB letters, {SESSIONS} sessions, letters/s: median (lowest to highest of {chosen.rounds} rounds)")
    for (case, figure), values in rows.items():
        shown = [f"{name} {statistics.median(v):,.0f} ({min(v):,.0f} to {max(v):,.0f})" for name, v in values.items()]
        ratio = statistics.median(values[ours.name]) / statistics.median(values[theirs.name])
        print(f"{case}, {figure}: {'; '.join(shown)}; {ratio:.1f} x")


if __name__ == "__main__":
    main()
