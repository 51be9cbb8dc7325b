#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Other people's servers as the sending side: they look up our MX, come with STARTTLS, and each letter is here once."""
import re
import smtplib
import unittest

import house
import peer
import post

LETTERS = 50
QUEUED = re.compile(r"queued as ([0-9A-F]{16})")


class Postfix(peer.Postfix):
    """Sends where the MX record says, with TLS or not at all."""
    changed = {"disable_dns_lookups": "no", "smtp_host_lookup": "dns", "default_transport": "smtp", "relay_transport": "smtp",
               "smtp_tls_security_level": "encrypt"}

    def __init__(self, dns):
        self.dns = dns
        super().__init__()

    def write_files(self):
        super().write_files()
        self.file("resolv.conf", f"nameserver {self.dns.host}\n")
        # Not as extra lines: each process would warn of a name given twice, postlogd to itself, for ever.
        rows = (self.etc / "postfix/main.cf").read_text().splitlines()
        kept = [row for row in rows if row.split(" =")[0] not in self.changed]
        self.file("postfix/main.cf", "\n".join([*kept, *(f"{key} = {value}" for key, value in self.changed.items())]) + "\n")


class Exim(peer.Exim):
    def __init__(self, dns):
        self.dns = dns
        super().__init__()

    def write_files(self):
        super().write_files()
        self.file("resolv.conf", f"nameserver {self.dns.host}\n")
        text = (self.etc / "exim4/exim4.conf").read_text()
        text, routers = re.subn(r"driver = manualroute\n  route_list = .*", "driver = dnslookup", text)
        text, transports = re.subn(r"driver = smtp\n", "driver = smtp\n  hosts_require_tls = *\n", text)
        assert (routers, transports) == (1, 1), "peer.Exim has other files now"
        self.file("exim4/exim4.conf", text)


class OpenSmtpd(peer.OpenSmtpd):
    way = "tls no-verify"

    def __init__(self, dns):
        self.dns = dns
        super().__init__()

    def write_files(self):
        super().write_files()
        self.file("resolv.conf", f"nameserver {self.dns.host}\n")


class Send(unittest.TestCase):
    def relays(self, kind):
        kind.need()
        here = peer.loopback_address()
        with peer.Nsd({"a.test": f"@ MX 10 mx\nmx A {here}\n"}) as dns, kind(dns) as sender:
            with house.House(start=False, listen_smtp=f"{here}:25") as home:
                home.write("postfix-accounts.cf", post.ACCOUNTS)
                home.start()
                for first in range(0, LETTERS, 10):     # Exim lets the eleventh of a connection lie for a while
                    with smtplib.SMTP(sender.host, sender.port, "client.test", timeout=peer.PATIENCE) as smtp:
                        for number in range(first, first + 10):
                            smtp.sendmail("s@far.test", ["a@a.test"], post.letter(number, 100 + number * 997 % 40000))
                house.until(lambda: len(QUEUED.findall(sender.log())) >= LETTERS, f"{LETTERS} letters sent by {sender.name}", 40)
                taken = sorted(QUEUED.findall(sender.log()))
                house.until(lambda: len(post.inbox(home, "a@a.test")) >= LETTERS, "delivery of all letters")
                home.restart()
                self.assertEqual(sorted(row[1] for row in post.inbox(home, "a@a.test")), taken)
                self.assertEqual(len(set(taken)), LETTERS)
                log = home.log()
                self.assertEqual(log.count("Anonymous TLS connection established"), log.count(": connect from "))

    def test_postfix(self):
        self.relays(Postfix)

    def test_exim(self):
        self.relays(Exim)

    def test_opensmtpd(self):
        self.relays(OpenSmtpd)


if __name__ == "__main__":
    unittest.main()
