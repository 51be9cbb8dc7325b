# SPDX-License-Identifier: Apache-2.0
"""A running Mailstead for an end-to-end test: started in a folder of its own, looked into, stopped, judged.

    with house.House(resolver=dns.address) as home:
        home.connect("smtp")                    a socket to the listener of that name
        home.command("lookup", "a.test", "MX")  a run of the same binary with the same configuration
        before = home.roles()["resolver/0"]
        home.kill("resolver/0")
        home.wait_role("resolver/0", other_than=before)

Listeners take port 0, so tests run side by side; what was opened is read from data_dir/run/ports.  Leaving the
block stops the server and fails the test when it did not end with status 0 or its log speaks of a crash.  What
went wrong inside the block gets the end of the log as a note.

From the environment (tests/run.py sets it): MAILSTEAD_BIN, MAILSTEAD_FLAVOUR, MAILSTEAD_CONFINEMENT.
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

FLAVOUR = os.environ.get("MAILSTEAD_FLAVOUR", "release")
# A sanitizer build needs its time, above all to start.
PATIENCE = 60 if FLAVOUR == "asan" else 20

READY = re.compile(r'(?:^|: |\] |\bmaster |"text":")ready(?:"\})?\s*$', re.M)
CRASH = re.compile(r"^.*(?:panic|AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|runtime error|stack smashing"
                   r"|Assertion .* failed).*$", re.M)
ROLE = re.compile(r"^mailstead: (\S+)$")

# Every test overrides what it is about.  Nothing leaves the machine: no DNS server answers on port 1.
DEFAULTS = {
    "hostname": "mx.house.test",
    "listen_smtp": "127.0.0.1:0",
    "listen_submission": "127.0.0.1:0",
    "listen_submissions": "127.0.0.1:0",
    "listen_imap": "127.0.0.1:0",
    "listen_imaps": "127.0.0.1:0",
    "listen_web": "off",
    "resolver": "127.0.0.1:1",
    "reject_unknown_sender_domain": "no",   # of a.test nobody knows anything; test_names.py has a DNS server
    "restart_delay": "0",
    "log": "stderr",
}


# Of our environment only this: MAILSTEAD_... and the names of docker-mailserver are settings.
KEPT = ("PATH", "LC_ALL", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "ASAN_SYMBOLIZER_PATH")


# What AddressSanitizer says once of each process with fibers.
SWAPCONTEXT = re.compile(r"^==\d+==WARNING: ASan doesn't fully support makecontext.*\n", re.M)


class HouseError(AssertionError):
    """The server did not do what every test expects of it; the sentence has the end of its log."""


def until(question, what, limit=PATIENCE):
    """Asks question() until its answer is true, and returns that; HouseError("no " + what) after limit seconds."""
    deadline = time.monotonic() + limit
    while True:
        if answer := question():
            return answer
        if time.monotonic() > deadline:
            raise HouseError(f"no {what} within {limit:g} s")
        time.sleep(0.01)


def alive(pid):
    """Whether the process is there and not a zombie."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[0] not in (b"Z", b"X")


