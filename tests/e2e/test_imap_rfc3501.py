#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""IMAP4rev1 as RFC 3501 has it, section by section, in raw dialogues: what is sent, and every response that must come."""
import re
import ssl
import unittest

import house
import post

CONTEXT = ssl._create_unverified_context()      # the certificate is self-signed
LITERAL = re.compile(rb"\{(\d+)\}\r\n$")

PLAIN = b"From: a@far.test\r\nTo: b@a.test\r\nSubject: one\r\nX-Odd:  folded\r\n value\r\n\r\nHello\r\nworld\r\n"
NESTED = (b"Subject: outer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=X\r\n\r\npreamble\r\n--X\r\n"
          b"Content-Type: text/plain\r\nX-Part: first\r\n\r\npart one\r\n--X\r\nContent-Type: message/rfc822\r\n\r\n"
          b"Subject: inner\r\nContent-Type: multipart/alternative; boundary=Y\r\n\r\n--Y\r\nContent-Type: text/plain\r\n\r\ninner text\r\n"
          b"--Y\r\nContent-Type: text/html\r\n\r\n<p>inner html</p>\r\n--Y--\r\n\r\n--X--\r\n")


class Client:
    """One session; say() returns its untagged responses and the tagged one, literals left in."""

    def __init__(self, home, user="a@a.test", folder=None):
        raw = home.connect("imaps", 30)
        self.socket = CONTEXT.wrap_socket(raw)
        self.file = self.socket.makefile("rwb")
        self.response()
        assert self.say(f"LOGIN {user} pw")[1].startswith(b"OK"), user
        if folder:
            assert self.say(f"SELECT {folder}")[1].startswith(b"OK"), folder

    def response(self):
        whole = b""
        while True:
            line = self.file.readline()
            if not line:
                raise ConnectionError("the connection ended")
            whole += line
            if not (size := LITERAL.search(line)):
                return whole[:-2]
            whole += self.file.read(int(size[1]))

    def send(self, data):
        self.file.write(data)
        self.file.flush()

    def say(self, command, tag=b"t", literals=()):
        """command; each of literals is sent after its continuation request, with what follows it."""
        command = command if isinstance(command, bytes) else command.encode()
        self.send(tag + b" " + command + b"\r\n")
        untagged, waiting = [], list(literals)
        while True:
            line = self.response()
            if line.startswith(b"+") and waiting:
                self.send(waiting.pop(0))
            elif line.startswith(tag + b" "):
                return untagged, line[len(tag) + 1:]
            else:
                untagged.append(line)

    def append(self, folder, letter, more=""):
        reply = self.say(f"APPEND {folder} {more}{{{len(letter)}}}", literals=[letter + b"\r\n"])
        assert reply[1].startswith(b"OK"), reply

    def close(self):
        self.file.close()
        self.socket.close()


def found(untagged):
    """The numbers of the one SEARCH response."""
    lines = [line for line in untagged if line.startswith(b"* SEARCH")]
    assert len(lines) == 1, untagged
    return [int(word) for word in lines[0].split()[2:]]


