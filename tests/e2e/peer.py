# SPDX-License-Identifier: Apache-2.0
"""Other people's servers, to talk with: unpacked by "make peers", started here, on loopback addresses of their own.

    with peer.Nsd({"a.test": "@ MX 10 mx\nmx A 127.0.0.9"}) as dns: ...      dns.address is "127.x.y.z:port"
    with peer.Postfix(domains=["b.test"], next_hop=2525) as postfix: ...     postfix.host, postfix.port, postfix.mails()

Each takes a random address of 127.0.0.0/8, so that tests run side by side and a mail server can have port 25, which
an MX record cannot change.  The mail servers run in mount and process namespaces: their files lie over the machine's
at the usual places, users come from a passwd file of their own, what they write goes to memory and ends with them.
They share the network, since they and Mailstead talk over loopback.  A peer that cannot run here skips its test.
"""
import asyncio
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import unittest

import aiosmtpd.smtp

import house

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PEERS = TOP / "build" / "peers"
ROOT = os.geteuid() == 0
PATIENCE = 30

# The users that the packages would have made: name, uid (its group has the same), groups besides.
USERS = (("postfix", 930, ()), ("postdrop", 931, ()), ("Debian-exim", 932, ()), ("opensmtpd", 933, ()), ("opensmtpq", 934, ()),
         ("dovecot", 935, ()), ("dovenull", 936, ()), ("vmail", 937, ()))

# Run as pid 1 of the namespaces: $1 unpacked peers, a space between them, $2 state folder, then the command.  Only
# reading goes through to the machine's own files; /var, /run and what is below are memory.
ENTER = """
set -e
peers=$1 state=$2; shift 2
over() {        # the folder $1 of all peers, and the machine's below
	all=
	for peer in $peers; do
		if [ -d "$peer$1" ]; then all=$all$peer$1:; fi
	done
	echo "$all$1"
}
mount -t overlay -o "lowerdir=$(over /usr)" usr /usr
mount -t overlay -o "lowerdir=$state/etc:$(over /etc)" etc /etc
mount -t tmpfs -o mode=755 memory "$state/memory"
mkdir "$state/memory/upper" "$state/memory/work"
mount -t overlay -o "lowerdir=$(over /var),upperdir=$state/memory/upper,workdir=$state/memory/work" var /var
mount -t tmpfs -o mode=755 memory /run
exec "$@"
"""


def certificate(folder, name, *others):
    """Makes folder/key.pem and folder/cert.pem, signed by themselves, for that host name; others: "IP:127.0.0.1" and the like."""
    names = ",".join((f"DNS:{name}", *others))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                    "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}", "-keyout", folder / "key.pem",
                    "-out", folder / "cert.pem"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def loopback_address():
    """A random address of 127.0.0.0/8 that nobody else is likely to use; the first /16 is left to people."""
    return f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(1, 254)}"