def argv0(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
    except OSError:
        return ""


def children(pid):
    try:
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


class House:
    """One server.  settings: keys of the configuration, None leaves a key out; environment: more variables for it."""

    def __init__(self, binary=None, start=True, environment=None, **settings):
        self.binary = binary or os.environ["MAILSTEAD_BIN"]
        self.environment = {name: os.environ[name] for name in KEPT if name in os.environ} | (environment or {})
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="house-"))
        self.folder.chmod(0o711)            # the rooms' users pass through it
        self.config = self.folder / "mailstead.conf"
        self.config_dir = self.folder / "etc"
        self.data_dir = self.folder / "data"
        self.log_path = self.folder / "log"
        self.config_dir.mkdir()
        self.log_path.touch()
        self.settings = {**DEFAULTS, "data_dir": self.data_dir, "config_dir": self.config_dir,
                         "confinement": os.environ.get("MAILSTEAD_CONFINEMENT", "best"), **settings}
        self.process = None
        self.started_at = 0                 # where the log of this start begins
        self.configure()
        if start:
            try:
                self.start()
            except BaseException:
                self.discard()
                raise

    # The configuration

    def configure(self, **settings):
        """Writes the configuration file, with these keys changed; a running server is not told."""
        self.settings.update(settings)
        self.config.write_text("".join(f"{key} = {value}\n" for key, value in self.settings.items() if value is not None))

    def write(self, name, text):
        """Writes a table file of config_dir."""
        (self.config_dir / name).write_text(text)

    # Start and stop

    def start(self, *arguments):
        """Starts the server and waits until it says ready."""
        self.spawn(*arguments)
        until(lambda: READY.search(self.log(self.started_at)) or self.process.poll() is not None, "line \"ready\"")
        if self.process.poll() is not None:
            raise HouseError(f"ended with status {self.process.returncode} before it was ready\n{self.log_end()}")

    def spawn(self, *arguments):
        """Starts the server without waiting for anything."""
        self.started_at = self.log_path.stat().st_size
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([self.binary, "serve", "-c", self.config, *arguments], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True, env=self.environment)

    def stop(self, limit=PATIENCE):
        """Ends the server in order; HouseError when it does not end with 0 or leaves a role or a crash in the log."""
        roles = self.roles()
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            left = ", ".join(self.roles()) or "no role"
            self.kill_everything()
            raise HouseError(f"still there {limit:g} s after SIGTERM, with {left}\n{self.log_end()}") from None
        if status != 0:
            raise HouseError(f"ended with status {status}\n{self.log_end()}")
        self.wait_gone(roles.values())
        self.check_log()

    def restart(self):
        self.stop()
        self.start()

    def kill_everything(self):
        """SIGKILL to master and every role at once, as a power cut would."""
        pids = [self.process.pid, *self.roles().values()]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self.wait_gone(pids)

    def discard(self):
        """Ends whatever runs, in any state, and removes the folder."""
        if self.process and self.process.poll() is None:
            self.kill_everything()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            if error is not None:
                error.add_note(f"The server's log ends with:\n{self.log_end()}")
            elif self.process and self.process.poll() is None:
                self.stop()
        finally:
            self.discard()

    # Roles

    def roles(self):
        """{"gate/1": pid, ...} of the roles that live now, by their argv[0]; master is self.process."""
        found = {}
        for pid in children(self.process.pid):
            name = ROLE.match(argv0(pid))
            if name and alive(pid):
                found[name[1]] = pid
        return found

    def kill(self, role, number=signal.SIGKILL):
        """Sends a signal to one role and returns its pid."""
        pid = self.roles()[role]
        os.kill(pid, number)
        return pid

    def wait_role(self, role, other_than=None, limit=PATIENCE):
        """Waits until the role runs (as another process than other_than) and returns its pid."""
        def look():
            pid = self.roles().get(role)
            return pid if pid != other_than else None
        return until(look, f"new {role}" if other_than else role, limit)

    @staticmethod
    def wait_gone(pids, limit=PATIENCE):
        """Waits until none of the processes lives."""
        pids = list(pids)
        until(lambda: not any(alive(pid) for pid in pids), "end of a role", limit)

    # The log

    def log(self, since=0):
        """The log from that offset on."""
        return self.log_path.read_bytes()[since:].decode(errors="replace")

    def mark(self):
        """The log's length now, to be given as since."""
        return self.log_path.stat().st_size

    def wait_log(self, pattern, since=None, limit=PATIENCE):
        """Waits for a line of this start's log (or from since on) that the pattern matches; returns the match."""
        begin = self.started_at if since is None else since
        return until(lambda: re.search(pattern, self.log(begin), re.M), f"log line like {pattern!r}", limit)

    def log_end(self, lines=60):
        return "\n".join(self.log().splitlines()[-lines:])

    def check_log(self, since=0):
        """HouseError when a line of the log speaks of a crash or comes from a sanitizer."""
        if hit := CRASH.search(self.log(since)):
            raise HouseError(f"in the log: {hit[0]}\n{self.log(since)[hit.start():][:8000]}")

    # Talking to it

    def ports(self):
        """{name: port} of the open listeners, the first of each name."""
        table = {}
        for line in (self.data_dir / "run" / "ports").read_text().splitlines():
            name, port = line.split()
            table.setdefault(name, int(port))
        return table

    def connect(self, name, limit=PATIENCE):
        """A connected socket to the listener of that name."""
        return socket.create_connection(("127.0.0.1", self.ports()[name]), timeout=limit)

    def command(self, *words, text=None, status=0):
        """Runs the binary's command with this configuration; returns its output, HouseError on another status."""
        done = subprocess.run([self.binary, *words, "-c", self.config], input=text, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=PATIENCE * 2, env=self.environment, check=False)
        if done.returncode != status:
            raise HouseError(f"{' '.join(words)} ended with {done.returncode}, not {status}\n{done.stdout}{done.stderr}")
        return SWAPCONTEXT.sub("", done.stdout + done.stderr)
