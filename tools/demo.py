#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A server on loopback, two accounts, and a letter from one to the other.

    tools/demo.py PROGRAM       what `make demo` runs; DEMO_ONCE=1 ends after the letter

Everything is in a folder of its own under /tmp, which goes at the end.
"""
import email.message
import imaplib
import os
import pathlib
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time

DOMAIN = "demo.test"
ANNA, BERT = f"anna@{DOMAIN}", f"bert@{DOMAIN}"
PASSWORDS = {ANNA: "orange-lantern-42", BERT: "quiet-harbour-17"}
# Those that a person would like to type, where they are free.
PORTS = {"smtp": 2525, "submission": 2587, "submissions": 2465, "imap": 2143, "imaps": 2993}
PATIENCE = 60


def say(text):
    print(text, flush=True)


def free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Demo:
    def __init__(self, program):
        self.program = pathlib.Path(program).resolve()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mailstead-demo-"))
        self.folder.chmod(0o711)        # the rooms' users pass through it
        self.config = self.folder / "mailstead.conf"
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.server = None
        # The variables of whoever runs this are no settings of the demonstration.
        self.environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8"}

    def command(self, *words, text=""):
        done = subprocess.run([self.program, *words, "-c", self.config], input=text, text=True, env=self.environment, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
        if done.returncode != 0:
            raise SystemExit(f"demo: mailstead {' '.join(words)} failed:\n{done.stdout}")
        return done.stdout

    def set_up(self):
        settings = {"hostname": f"mail.{DOMAIN}", "data_dir": self.data, "config_dir": self.folder / "tables",
                    "listen_web": "off", "resolver": "127.0.0.1:1", **{
                        f"listen_{name}": f"127.0.0.1:{port if free(port) else 0}" for name, port in PORTS.items()}}
        self.command("init", ANNA, *(word for key, value in settings.items() for word in ("-o", f"{key}={value}")),
                     text=PASSWORDS[ANNA] + "\n")
        self.command("setup", "email", "add", BERT, PASSWORDS[BERT])
        say(f"  accounts {ANNA} and {BERT}")

    def start(self):
        with open(self.log, "wb") as log:
            self.server = subprocess.Popen([self.program, "serve", "-c", self.config], stdin=subprocess.DEVNULL, stdout=log,
                                           stderr=log, start_new_session=True, env=self.environment)
        end = time.monotonic() + PATIENCE
        while b": ready\n" not in self.log.read_bytes():
            if self.server.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"demo: the server did not become ready:\n{self.log.read_text(errors='replace')}")
            time.sleep(0.05)

    def ports(self):
        return {name: int(port) for name, port in map(str.split, (self.data / "run" / "ports").read_text().splitlines())}

    def context(self):
        """Trusts this server's own certificate and no other; it is for the host name, and we call an address."""
        context = ssl.create_default_context(cafile=self.data / "tls" / "cert.pem")
        context.check_hostname = False
        return context

    def submit(self, ports):
        if "submission" not in ports:
            raise SystemExit("demo: this server opened no port for submission")
        letter = email.message.EmailMessage()
        letter["From"], letter["To"], letter["Subject"] = f"Anna <{ANNA}>", f"Bert <{BERT}>", "A letter goes all the way"
        letter.set_content("Dear Bert,\n\nthis came through your own mail server.\n\nAnna\n")
        with smtplib.SMTP("127.0.0.1", ports["submission"], timeout=PATIENCE) as client:
            client.starttls(context=self.context())
            client.login(ANNA, PASSWORDS[ANNA])
            client.send_message(letter)

    def read(self, ports):
        """Bert's first letter, when it is there."""
        with imaplib.IMAP4_SSL("127.0.0.1", ports["imaps"], ssl_context=self.context(), timeout=PATIENCE) as client:
            client.login(BERT, PASSWORDS[BERT])
            end = time.monotonic() + PATIENCE
            while client.select("INBOX")[1] == [b"0"]:
                if time.monotonic() > end:
                    raise SystemExit(f"demo: the letter did not arrive:\n{self.log.read_text(errors='replace')}")
                time.sleep(0.05)
            return client.fetch("1", "(BODY.PEEK[])")[1][0][1].decode()

    def show(self):
        ports = self.ports()
        say(f"  submission on 127.0.0.1:{ports.get('submission')}, STARTTLS, login as {ANNA}")
        self.submit(ports)
        letter = self.read(ports)
        say(f"  IMAP on 127.0.0.1:{ports['imaps']}, TLS, login as {BERT}; in INBOX:\n")
        say("".join(f"    {line}\n" for line in letter.splitlines()))
        return ports

    def tell_settings(self, ports):
        say("Settings for a mail program (it will ask about the certificate, which is self-signed):\n")
        for address in (ANNA, BERT):
            say(f"  {address}, password {PASSWORDS[address]}")
        say(f"""
  incoming  IMAP  127.0.0.1 port {ports['imaps']}, TLS             (or {ports['imap']}, STARTTLS)
  outgoing  SMTP  127.0.0.1 port {ports['submission']}, STARTTLS        (or {ports['submissions']}, TLS)

The log is {self.log}; every command takes -c {self.config}
Ctrl-C ends it and removes {self.folder}""")

    def end(self):
        if self.server and self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            try:
                self.server.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.server.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    demo = Demo(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    try:
        say("Setting up")
        demo.set_up()
        say("Starting the server")
        demo.start()
        say("Sending a letter and reading it")
        ports = demo.show()
        if os.environ.get("DEMO_ONCE") == "1":
            return
        demo.tell_settings(ports)
        status = demo.server.wait()
        raise SystemExit(f"demo: the server ended with status {status}:\n{demo.log.read_text(errors='replace')}")
    except KeyboardInterrupt:
        say("")
    finally:
        demo.end()


if __name__ == "__main__":
    main()