class Peer:
    """One server.  A subclass says what it is called, writes its files and gives its command."""
    name = ""               # its folder below build/peers
    helpers = ()            # other peers whose files it needs besides
    private_root = True     # it needs its files at the usual places, which takes root

    def __init__(self):
        self.need()
        self.host = loopback_address()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.folder.chmod(0o711)
        self.etc = self.folder / "etc"
        self.etc.mkdir()
        (self.folder / "memory").mkdir()
        self.log_path = self.folder / "log"
        self.process = None
        try:
            self.write_files()
            self.start()
        except BaseException:
            self.close()
            raise

    @classmethod
    def need(cls):
        """Skips the test when this peer cannot run here."""
        for name in (cls.name, *cls.helpers):
            if not (PEERS / name / ".packages").is_file():
                raise unittest.SkipTest(f"{name}: not unpacked (make peers)")
        if cls.private_root and not ROOT:
            raise unittest.SkipTest(f"{cls.name}: needs root for its namespaces")
        if cls.private_root and subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], check=False,
                                               stderr=subprocess.DEVNULL).returncode:
            raise unittest.SkipTest(f"{cls.name}: no namespaces here")

    # What a subclass says

    def write_files(self):
        """Writes the configuration below self.etc (which lies over /etc)."""
        raise NotImplementedError

    def command(self):
        """The program and its arguments; it must stay in the foreground."""
        raise NotImplementedError

    def answers(self):
        """Whether the server answers now."""
        raise NotImplementedError

    # Life

    def start(self):
        command = self.command()
        if self.private_root:
            self.write_users()
            command = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork",
                       "sh", "-c", ENTER, "enter", " ".join(str(PEERS / name) for name in (self.name, *self.helpers)), self.folder,
                       *command]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                            start_new_session=True, env=self.environment())
        try:
            house.until(lambda: self.answers() or self.process.poll() is not None, f"answer from {self.name}", PATIENCE)
            if self.process.poll() is not None:
                raise house.HouseError(f"{self.name} ended with status {self.process.returncode}")
        except house.HouseError as error:
            error.add_note(f"The log of {self.name}:\n{self.log()[-4000:]}")
            raise

    def environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}

    def close(self):
        if self.process and self.process.poll() is None:
            if self.private_root and (inside := house.children(self.process.pid)):
                os.kill(inside[0], signal.SIGKILL)      # pid 1: the namespace and all in it end with it
            else:
                self.process.terminate()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            error.add_note(f"The log of {self.name} ends with:\n{self.log()[-2000:]}")
        self.close()

    def write_users(self):
        ours = {name for name, _, _ in USERS}
        for file, line in (("passwd", "{0}:x:{1}:{1}::/nonexistent:/usr/sbin/nologin"), ("group", "{0}:x:{1}:")):
            kept = [row for row in pathlib.Path("/etc", file).read_text().splitlines() if row.split(":")[0] not in ours]
            kept += [line.format(name, number) for name, number, _ in USERS]
            (self.etc / file).write_text("\n".join(kept) + "\n")

    def file(self, name, text, mode=0o644):
        """Writes a file below /etc as the peer sees it."""
        path = self.etc / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    # Looking into it

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def pid(self):
        """The process that is the peer: pid 1 of its namespace."""
        return house.children(self.process.pid)[0] if self.private_root else self.process.pid

    def path(self, name):
        """Where a file that the peer sees as /name is for us."""
        return pathlib.Path(f"/proc/{self.pid()}/root") / name.lstrip("/")

    def run(self, *words, text=None):
        """Runs a program of the peer beside it; returns its output."""
        done = subprocess.run(["nsenter", "-t", str(self.pid()), "-m", "-p", "--", *words], input=text, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, env=self.environment(), check=False)
        if done.returncode:
            raise house.HouseError(f"{self.name}: {' '.join(words)} ended with {done.returncode}\n{done.stdout}")
        return done.stdout


