#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Table files of config_dir: read at the start, at a reload, and within two seconds of a change; bad ones are not taken."""
import os
import pathlib
import signal
import time
import unittest

import house

HASH = "|{SHA512-CRYPT}$6$x$y\n"
# Reading and parsing in a sanitizer build on a busy machine comes on top of the two seconds.
WATCH_LIMIT = 2 if house.FLAVOUR == "release" else 6


def taken(accounts, aliases=0, patterns=0, local=0):
    return f"tables taken: {accounts} accounts, {aliases} aliases, {patterns} patterns, {local} local aliases$"


class Tables(unittest.TestCase):
    def test_start_without_files(self):
        with house.House() as home:
            home.wait_log(taken(0))
            home.command("lookup", "localhost", "A")

    def test_start_without_a_folder(self):
        with house.House(config_dir="/nowhere/at/all") as home:
            home.wait_log(taken(0))

    def test_watched(self):
        with house.House(start=False) as home:
            home.write("postfix-accounts.cf", "a@a.test" + HASH)
            home.start()
            home.wait_log(taken(1))
            # written in place
            mark = home.mark()
            home.write("postfix-accounts.cf", "a@a.test" + HASH + "b@a.test" + HASH)
            home.wait_log(taken(2), mark, WATCH_LIMIT)
            # renamed over it
            mark = home.mark()
            home.write("new", "info@a.test a@a.test\n")
            os.rename(home.config_dir / "new", home.config_dir / "postfix-virtual.cf")
            home.wait_log(taken(2, 1), mark, WATCH_LIMIT)
            mark = home.mark()
            home.write("postfix-regexp.cf", "/^x/ a@a.test\n")
            home.write("postfix-aliases.cf", "sales: a@a.test\nhelp: a@a.test\n")
            home.wait_log(taken(2, 1, 1, 2), mark, WATCH_LIMIT)
            # removed
            mark = home.mark()
            (home.config_dir / "postfix-virtual.cf").unlink()
            home.wait_log(taken(2, 0, 1, 2), mark, WATCH_LIMIT)
            # another folder in its place
            mark = home.mark()
            os.rename(home.config_dir, home.folder / "old")
            home.config_dir.mkdir()
            home.write("postfix-accounts.cf", "c@a.test" + HASH)
            home.wait_log(taken(1), mark, WATCH_LIMIT)
            mark = home.mark()
            home.write("postfix-accounts.cf", "")
            home.wait_log(taken(0), mark, WATCH_LIMIT)
            # what is no table is not read
            mark = home.mark()
            home.write("notes.txt", "x")
            time.sleep(1)
            self.assertNotIn("tables taken", home.log(mark))

    def test_looked_at_where_nothing_tells(self):
        """A file behind a link changes unseen by the folder, as on a mounted volume."""
        with house.House(start=False) as home:
            target = home.folder / "elsewhere"
            target.write_text("a@a.test" + HASH)
            (home.config_dir / "postfix-accounts.cf").symlink_to(target)
            home.start()
            home.wait_log(taken(1))
            mark = home.mark()
            target.write_text("")
            home.wait_log(taken(0), mark, WATCH_LIMIT + 0.5)

    def test_half_a_file_is_not_taken(self):
        with house.House() as home:
            home.wait_log(taken(0))
            mark = home.mark()
            with open(home.config_dir / "postfix-accounts.cf", "w", encoding="ascii") as file:
                for i in range(8):
                    file.write(f"a{i}@a.test" + HASH)
                    file.flush()
                    time.sleep(0.01)
            home.wait_log(taken(8), mark)
            self.assertEqual(home.log(mark).count("tables taken"), 1)

    def test_warnings_name_file_and_line(self):
        with house.House(start=False) as home:
            home.write("postfix-accounts.cf", "# people\na@a.test" + HASH + "nonsense\n")
            home.write("postfix-regexp.cf", "/(/ a@a.test\n")
            home.start()
            home.wait_log(r"postfix-accounts\.cf:3: ")
            home.wait_log(r"postfix-regexp\.cf:1: ")
            home.wait_log(taken(1))

    def test_reload_waits_for_them(self):
        with house.House() as home:
            for n in range(1, 4):
                mark = home.mark()
                home.write("postfix-accounts.cf", "".join(f"p{i}@a.test{HASH}" for i in range(n)))
                home.command("reload", "--wait")
                self.assertRegex(home.log(mark), f"(?m){taken(n)}")
            # another folder, with the settings
            other = home.folder / "other"
            other.mkdir()
            (other / "postfix-accounts.cf").write_text("x@a.test" + HASH)
            home.configure(config_dir=other)
            mark = home.mark()
            home.command("reload", "--wait")
            self.assertRegex(home.log(mark), f"(?m){taken(1)}")
            # which is the one that is watched now
            mark = home.mark()
            (other / "postfix-accounts.cf").write_text("")
            home.wait_log(taken(0), mark, WATCH_LIMIT)

    def test_refused_files_leave_the_old_ones(self):
        with house.House(start=False) as home:
            home.write("postfix-accounts.cf", "a@a.test" + HASH)
            home.start()
            home.wait_log(taken(1))
            big = home.config_dir / "postfix-virtual.cf"
            mark = home.mark()
            with open(big, "wb") as file:
                file.truncate((16 << 20) + 1)
            home.wait_log(r"the tables stay as they were: .*postfix-virtual\.cf is larger than 16 MiB", mark, WATCH_LIMIT)
            self.assertIn("postfix-virtual.cf is larger than 16 MiB", home.command("reload", "--wait", status=1))
            self.assertNotIn("tables taken", home.log(mark))
            # said once by the watch, not at every look
            time.sleep(2)
            self.assertEqual(home.log(mark).count("the tables stay as they were"), 1)
            # a keeper that starts anew gets what the one before it had
            mark = home.mark()
            pid = home.kill("keeper/0")
            home.wait_role("keeper/0", other_than=pid)
            home.wait_log(taken(1), mark)
            # and the good ones are taken
            mark = home.mark()
            big.unlink()
            home.write("postfix-accounts.cf", "")
            home.wait_log(taken(0), mark, WATCH_LIMIT)

    def test_a_fifo_does_not_stop_the_house(self):
        with house.House() as home:
            home.wait_log(taken(0))
            mark = home.mark()
            os.mkfifo(home.config_dir / "postfix-accounts.cf")
            home.wait_log(r"postfix-accounts\.cf is no regular file", mark, WATCH_LIMIT)

    def test_no_start_with_files_that_cannot_be_read(self):
        home = house.House(start=False)
        try:
            (home.config_dir / "postfix-accounts.cf").mkdir()
            home.spawn()
            self.assertEqual(home.process.wait(house.PATIENCE), 1)
            self.assertRegex(home.log(), r"cannot start without its tables: .*postfix-accounts\.cf is no regular file")
        finally:
            home.discard()

    def test_keeper_dies_in_the_middle(self):
        with house.House() as home:
            home.write("postfix-accounts.cf", "".join(f"p{i}@a.test{HASH}" for i in range(20000)))
            for _ in range(3):
                pid = home.kill("keeper/0", signal.SIGKILL)
                home.wait_role("keeper/0", other_than=pid)
            home.wait_log(taken(20000))
            (pathlib.Path(home.config_dir) / "postfix-accounts.cf").write_text("")
            home.wait_log(taken(0))


if __name__ == "__main__":
    unittest.main()
