#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Letters per second from SMTP into the INBOX that IMAP shows, beside Debian's Postfix and Dovecot (LMTP) in the same run.

    smtp.py [--rounds N] [--letters N]

Both servers get the same letters (4 KiB) from the same client (load.c) over as many sessions, N rounds by turns, with
their files on the same disk; both sync before they answer.  A round ends when that client, logged in over IMAP as
every user since before the first letter, has seen the last one.  Prints a line for each figure: median, lowest and
highest of the rounds.
"""
import argparse
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.insert(0, str(TOP / "tests" / "e2e"))
import house    # noqa: E402
import peer     # noqa: E402

USERS, SESSIONS, SIZE = 100, 20, 4096
ADDRESSES = [f"u{k}@example.test" for k in range(USERS)]


class Mailstead:
    title, host = "mailstead", "127.0.0.1"

    def __init__(self):
        self.home = house.House(binary=str(TOP / "build" / "release" / "src" / "mailstead"), start=False, confinement="best",
                                hostname="mx.example.test", connections_per_address="0")
        self.home.configure(log=self.home.folder / "mail.log")
        self.home.write("postfix-accounts.cf", "".join(f"{address}|{{PLAIN}}pw\n" for address in ADDRESSES))
        self.home.spawn()
        house.until(lambda: (self.home.folder / "mail.log").exists() and ": ready" in (self.home.folder / "mail.log").read_text(), "start")
        ports = self.home.ports()
        self.ports = ports["smtp"], ports["imap"]

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        return self.home.__exit__(kind, error, trace)


class PostfixDovecot(peer.Postfix):
    """Both with their defaults, Postfix giving local mail to Dovecot by LMTP; queue and Maildirs on the disk."""
    helpers = ("dovecot",)
    title, ports = "postfix+dovecot", (25, 143)

    def write_files(self):
        super().write_files()
        disk = self.folder / "disk"
        for name in ("spool", "data", "mail"):
            (disk / name).mkdir(parents=True)
        shutil.chown(disk / "data", 930)
        shutil.chown(disk / "mail", 937)
        changed = {"queue_directory": f"{disk}/spool", "data_directory": f"{disk}/data", "maillog_file": f"{disk}/maillog",
                   "maillog_file_prefixes": disk, "virtual_mailbox_domains": "example.test",
                   "virtual_mailbox_maps": "texthash:/etc/postfix/people", "virtual_transport": "lmtp:unix:private/dovecot-lmtp"}
        kept = [line for line in (self.etc / "postfix/main.cf").read_text().splitlines() if line.split(" =")[0] not in changed]
        self.file("postfix/main.cf", "\n".join([*kept, *(f"{key} = {value}" for key, value in changed.items())]) + "\n")
        self.file("postfix/people", "".join(f"{address} x\n" for address in ADDRESSES))
        self.file("dovecot/users", "".join(f"{address}:{{PLAIN}}pw::::::\n" for address in ADDRESSES))
        self.file("dovecot/dovecot.conf", f"""
protocols = imap lmtp
listen = {self.host}
base_dir = /run/dovecot
log_path = {disk}/log
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{disk}/mail/%n
mail_uid = vmail
mail_gid = vmail
first_valid_uid = 900
mail_max_userip_connections = 2000
passdb {{
  driver = passwd-file
  args = /etc/dovecot/users
}}
userdb {{
  driver = static
  args = uid=vmail gid=vmail home={disk}/mail/%n
}}
service lmtp {{
  unix_listener {disk}/spool/private/dovecot-lmtp {{
    user = postfix
    group = postfix
  }}
}}
""")

    def command(self):
        private = self.folder / "disk/spool/private"
        return ["sh", "-c", f"mkdir -p {private} && chown postfix {private} && postfix set-permissions >/dev/null 2>&1; "
                "dovecot; exec postfix start-fg"]

    def answers(self):
        try:
            for port, greeting in zip(self.ports, (b"220 ", b"* OK")):
                with socket.create_connection((self.host, port), timeout=5) as s:
                    if not s.recv(4096).startswith(greeting):
                        return False
        except OSError:
            return False
        return True


def run(client, server, letters, way):
    """{figure: seconds}."""
    done = subprocess.run([client, server.host, *map(str, server.ports), str(USERS), str(letters), str(SESSIONS), str(SIZE), way],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{server.title}: {done.stderr}")
    return {word: float(seconds) for word, seconds in (line.split() for line in done.stdout.splitlines())}


def round_of(client, server, letters, way):
    """{figure: letters a second} of one round, after a tenth of it to wake up whoever slept while the other was measured."""
    run(client, server, max(letters // 10, USERS), way)
    return {figure: letters / seconds for figure, seconds in run(client, server, letters, way).items()}


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--letters", type=int, default=2000)
    chosen = options.parse_args()
    before, rows = os.getloadavg()[0], {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Mailstead() as ours, PostfixDovecot() as theirs:
        client = pathlib.Path(folder) / "load"
        subprocess.run(["gcc", "-O2", "-o", client, HERE / "load.c", "-lpthread"], check=True)
        for _ in range(chosen.rounds):
            for way, case in (("kept", "connections kept"), ("each", "one letter a connection")):
                for server in (theirs, ours):
                    for figure, value in round_of(client, server, chosen.letters, way).items():
                        rows.setdefault((case, figure), {}).setdefault(server.title, []).append(value)
    print(f"{chosen.letters} letters of {SIZE} bytes a round, {SESSIONS} sessions, {USERS} users; load of the machine before: {before:.1f}")
    print(f"letters/s: median (lowest to highest of {chosen.rounds} rounds)")
    for (case, figure), values in rows.items():
        shown = [f"{name} {statistics.median(v):,.0f} ({min(v):,.0f} to {max(v):,.0f})" for name, v in values.items()]
        ratio = statistics.median(values[ours.title]) / statistics.median(values[theirs.title])
        print(f"{case}, {figure}: {'; '.join(shown)}; {ratio:.1f} x")


if __name__ == "__main__":
    main()
