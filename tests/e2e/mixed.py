# SPDX-License-Identifier: Apache-2.0
"""All that people do with a mail server, at once, with a model of what they were answered.

    with mixed.next_hop() as sink, mixed.houseful(sink) as home:
        load = mixed.Load(home, sink, seed=1).start()
        ...                     kill what you like
        load.stop()
        load.check()            HouseError unless every answer holds

Letters come in on port 25 and on 587, for people here, for people elsewhere and for aliases of both; they leave to the
sink.  Several sessions of each account append, flag, move and expunge over IMAP.  What was answered must hold:

    250             the letter is once at each recipient here, and at least once at the sink for each elsewhere; of a
                    recipient that the sink refuses, the sender has one report
    APPENDUID       the message has this UID, and its bytes
    OK of a command flags, folder and UID are as it left them, what it expunged is gone
    always          UIDs name one message for ever, UIDVALIDITY stays, UIDNEXT never goes back

What was not answered may have happened or not.  Each message has one session that touches it, so that what is expected
of it is known; folders are shared.
"""
import collections
import hashlib
import imaplib
import itertools
import pathlib
import random
import re
import smtplib
import ssl
import threading
import time

import house
import peer
import post

imaplib._MAXLINE = 10_000_000
CONTEXT = ssl._create_unverified_context()      # the certificate is self-signed
PEOPLE = ("a@a.test", "b@a.test", "c@a.test", "d@a.test")
ALIASES = {"team@a.test": ("c@a.test", "d@a.test"), "out@a.test": ("out@far.test",), "both@a.test": ("b@a.test", "both@far.test")}
ELSEWHERE = tuple(f"r{number}@far.test" for number in range(5))
REFUSED = "refused@far.test"
LATER = 0.03                                    # of the recipients are put off by the sink
FOLDERS = ("INBOX", "Archive", "Trash")
FLAGS = (r"\Seen", r"\Answered", r"\Flagged", r"\Draft", "$Mark")
SIZES = (300, 3000, 3000, 3000, 40_000, 300_000)
PATIENCE = 150                                  # seconds for a reply: spool may be waited for 120 s
PAUSE = 0.01                                    # at most so long between two commands of a session
GONE = "gone"
NAME = re.compile(rb"^message-id: <([^@>]+)@mixed\.test>", re.M | re.I)


def next_hop():
    choice = random.Random()

    def answer(to):
        if to == REFUSED:
            return "550 5.1.1 no such user"
        return "451 4.2.0 later" if choice.random() < LATER else "250 2.1.5 OK"
    return peer.Sink(answer)


def houseful(sink, **settings):
    home = house.House(start=False, relay_host=f"[127.0.0.1]:{sink.port}", connections_per_address=500, **settings)
    home.write("postfix-accounts.cf", post.ACCOUNTS)
    home.write("postfix-virtual.cf", "".join(f"{alias} {','.join(members)}\n" for alias, members in ALIASES.items()))
    home.start()
    return home


def name_of(text):
    """The name in the letter's header, "report of ..." for a report; "" for the header of a report."""
    head, _, body = text.partition(b"\r\n\r\n")
    if found := NAME.search(head):
        return found[1].decode()
    if b"multipart/report" not in head:
        return None
    found = NAME.search(body)
    return f"report of {found[1].decode()}" if found else ""


def body_of(text):
    """The digest of what no hop may change; servers put fields into the header, a last CRLF may be theirs."""
    return hashlib.sha256(text.partition(b"\r\n\r\n")[2].rstrip(b"\r\n")).digest()


