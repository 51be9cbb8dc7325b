#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The walls: each room tries what its row of the table forbids, and what it allows."""
import os
import pathlib
import shutil
import subprocess
import unittest

import house

FLAVOURS = ("release",)         # the sanitizers need what the walls forbid
ROOT = os.geteuid() == 0
NOBODY = {"user": 65534, "group": 65534, "extra_groups": []} if ROOT else {}
DEADLY = ("run-program", "trace-master", "read-master-memory", "mount-folder", "leave-namespace")
# Of its own, when it has nothing to do; KiB.
IDLE_PRIVATE = 2048
IDLE_PRIVATE_OF = {"resolver": 6144, "keeper": 3072, "mailbox": 3072, "relay": 3584}


def fields_of(pid, name):
    text = pathlib.Path(f"/proc/{pid}/{name}").read_text(encoding="ascii")
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


class Walls(unittest.TestCase):
    def probe(self, level, **user):
        """The rows of the probe: [room, what it tried, what came of it, whether that is as it should be]."""
        home = house.House(start=False, confinement=level)
        try:
            binary = home.folder / "mailstead"
            shutil.copy(home.binary, binary)
            if user:
                for path in (home.folder, home.config, home.config_dir):
                    os.chown(path, 65534, 65534)
            done = subprocess.run([binary, "--probe-walls", "-c", home.config], capture_output=True, text=True, timeout=120,
                                  env=home.environment, check=False, **user)
            return done.returncode, [line.split() for line in done.stdout.splitlines()], done.stderr + home.log()
        finally:
            home.discard()

    @unittest.skipUnless(ROOT, "only root can build all walls")
    def test_full(self):
        status, rows, errors = self.probe("full")
        self.assertFalse([row for row in rows if row[3] != "as-it-should"], errors)
        self.assertEqual(status, 0, errors)
        rooms = {row[0] for row in rows}
        self.assertEqual(len(rows), 13 * len(rooms))
        for room, tried, result, _ in rows:
            if tried in DEADLY:
                self.assertEqual(result, "killed", (room, tried))
        self.assertEqual(sorted(row[0] for row in rows if row[1:3] == ["make-socket", "allowed"]), ["relay", "resolver"])
        self.assertEqual([row[0] for row in rows if row[1:3] == ["make-pair", "allowed"]], ["gate"])

    def test_without_walls_the_probe_says_so(self):
        status, rows, _ = self.probe("off")
        self.assertEqual(status, 1)
        self.assertIn(["resolver", "read-system-file", "allowed", "WRONG"], rows)

    def test_a_plain_user_gets_landlock_and_seccomp(self):
        _, rows, errors = self.probe("best", **NOBODY)
        self.assertTrue(rows, errors)
        self.assertFalse([row for row in rows if row[3] != "as-it-should"], errors)

    def test_full_is_refused_to_a_plain_user(self):
        _, rows, errors = self.probe("full", **NOBODY)
        self.assertFalse([row for row in rows if row[2] == "allowed"], rows)
        self.assertIn("cannot", errors)

    @unittest.skipUnless(ROOT, "only root can build all walls")
    def test_all_stand_in_a_running_house(self):
        with house.House(confinement="full") as home:
            self.assertNotIn("without these walls", home.log())
            for name, pid in home.roles().items():
                fields = fields_of(pid, "status")
                self.assertEqual(fields["Seccomp"].strip(), "2", name)
                self.assertEqual(fields["NoNewPrivs"].strip(), "1", name)
                self.assertNotIn("0", fields["Uid"].split(), name)
                self.assertEqual(int(fields["CapEff"], 16), 0, name)
                self.assertNotEqual(os.readlink(f"/proc/{pid}/root"), "/", name)

    @unittest.skipUnless(ROOT, "a room's pages can be counted by root alone")
    def test_an_idle_room_is_small(self):
        with house.House() as home:
            for name, pid in home.roles().items():
                pages = fields_of(pid, "smaps_rollup")
                # A clean page of a library is private only as long as nobody else on the machine uses it.
                private = int(pages["Private_Dirty"].split()[0])
                self.assertLess(private, IDLE_PRIVATE_OF.get(name.split("/")[0], IDLE_PRIVATE), f"{name}: KiB of its own")


if __name__ == "__main__":
    unittest.main()
