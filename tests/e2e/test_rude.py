#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Rude clients on port 25, each alone and all together: they cost a hundred honest sessions nothing, and no memory."""
import asyncio
import contextlib
import multiprocessing
import pathlib
import random
import re
import socket
import statistics
import threading
import time
import unittest

import house
import post

# An address each, since connections are counted by address.
HONEST, RUDE, CROWD = ("127.0.0.5", "127.0.0.6", "127.0.0.7", "127.0.0.8"), "127.0.0.3", "127.0.0.4"
SESSIONS, LETTERS = 100, 2
PATIENCE = 60           # seconds for a reply; a hang, not a slow machine
THINKING = 0.1          # seconds between two letters of a session, at most
# The busiest moment decides what the gates keep for the next one.  Then memory must stand still: within so many
# rounds, for so many in a row, but for so many KiB.
ROUNDS, STEADY, GROWTH = (20, 3, 256) if house.FLAVOUR == "release" else (5, 3, 256)
# Keeper and spool remember addresses and letters; KiB of each after all rounds.
CEILING = {"keeper/0": 4 << 10, "spool/0": 12 << 10}
LIMIT = 50
# Rude clients that try again at once would cost the machine more than the server; they rest so many seconds.
PAUSE = 0.02


class Honest:
    """A session from an address of its own, which notes how long each reply took."""

    def __init__(self, number, times):
        self.number, self.times = number, times

    async def hear(self, code):
        begun = time.monotonic()
        line = b"-" * 4
        while line[3:4] == b"-":
            line = await asyncio.wait_for(self.reader.readline(), PATIENCE)
        self.times.append(time.monotonic() - begun)
        if not line.startswith(code):
            raise ConnectionError(line.decode(errors="replace") or "the connection ended")
        return line.decode()

    async def say(self, text, code):
        self.writer.write(text.encode() + b"\r\n")
        return await self.hear(code)

    async def run(self, port, accepted):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(HONEST[self.number % len(HONEST)], 0))
        try:
            await self.hear(b"220")
            await self.say("EHLO client.test", b"250")
            for k in range(LETTERS):
                await asyncio.sleep(random.uniform(0, THINKING))
                await self.say("MAIL FROM:<s@far.test>", b"250")
                await self.say("RCPT TO:<a@a.test>", b"250")
                await self.say("DATA", b"354")
                line = await self.say(post.letter(self.number * LETTERS + k, 3000) + "\r\n.", b"250")
                accepted.append(post.QUEUED.search(line)[1])
            await self.say("QUIT", b"221")
        finally:
            self.writer.close()


class End:
    """When the rude are to stop."""

    def __init__(self):
        self.event = FORK.Event()
        self.set, self.wait, self.is_set = self.event.set, self.event.wait, self.event.is_set

    def again(self):
        """Whether to be rude once more, after a rest."""
        return not self.event.wait(PAUSE)


FORK = multiprocessing.get_context("fork")


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
    while over.again():
        for text in (b"E", b"EHLO", b"EHLO rude.test\r", b"MAIL FROM:<s@f", b"RCPT", b"BDAT 1000 LAST\r\nx"):
            with connect(port) as s:
                s.sendall(text)


def lines_of_a_megabyte(port, over):
    while over.again():
        with connect(port) as s:
            s.sendall(b"x" * (1 << 20) + b"\r\n")


def zeros_and_no_utf8(port, over):
    while over.again():
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
    while over.again():
        connect(port).close()


def garbage_for_tls(port, over):
    while over.again():
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
    while over.again():
        with greeted(port, *ENVELOPE) as s:
            s.sendall(b"Subject: half\r\n")
            s.shutdown(socket.SHUT_WR)
            while s.recv(1000):
                pass


def false_ends(port, over):
    while over.again():
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


def crowd_of_rude(names, port, over):
    """A process of its own: what it computes must not slow the honest down."""
    threads = [threading.Thread(target=rude, args=(client, port, over), daemon=True) for client in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)


@contextlib.contextmanager
def beside(clients, port):
    """These rude clients are there while the block runs."""
    over = End()
    process = FORK.Process(target=crowd_of_rude, args=(clients, port, over), daemon=True)
    process.start()
    time.sleep(0.2)
    try:
        yield
    finally:
        over.set()
        process.join(30)
        process.kill()


