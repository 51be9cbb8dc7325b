#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`mailstead doctor` beside a running server: what answers, and what it finds when something was broken."""
import signal
import socket
import unittest

import house


class Doctor(unittest.TestCase):
    def test_a_good_house(self):
        with house.House(listen_submission="off", listen_submissions="off") as home:
            home.command("setup", "email", "add", "anna@a.test", "secret")
            told = home.command("doctor", "a.test")
            for finding in ("server: it runs", "smtp: it answers on 127.0.0.1:0", "imap: it answers", "imaps: it answers",
                            "certificate: it is for mx.house.test", "accounts: 1", "domain: a.test is ours; accounts: 1"):
                self.assertRegex(told, rf"(?m)^ok       {finding}")
            self.assertRegex(told, r"(?m)^0 wrong, \d+ warnings$")
            self.assertNotRegex(told, r"(?m)^wrong")

    def test_a_gate_that_stands_still(self):
        with house.House(gates=1, listen_submission="off", listen_submissions="off", listen_imaps="off", listen_imap="off") as home:
            home.kill("gate/0", signal.SIGSTOP)
            told = home.command("doctor", status=1)
            self.assertRegex(told, r"(?m)^wrong    smtp: 127.0.0.1:0 is open but does not greet")
            home.kill("gate/0", signal.SIGCONT)
            home.connect("smtp").close()

    def test_a_port_that_is_held(self):
        home = house.House(start=False, listen_submission="off", listen_submissions="off")
        with socket.create_server(("127.0.0.1", 0)) as held:
            port = held.getsockname()[1]
            home.configure(listen_smtp=f"127.0.0.1:{port}")
            try:
                told = home.command("doctor", status=1)
                self.assertRegex(told, rf"(?m)^wrong    smtp: \S+ \(process \d+\) holds 127\.0\.0\.1:{port}; stop it")
                self.assertRegex(told, r"(?m)^wrong    server: none runs")
            finally:
                home.discard()


if __name__ == "__main__":
    unittest.main()
