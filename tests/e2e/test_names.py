# SPDX-License-Identifier: Apache-2.0
"""What the DNS says of clients and senders, with a real name server: names in log and letter, domains that do not exist."""
import smtplib
import unittest

import house
import peer

ZONES = {
    "a.test": "@ MX 10 mx\nmx A 127.0.0.9\n",
    "addressed.test": "@ A 127.0.0.9\n",
    "silent.test": "@ MX 0 .\n",
    "none.test": "@ TXT nothing\n",
}
# Sender and the reply to RCPT; RCPT to a stranger is refused before anything is looked up.
SENDERS = [
    ("s@a.test", 250, ""),
    ("s@addressed.test", 250, ""),
    ("", 250, ""),
    ("alice@house.test", 250, ""),
    ("s@none.test", 450, "4.1.8 <s@none.test>: Sender address rejected: Domain not found"),
    ("s@there.is.none.test", 450, "4.1.8 <s@there.is.none.test>: Sender address rejected: Domain not found"),
    ("s@silent.test", 550, "5.7.27 <s@silent.test>: Sender address rejected: Domain silent.test does not accept mail (nullMX)"),
]


def houseful(**settings):
    home = house.House(start=False, reject_unknown_sender_domain="yes", **settings)
    home.write("postfix-accounts.cf", "alice@house.test|{PLAIN}pw\n")
    home.start()
    return home


class Names(unittest.TestCase):
    def open(self, home, here="127.0.0.1"):
        client = smtplib.SMTP("127.0.0.1", home.ports()["smtp"], local_hostname="client.a.test", source_address=(here, 0))
        self.addCleanup(client.close)
        client.ehlo()
        return client

    def test_senders_and_clients(self):
        with peer.Nsd(ZONES) as dns, houseful(resolver=dns.address) as home:
            client = self.open(home)
            for sender, code, text in SENDERS:
                self.assertEqual(250, client.mail(sender)[0])
                self.assertEqual(554, client.rcpt("x@else.test")[0])
                got, said = client.rcpt("alice@house.test")
                self.assertEqual((code, text), (got, said.decode() if text else ""), sender)
                client.rset()
            client.sendmail("s@a.test", ["alice@house.test"], b"Subject: x\r\n\r\nx\r\n")
            home.wait_log(r": client=localhost\[127\.0\.0\.1\]")
            home.wait_log(r"NOQUEUE: reject: RCPT from localhost\[127\.0\.0\.1\]: 450 4\.1\.8 ")
            other = self.open(home, "127.0.0.2")
            other.quit()
            home.wait_log(r"connect from unknown\[127\.0\.0\.2\]")

    def test_no_name_server(self):
        """One that cannot be reached puts letters off, after a while, and delays no greeting for long."""
        with houseful() as home:
            client = self.open(home, "127.0.0.3")
            client.mail("s@a.test")
            self.assertEqual(450, client.rcpt("alice@house.test")[0])
            client.rset()
            client.mail("")
            self.assertEqual(250, client.rcpt("alice@house.test")[0])
            client.quit()


if __name__ == "__main__":
    unittest.main()
