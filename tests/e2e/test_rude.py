#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Rude clients on port 25, each alone and all together: they cost the honest ones nothing, and no memory."""
import pathlib
import re
import socket
import statistics
import threading
import time
import unittest

import house
import post

HONEST, RUDE, CROWD = "127.0.0.2", "127.0.0.3", "127.0.0.4"     # an address each, since connections are counted by address
SESSIONS, LETTERS = 20, 2
MEDIAN, LONGEST = (1.0, 15.0) if house.FLAVOUR == "release" else (3.0, 30.0)      # seconds for a reply
# The busiest moment decides what the gates keep for the next one.  Then memory must stand still: within so many
# rounds, for so many in a row, but for so many KiB.
ROUNDS, STEADY, GROWTH = (20, 3, 256) if house.FLAVOUR == "release" else (5, 3, 256)
LIMIT = 50


class Honest(post.Dialogue):
    """Says each command from its own address, and notes how long the reply took."""

    def __init__(self, port, times):
        self.times = times
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(HONEST, 0))
        self.file = self.socket.makefile("rwb")
        self.expect("220")
        self.say("EHLO client.test", "250")

    def expect(self, code):
        begun = time.monotonic()
        line = super().expect(code)
        self.times.append(time.monotonic() - begun)
        return line


def connect(port, address=RUDE):
    return socket.create_connection(("127.0.0.1", port), timeout=5, source_address=(address, 0))


def greeted(port, *words):
    """A socket after EHLO and these commands, replies read."""
    s = connect(port)
    file = s.makefile("rb")
    for word in (b"", b"EHLO rude.test\r\n", *words):
        s.sendall(word)
        while file.readline()[3:4] == b"-":
            pass
    return s


ENVELOPE = (b"MAIL FROM:<s@far.test>\r\n", b"RCPT TO:<d@a.test>\r\n", b"DATA\r\n")


def torn_commands(port, over):
    while not over.is_set():
        for text in (b"E", b"EHLO", b"EHLO rude.test\r", b"MAIL FROM:<s@f", b"RCPT", b"BDAT 1000 LAST\r\nx"):
            with connect(port) as s:
                s.sendall(text)


def lines_of_a_megabyte(port, over):
    while not over.is_set():
        with connect(port) as s:
            s.sendall(b"x" * (1 << 20) + b"\r\n")


def zeros_and_no_utf8(port, over):
    while not over.is_set():
        with connect(port) as s:
            for text in (b"\0" * 5000 + b"\r\n", b"EHLO \xff\xfe\0\r\n", b"MAIL FROM:<\xc0\xaf\0@\xff>\r\n", bytes(range(256)) * 20):
                s.sendall(text)


def stops_in_data(port, over):
    with greeted(port, *ENVELOPE) as s:
        s.sendall(b"Subject: half a let")
        over.wait()


def never_reads(port, over):
    """Asks for so much that the replies fill every buffer."""
    with connect(port) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(0.2)
        while not over.is_set():
            s.sendall(b"RSET\r\n" * 10000)


def byte_by_byte(port, over):
    with connect(port) as s:
        for byte in b"EHLO rude.test\r\nMAIL FROM:<s@far.test>\r\n":
            s.sendall(bytes([byte]))
            if over.wait(1):
                return


def comes_and_goes(port, over):
    while not over.is_set():
        connect(port).close()
        time.sleep(0.001)       # leaves the machine's ports to others


def garbage_for_tls(port, over):
    while not over.is_set():
        with greeted(port, b"STARTTLS\r\n") as s:
            s.sendall(b"\x16\x03\x01\xff\xff" + b"\0" * 3000)
            s.recv(100)


def silent_for_tls(port, over):
    with greeted(port, b"STARTTLS\r\n"):
        over.wait()


def crowd(port, over):
    sockets = [connect(port, CROWD) for _ in range(LIMIT + 10)]
    over.wait()
    for s in sockets:
        s.close()


def half_closed(port, over):
    while not over.is_set():
        with greeted(port, *ENVELOPE) as s:
            s.sendall(b"Subject: half\r\n")
            s.shutdown(socket.SHUT_WR)
            while s.recv(1000):
                pass


def false_ends(port, over):
    while not over.is_set():
        with greeted(port, *ENVELOPE) as s:
            s.sendall(b"x\n.\nMAIL FROM:<s@far.test>\r\n" * 1000)


ALL = (torn_commands, lines_of_a_megabyte, zeros_and_no_utf8, stops_in_data, never_reads, byte_by_byte, comes_and_goes,
       garbage_for_tls, silent_for_tls, crowd, half_closed, false_ends)


def rude(client, port, over):
    """Runs a client again and again: what the server does to it is its own fault."""
    while not over.is_set():
        try:
            client(port, over)
        except OSError:
            over.wait(0.01)


def in_threads(work, count):
    threads = [threading.Thread(target=work, args=(k,), daemon=True) for k in range(count)]
    for thread in threads:
        thread.start()
    return threads


