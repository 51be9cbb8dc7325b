#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The house itself: start, end, a room that crashes, a reload that is refused, a master that dies."""
import os
import pathlib
import signal
import subprocess
import time
import unittest

import house
import peer


def status_field(pid, name):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return line.split(":", 1)[1].split()
    raise AssertionError(f"no {name} in the status of {pid}")


class Start(unittest.TestCase):
    def test_every_room_runs_and_ends_in_order(self):
        with house.House() as home:
            roles = home.roles()
            self.assertIn("resolver/0", roles)
            home.stop()
            self.assertFalse([name for name, pid in roles.items() if house.alive(pid)])

    def test_a_role_inherits_nothing(self):
        with house.House() as home:
            pid = home.roles()["resolver/0"]
            environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
            for entry in filter(None, environment.split(b"\0")):
                self.assertTrue(entry.startswith((b"ASAN_OPTIONS=", b"UBSAN_OPTIONS=")), entry)
            self.assertEqual(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes(), b"mailstead: resolver/0\0")

    def test_mistakes_stop_the_start(self):
        home = house.House(start=False)
        try:
            with open(home.config, "a", encoding="ascii") as config:
                config.write("confinment = full\n")
            done = subprocess.run([home.binary, "serve", "-c", home.config], capture_output=True, text=True, timeout=60,
                                  env=home.environment, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("mailstead.conf:", done.stderr)
            self.assertIn("did you mean 'confinement'?", done.stderr)
        finally:
            home.discard()

    def test_a_second_server_is_refused(self):
        with house.House() as home:
            before = time.monotonic()
            done = subprocess.run([home.binary, "serve", "-c", home.config], capture_output=True, text=True, timeout=60,
                                  env=home.environment, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("another mailstead serves from", done.stderr)
            self.assertGreater(time.monotonic() - before, 4)    # it waits for one that is just ending
            home.command("lookup", "localhost")


class Crash(unittest.TestCase):
    def test_a_killed_room_comes_back(self):
        with house.House() as home:
            for _ in range(5):
                before = home.kill("resolver/0")
                home.wait_role("resolver/0", other_than=before)
                self.assertIn("127.0.0.1", home.command("lookup", "localhost", "A"))
            self.assertIn("signal 9 (KILL)", home.log())

    def test_a_stopped_room_is_ended_and_comes_back(self):
        with house.House() as home:
            before = home.kill("resolver/0", signal.SIGSTOP)
            home.wait_log("resolver/0 does not answer and is ended", limit=40)
            home.wait_role("resolver/0", other_than=before)
            home.command("lookup", "localhost")

    def test_rooms_end_with_master_and_a_new_one_starts_at_once(self):
        with house.House() as home:
            roles = home.roles()
            home.process.kill()
            home.process.wait()
            home.start()
            self.assertFalse([name for name, pid in roles.items() if house.alive(pid)])
            home.command("lookup", "localhost")


class Reload(unittest.TestCase):
    def test_what_is_wrong_changes_nothing(self):
        with house.House() as home:
            home.configure(log_level="loud")
            said = home.command("reload", "--wait", status=1)
            self.assertIn("log_level", said)
            home.configure(log_level="debug")
            home.command("reload", "--wait")
            os.kill(home.process.pid, signal.SIGHUP)
            home.wait_log("reloaded")

    def test_no_server_is_said(self):
        home = house.House(start=False)
        try:
            self.assertIn("no server runs", home.command("reload", status=75))
        finally:
            home.discard()


class Log(unittest.TestCase):
    def test_a_renamed_log_is_noticed(self):
        with house.House(start=False) as home:
            path = home.folder / "mail.log"
            home.configure(log=path)
            home.spawn()
            house.until(lambda: path.exists() and ": ready" in path.read_text(), "line ready")
            path.rename(home.folder / "mail.log.1")
            house.until(path.exists, "new log file")
            home.command("reload")
            house.until(lambda: ": reloaded" in path.read_text(), "line reloaded")


class Dns(unittest.TestCase):
    def test_lookup_asks_the_configured_server(self):
        zones = {"a.test": '@ MX 10 mx\n@ MX 20 mx.b.test.\nmx A 127.0.0.9\nmx AAAA ::1\n@ TXT "v=spf1 -all" "two"\n',
                 "0.127.in-addr.arpa": "9.0 PTR mx.a.test.\n"}
        with peer.Nsd(zones) as dns, house.House(resolver=dns.address) as home:
            both = home.command("lookup", "a.test", "MX")
            self.assertIn("a.test 60 MX 10 mx.a.test.\n", both)
            self.assertIn("a.test 60 MX 20 mx.b.test.\n", both)
            both = home.command("lookup", "mx.a.test")
            self.assertIn("A 127.0.0.9", both)
            self.assertIn("AAAA ::1", both)
            self.assertIn('TXT "v=spf1 -all" "two"', home.command("lookup", "a.test", "TXT"))
            self.assertIn("NXDOMAIN", home.command("lookup", "gone.a.test", "A", status=1))
            self.assertIn("no such record", home.command("lookup", "a.test", "AAAA", status=1))
            self.assertIn("insecure", both)

    def test_usage(self):
        with house.House() as home:
            home.command("lookup", status=2)
            self.assertIn("unknown record type", home.command("lookup", "a.test", "MXX", status=2))
            self.assertIn("did you mean 'lookup'", home.command("lokup", status=2))


if __name__ == "__main__":
    unittest.main()
