#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tests/dialogue.py against a server that answers from a script."""
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import dialogue


class Server(threading.Thread):
    """Accepts one connection after another and gives each to answer(socket)."""

    def __init__(self, answer):
        super().__init__(daemon=True)
        self.answer = answer
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.got = b""

    def run(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with peer:
                try:
                    self.answer(self, peer)
                except OSError:
                    pass

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join(10)

    def until(self, peer, end):
        while end not in self.got:
            data = peer.recv(65536)
            if not data:
                return
            self.got += data


def greet(text):
    def answer(server, peer):
        peer.sendall(text)
        server.until(peer, b"QUIT\r\n")
    return answer


class Playing(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.path = self.folder / "a.dialogue"

    def serve(self, answer):
        server = Server(answer)
        server.start()
        self.addCleanup(server.stop)
        return server

    def play(self, text, answer, variables=None, patience=5):
        self.server = self.serve(answer)
        self.path.write_text(text)
        return dialogue.run(self.path, {"smtp": self.server.port}, variables, patience)

    def refused(self, sentence, text, answer, **options):
        with self.assertRaisesRegex(dialogue.DialogueError, sentence):
            self.play(text, answer, **options)

    def test_conversation(self):
        def answer(server, peer):
            peer.sendall(b"220 mx.test ESMTP ready\r\n")
            server.until(peer, b"EHLO me.test\r\n")
            peer.sendall(b"250-mx.test\r\n250-SIZE 1000\r\n250 HELP\r\n")
            server.until(peer, b"QUIT\r\n")
            peer.sendall(b"221 bye from mx.test\r\n")
        values = self.play("# a comment\nCONNECT smtp\nS: 220 {host} ESMTP*\n\nC: EHLO {me}\nS: 250-{host}\nS*: 250 *\n"
                           "C: NOOP {host}\nC: AUTH {b64:\\0u\\0p} {12}\nC: QUIT\nS: 221 * {host}\nEOF\n", answer, {"me": "me.test"})
        self.assertEqual(values["host"], "mx.test")
        self.assertEqual(self.server.got, b"EHLO me.test\r\nNOOP mx.test\r\nAUTH AHUAcA== {12}\r\nQUIT\r\n")

    def test_raw_bytes(self):
        self.play("CONNECT smtp\nC\\: a\\r\\x00\\xFF\\\\\\n\nREPEAT 3 xy\\t\nC: QUIT\nEOF\n",
                  lambda server, peer: server.until(peer, b"QUIT\r\n"))
        self.assertEqual(self.server.got, b"a\r\0\xff\\\nxy\txy\txy\tQUIT\r\n")

    def test_numbered(self):
        self.play("CONNECT smtp\nREPEAT 3 x{n}\\r\\n\nC: QUIT\nEOF\n", lambda server, peer: server.until(peer, b"QUIT\r\n"))
        self.assertEqual(self.server.got, b"x1\r\nx2\r\nx3\r\nQUIT\r\n")

    def test_other_line_is_reported_with_its_place(self):
        with self.assertRaises(dialogue.DialogueError) as caught:
            self.play("CONNECT smtp\nS: 220 *\nC: QUIT\nS: 221 *\n", greet(b"220 hello\r\n550 no\r\n"))
        text = str(caught.exception)
        self.assertTrue(text.startswith(f"{self.path}:4: S: 221 *\n  came 550 no\n"), text)
        self.assertIn("    S: 220 hello\n    C: QUIT\n    S: 550 no", text)

    def test_captured_value_must_come_again(self):
        self.refused("a.dialogue:3: .*\n  came 250 two", "CONNECT smtp\nS: 220 {x}\nS: 250 {x}\n", greet(b"220 one\r\n250 two\r\n"))
        self.refused("came 220 a b", "CONNECT smtp\nS: 220 {x} {x}\n", greet(b"220 a b\r\n"))
        self.assertEqual(self.play("CONNECT smtp\nS: 220 {x} {x}\n", greet(b"220 a a\r\n"))["x"], "a")

    def test_name_without_value(self):
        self.refused("has no value yet", "CONNECT smtp\nC: {who}\n", greet(b""))

    def test_end_of_connection(self):
        self.refused("came the end of the connection", "CONNECT smtp\nS: 220 *\n", lambda server, peer: None)
        self.refused("came 220 x", "CONNECT smtp\nEOF\n", greet(b"220 x\r\n"))
        self.refused("after b'220 torn'", "CONNECT smtp\nS: 220 *\n", lambda server, peer: peer.sendall(b"220 torn"))

    def test_bare_lf(self):
        self.refused("bare LF", "CONNECT smtp\nS: 220 *\n", greet(b"220 x\n"))

    def test_time_limit(self):
        self.refused("came nothing more", "CONNECT smtp\nS: 220 *\n", greet(b""), patience=0.2)

    def test_silence(self):
        self.play("CONNECT smtp\nSILENCE 50\nC: QUIT\nEOF\n", greet(b""))
        self.refused("came b'220", "CONNECT smtp\nSILENCE 500\n", greet(b"220 x\r\n"))
        self.refused("end of the connection", "CONNECT smtp\nSILENCE 500\n", lambda server, peer: None)

    def test_skipping_ends(self):
        self.refused("within 1000 lines", "CONNECT smtp\nS*: 250 *\n", greet(b"250-x\r\n" * 1001))
        self.refused("end of the connection", "CONNECT smtp\nS*: 250 *\n", lambda server, peer: peer.sendall(b"250-x\r\n"))

    def test_bad_files(self):
        for text, sentence in (("HELLO\n", ":1: is no step"), ("", "has no step"), ("S: 220\n", ":1: S: without a connection"),
                               ("CONNECT pop3\n", "no listener is called pop3; there are smtp"),
                               ("CONNECT smtp SSL\n", "is not CONNECT NAME"), ("TLSNOW\n", "is no step")):
            with self.subTest(text):
                self.refused(sentence, text, greet(b""))

    def context(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                        "-subj", "/CN=x.test", "-keyout", self.folder / "key", "-out", self.folder / "cert"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "cert", self.folder / "key")
        return context

    def test_tls(self):
        context = self.context()

        def answer(server, peer):
            with context.wrap_socket(peer, server_side=True) as inner:
                inner.sendall(b"220 inside\r\n")
                server.until(inner, b"QUIT\r\n")

        def upgrade(server, peer):
            server.until(peer, b"STARTTLS\r\n")
            peer.sendall(b"220 go\r\n")
            answer(server, peer)
        self.play("CONNECT smtp TLS\nS: 220 inside\nC: QUIT\nEOF\n", answer)
        self.play("CONNECT smtp\nC: STARTTLS\nS: 220 go\nTLS\nS: 220 inside\nC: QUIT\nEOF\n", upgrade)

    def test_bytes_before_tls(self):
        self.refused("bytes before TLS: b'250 early", "CONNECT smtp\nS: 220 go\nTLS\n", greet(b"220 go\r\n250 early\r\n"))


class Patterns(unittest.TestCase):
    def matches(self, pattern, text):
        return bool(dialogue.compile_pattern(pattern, {}).fullmatch(text))

    def test_patterns(self):
        for pattern, text, expected in (
                ("* OK *", "* OK ready", True), ("\\* OK *", "* OK ready", True), ("\\* OK *", "x OK ready", False),
                ("* FETCH (FLAGS (\\Seen))", "* 1 FETCH (FLAGS (\\Seen))", True), ("a.c", "abc", False), ("250", "2500", False),
                ("BODY[] {12}", "BODY[] {12}", True), ("\\{x}", "{x}", True), ("(\\Seen \\\\\\*)", "(\\Seen \\*)", True),
                ("250 *", "250 ", True), ("250 {x}", "250 ", False), ("", "", True)):
            with self.subTest(f"{pattern} | {text}"):
                self.assertEqual(self.matches(pattern, text), expected)


if __name__ == "__main__":
    unittest.main()