class Rfc3501(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = house.House(start=False)
        cls.home.write("postfix-accounts.cf", "".join(f"{name}@a.test|{{PLAIN}}pw\n" for name in "abcdefghij"))
        cls.home.start()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.home.stop()
        finally:
            cls.home.discard()

    def client(self, *arguments, **named):
        made = Client(self.home, *arguments, **named)
        self.addCleanup(made.close)
        return made

    def ask(self, client, rows):
        """rows: command, pattern of the tagged response, patterns of the untagged ones in order (None: any)."""
        for command, tagged, *untagged in rows:
            with self.subTest(command=command):
                lines, last = client.say(command)
                self.assertRegex(last, tagged.encode())
                if untagged == [None]:
                    continue
                self.assertEqual(len(lines), len(untagged), lines)
                for line, pattern in zip(lines, untagged):
                    self.assertRegex(line, b"(?s)^" + (pattern if isinstance(pattern, bytes) else pattern.encode()) + b"$")

    def test_any_state_6_1(self):
        c = self.client()
        self.ask(c, [
            ("CAPABILITY", "^OK ", r"\* CAPABILITY .*IMAP4rev1.*"),
            ("noop", "^OK "),
            ("FROB", "^BAD "),
            ("", "^BAD "),
            ("NOOP now", "^BAD "),
            ("NOOP ", "^OK "),          # a blank at the end harms nobody
            ("SELECT", "^BAD "),
            ("FETCH 1 FLAGS", "^BAD "),
            ("LOGIN a@a.test pw", "^BAD "),
            ("AUTHENTICATE PLAIN", "^BAD "),
            ("STARTTLS", "^BAD "),
        ])
        for tag in (b"A.1", b"a]b", b"~!#$&'|}^_`-=[:;<>,./?", b"0", b"t" * 200):
            self.assertTrue(c.say("NOOP", tag=tag)[1].startswith(b"OK"), tag)
        # Not a tag, so none can be repeated (9: tag is ASTRING-CHARs except "+").
        for line in (b"a+b NOOP", b"a(b NOOP", b"a%b NOOP", b"a\"b NOOP", b"\xff NOOP", b"", b"a", b" NOOP"):
            c.send(line + b"\r\n")
            self.assertRegex(c.response(), rb"^(\*|a) BAD ", line)
        # BYE before the OK.
        untagged, tagged = c.say("LOGOUT")
        self.assertEqual(len(untagged), 1)
        self.assertTrue(untagged[0].startswith(b"* BYE"))
        self.assertTrue(tagged.startswith(b"OK"))
        self.assertEqual(c.file.read(), b"")

    def test_selecting_6_3_1(self):
        c = self.client("b@a.test")
        for _ in range(2):
            c.append("INBOX", PLAIN)
        untagged, tagged = c.say("SELECT inbox")
        self.assertTrue(tagged.startswith(b"OK [READ-WRITE]"))
        for pattern in (rb"^\* FLAGS \(.*\\Answered.*\)", rb"^\* 2 EXISTS$", rb"^\* \d RECENT$", rb"^\* OK \[UNSEEN 1\]",
                        rb"^\* OK \[PERMANENTFLAGS \(.*\\\*\)\]", rb"^\* OK \[UIDNEXT 3\]", rb"^\* OK \[UIDVALIDITY \d+\]"):
            self.assertEqual(sum(bool(re.search(pattern, line)) for line in untagged), 1, (pattern, untagged))
        # A SELECT that fails closes the old one.
        self.ask(c, [("SELECT nowhere", "^NO "), ("FETCH 1 FLAGS", "^BAD ")])
        untagged, tagged = c.say("EXAMINE INBOX")
        self.assertTrue(tagged.startswith(b"OK [READ-ONLY]"))
        self.assertTrue(any(b"PERMANENTFLAGS ()" in line for line in untagged), untagged)
        self.ask(c, [
            ("STORE 1 +FLAGS (\\Deleted)", "^NO "),
            ("EXPUNGE", "^NO "),
            ("FETCH 1 BODY[TEXT]", "^OK ", rb"\* 1 FETCH \(BODY\[TEXT\] \{14\}\r\nHello\r\nworld\r\n\)"),
            ("SEARCH UNSEEN", "^OK ", r"\* SEARCH 1 2"),
            ("CLOSE", "^OK "),
            ("CHECK", "^BAD "),
            ("CLOSE", "^BAD "),
            ("UNSELECT", "^BAD "),
        ])
        # UNSELECT keeps, CLOSE removes without a word.
        c.say("SELECT INBOX")
        self.ask(c, [
            ("CHECK", "^OK "),
            ("STORE 1 +FLAGS.SILENT (\\Deleted)", "^OK "),
            ("UNSELECT", "^OK "),
            ("STATUS INBOX (MESSAGES)", "^OK ", r"\* STATUS \"?INBOX\"? \(MESSAGES 2\)"),
            ("EXAMINE INBOX", "^OK ", None),
            ("CLOSE", "^OK "),
            ("STATUS INBOX (MESSAGES)", "^OK ", r"\* STATUS \"?INBOX\"? \(MESSAGES 2\)"),
            ("SELECT INBOX", "^OK ", None),
            ("CLOSE", "^OK "),
            ("STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)", "^OK ",
             r"\* STATUS \"?INBOX\"? \(MESSAGES 1 RECENT \d UIDNEXT 3 UIDVALIDITY \d+ UNSEEN 1\)"),
            ("STATUS INBOX ()", "^BAD "),
            ("STATUS INBOX (FROB)", "^BAD "),
            ("STATUS nowhere (MESSAGES)", "^NO "),
            ("SELECT INBOX", "^OK ", None),
            ("STATUS INBOX (UNSEEN)", "^OK ", r"\* STATUS \"?INBOX\"? \(UNSEEN 1\)"),
        ])

    def test_folders_6_3_3(self):
        c = self.client("c@a.test")
        sep = re.search(rb'"(.)"', c.say('LIST "" ""')[0][0])[1].decode()
        deep = sep.join(("one", "two", "three"))
        self.ask(c, [
            ('LIST "" ""', "^OK ", rf'\* LIST \(.*\\Noselect.*\) "\{sep}" ""'),
            ("CREATE INBOX", "^NO "),
            ("CREATE inbox", "^NO "),
            (f"CREATE {deep}", "^OK "),
            (f"CREATE {deep}", "^NO "),
            (f"CREATE trailing{sep}", "^OK "),
            ('LIST "" trailing', "^OK ", r"\* LIST .* \"?trailing\"?"),
            ('LIST "" one*', "^OK ", r"\* LIST .*one\"?", rf"\* LIST .*one\{sep}two\"?", rf"\* LIST .*three\"?"),
            ('LIST "" one%', "^OK ", r"\* LIST \(.*\) .*one\"?"),
            (f'LIST one{sep} %', "^OK ", rf"\* LIST .*one\{sep}two\"?"),
            (f'LIST "" one{sep}%{sep}%', "^OK ", r"\* LIST .*three\"?"),
            ('LIST "" iNbOx', "^OK ", r"\* LIST .* \"?INBOX\"?"),
            (f"SUBSCRIBE {deep}", "^OK "),
            ('LSUB "" *', "^OK ", None),
            (f'LSUB "" one{sep}%', "^OK ", rf'\* LSUB \(\\Noselect\) "\{sep}" \"?one\{sep}two\"?'),
            (f'LSUB "" one%', "^OK ", rf'\* LSUB \(\\Noselect\) "\{sep}" \"?one\"?'),
            (f'LSUB "" {deep}', "^OK ", rf'\* LSUB \(\) "\{sep}" \"?one\{sep}two\{sep}three\"?'),
            (f"UNSUBSCRIBE {deep}", "^OK "),
            (f'LSUB "" one*', "^OK "),
            # Deleted with children below: the name stays, and cannot be selected (6.3.4).
            (f"CREATE one", "^(OK|NO) "),
            ("DELETE one", "^OK "),
            ('LIST "" one', "^OK ", r"\* LIST \(.*\\Noselect.*\) .*one\"?"),
            ("SELECT one", "^NO "),
            ("DELETE one", "^NO "),
            (f"DELETE {deep}", "^OK "),
            ("DELETE INBOX", "^NO "),
            ("DELETE nowhere", "^NO "),
            ("RENAME nowhere somewhere", "^NO "),
            ("RENAME trailing INBOX", "^NO "),
            (f"CREATE up{sep}down", "^OK "),
            (f"RENAME up above", "^OK "),
            (f'LIST "" above{sep}*', "^OK ", rf"\* LIST .*above\{sep}down\"?"),
            (f'LIST "" up*', "^OK "),
            # Modified UTF-7 (5.1.3), canonical only, and no octets above 127.
            ("CREATE Entw&APw-rfe", "^OK "),
            ('LIST "" Entw*', "^OK ", r"\* LIST .*Entw&APw-rfe\"?"),
            ("CREATE R&-D", "^OK "),
            ('LIST "" R*', "^OK ", r"\* LIST .*R&-D\"?"),
            ("CREATE Bad&", "^(BAD|NO) "),
            ("CREATE Bad&AGE-", "^(BAD|NO) "),
            ("CREATE Bad&*-", "^(BAD|NO) "),
            (b"CREATE \"Bad\xff\"", "^(BAD|NO) "),
            (b"CREATE \"Bad\xc3\xa4\"", "^(BAD|NO) "),
            ('CREATE ""', "^(BAD|NO) "),
            (f"CREATE {sep}", "^(BAD|NO) "),
            (f"CREATE a{sep}{sep}b", "^(BAD|NO) "),
            ("CREATE a%b", "^(BAD|NO) "),
            ('CREATE "a*b"', "^OK "),       # 5.1 advises against it and forbids nothing
            ('LIST "" a%b', "^OK ", r'\* LIST .*"a\*b"'),
        ])
        # RENAME of INBOX moves its mail and leaves it empty (6.3.5).
        c.append("INBOX", PLAIN)
        self.ask(c, [
            (f"CREATE INBOX{sep}kept", "^OK "),
            ("RENAME INBOX old", "^OK "),
            ("STATUS INBOX (MESSAGES)", "^OK ", r".*\(MESSAGES 0\)"),
            ("STATUS old (MESSAGES)", "^OK ", r".*\(MESSAGES 1\)"),
            (f'LIST "" INBOX{sep}*', "^OK ", rf"\* LIST .*INBOX\{sep}kept\"?"),
            (f'LIST "" old*', "^OK ", rf"\* LIST .* \"?old\"?"),
        ])

    def test_literals_everywhere_4_3(self):
        c = self.client("d@a.test")
        for plus in ("", "+"):
            def literal(*words):
                """words: alternately text and literals."""
                first, pieces = words[0].encode(), []
                for text, follows in zip(words[1::2], words[2::2]):
                    pieces.append((f"{{{len(text)}{plus}}}".encode(), text.encode() + follows.encode()))
                if plus:
                    return c.say(first + b"".join(head + b"\r\n" + rest for head, rest in pieces))[1]
                heads = [head for head, _ in pieces]
                rests = [rest for _, rest in pieces]
                sent = [rest + (heads[i + 1] if i + 1 < len(heads) else b"") + b"\r\n" for i, rest in enumerate(rests)]
                return c.say(first + heads[0], literals=sent)[1]
            name = "lit" + ("plus" if plus else "")
            for words in (("CREATE ", name, ""), ("SUBSCRIBE ", name, ""), ("STATUS ", name, " (MESSAGES)"), ("LIST ", "", " ", name, ""),
                          ("LSUB ", "", " ", "*", ""), ("RENAME ", name, " ", name + "2", ""), ("SELECT ", name + "2", ""),
                          ("APPEND ", name + "2", " ", PLAIN.decode(), ""), ("SEARCH SUBJECT ", "one", ""),
                          ("SEARCH HEADER ", "subject", " ", "one", ""), ("SEARCH CHARSET ", "us-ascii", " BODY ", "hello", ""),
                          ("FETCH 1 BODY.PEEK[HEADER.FIELDS (", "Subject", ")]"), ("COPY 1 ", "INBOX", ""), ("UID COPY 1 ", "INBOX", ""),
                          ("UNSUBSCRIBE ", name, ""), ("EXAMINE ", name + "2", ""),
                          ("DELETE ", name + "2", "")):
                with self.subTest(words=words, plus=plus):
                    self.assertRegex(literal(*words), b"^OK ")
        self.ask(c, [("CREATE {99999999999}", "^BAD "), ("NOOP", "^OK ")])

    def test_fetch_6_4_5(self):
        c = self.client("e@a.test")
        c.append("INBOX", PLAIN, '(\\Flagged $Work) "01-Feb-2020 10:11:12 +0200" ')
        c.append("INBOX", NESTED)
        c.say("SELECT INBOX")
        header = PLAIN[:PLAIN.index(b"\r\n\r\n") + 4]
        self.ask(c, [
            ("FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE UID)", "^OK ",
             rf'\* 1 FETCH \(UID 1 FLAGS \(.*\\Flagged.*\) INTERNALDATE " 1-Feb-2020 08:11:12 \+0000" RFC822.SIZE {len(PLAIN)}\)'),
            ("FETCH 1 FAST", "^OK ", r"\* 1 FETCH \(FLAGS \(.*\) INTERNALDATE \".*\" RFC822.SIZE \d+\)"),
            ("FETCH 1 ALL", "^OK ", r"\* 1 FETCH \(FLAGS .* ENVELOPE \(.*\)\)"),
            ("FETCH 1 FULL", "^OK ", r"\* 1 FETCH \(FLAGS .* BODY \(.*\)\)"),
            ("FETCH 1 (FAST)", "^BAD "),
            ("FETCH 1 ()", "^BAD "),
            ("FETCH 1", "^BAD "),
            ("FETCH 0 FLAGS", "^BAD "),
            ("FETCH 1:0 FLAGS", "^BAD "),
            ("FETCH 4294967296 FLAGS", "^BAD "),
            ("FETCH 1, FLAGS", "^BAD "),
            ("FETCH 1 BODY[0]", "^BAD "),
            ("FETCH 1 BODY[MIME]", "^BAD "),
            ("FETCH 1 BODY[]<0.0>", "^BAD "),
            ("FETCH 1 BODY.PEEK[]<0.5>", "^OK ", rb"\* 1 FETCH \(BODY\[\]<0> \{5\}\r\nFrom:\)"),
            ("FETCH 1 BODY.PEEK[]<5.999999>", "^OK ", rb"\* 1 FETCH \(BODY\[\]<5> \{%d\}\r\n.*\)" % (len(PLAIN) - 5)),
            ("FETCH 1 BODY.PEEK[]<999999.5>", "^OK ", rb'\* 1 FETCH \(BODY\[\]<999999> (""|\{0\}\r\n)\)'),
            ("FETCH 1 BODY.PEEK[HEADER.FIELDS (x-odd SUBJECT)]", "^OK ",
             rb"\* 1 FETCH \(BODY\[HEADER.FIELDS \(x-odd SUBJECT\)\] \{40\}\r\nSubject: one\r\nX-Odd:  folded\r\n value\r\n\r\n\)"),
            ("FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (From To X-Odd)]", "^OK ", rb"\* 1 FETCH \(BODY\[.*\] \{16\}\r\nSubject: one\r\n\r\n\)"),
            ("FETCH 1 BODY.PEEK[HEADER.FIELDS (None)]", "^OK ", rb"\* 1 FETCH \(BODY\[.*\] \{2\}\r\n\r\n\)"),
            ("FETCH 1 BODY.PEEK[HEADER.FIELDS ()]", "^BAD "),
            ("FETCH 1 RFC822.HEADER", "^OK ", rb"\* 1 FETCH \(RFC822.HEADER \{%d\}\r\n%s\)" % (len(header), re.escape(header))),
            ("FETCH 1 FLAGS", "^OK ", rb"\* 1 FETCH \(FLAGS \((?!.*Seen).*\)\)"),
            ("FETCH 1 BODY.PEEK[1]", "^OK ", rb"\* 1 FETCH \(BODY\[1\] \{14\}\r\nHello\r\nworld\r\n\)"),
            ("FETCH 1 BODY.PEEK[1.MIME]", "^OK ", rb"\* 1 FETCH \(BODY\[1.MIME\] .*\)"),
            ("FETCH 2 BODY.PEEK[1.MIME]", "^OK ", rb"\* 2 FETCH \(BODY\[1.MIME\] \{\d+\}\r\nContent-Type: text/plain\r\nX-Part: first\r\n\r\n\)"),
            ("FETCH 2 BODY.PEEK[1]", "^OK ", rb"\* 2 FETCH \(BODY\[1\] \{8\}\r\npart one\)"),
            ("FETCH 2 BODY.PEEK[2.HEADER]", "^OK ", rb"\* 2 FETCH \(BODY\[2.HEADER\] \{\d+\}\r\nSubject: inner\r\nContent-Type: .*\r\n\r\n\)"),
            ("FETCH 2 BODY.PEEK[2.HEADER.FIELDS (Subject)]", "^OK ", rb"\* 2 FETCH \(BODY\[.*\] \{18\}\r\nSubject: inner\r\n\r\n\)"),
            ("FETCH 2 BODY.PEEK[2.1]", "^OK ", rb"\* 2 FETCH \(BODY\[2.1\] \{10\}\r\ninner text\)"),
            ("FETCH 2 BODY.PEEK[2.2.MIME]", "^OK ", rb"\* 2 FETCH \(BODY\[2.2.MIME\] \{\d+\}\r\nContent-Type: text/html\r\n\r\n\)"),
            ("FETCH 2 BODY.PEEK[2.TEXT]<0.3>", "^OK ", rb"\* 2 FETCH \(BODY\[2.TEXT\]<0> \{3\}\r\n--Y\)"),
            ("FETCH 2 BODY.PEEK[9]", "^OK ", rb'\* 2 FETCH \(BODY\[9\] (NIL|"")\)'),
            ("FETCH 2 BODYSTRUCTURE", "^OK ",
             rb'\* 2 FETCH \(BODYSTRUCTURE \(\("text" "plain" .*\("message" "rfc822" .*"alternative".*"mixed".*\)\)'),
            ("FETCH 2 RFC822.TEXT", "^OK ", None),
            ("FETCH 2 FLAGS", "^OK ", rb"\* 2 FETCH \(FLAGS \(.*\\Seen.*\)\)"),
            ("FETCH 1 BODY[HEADER]", "^OK ", rb"\* 1 FETCH \(.*FLAGS \(.*\\Seen.*\).*\)"),
            ("UID FETCH 1 FLAGS", "^OK ", rb"\* 1 FETCH \((UID 1 FLAGS \(.*\)|FLAGS \(.*\) UID 1)\)"),
            ("UID FETCH 77 FLAGS", "^OK "),
            ("UID FETCH 77:* UID", "^OK ", r"\* 2 FETCH \(UID 2\)"),
            ("FETCH *:1 UID", "^OK ", r"\* 1 FETCH \(UID 1\)", r"\* 2 FETCH \(UID 2\)"),
            ("FETCH 2,1,2 UID", "^OK ", r"\* 1 FETCH \(UID 1\)", r"\* 2 FETCH \(UID 2\)"),
        ])

    def test_store_6_4_6(self):
        c = self.client("f@a.test")
        for _ in range(3):
            c.append("INBOX", PLAIN)
        c.say("SELECT INBOX")
        self.ask(c, [
            ("STORE 1 FLAGS (\\Seen \\Draft)", "^OK ", r"\* 1 FETCH \(FLAGS \(.*\)\)"),
            ("STORE 1 FLAGS ()", "^OK ", r"\* 1 FETCH \(FLAGS \((\\Recent)?\)\)"),
            ("STORE 1:3 +FLAGS \\Answered", "^OK ", None),
            ("STORE 1:3 -FLAGS.SILENT (\\Answered)", "^OK "),
            ("SEARCH ANSWERED", "^OK ", r"\* SEARCH"),
            ("STORE 1 +FLAGS (\\Recent)", "^(BAD|NO) "),
            ("STORE 1 +FLAGS (\\Frob)", "^(BAD|NO) "),
            ("STORE 1 FLAGS", "^BAD "),
            ("STORE 9 FLAGS ()", "^(BAD|NO|OK) ", None),
            ("STORE 2 +FLAGS.SILENT (New-Word)", "^OK ", r"\* FLAGS \(.*New-Word.*\)"),
            ("SEARCH KEYWORD new-word", "^OK ", r"\* SEARCH 2"),
            ("SEARCH UNKEYWORD New-Word", "^OK ", r"\* SEARCH 1 3"),
            ("UID STORE 2 +FLAGS (\\Deleted)", "^OK ", r"\* 2 FETCH \(.*UID 2.*\)"),
            ("COPY 1:3 nowhere", "^NO \\[TRYCREATE\\]"),
            ("COPY 1,3 Archive", "^OK "),
            ("EXPUNGE", "^OK ", r"\* 2 EXPUNGE"),
            ("EXPUNGE", "^OK "),
            ("UID FETCH 1:* UID", "^OK ", r"\* 1 FETCH \(UID 1\)", r"\* 2 FETCH \(UID 3\)"),
        ])
        reply = c.say(f"APPEND nowhere {{{len(PLAIN)}}}", literals=[PLAIN + b"\r\n"])
        self.assertTrue(reply[1].startswith(b"NO [TRYCREATE]"), reply)

    def test_search_6_4_4(self):
        c = self.client("g@a.test")
        c.append("INBOX", PLAIN, '(\\Answered \\Seen) "01-Feb-2020 10:11:12 +0000" ')
        c.append("INBOX", PLAIN.replace(b"Subject: one", b"Date: Mon, 3 Feb 2020 23:30:00 -0800\r\nCc: cc@a.test\r\nSubject: two"),
                 '(\\Deleted \\Draft) "02-Feb-2020 10:11:12 +0000" ')
        c.append("INBOX", NESTED, '(\\Flagged key) "03-Feb-2020 10:11:12 +0000" ')
        c.say("SELECT INBOX")
        for keys, numbers in {
                "ALL": [1, 2, 3], "ANSWERED": [1], "UNANSWERED": [2, 3], "DELETED": [2], "UNDELETED": [1, 3], "DRAFT": [2], "UNDRAFT": [1, 3],
                "FLAGGED": [3], "UNFLAGGED": [1, 2], "SEEN": [1], "UNSEEN": [2, 3], "KEYWORD key": [3], "UNKEYWORD key": [1, 2],
                "BCC x": [], "CC cc@": [2], "FROM A@FAR": [1, 2], "TO b@a": [1, 2], "SUBJECT o": [1, 2, 3], "SUBJECT two": [2],
                "BODY hello": [1, 2], "BODY \"inner html\"": [3], "TEXT outer": [3], "TEXT folded": [1, 2], "HEADER X-Odd value": [1, 2],
                "HEADER x-odd \"\"": [1, 2], "HEADER Date \"\"": [2], "BEFORE 2-Feb-2020": [1], "ON 02-Feb-2020": [2], "SINCE 2-Feb-2020": [2, 3],
                "SENTON 3-Feb-2020": [2], "SENTBEFORE 4-Feb-2020": [2], "SENTSINCE \"3-Feb-2020\"": [2], f"LARGER {len(PLAIN)}": [2, 3],
                f"SMALLER {len(PLAIN) + 1}": [1], "UID 2:*": [2, 3], "UID 9:*": [3], "2": [2], "*": [3], "*:2": [2, 3], "1,3": [1, 3], "NOT 1,3": [2],
                "NOT NOT SEEN": [1], "OR SEEN FLAGGED": [1, 3], "OR NOT SEEN (1 2)": [2, 3], "OR OR 1 2 NOT (1:2)": [1, 2, 3], "(1:3) (NOT (2))": [1, 3],
                "SEEN UNSEEN": [], "NOT (SEEN UNSEEN)": [1, 2, 3], "CHARSET us-ascii SUBJECT one": [1], "CHARSET UTF-8 ALL": [1, 2, 3]}.items():
            with self.subTest(keys=keys):
                untagged, tagged = c.say("SEARCH " + keys)
                self.assertTrue(tagged.startswith(b"OK"), tagged)
                self.assertEqual(found(untagged), numbers)
        self.ask(c, [(f"SEARCH {bad}", "^BAD ") for bad in ("", "FROB", "OR SEEN", "NOT", "(SEEN", "SEEN)", "()", "ON 30-Foo-2020", "ON 2020-02-01", "LARGER -1",
                                                             "LARGER x", "KEYWORD", "KEYWORD \\Seen", "0", "1:", "HEADER x", "CHARSET", "SEEN  FLAGGED")])
        self.ask(c, [("SEARCH CHARSET x-klingon SUBJECT x", r"^NO \[BADCHARSET"), ("SELECT Trash", "^OK ", None), ("SEARCH UID *", "^OK ", r"\* SEARCH"),
                     ("SEARCH ALL", "^OK ", r"\* SEARCH"), ("UID FETCH * FLAGS", "^OK "), ("UID FETCH 1:* FLAGS", "^OK "), ("UID SEARCH UID 1:*", "^OK ", r"\* SEARCH")])

    def test_untagged_7(self):
        one, two = self.client("h@a.test"), self.client("h@a.test")
        for _ in range(4):
            one.append("INBOX", PLAIN)
        for c in (one, two):
            c.say("SELECT INBOX")
        one.say("STORE 1:2 +FLAGS (\\Deleted)")
        untagged = two.say("NOOP")[0]
        self.assertEqual([line.split(b" FETCH")[0] for line in untagged], [b"* 1", b"* 2"])
        one.say("EXPUNGE")
        # None during FETCH, STORE and SEARCH (7.4.1): the numbers stay until a command without them.
        for command in ("FETCH 1:4 UID", "SEARCH ALL", "STORE 3 +FLAGS (\\Answered)", "FETCH 3 FLAGS", "STORE 4 -FLAGS.SILENT (\\Seen)"):
            self.assertFalse([line for line in two.say(command)[0] if b"EXPUNGE" in line], command)
        self.assertEqual(found(two.say("SEARCH UNDELETED")[0]), [3, 4])
        untagged, tagged = two.say("UID SEARCH ALL")
        self.assertTrue(tagged.startswith(b"OK"))
        self.assertEqual(found(untagged), [3, 4])
        untagged += two.say("NOOP")[0]
        self.assertEqual(sum(b"EXPUNGE" in line for line in untagged), 2, untagged)
        # New mail and its number before anything about it.
        one.append("INBOX", PLAIN)
        one.say("STORE 3 +FLAGS (\\Flagged)")
        untagged = two.say("FETCH 1 UID")[0] + two.say("NOOP")[0]
        exists = untagged.index(b"* 3 EXISTS")
        self.assertTrue(any(re.match(rb"\* \d RECENT", line) for line in untagged), untagged)
        self.assertTrue(all(exists < i for i, line in enumerate(untagged) if line.startswith(b"* 3 FETCH")), untagged)
        # .SILENT tells the others.
        one.say("STORE 1 +FLAGS.SILENT (\\Draft)")
        self.assertTrue(any(line.startswith(b"* 1 FETCH") and b"Draft" in line for line in two.say("NOOP")[0]))

    def test_places_of_errors_9(self):
        c = self.client("a@a.test", folder="INBOX")
        for command in ("FETCH 1 (FLAGS", "FETCH 1 BODY[", "STORE 1 FLAGS (\\Seen", "SEARCH (ALL", "LIST \"\"", "COPY 1", "STATUS INBOX", "FETCH 1 FLAGS x"):
            with self.subTest(command=command):
                self.assertRegex(c.say(command)[1], rb"^BAD .*at byte \d+")


if __name__ == "__main__":
    unittest.main()
