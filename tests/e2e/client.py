# SPDX-License-Identifier: Apache-2.0
"""Other people's mail programs, run in batch against a server: with a home of their own, a limit, and their output in the error.

    mail = client.Home(home)                    a folder for rc files, removed with the server's
    mail.file("rc", text)                       writes one
    mail.run("getmail", "--rcfile=rc")          in that folder; AssertionError when it does not end with 0
    mail.typed("mutt", "-F", "rc", keys="q")    with a terminal, for a program that is a screen
    mail.node("imapflow.js", {...})             one of tests/npm, arguments and answer as JSON
"""
import json
import os
import pathlib
import pty
import select
import shutil
import subprocess
import time
import unittest

import house
import peer
import post

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
MODULES = TOP / "build" / "npm" / "node_modules"
LIMIT = 120 if house.FLAVOUR == "asan" else 60


MBSYNC = """IMAPStore far
Host 127.0.0.1
Port {port}
SSLType IMAPS
SSLVersions TLSv1.2
CertificateFile {certificate}
User a@a.test
Pass pw

MaildirStore near
Path {store}/
Inbox {store}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns {patterns}
Create Both
Expunge Both
SyncState *
"""


def mbsync(home, store, patterns="*"):
    """Makes the folders of a@a.test and those below store alike; AssertionError when mbsync does not end with 0."""
    rc = home.folder / "mbsyncrc"
    rc.write_text(MBSYNC.format(port=home.ports()["imaps"], certificate=home.data_dir / "tls/cert.pem", store=store,
                                patterns=patterns))
    done = subprocess.run(["mbsync", "--config", rc, "--all"], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)


def houseful(**settings):
    """A running server with the accounts of post.ACCOUNTS (a@a.test and so on, password pw) and a certificate for localhost."""
    home = house.House(start=False)
    peer.certificate(home.folder, "localhost", "IP:127.0.0.1")
    home.configure(tls_cert_file=home.folder / "cert.pem", tls_key_file=home.folder / "key.pem", **settings)
    home.write("postfix-accounts.cf", post.ACCOUNTS)
    home.start()
    return home


def deliver(home, letters, to="a@a.test", sender="s@far.test"):
    """Sends these letters (texts with CRLF) on port 25 and waits until they are in the INBOX."""
    before, dialogue = len(post.inbox(home, to)), post.Dialogue(home)
    for text in letters:
        dialogue.send(sender, [to], text)
    dialogue.close()
    house.until(lambda: len(post.inbox(home, to)) == before + len(letters), f"{len(letters)} more letters")


class Home:
    def __init__(self, home):
        self.folder = home.folder / "client"
        self.folder.mkdir(exist_ok=True)
        self.certificate = home.folder / "cert.pem"
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8", "TERM": "xterm",
                            "TMPDIR": os.environ.get("TMPDIR", "/tmp"), "NODE_PATH": str(MODULES)}

    def file(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def run(self, *words, text=None, status=(0,), limit=LIMIT):
        """The program's output, both streams."""
        if shutil.which(str(words[0])) is None:
            raise unittest.SkipTest(f"{words[0]}: not installed (make deps)")
        done = subprocess.run(words, cwd=self.folder, env=self.environment, input=text, stdin=None if text else subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=limit, check=False)
        if done.returncode not in status:
            raise AssertionError(f"{' '.join(map(str, words))} ended with {done.returncode}\n{done.stdout[-8000:]}")
        return done.stdout

    def typed(self, *words, limit=LIMIT):
        """Runs a program on a terminal of its own until it ends; what it drew, for the error."""
        if shutil.which(str(words[0])) is None:
            raise unittest.SkipTest(f"{words[0]}: not installed (make deps)")
        ours, theirs = pty.openpty()
        drawn = bytearray()
        with subprocess.Popen(words, cwd=self.folder, env=self.environment, stdin=theirs, stdout=theirs, stderr=theirs,
                              start_new_session=True) as process:
            os.close(theirs)
            try:
                deadline = time.monotonic() + limit
                while process.poll() is None or select.select([ours], [], [], 0)[0]:
                    if time.monotonic() > deadline:
                        process.kill()
                        raise AssertionError(f"{words[0]} does not end\n{drawn[-4000:].decode(errors='replace')}")
                    if select.select([ours], [], [], 0.05)[0]:
                        try:
                            drawn += os.read(ours, 65536)
                        except OSError:         # the last one closed the other side
                            break
            finally:
                os.close(ours)
        if process.returncode != 0:
            raise AssertionError(f"{words[0]} ended with {process.returncode}\n{drawn[-4000:].decode(errors='replace')}")
        return drawn.decode(errors="replace")

    def node(self, script, arguments, ready=None):
        """Runs tests/npm/SCRIPT with the arguments as JSON on its standard input; returns the JSON that it answers with.

        ready() is called when the script prints the line "ready", which must come when it is given.
        """
        if not MODULES.is_dir():
            raise unittest.SkipTest("node: the libraries of tests/npm are not there (tools/npm)")
        with subprocess.Popen(["timeout", str(LIMIT), "node", TOP / "tests" / "npm" / script], cwd=self.folder, env=self.environment,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                process.stdin.write(json.dumps(arguments))
                process.stdin.close()
                process.stdin = None        # communicate() would flush it
                first = process.stdout.readline() if ready else ""
                if first == "ready\n":
                    ready()
                out, errors = process.communicate()
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0 or (ready and first != "ready\n"):
            raise AssertionError(f"{script} ended with {process.returncode}\n{first}{out}{errors}")
        return json.loads(out)