class Rude(unittest.TestCase):
    def setUp(self):
        self.home = house.House(start=False, connections_per_address=LIMIT)
        self.addCleanup(self.home.discard)
        self.home.write("postfix-accounts.cf", post.ACCOUNTS)
        self.home.start()
        self.port = self.home.ports()["smtp"]
        self.roles = self.home.roles()
        self.accepted, self.troubles = [], []

    def honest(self, times, sessions=SESSIONS):
        """All honest sessions at once, to their ends."""
        def work(number):
            try:
                dialogue = Honest(self.port, times)
                for k in range(LETTERS):
                    self.accepted.append(dialogue.send("s@far.test", ["a@a.test"], post.letter(number * LETTERS + k, 3000)))
                dialogue.say("QUIT", "221")
                dialogue.close()
            except (OSError, TypeError) as error:
                self.troubles.append(str(error))
        for thread in in_threads(work, sessions):
            thread.join(100)

    def beside(self, clients):
        over, times = threading.Event(), []
        threads = in_threads(lambda k: rude(clients[k], self.port, over), len(clients))
        time.sleep(0.2)
        self.honest(times)
        over.set()
        for thread in threads:
            thread.join(20)
        self.assertEqual(self.troubles, [])
        self.assertLess(statistics.median(times), MEDIAN)
        self.assertLess(max(times), LONGEST)

    def check(self):
        self.assertEqual(self.home.roles(), self.roles, "a role was started anew")
        house.until(lambda: len(post.inbox(self.home, "a@a.test")) >= len(self.accepted), "delivery of all letters")
        self.assertEqual(sorted(row[1] for row in post.inbox(self.home, "a@a.test")), sorted(self.accepted))
        self.assertEqual(post.inbox(self.home, "d@a.test"), [], "half a letter was stored")
        self.home.stop()

    def memory(self):
        """KiB of its own that all gates have together."""
        texts = [pathlib.Path(f"/proc/{pid}/status").read_text() for role, pid in self.home.roles().items() if role.startswith("gate/")]
        return sum(int(re.search(r"^RssAnon:\s+(\d+)", text, re.M)[1]) for text in texts)

    def test_each_alone(self):
        for client in ALL:
            with self.subTest(client=client.__name__):
                self.beside([client])
        self.check()

    def test_all_together(self):
        sizes = []
        for _ in range(ROUNDS):
            self.beside(ALL)
            sizes.append(self.memory())
            if len(sizes) > STEADY and max(sizes[-STEADY:]) - sizes[-STEADY - 1] <= GROWTH:
                break
        else:
            # The sanitizer keeps what was freed for a while, so that only the rounds count there.
            self.assertEqual(house.FLAVOUR, "asan", f"memory grows, KiB after each round: {sizes}")
        self.check()

    @unittest.skipIf(house.FLAVOUR == "asan", "the sanitizer keeps what was freed")
    def test_memory_of_a_flood_is_given_back(self):
        """Also by a gate that is never at rest."""
        before, over = self.memory(), threading.Event()

        def trickle(_):
            while not over.wait(0.02):
                with greeted(self.port, b"NOOP\r\n"):
                    pass
        threads = in_threads(trickle, 2)
        flood = [greeted(self.port, *ENVELOPE) for _ in range(LIMIT - 5)]
        for address in ("127.0.0.11", "127.0.0.12", "127.0.0.13", "127.0.0.14"):
            for _ in range(LIMIT - 5):
                flood.append(connect(self.port, address))
                flood[-1].sendall(b"EHLO rude.test\r\n" + b"".join(ENVELOPE[:2]) + b"BDAT 900000\r\n")
        for s in flood:
            s.sendall((b"x" * 76 + b"\r\n") * 380)
        house.until(lambda: self.memory() > before + 6000, "growth")
        for s in flood:
            s.close()
        house.until(lambda: self.memory() < before + 2500, f"return to {before} KiB", 40)
        over.set()
        for thread in threads:
            thread.join(20)
        self.check()

    def test_connections_of_one_address(self):
        sockets, replies = [], []
        for _ in range(LIMIT + 10):
            sockets.append(connect(self.port, CROWD))
            replies.append(sockets[-1].recv(1000).decode())
        self.assertEqual([reply[:4] for reply in replies], ["220 "] * LIMIT + ["421 "] * 10)
        self.assertRegex(replies[-1], r"^421 4\.7\.0 mx\.house\.test Error: too many connections from 127\.0\.0\.4\r\n$")
        self.honest([], 1)          # another address has its own count
        for s in sockets:
            s.close()

        def comes_in():
            with connect(self.port, CROWD) as s:
                return s.recv(1000).startswith(b"220 ")
        house.until(comes_in, "new connection after the others left", 10)
        self.assertEqual(self.troubles, [])
        self.check()


if __name__ == "__main__":
    unittest.main()
