#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Plays a dialogue file (tests/dialogue/README.md has the format) against a server and says where it went otherwise.

    dialogue.py FILE NAME=PORT... [VARIABLE=VALUE...]      listeners on 127.0.0.1, as in data_dir/run/ports
"""
import base64
import pathlib
import re
import socket
import ssl
import sys
import time

PATIENCE = 30.0         # seconds for a line of the server
LONGEST = 1 << 24       # bytes of a line; a server that sends no line end is caught, not waited for
SKIPPED = 1000          # lines that "S*:" may pass over

NAME = r"[a-z_][a-z0-9_]*"
STEP = re.compile(r"(C:|C\\:|S:|S\*:|CONNECT|TLS|WAIT|SILENCE|REPEAT|CLOSE|EOF)(?: (.*)|)$")
FIELD = re.compile(r"\{(" + NAME + r")\}|\{b64:([^}]*)\}")
PATTERN = re.compile(r"\\([\\*{])|(\*)|\{(" + NAME + r")\}")
ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|([rnt0\\]))")
ESCAPES = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}


class DialogueError(AssertionError):
    """What was expected, what came, and what was said before."""


def unescape(text):
    return ESCAPE.sub(lambda hit: bytes([int(hit[1], 16)]) if hit[1] else ESCAPES[hit[2]], text.encode())


def fill(text, variables):
    """Puts captured values for {name} and base64 for {b64:...}; other braces ({12} of IMAP) stay."""
    def value(hit):
        if hit[2] is not None:
            return base64.b64encode(unescape(hit[2])).decode()
        if hit[1] not in variables:
            raise DialogueError(f"{{{hit[1]}}} has no value yet")
        return variables[hit[1]]
    return FIELD.sub(value, text)


def compile_pattern(text, variables):
    """The regular expression of an S: line.  A name that has a value must come again; a new one is captured."""
    parts, at, seen = [], 0, set()
    for hit in PATTERN.finditer(text):
        parts.append(re.escape(text[at:hit.start()]))
        at = hit.end()
        if hit[1]:
            parts.append(re.escape(hit[1]))
        elif hit[2]:
            parts.append(".*")
        elif hit[3] in variables:
            parts.append(re.escape(variables[hit[3]]))
        elif hit[3] in seen:
            parts.append(f"(?P={hit[3]})")
        else:
            parts.append(f"(?P<{hit[3]}>.+?)")
            seen.add(hit[3])
    return re.compile("".join(parts) + re.escape(text[at:]), re.S)


class Line:
    """One connection: bytes in, lines out."""

    def __init__(self, port, patience):
        self.patience = patience
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=patience)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.waiting = b""

    def start_tls(self):
        if self.waiting:
            raise DialogueError(f"bytes before TLS: {self.waiting[:200]!r}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE         # the server's certificate signs itself in tests
        self.socket = context.wrap_socket(self.socket)

    def more(self, patience):
        """Reads once; b"" at the end of the connection, None when nothing came in time."""
        self.socket.settimeout(max(patience, 0.001))
        try:
            data = self.socket.recv(65536)
        except (TimeoutError, ssl.SSLWantReadError):
            return None
        except (ConnectionResetError, ssl.SSLError):
            return b""
        self.waiting += data
        return data

    def read(self):
        """The next line without CRLF; None at the end of the connection."""
        deadline = time.monotonic() + self.patience
        while b"\n" not in self.waiting:
            data = self.more(deadline - time.monotonic())
            if data == b"" and not self.waiting:
                return None
            if not data or len(self.waiting) > LONGEST:
                why = "the end of the connection" if data == b"" else "nothing more" if data is None else "no line end"
                raise DialogueError(f"came {why} after {self.waiting[-200:]!r}")
        line, _, self.waiting = self.waiting.partition(b"\n")
        if not line.endswith(b"\r"):
            raise DialogueError(f"came a line that ends in a bare LF: {line!r}")
        return line[:-1].decode(errors="backslashreplace")

    def send(self, data):
        self.socket.settimeout(self.patience)
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError) as error:
            raise DialogueError(f"could not be sent: {error}") from None


class Dialogue:
    def __init__(self, path, ports, variables=None, patience=PATIENCE):
        self.path = pathlib.Path(path)
        self.ports = ports
        self.variables = dict(variables or {})
        self.patience = patience
        self.line = None
        self.said = []          # the last lines of both sides, for the error

    def steps(self):
        """(number, verb, rest) of each step; DialogueError for a line that is none."""
        found = []
        for number, text in enumerate(self.path.read_text().splitlines(), 1):
            if not text.strip() or text.startswith("#"):
                continue
            step = STEP.match(text)
            if not step:
                raise DialogueError(f"{self.path}:{number}: is no step: {text}")
            found.append((number, step[1], step[2] or ""))
        if not found:
            raise DialogueError(f"{self.path}:1: has no step")
        return found

    def run(self):
        steps = self.steps()
        try:
            for number, verb, rest in steps:
                if self.line is None and verb not in ("CONNECT", "WAIT"):
                    raise DialogueError(f"{self.path}:{number}: {verb} without a connection")
                try:
                    self.STEPS[verb](self, rest)
                except (DialogueError, OSError, KeyError) as error:
                    raise DialogueError(self.report(number, verb, rest, error)) from None
        finally:
            self.hang_up()
        return self.variables

    def report(self, number, verb, rest, error):
        before = "".join(f"\n    {line}" for line in self.said[-12:])
        return f"{self.path}:{number}: {verb} {rest}\n  {error}\n  said before:{before}"

    def hang_up(self):
        if self.line:
            self.line.socket.close()
        self.line = None

    def connect(self, rest):
        words = rest.split()
        if len(words) not in (1, 2) or words[1:] not in ([], ["TLS"]):
            raise DialogueError("is not CONNECT NAME or CONNECT NAME TLS")
        if words[0] not in self.ports:
            raise DialogueError(f"no listener is called {words[0]}; there are {', '.join(sorted(self.ports))}")
        self.hang_up()
        self.line = Line(self.ports[words[0]], self.patience)
        if words[1:]:
            self.line.start_tls()

    def tls(self, _):
        self.line.start_tls()

    def say(self, rest):
        text = fill(rest, self.variables)
        self.said.append(f"C: {text[:300]}")
        self.line.send(text.encode() + b"\r\n")

    def say_raw(self, rest):
        self.said.append(f"C\\: {rest[:300]}")
        self.line.send(unescape(fill(rest, self.variables)))

    def repeat(self, rest):
        count, _, text = rest.partition(" ")
        self.said.append(f"REPEAT {rest[:300]}")
        if "{n}" in text:
            numbered = (fill(text, self.variables | {"n": str(n)}) for n in range(1, int(count) + 1))
            self.line.send(unescape("".join(numbered)))
        else:
            self.line.send(unescape(fill(text, self.variables)) * int(count))

    def read(self):
        text = self.line.read()
        self.said.append(f"S: {text[:300]}" if text is not None else "(the server closed)")
        return text

    def hear(self, rest):
        text = self.read()
        if text is None:
            raise DialogueError("came the end of the connection")
        hit = compile_pattern(rest, self.variables).fullmatch(text)
        if not hit:
            raise DialogueError(f"came {text}")
        self.variables.update(hit.groupdict())

    def hear_until(self, rest):
        pattern = compile_pattern(rest, self.variables)
        for _ in range(SKIPPED):
            text = self.read()
            if text is None:
                raise DialogueError("came the end of the connection")
            if hit := pattern.fullmatch(text):
                self.variables.update(hit.groupdict())
                return
        raise DialogueError(f"did not come within {SKIPPED} lines")

    def wait(self, rest):
        time.sleep(int(rest) / 1000)

    def silence(self, rest):
        if not self.line.waiting and self.line.more(int(rest) / 1000) is None:
            return
        raise DialogueError(f"came {self.line.waiting[:200]!r}" if self.line.waiting else "came the end of the connection")

    def close(self, _):
        self.hang_up()

    def end(self, _):
        if (text := self.read()) is not None:
            raise DialogueError(f"came {text}")
        self.hang_up()

    STEPS = {"CONNECT": connect, "TLS": tls, "C:": say, "C\\:": say_raw, "REPEAT": repeat, "S:": hear, "S*:": hear_until,
             "WAIT": wait, "SILENCE": silence, "CLOSE": close, "EOF": end}


def run(path, ports, variables=None, patience=PATIENCE):
    """Plays one file; returns the variables with what was captured."""
    return Dialogue(path, ports, variables, patience).run()


def main():
    pairs = dict(word.split("=", 1) for word in sys.argv[2:])
    ports = {name: int(value) for name, value in pairs.items() if value.isdigit()}
    try:
        run(sys.argv[1], ports, pairs)
    except DialogueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