class Nsd(Peer):
    """A DNS server for test zones.  zones: {"a.test": records of the zone file, relative to the zone}."""
    name = "nsd"
    private_root = False

    def __init__(self, zones, port=None):
        self.zones = dict(zones)
        self.port = port or (53 if ROOT else 5353)
        super().__init__()

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def zone_file(self, zone):
        return self.folder / f"{zone}.zone"

    def write_zone(self, zone, records, serial=1):
        self.zones[zone] = records
        self.zone_file(zone).write_text(f"$ORIGIN {zone}.\n$TTL 60\n@ SOA ns hostmaster {serial} 3600 600 86400 60\n@ NS ns\n"
                                        f"ns A {self.host}\n{records.rstrip()}\n")

    def write_files(self):
        for zone, records in self.zones.items():
            self.write_zone(zone, records)
        zones = "".join(f'zone:\n  name: "{zone}"\n  zonefile: "{self.zone_file(zone)}"\n' for zone in self.zones)
        state = "".join(f'  {key}: "{value}"\n' for key, value in (
            ("username", ""), ("chroot", ""), ("database", ""), ("pidfile", ""), ("zonelistfile", self.folder / "list"),
            ("xfrdfile", self.folder / "xfrd"), ("xfrdir", self.folder), ("zonesdir", self.folder)))
        self.file("nsd.conf", f"server:\n  ip-address: {self.host}@{self.port}\n  server-count: 1\n  verbosity: 1\n{state}"
                              f"remote-control:\n  control-enable: no\n{zones}")

    def command(self):
        return [PEERS / "nsd/usr/sbin/nsd", "-d", "-c", self.etc / "nsd.conf"]

    def environment(self):
        return {**super().environment(), "LD_LIBRARY_PATH": ":".join(
            sorted({str(path.parent) for path in (PEERS / "nsd/usr/lib").rglob("*.so*")}))}

    def serial(self, zone):
        """The serial of the zone's SOA record as the server gives it, None when it gives none."""
        labels = b"".join(bytes([len(label)]) + label.encode() for label in zone.split("."))
        query = struct.pack(">6H", 4711, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 6, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            try:
                s.sendto(query, (self.host, self.port))
                reply = s.recv(4096)
            except OSError:
                return None
        identity, flags, _, answers = struct.unpack(">4H", reply[:8])
        if identity != 4711 or flags & 15 or not answers:
            return None
        # owner (a pointer), type, class, TTL, length; the data ends in five numbers, the serial is the first.
        start = len(query)
        length = struct.unpack(">H", reply[start + 10:start + 12])[0]
        end = start + 12 + length
        return struct.unpack(">I", reply[end - 20:end - 16])[0]

    def answers(self):
        return all(self.serial(zone) is not None for zone in self.zones)

    def change(self, zone, records):
        """Replaces the records of a zone and waits until they are served."""
        serial = (self.serial(zone) or 0) + 1
        self.write_zone(zone, records, serial)
        os.utime(self.zone_file(zone), (2_000_000_000 + serial, 2_000_000_000 + serial))   # nsd looks at the second
        self.process.send_signal(signal.SIGHUP)
        house.until(lambda: self.serial(zone) == serial, f"new zone {zone}", PATIENCE)


def mail_zones(host):
    """Zones for Nsd: every way in which the DNS sends a letter to the mail server at host, or nowhere.

    b.test          an MX record; mx.b.test is the server
    two.test        nobody answers at the first MX host, the second is the server
    equal.test      the same preference for both
    six.test        an IPv6 address at which nobody answers, and the server's
    bare.test       no MX record but an A record
    alias.c.test    a CNAME to b.test;  pointed.c.test has an MX record that names a CNAME
    null.test       a null MX (RFC 7505);  gone.test: the MX host has no address;  empty.test: neither MX nor address
    lame.test       is not served: no answer but a failure
    """
    dead = loopback_address()
    return {"b.test": f"@ MX 10 mx\nmx A {host}\n",
            "two.test": f"@ MX 10 dead\n@ MX 20 mx.b.test.\ndead A {dead}\n",
            "equal.test": f"@ MX 10 dead\n@ MX 10 mx.b.test.\ndead A {dead}\n",
            "six.test": f"@ MX 10 mx\nmx AAAA ::1\nmx A {host}\n",
            "bare.test": f"@ A {host}\n",
            "c.test": "alias CNAME b.test.\npointed MX 10 pointer\npointer CNAME mx.b.test.\n",
            "null.test": "@ MX 0 .\n",
            "gone.test": "@ MX 10 gone\n",
            "empty.test": '@ TXT "v=spf1 -all"\n'}


class MailServer(Peer):
    """A peer that keeps mail to domains in one Maildir and sends the rest to next_hop, a port of 127.0.0.1.

    tls: "none", "may" (STARTTLS is offered) or "encrypt" (nothing without it)
    replies: {recipient: "550 5.1.1 text"}: what RCPT answers to these
    accounts: {user: password}: a smarthost, which takes mail of those alone and offers AUTH after STARTTLS alone
    """
    hostname = "mx.peer.test"
    port = 25
    box = "/var/mail/in"

    def __init__(self, domains=(), next_hop=1, hostname=None, tls="may", replies=None, accounts=None):
        self.domains = list(domains)
        self.next_hop = next_hop
        self.hostname = hostname or self.hostname
        self.tls = tls
        self.replies = dict(replies or {})
        self.accounts = dict(accounts or {})
        super().__init__()

    def write_certificate(self):
        folder = self.etc / "peer"
        folder.mkdir()
        certificate(folder, self.hostname)
        return "/etc/peer/cert.pem", "/etc/peer/key.pem"

    def answers(self):
        try:
            with socket.create_connection((self.host, self.port), timeout=5) as s:
                return s.recv(4096).startswith((b"220 ", b"* OK"))
        except OSError:
            return False

    def mails(self):
        """The letters that have arrived, as bytes."""
        folder = self.path(f"{self.box}/new")
        return [path.read_bytes() for path in sorted(folder.iterdir())] if folder.is_dir() else []

    def wait_mails(self, count, limit=PATIENCE):
        """Waits until count letters have arrived; returns them."""
        house.until(lambda: len(self.mails()) >= count, f"letter {count} at {self.name}", limit)
        return self.mails()


class Postfix(MailServer):
    """Postfix; extra: lines for main.cf."""
    name = "postfix"
    services = (("pickup", "n - n 60 1", ""), ("cleanup", "n - n - 0", ""), ("qmgr", "n - n 300 1", ""), ("tlsmgr", "- - n 1000? 1", ""),
                ("rewrite", "- - n - -", "trivial-rewrite"), ("bounce", "- - n - 0", ""), ("defer", "- - n - 0", "bounce"),
                ("trace", "- - n - 0", "bounce"), ("verify", "- - n - 1", ""), ("flush", "n - n 1000? 0", ""),
                ("proxymap", "- - n - -", ""), ("smtp", "- - n - -", ""), ("relay", "- - n - -", "smtp"), ("showq", "n - n - -", ""),
                ("error", "- - n - -", ""), ("retry", "- - n - -", "error"), ("discard", "- - n - -", ""), ("local", "- n n - -", ""),
                ("virtual", "- n n - -", ""), ("lmtp", "- - n - -", ""), ("anvil", "- - n - 1", ""), ("scache", "- - n - 1", ""))

    def __init__(self, domains=(), next_hop=1, hostname=None, extra="", **options):
        self.extra = extra
        super().__init__(domains, next_hop, hostname, **options)

    def write_files(self):
        cert, key = self.write_certificate()
        replies = ", ".join(f"{{{address} = {reply}}}" for address, reply in self.replies.items())
        lines = ["compatibility_level = 3.6", "maillog_file = /dev/stdout", f"myhostname = {self.hostname}", "mydestination =",
                 "inet_interfaces = 127.0.0.1", "inet_protocols = ipv4", "alias_maps =", "alias_database =",
                 f"default_transport = smtp:[127.0.0.1]:{self.next_hop}", f"relay_transport = smtp:[127.0.0.1]:{self.next_hop}",
                 "smtp_host_lookup = native", "disable_dns_lookups = yes", f"virtual_mailbox_domains = {' '.join(self.domains)}",
                 f"virtual_mailbox_base = {os.path.dirname(self.box)}", f"virtual_mailbox_maps = static:{os.path.basename(self.box)}/",
                 "virtual_uid_maps = static:937", "virtual_gid_maps = static:937", "virtual_minimum_uid = 900",
                 f"smtpd_tls_cert_file = {cert}", f"smtpd_tls_key_file = {key}", f"smtpd_tls_security_level = {self.tls}",
                 "smtpd_tls_loglevel = 1", "smtp_tls_security_level = may", "smtpd_client_connection_count_limit = 0",
                 f"smtpd_recipient_restrictions = check_recipient_access inline:{{ {replies} }}" if replies else ""]
        if self.accounts:
            lines += ["mynetworks =", "smtpd_relay_restrictions = permit_sasl_authenticated, reject", "smtpd_tls_auth_only = yes",
                      "smtpd_sasl_auth_enable = yes", "smtpd_sasl_type = dovecot", "smtpd_sasl_path = private/auth"]
            self.write_auth()
        else:
            lines += ["mynetworks = 127.0.0.0/8", "smtpd_relay_restrictions = permit_mynetworks, reject"]
        self.file("postfix/main.cf", "\n".join((*lines, self.extra)) + "\n")
        rows = [f"{self.host}:{self.port} inet n - n - - smtpd", "postlog unix-dgram n - n - 1 postlogd"]
        for name, flags, program in self.services:
            rows.append(f"{name} unix {flags} {program or name}")
        self.file("postfix/master.cf", "\n".join(rows) + "\n")

    def write_auth(self):
        """Dovecot's authentication, as most people have it beside their Postfix."""
        self.file("dovecot/users", "".join(f"{name}:{{PLAIN}}{word}::::::\n" for name, word in self.accounts.items()))
        self.file("dovecot/dovecot.conf", """
protocols =
base_dir = /run/dovecot
log_path = /dev/stderr
ssl = no
auth_mechanisms = plain login
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
passdb {
  driver = passwd-file
  args = /etc/dovecot/users
}
userdb {
  driver = static
  args = uid=vmail gid=vmail home=/nonexistent
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
    user = postfix
    group = postfix
  }
}
""")

    def command(self):
        auth = "dovecot; " if self.accounts else ""
        return ["sh", "-c", "mkdir -p /var/mail /var/spool/postfix/private && chmod 1777 /var/mail && chown postfix /var/lib/postfix "
                f"/var/spool/postfix/private && postfix set-permissions >/dev/null 2>&1; {auth}exec postfix start-fg"]


class PostfixAuth(Postfix):
    """Postfix as a smarthost: accounts must be given."""
    helpers = ("dovecot",)


class Exim(MailServer):
    """Exim, as one daemon that also runs the queue."""
    name = "exim"

    def write_files(self):
        cert, key = self.write_certificate()
        os.chown(self.etc / "peer/key.pem", 932, 932)
        rules = "".join(f"""  {'defer' if reply[0] == '4' else 'deny'}
    recipients = {address}
    message = {reply}
""" for address, reply in self.replies.items())
        if self.tls == "encrypt":
            rules = "  deny !encrypted = *\n    message = 530 5.7.0 Must issue a STARTTLS command first\n" + rules
        if self.accounts:
            rules += "  deny !authenticated = *\n    message = 530 5.7.0 Authentication required\n"
        self.file("exim4/people", "".join(f"{name}: {word}\n" for name, word in self.accounts.items()), 0o644)
        right = "server_condition = ${{if eq{{{1}}}{{${{lookup{{{0}}}lsearch{{/etc/exim4/people}}{{$value}}fail}}}}}}".format
        advertised = "${if def:tls_in_cipher}" if self.accounts else "false"
        self.file("exim4/exim4.conf", f"""
primary_hostname = {self.hostname}
local_interfaces = {self.host}
daemon_smtp_ports = {self.port}
domainlist here = {' : '.join(self.domains)}
acl_smtp_rcpt = rcpt
tls_advertise_hosts = {'' if self.tls == 'none' else '*'}
tls_certificate = {cert}
tls_privatekey = {key}
log_file_path = /var/log/exim4/%slog
rfc1413_query_timeout = 0s
host_lookup =
keep_environment =
begin acl
rcpt:
{rules}  accept
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  {right("$auth2", "$auth3")}
  server_advertise_condition = {advertised}
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  {right("$auth1", "$auth2")}
  server_advertise_condition = {advertised}
begin routers
box:
  driver = accept
  domains = +here
  transport = box
out:
  driver = manualroute
  route_list = * "127.0.0.1::{self.next_hop}" byname
  transport = out
  self = send
begin transports
box:
  driver = appendfile
  directory = {self.box}
  maildir_format
  create_directory
  user = vmail
  group = vmail
out:
  driver = smtp
  allow_localhost
begin retry
* * F,1h,1m
""")

    def command(self):
        return ["sh", "-c", "mkdir -p /var/mail /var/spool/exim4 /var/log/exim4 && chmod 1777 /var/mail && "
                "chown Debian-exim:Debian-exim /var/spool/exim4 /var/log/exim4 && exec exim4 -bdf -q1m"]

    def log(self):
        """Exim's own log; the inherited one has only what went wrong before that was open."""
        own = ""
        if self.process and self.process.poll() is None:
            path = self.path("/var/log/exim4/mainlog")
            own = path.read_text(errors="replace") if path.exists() else ""
        return super().log() + own


class OpenSmtpd(MailServer):
    """OpenSMTPD, whose side as a server has no TLS: Debian 12's 6.8 cannot use a private key with OpenSSL 3 ("missing
    private key").  So it has no accounts either.  As a client it takes the STARTTLS that it is offered."""
    name = "opensmtpd"
    way = ""            # how it sends on, instead of to next_hop: the options of relay

    def __init__(self, domains=(), next_hop=1, hostname=None, replies=None):
        super().__init__(domains, next_hop, hostname, "none", replies)

    def write_files(self):
        here = ", ".join(f'"{domain}"' for domain in self.domains)
        filters = [(f"no{number}", f'filter "no{number}" phase rcpt-to match rcpt-to <to{number}> reject "{reply}"',
                    f'table to{number} {{ "{address}" }}') for number, (address, reply) in enumerate(self.replies.items())]
        chain = f'filter "all" chain {{ {", ".join(name for name, _, _ in filters)} }}' if filters else ""
        lines = "\n".join([table for _, _, table in filters] + [line for _, line, _ in filters] + [chain])
        self.file("mailname", f"{self.hostname}\n")
        self.file("smtpd.conf", f"""
table everybody {{ "@" = "vmail" }}
table here {{ {here or '"nowhere.invalid"'} }}
{lines}
listen on {self.host} port {self.port} hostname "{self.hostname}" {'filter "all"' if filters else ''}
action "box" maildir "{self.box}" virtual <everybody>
action "out" relay {self.way or f'host "smtp://127.0.0.1:{self.next_hop}"'}
match from any for domain <here> action "box"
match from any for any action "out"
""")

    def command(self):
        return ["sh", "-c", "mkdir -p -m 711 /var/spool/smtpd /var/mail && chmod 1777 /var/mail && mkdir -p /var/lib/opensmtpd/empty && "
                "exec smtpd -dF -T smtp"]


class Dovecot(MailServer):
    """IMAP with accounts {address: password}."""
    name = "dovecot"
    port = 143

    def __init__(self, accounts):
        super().__init__(accounts=accounts)

    def write_files(self):
        cert, key = self.write_certificate()
        self.file("dovecot/users", "".join(f"{name}:{{PLAIN}}{word}::::::\n" for name, word in self.accounts.items()))
        self.file("dovecot/dovecot.conf", f"""
protocols = imap
listen = {self.host}
base_dir = /run/dovecot
log_path = /dev/stderr
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
disable_plaintext_auth = no
mail_location = maildir:/var/mail/%u
mail_uid = vmail
mail_gid = vmail
first_valid_uid = 900
passdb {{
  driver = passwd-file
  args = /etc/dovecot/users
}}
userdb {{
  driver = static
  args = uid=vmail gid=vmail home=/var/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {self.port}
  }}
  inet_listener imaps {{
    port = 993
  }}
}}
""")

    def command(self):
        return ["sh", "-c", "mkdir -p /var/mail && chmod 1777 /var/mail && exec dovecot -F"]


class Sink:
    """A next hop in this process: keeps (sender, recipients, letter) of what it took.

    rcpt(address) and data() are the replies to RCPT and to the end of a letter; they run in another thread.  port 0 takes
    a free one; options go to aiosmtpd: tls_context, authenticator, auth_required ...
    """

    def __init__(self, rcpt=lambda address: "250 2.1.5 OK", data=lambda: "250 2.0.0 OK", host="127.0.0.1", port=0, **options):
        self.rcpt = rcpt
        self.data = data
        self.letters = []
        self.sessions = []
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(self.loop.create_server(
            lambda: aiosmtpd.smtp.SMTP(self, hostname="sink.test", enable_SMTPUTF8=True, loop=self.loop, **options), host, port))
        self.host, self.port = self.server.sockets[0].getsockname()[:2]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    async def handle_RCPT(self, server, session, envelope, address, options):
        reply = self.rcpt(address)
        if reply.startswith("2"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server, session, envelope):
        reply = self.data()
        if reply.startswith("2"):
            self.letters.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.original_content))
            self.sessions.append(session)
        return reply

    def wait_letters(self, count, limit=PATIENCE):
        """Waits until count letters have come; returns them."""
        house.until(lambda: len(self.letters) >= count, f"letter {count} at the sink", limit)
        return list(self.letters)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.server.close()
        self.loop.close()