def letter(name, size, sender="s@far.test"):
    head = f"From: <{sender}>\r\nTo: <someone@a.test>\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{name}@mixed.test>\r\n\r\n"
    line = f".line of {name}: what stands here is to be kept\r\n"
    return (head + line * max(1, (size - len(head)) // len(line))).encode()


def memory(home, role=None):
    """KiB of proportional memory of that role, or of all."""
    total = 0
    for name, pid in home.roles().items():
        if role in (None, name):
            try:
                rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            except OSError:     # it has just ended
                continue
            total += int(re.search(r"^Pss:\s+(\d+)", rollup, re.M)[1])
    return total


class State:
    """Where a message is and how: folder or GONE, UID (None: nobody was told), flags (None: nobody looked)."""

    def __init__(self, folder, uid=None, flags=None):
        self.folder, self.uid, self.flags = folder, uid, flags

    def allows(self, found):
        """found: a State as it was read, or None when it was not there."""
        if found is None or self.folder == GONE:
            return found is None and self.folder == GONE
        return (self.folder == found.folder and self.uid in (None, found.uid)
                and (self.flags is None or self.flags == found.flags))

    def __repr__(self):
        return f"({self.folder} {self.uid} {' '.join(sorted(self.flags)) if self.flags is not None else '?'})"


class Message:
    """states: what it may be; more than one: a command for it was not answered, and nobody touches it any more."""

    def __init__(self, name, digest, states):
        self.name, self.digest, self.states = name, digest, states

    @property
    def state(self):
        return self.states[0]


class Letter:
    """What was sent over SMTP: sure are the recipients for whom it got a 250, maybe those without any answer."""

    def __init__(self, name, digest):
        self.name, self.digest, self.identity = name, digest, ""
        self.sure, self.maybe = set(), set()


class Box:
    """What has been told of one folder of one account."""

    def __init__(self):
        self.validity = None
        self.next = 0
        self.names = {}         # UID -> name of the message


class Load:
    def __init__(self, home, sink, seed, incoming=2, submissions=2, sessions=6):
        self.home, self.sink, self.seed = home, sink, seed
        self.lock = threading.Lock()
        self.numbers = itertools.count()
        self.letters = {}                               # name -> Letter
        self.messages = {who: {} for who in PEOPLE}     # name -> Message, of those that a session has or had
        self.boxes = collections.defaultdict(Box)       # (account, folder)
        self.wrong = []
        self.failures = collections.Counter()
        self.answers = collections.Counter()
        self.over = set()                               # names of letters that were checked and removed
        self.sessions = sessions
        self.plan = [(self.send, "smtp", k) for k in range(incoming)] + [(self.send, "submission", k) for k in range(submissions)] + \
                    [(self.read, "imap", k) for k in range(sessions)]
        self.own = [[] for _ in range(sessions)]
        self.threads = []
        self.chapter = 0

    # Life

    def start(self):
        self.ending = threading.Event()
        self.chapter += 1
        self.threads = [threading.Thread(target=self.work, args=row, daemon=True) for row in self.plan]
        for thread in self.threads:
            thread.start()
        return self

    def work(self, activity, way, number):
        choice = random.Random(f"{self.seed}-{self.chapter}-{way}-{number}")
        while not self.ending.is_set():
            try:
                activity(way, number, choice)
            except (OSError, smtplib.SMTPException, imaplib.IMAP4.error) as error:
                self.failures[f"{way}: {str(error)[:60]}"] += 1
                if " BAD " in str(error):
                    self.wrong.append(f"{way} {number}: {error}")
                time.sleep(0.02)
            except Exception as error:
                self.wrong.append(f"{way} {number}: {error!r}")
                raise

    def stop(self, limit=PATIENCE + 30):
        self.ending.set()
        deadline = time.monotonic() + limit
        for thread, row in zip(self.threads, self.plan):
            thread.join(max(0, deadline - time.monotonic()))
            if thread.is_alive():
                raise house.HouseError(f"{row[1]} {row[2]} hangs")

    def pause(self, choice):
        self.ending.wait(choice.uniform(0, PAUSE))

    # SMTP

    def send(self, way, number, choice):
        smtp, login = self.smtp_session(way, PEOPLE[number % len(PEOPLE)])
        try:
            for _ in range(choice.randint(1, 20)):
                if self.ending.is_set():
                    break
                here = [*PEOPLE, *ALIASES]
                targets = here + list(ELSEWHERE) * 2 + [REFUSED] if login else here
                self.send_letter(smtp, login or "s@far.test", choice.sample(targets, choice.randint(1, 3)), choice.choice(SIZES))
                self.pause(choice)
        finally:
            smtp.close()

    def smtp_session(self, way, person, patience=PATIENCE):
        smtp = smtplib.SMTP("127.0.0.1", self.home.ports()[way], "client.test", timeout=patience)
        try:
            if way == "smtp":
                smtp.ehlo()
                return smtp, None
            smtp.starttls(context=CONTEXT)
            smtp.login(person, "pw")
        except BaseException:
            smtp.close()
            raise
        return smtp, person

    def send_letter(self, smtp, sender, recipients, size):
        """Whether it was accepted."""
        name = f"letter{next(self.numbers)}"
        text = letter(name, size, sender)
        if smtp.mail(sender)[0] != 250:
            smtp.rset()
            return False
        taken = [recipient for recipient in recipients if smtp.rcpt(recipient)[0] == 250]
        if not taken:
            smtp.rset()
            return False
        mine = Letter(name, body_of(text))
        mine.maybe = {member for recipient in taken for member in ALIASES.get(recipient, (recipient,))}
        report = Letter(f"report of {name}", None)
        with self.lock:
            self.letters[name] = mine
            if REFUSED in mine.maybe:
                report.maybe = {sender}
                self.letters[report.name] = report
        code, said = smtp.data(text)
        if code != 250:
            self.failures[f"data: {said[:60]}"] += 1
            return False
        mine.sure, report.sure = mine.maybe - {REFUSED}, report.maybe
        report.identity = mine.identity = re.search(rb"queued as ([0-9A-F]{16})", said)[1].decode()
        self.answers["250"] += 1
        return True

    def receives(self, patience=PATIENCE):
        """Whether a new connection brings a letter in."""
        try:
            smtp = self.smtp_session("smtp", None, patience)[0]
            try:
                return self.send_letter(smtp, "s@far.test", ["d@a.test"], 1000)
            finally:
                smtp.close()
        except (OSError, smtplib.SMTPException):
            return False

    def reads(self, who="d@a.test", patience=PATIENCE):
        """Whether a new connection opens a folder."""
        try:
            imap = self.imap_session(who, patience)
            try:
                self.select(imap, who, "INBOX")
                return True
            finally:
                imap.shutdown()
        except (OSError, imaplib.IMAP4.error):
            return False

    def probe(self, limit=house.PATIENCE):
        """Seconds until new connections bring a letter in and read."""
        begun = time.monotonic()
        house.until(self.receives, "letter in a new session", limit)
        house.until(self.reads, "new IMAP session", limit)
        return time.monotonic() - begun

    # IMAP

    def imap_session(self, who, patience=PATIENCE, tls=True):
        """Without TLS the connection itself goes to mailbox and outlives its gate."""
        ports = self.home.ports()
        imap = (imaplib.IMAP4_SSL("127.0.0.1", ports["imaps"], ssl_context=CONTEXT, timeout=patience) if tls
                else imaplib.IMAP4("127.0.0.1", ports["imap"], timeout=patience))
        try:
            imap.login(who, "pw")
        except BaseException:
            imap.shutdown()
            raise
        return imap

    def read(self, way, number, choice):
        del way
        session = Session(self, number, choice)
        try:
            for _ in range(choice.randint(5, 60)):
                if self.ending.is_set():
                    break
                choice.choices((session.append, session.store, session.move, session.expunge, session.adopt, session.verify),
                               (8, 5, 4, 3, 2, 3))[0]()
                self.pause(choice)
        finally:
            session.imap.shutdown()

    def told_uid(self, who, folder, uid, name):
        """Somebody heard that this message has this UID."""
        with self.lock:
            known = self.boxes[who, folder].names.setdefault(uid, name)
        if known != name:
            self.wrong.append(f"{who} {folder}: UID {uid} was {known}, is {name}")

    def fetched(self, who, folder, rows):
        """[(State, name, text)] of the rows of a FETCH of UID, FLAGS and literals."""
        found = []
        for at, row in enumerate(rows):
            if not isinstance(row, tuple):
                continue
            about = row[0] + (rows[at + 1] if at + 1 < len(rows) and isinstance(rows[at + 1], bytes) else b"")
            uid = int(re.search(rb"\bUID (\d+)", about)[1])
            flags = {flag.decode() for flag in imaplib.ParseFlags(about)} - {r"\Recent"}
            name = name_of(row[1])
            if name is None:
                self.wrong.append(f"{who} {folder}: UID {uid} is no letter of ours: {row[1][:300]!r}")
            if not name:
                continue
            self.told_uid(who, folder, uid, name)
            found.append((State(folder, uid, frozenset(flags)), name, row[1]))
        return found

    def select(self, imap, who, folder):
        """SELECT; how many are there."""
        box = self.boxes[who, folder]
        before = box.next
        status, data = imap.select(folder)
        if status != "OK":
            raise imaplib.IMAP4.abort(f"SELECT: {data}")
        validity, following = (int(imap.response(code)[1][0]) for code in ("UIDVALIDITY", "UIDNEXT"))
        with self.lock:
            if box.validity not in (None, validity):
                self.wrong.append(f"{who} {folder}: UIDVALIDITY was {box.validity}, is {validity}")
            if following < before:
                self.wrong.append(f"{who} {folder}: UIDNEXT was {before}, is {following}")
            box.validity = validity
            box.next = max(box.next, following)
        return int(data[0])

    # Afterwards

    def read_all(self, who):
        """{name: [(State, text)]} of an account."""
        found = collections.defaultdict(list)
        imap = self.imap_session(who)
        for folder in FOLDERS:
            count = self.select(imap, who, folder)
            for first in range(1, count + 1, 200):
                rows = imap.fetch(f"{first}:{min(count, first + 199)}", "(UID FLAGS BODY.PEEK[])")[1]
                for state, name, text in self.fetched(who, folder, rows):
                    found[name].append((state, text))
        imap.logout()
        return found

    def arrived(self):
        """{(name, recipient): how often} at the sink."""
        count = collections.Counter()
        for _, recipients, text in list(self.sink.letters):
            name = name_of(text)
            for recipient in recipients:
                count[name, recipient] += 1
        return count

    def expected(self):
        """(name, recipient) of every 250: those here, and those elsewhere."""
        rows = [(mine.name, who) for mine in list(self.letters.values()) for who in mine.sure]
        return {row for row in rows if row[1] in PEOPLE}, {row for row in rows if row[1] not in PEOPLE}

    def check(self, limit=60):
        """HouseError unless every answer holds; call it after stop().  Returns how many letters came twice to the sink."""
        if self.wrong:
            raise house.HouseError("\n".join(self.wrong[:20]))
        here, elsewhere = self.expected()
        self.answers["report"] = sum(name.startswith("report") for name, _ in here)

        def settled():
            self.home.command("queue", "flush")
            return "Mail queue is empty" in self.home.command("queue")

        try:
            house.until(settled, "empty queue", limit)
        except house.HouseError as error:
            error.add_note(self.home.command("queue")[-4000:])
            raise
        arrived = self.arrived()
        lost = [f"{name} for {who} ({self.letters[name].identity})" for name, who in elsewhere if not arrived[name, who]]
        for _, _, text in self.sink.letters:
            name = name_of(text)
            if name in self.letters and body_of(text) != self.letters[name].digest:
                self.wrong.append(f"{name} came to the sink with another body")
        for who in PEOPLE:
            lost += self.check_account(who, self.read_all(who), {name for name, person in here if person == who})
        if lost or self.wrong:
            raise house.HouseError("\n".join([f"lost: {what}" for what in lost[:20]] + self.wrong[:20]))
        return sum(count - 1 for key, count in arrived.items() if count > 1)

    def check_account(self, who, found, delivered):
        """What is lost; what is wrong otherwise goes to self.wrong."""
        lost, messages = [], self.messages[who]
        for name, copies in found.items():
            if len(copies) > 1:
                self.wrong.append(f"{who}: {name} is there {len(copies)} times: {[state for state, _ in copies]}")
            if name in self.over:
                self.wrong.append(f"{who}: {name} came again")
            state, text = copies[0]
            mine = self.letters.get(name)
            if name not in messages and (not mine or who not in mine.maybe):
                self.wrong.append(f"{who}: {name} was never sent here")
            if mine and mine.digest and body_of(text) != mine.digest:
                self.wrong.append(f"{who}: {name} has another body")
            if name in messages and not mine and hashlib.sha256(text).digest() != messages[name].digest:
                self.wrong.append(f"{who}: {name} has other bytes")
        for name in delivered:
            if name not in found and name not in messages:
                lost.append(f"{name} for {who} ({self.letters[name].identity})")
        for name, message in messages.items():
            state = found[name][0][0] if name in found else None
            if not any(allowed.allows(state) for allowed in message.states):
                line = f"{who}: {name} should be {message.states}, is {state}"
                (lost if state is None else self.wrong).append(line)
        return lost

    def clear(self):
        """Expunges all that was checked, so that a long run does not read it again and again."""
        for who in PEOPLE:
            imap = self.imap_session(who)
            for folder in FOLDERS:
                if self.select(imap, who, folder):
                    imap.store("1:*", "+FLAGS.SILENT", r"(\Deleted)")
                    imap.expunge()
            imap.logout()
            self.over.update(self.messages[who])
            self.messages[who] = {}
        self.over.update(self.letters)
        self.letters = {}
        self.own = [[] for _ in range(self.sessions)]
        self.sink.letters.clear()

    def summary(self):
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.answers.items()))
        return f"answered: {kinds}"


