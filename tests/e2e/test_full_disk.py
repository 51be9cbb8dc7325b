#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A disk that fills up: letters are told to come later, none that was accepted is lost, and with space all goes on."""
import ctypes
import os
import subprocess
import unittest

import house
import post

CLONE_NEWNS = 0x20000
# Four segments of the journal, which a new start after a power cut takes, and room for letters.
DISK = 300 << 20


def setUpModule():
    """Mounts of this process are its own from now on, and end with it."""
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root to mount a small disk")
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        raise unittest.SkipTest(f"no mount namespaces here: {os.strerror(ctypes.get_errno())}")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


class Disk:
    """The data_dir of a house that is not started yet, on a disk of its own."""

    def __init__(self, home):
        self.folder = home.data_dir
        self.ballast = self.folder / "ballast"
        self.folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=755", "disk", self.folder], check=True)

    def fill(self):
        """Leaves no block free."""
        fd = os.open(self.ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            for step in (1 << 20, 4096):
                try:
                    while True:
                        os.write(fd, bytes(step))
                except OSError:
                    pass
        finally:
            os.close(fd)

    def free(self):
        self.ballast.unlink()

    def unmount(self):
        subprocess.run(["umount", "--lazy", self.folder], check=True)


class FullDisk(unittest.TestCase):
    def setUp(self):
        self.home = house.House(start=False)
        self.addCleanup(self.home.discard)
        self.disk = Disk(self.home)
        self.addCleanup(self.disk.unmount)
        self.home.write("postfix-accounts.cf", post.ACCOUNTS)
        self.home.start()
        self.roles = self.home.roles()
        self.accepted, self.number = [], 0

    def send(self, count, size):
        """Sends letters in a session each; returns the replies to those that were not accepted."""
        refused = []
        for _ in range(count):
            self.number += 1
            dialogue = post.Dialogue(self.home)
            try:
                self.accepted.append(dialogue.send("s@far.test", ["a@a.test"], post.letter(self.number, size)))
            except ConnectionError as error:
                refused.append(str(error))
            finally:
                dialogue.close()
        return refused

    def check_inbox(self):
        def names():
            return sorted(row[1] for row in post.inbox(self.home, "a@a.test"))
        house.until(lambda: len(names()) >= len(self.accepted), "delivery of what was accepted")
        self.assertEqual(names(), sorted(self.accepted))

    def test_full_and_free_again(self):
        self.assertEqual(self.send(5, 20000), [])
        for _ in range(2):
            self.disk.fill()
            refused = self.send(30, 100000)
            self.assertTrue(refused, "the disk was not full")
            self.assertEqual([reply for reply in refused if not reply.startswith("452 4.3.1")], [])
            self.disk.free()
            house.until(lambda: not self.send(1, 1000), "letter accepted, though there is space", 20)
            self.assertEqual(self.send(10, 20000), [])
            self.check_inbox()
            self.assertEqual(self.home.roles(), self.roles, "a role was started anew")
        self.home.restart()
        self.check_inbox()

    def test_a_power_cut_while_full(self):
        self.assertEqual(self.send(5, 20000), [])
        self.disk.fill()
        self.assertTrue(self.send(20, 100000), "the disk was not full")
        self.home.kill_everything()
        self.disk.free()
        self.home.start()
        self.assertEqual(self.send(5, 20000), [])
        self.check_inbox()


if __name__ == "__main__":
    unittest.main()