class Rude(unittest.TestCase):
    def setUp(self):
        self.home = house.House(start=False, connections_per_address=LIMIT)
        self.addCleanup(self.home.discard)
        self.home.write("postfix-accounts.cf", post.ACCOUNTS)
        self.home.start()
        self.port = self.home.ports()["smtp"]
        self.roles = self.home.roles()
        self.accepted, self.troubles = [], []

    def honest(self, sessions=SESSIONS):
        """All honest sessions at once, to their ends; how long each reply took."""
        times = []

        async def session(number):
            try:
                await Honest(number, times).run(self.port, self.accepted)
            except (OSError, TypeError, asyncio.TimeoutError) as error:
                self.troubles.append(f"{type(error).__name__}: {error}")

        async def all_of_them():
            await asyncio.gather(*(session(number) for number in range(sessions)))
        asyncio.run(all_of_them())
        self.assertEqual(self.troubles, [])
        return times

    def check(self):
        self.assertEqual(self.home.roles(), self.roles, "a role was started anew")
        house.until(lambda: len(post.inbox(self.home, "a@a.test")) >= len(self.accepted), "delivery of all letters")
        self.assertEqual(sorted(row[1] for row in post.inbox(self.home, "a@a.test")), sorted(self.accepted))
        self.assertEqual(post.inbox(self.home, "d@a.test"), [], "half a letter was stored")
        self.home.stop()

    def memory(self):
        """{role: KiB of its own}."""
        texts = {role: pathlib.Path(f"/proc/{pid}/status").read_text() for role, pid in self.home.roles().items()}
        return {role: int(re.search(r"^RssAnon:\s+(\d+)", text, re.M)[1]) for role, text in texts.items()}

    def test_each_alone(self):
        for client in ALL:
            with self.subTest(client=client.__name__):
                quiet = statistics.median(self.honest())
                with beside([client], self.port):
                    loud = statistics.median(self.honest())
                print(f"# median of a reply beside {client.__name__}: {loud * 1000:.2f} ms, without: {quiet * 1000:.2f}")
        self.check()

    def test_all_together(self):
        sizes, quiet, loud = [], [], []
        for _ in range(ROUNDS):
            quiet += self.honest()
            with beside(ALL, self.port):
                loud += self.honest()
            memory = self.memory()
            sizes.append(sum(size for role, size in memory.items() if role.startswith("gate/")))
            if len(sizes) > STEADY and max(sizes[-STEADY:]) - sizes[-STEADY - 1] <= GROWTH:
                break
        else:
            # The sanitizer keeps what was freed for a while, so that only the rounds count there.
            self.assertEqual(house.FLAVOUR, "asan", f"memory of the gates grows, KiB after each round: {sizes}")
        for role, ceiling in CEILING.items():
            if house.FLAVOUR == "release":
                self.assertLess(memory[role], ceiling, f"{role}: KiB")
        ratio = statistics.median(loud) / statistics.median(quiet)
        print(f"# median of a reply beside all of them: {statistics.median(loud) * 1000:.2f} ms, without: "
              f"{statistics.median(quiet) * 1000:.2f}, ratio {ratio:.2f}, {len(sizes)} rounds; KiB: {memory}")
        self.check()

    def test_memory_of_a_flood_is_given_back(self):
        """Also by a gate that is never at rest.  The sanitizer keeps what was freed: there it is only a flood."""
        def gates():
            return sum(size for role, size in self.memory().items() if role.startswith("gate/"))

        def trickle():
            while not over.wait(0.02):
                with greeted(self.port, b"NOOP\r\n"):
                    pass
        before, over = gates(), threading.Event()
        threads = [threading.Thread(target=trickle, daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        flood = [greeted(self.port, *ENVELOPE) for _ in range(LIMIT - 5)]
        for address in (f"127.0.0.{host}" for host in range(11, 24)):
            for _ in range(LIMIT - 5):
                flood.append(connect(self.port, address))
                flood[-1].sendall(b"EHLO rude.test\r\n" + b"".join(ENVELOPE[:2]) + b"BDAT 900000\r\n")
        for s in flood:
            s.sendall((b"x" * 76 + b"\r\n") * 380)
        house.until(lambda: gates() > before + 14000, "growth")
        for s in flood:
            s.close()
        # Each gate may keep 4 MiB for the next one.
        house.until(lambda: house.FLAVOUR == "asan" or gates() < before + 9000, f"return from {before} KiB and more", 40)
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
        self.honest(1)              # another address has its own count
        for s in sockets:
            s.close()

        def comes_in():
            with connect(self.port, CROWD) as s:
                return s.recv(1000).startswith(b"220 ")
        house.until(comes_in, "new connection after the others left", 10)
        self.check()


if __name__ == "__main__":
    unittest.main()