class Session:
    """One IMAP session: it touches its own messages, in the folders that others use as well."""

    def __init__(self, load, number, choice):
        self.load, self.choice = load, choice
        self.who = PEOPLE[number % 3]           # the fourth has letters only, and nobody touches them
        self.adopts = number < 3                # one session of each account takes letters out of INBOX
        self.tag = f"s{number}c{load.chapter}"
        self.own = load.own[number]
        self.messages = load.messages[self.who]
        self.folder = None
        self.imap = load.imap_session(self.who, tls=number % 2 == 0)

    def select(self, folder):
        if self.folder != folder:
            self.load.select(self.imap, self.who, folder)
            self.folder = folder

    def pick(self, folders=FOLDERS):
        """Some of our messages that are surely in one folder."""
        sure = [message for message in self.own if message.state.folder in folders]
        if not sure:
            return []
        folder = self.choice.choice(sure).state.folder
        some = [message for message in sure if message.state.folder == folder]
        self.select(folder)
        return self.choice.sample(some, min(len(some), self.choice.randint(1, 3)))

    def change(self, kind, messages, after, ask):
        """ask() changes each message to after(message); returns what it heard, None when it was refused.  Without an
        answer each may be either, and nobody touches it again."""
        new = [after(message) for message in messages]
        for message, state in zip(messages, new):
            message.states.append(state)
            self.own.remove(message)
        status, data = ask()
        # An answer: no exception.
        for message, state in zip(messages, new):
            message.states[:] = [state] if status == "OK" else message.states[:1]
            if message.state.folder != GONE:
                self.own.append(message)
        if status != "OK":
            self.load.failures[f"{kind}: {data[0][:60]}"] += 1
            return None
        self.load.answers[kind] += 1
        return data

    @staticmethod
    def uids(messages):
        return ",".join(str(message.state.uid) for message in messages)

    def some_flags(self):
        return frozenset(self.choice.sample(FLAGS, self.choice.randint(0, 3)))

    def append(self):
        folder, flags = self.choice.choice(FOLDERS[1:]), self.some_flags()
        name = f"{self.tag}n{next(self.load.numbers)}"
        text = letter(name, self.choice.choice(SIZES))
        message = Message(name, hashlib.sha256(text).digest(), [State(GONE)])
        with self.load.lock:
            self.messages[name] = message
        self.own.append(message)
        data = self.change("APPEND", [message], lambda _: State(folder, None, flags),
                           lambda: self.imap.append(folder, f"({' '.join(flags)})", None, text))
        if data:
            message.state.uid = int(re.search(rb"APPENDUID \d+ (\d+)", data[0])[1])
            self.load.told_uid(self.who, folder, message.state.uid, name)

    def store(self):
        messages, flags = self.pick(), self.some_flags()
        if not messages:
            return
        item, change = self.choice.choice((("FLAGS", lambda old: flags), ("+FLAGS", lambda old: old | flags),
                                           ("-FLAGS", lambda old: old - flags)))
        self.change("STORE", messages, lambda m: State(m.state.folder, m.state.uid, change(m.state.flags)),
                    lambda: self.imap.uid("STORE", self.uids(messages), item, f"({' '.join(flags)})"))

    def move(self):
        messages = self.pick()
        if not messages:
            return
        target = self.choice.choice([folder for folder in FOLDERS if folder not in (self.folder, "INBOX")])
        before = {message.state.uid: message for message in messages}
        self.imap.response("COPYUID")
        if self.change("MOVE", messages, lambda m: State(target, None, m.state.flags),
                       lambda: self.imap.uid("MOVE", self.uids(messages), target)):
            said = self.imap.response("COPYUID")[1][-1].split()
            for old, new in zip(*(numbers(part) for part in said[1:])):
                before[old].state.uid = new
                self.load.told_uid(self.who, target, new, before[old].name)
            if any(message.state.uid is None for message in messages):
                self.load.wrong.append(f"{self.who}: MOVE of {sorted(before)} answered {said}")

    def expunge(self):
        messages = self.pick(FOLDERS[1:])
        if messages and self.change("STORE", messages, lambda m: State(m.state.folder, m.state.uid, m.state.flags | {r"\Deleted"}),
                                    lambda: self.imap.uid("STORE", self.uids(messages), "+FLAGS.SILENT", r"(\Deleted)")):
            self.change("EXPUNGE", messages, lambda m: State(GONE), lambda: self.imap.uid("EXPUNGE", self.uids(messages)))

    def adopt(self):
        """Letters of INBOX become this session's."""
        if not self.adopts:
            return
        self.select("INBOX")
        self.imap.noop()
        first = max(self.load.boxes[self.who, "INBOX"].names, default=0) + 1
        rows = self.imap.uid("FETCH", f"{first}:{first + 9}", "(UID FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID CONTENT-TYPE)])")[1]
        for state, name, _ in self.load.fetched(self.who, "INBOX", rows):
            if name in self.load.letters and name not in self.messages:
                message = Message(name, None, [state])
                with self.load.lock:
                    self.messages[name] = message
                self.own.append(message)

    def verify(self):
        for message in self.pick()[:1]:
            rows = self.imap.uid("FETCH", str(message.state.uid), "(UID FLAGS BODY.PEEK[])")[1]
            found = self.load.fetched(self.who, self.folder, rows)
            if len(found) != 1 or not message.state.allows(found[0][0]) or found[0][1] != message.name:
                self.load.wrong.append(f"{self.who}: {message.name} should be {message.state}, is {[row[:2] for row in found]}")
            elif message.digest and hashlib.sha256(found[0][2]).digest() != message.digest:
                self.load.wrong.append(f"{self.who}: {message.name} has other bytes")


def numbers(text):
    """The numbers of a set that has no star."""
    for part in text.decode().split(","):
        first, _, last = part.partition(":")
        yield from range(int(first), int(last or first) + 1)
