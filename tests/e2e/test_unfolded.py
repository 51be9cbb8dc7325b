#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""After everything was killed, accounts that nobody opens are brought up to the journal all the same."""
import re
import unittest

import house
import post

ACCOUNTS = 40
LETTERS = 10
FOLDED = re.compile(r"folded what the journal had for (\d+) accounts in \d+ ms, 0 failed")


class Unfolded(unittest.TestCase):
    def test_nobody_logs_in(self):
        names = [f"u{number}@a.test" for number in range(ACCOUNTS)]
        with house.House(start=False) as home:
            home.write("postfix-accounts.cf", "".join(f"{name}|{{PLAIN}}pw\n" for name in names))
            home.start()
            dialogue = post.Dialogue(home)
            for number in range(LETTERS):
                dialogue.send("s@far.test", names, post.letter(number, 300))
            dialogue.close()
            house.until(lambda: home.log().count("status=sent") == ACCOUNTS * LETTERS, "letters in all accounts")
            home.kill_everything()
            mark = home.log_path.stat().st_size
            home.start()
            house.until(lambda: sum(map(int, FOLDED.findall(home.log(mark)))) == ACCOUNTS, "folding of all accounts")
            self.assertEqual(len(post.inbox(home, names[-1])), LETTERS)


if __name__ == "__main__":
    unittest.main()
