/* SPDX-License-Identifier: Apache-2.0 */
/* The table of settings: a new key is a row here and a word in enum setting_key. */
#include "run/settings.h"

#include "base/spell.h"

#define GATE ROOM_BIT(ROOM_GATE)
#define KEEPER ROOM_BIT(ROOM_KEEPER)
#define RESOLVER ROOM_BIT(ROOM_RESOLVER)
#define SCAN ROOM_BIT(ROOM_SCAN)
#define SPOOL ROOM_BIT(ROOM_SPOOL)
#define MAILBOX ROOM_BIT(ROOM_MAILBOX)
#define RELAY ROOM_BIT(ROOM_RELAY)
#define EVERY_ROOM (GATE | KEEPER | SCAN | RESOLVER | SPOOL | MAILBOX | RELAY)
/* Paths, users, sockets and process counts: the rooms are given descriptors. */
#define MASTER_ONLY 0

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* A row reads best in few lines, always in the same order. */
/* clang-format off */
#define WORDS(...) .words = (const char *const[]){__VA_ARGS__, NULL}
#define RANGE(lowest, highest) .min = (lowest), .max = (highest)
/* The longest path the system takes, without its NUL. */
#define PATH_BYTES 4095

const struct setting_row setting_rows[SET_COUNT] = {
	[SET_BARE_LF] = {
		.name = "bare_lf", .type = SETTING_CHOICE, .rooms = GATE,
		WORDS("refuse", "normalise"), .fallback = "refuse",
		.meaning = "What happens to a message with a line feed that no carriage return precedes: "
			   "it is refused, or, for old devices, each such line feed becomes a line end "
			   "that never ends the message.",
	},
	[SET_BOUNCE_LIFETIME] = {
		.name = "bounce_lifetime", .type = SETTING_DURATION, .rooms = SPOOL,
		RANGE(0, 365 * DAY), .fallback = "5d",
		.meaning = "How long a bounce, and any letter from the null sender, is tried before it is "
			   "given up; 0: once.",
	},
	[SET_BOUNCE_SIZE_LIMIT] = {
		.name = "bounce_size_limit", .type = SETTING_BYTES, .rooms = SPOOL,
		RANGE(0, 100 * KIB), .fallback = "50000",
		.meaning = "Up to which size a letter that could not be delivered comes back whole in its "
			   "bounce; of a larger one the header does.",
	},
	[SET_CATCH_ALL_TAKES_ALL] = {
		.name = "catch_all_takes_all", .type = SETTING_BOOLEAN, .rooms = KEEPER,
		.fallback = "no",
		.meaning = "Whether a catch-all alias also takes the mail of addresses that exist in its "
			   "domain.",
	},
	[SET_CONFIG_DIR] = {
		.name = "config_dir", .type = SETTING_PATH, .rooms = MASTER_ONLY,
		RANGE(1, PATH_BYTES), .fallback = "/etc/mailstead",
		.meaning = "Folder of the accounts, aliases and other table files, in the formats and "
			   "under the names of docker-mailserver.",
	},
	[SET_CONFINEMENT] = {
		.name = "confinement", .type = SETTING_CHOICE, .rooms = EVERY_ROOM,
		WORDS("full", "best", "off"), .fallback = "best",
		.meaning = "What happens when a wall around a process cannot be built: the start fails, it "
			   "goes on and the log names the missing wall, or no wall is tried.",
	},
	[SET_CONNECTIONS_PER_ADDRESS] = {
		.name = "connections_per_address", .type = SETTING_NUMBER, .rooms = KEEPER,
		RANGE(0, 100000), .fallback = "50",
		.meaning = "How many connections one client address may have open at once; 0 means no "
			   "limit.",
	},
	[SET_DATA_DIR] = {
		.name = "data_dir", .type = SETTING_PATH, .rooms = SPOOL | MAILBOX,
		RANGE(1, PATH_BYTES), .fallback = "/var/lib/mailstead",
		.meaning = "Folder of the volumes, journal, accounts, catalogue and statistics.",
	},
	[SET_DRAIN_TIME] = {
		.name = "drain_time", .type = SETTING_DURATION, .rooms = GATE | MAILBOX,
		RANGE(0, DAY), .fallback = "5m",
		.meaning = "How long sessions may go on in the old processes after an upgrade.",
	},
	[SET_GATES] = {
		.name = "gates", .type = SETTING_NUMBER, .rooms = GATE,
		RANGE(1, 64), .fallback = "1", .computed = SETTING_PROCESSORS,
		.fallback_says = "the number of processors, at most 4",
		.meaning = "How many processes take network connections.",
	},
	[SET_HOSTNAME] = {
		.name = "hostname", .type = SETTING_HOSTNAME, .rooms = GATE | KEEPER | SCAN | SPOOL | MAILBOX | RELAY,
		.fallback = "localhost", .computed = SETTING_MACHINE_NAME,
		.fallback_says = "the machine's full name",
		.meaning = "Name of this server in greetings, Received fields and HELO.",
	},
	[SET_LANGUAGE] = {
		.name = "language", .type = SETTING_CHOICE, .rooms = SPOOL | MAILBOX,
		WORDS("en", "zh_CN"), .fallback = "en", .computed = SETTING_LANG,
		.fallback_says = "what LANG says, else en",
		.meaning = "Language of bounces and notices.",
	},
	[SET_LISTEN_IMAP] = {
		.name = "listen_imap", .type = SETTING_LISTENERS, .rooms = MASTER_ONLY,
		.fallback = ":143",
		.meaning = "Where mail programs read with IMAP, with STARTTLS before they log in.",
	},
	[SET_LISTEN_IMAPS] = {
		.name = "listen_imaps", .type = SETTING_LISTENERS, .rooms = MASTER_ONLY,
		.fallback = ":993",
		.meaning = "Where mail programs read with IMAP, under TLS from the first byte.",
	},
	[SET_LISTEN_LMTP] = {
		.name = "listen_lmtp", .type = SETTING_LISTENERS, .rooms = MASTER_ONLY,
		.fallback = "off",
		.meaning = "Where another mail server delivers with LMTP.",
	},
	[SET_LISTEN_POP3] = {
		.name = "listen_pop3", .type = SETTING_LISTENERS, .rooms = MASTER_ONLY,
		.fallback = "off",
		.meaning = "Where mail programs fetch with POP3, usually :110.",
	},
	[SET_LISTEN_POP3S] = {
		.name = "listen_pop3s", .type = SETTING_LISTENERS, .rooms = MASTER_ONLY,
		.fallback = "off",
		.meaning = "Where mail programs fetch with POP3 under TLS from the first byte, usually "
			   ":995.",
	},
	[SET_LISTEN_SIEVE] = {
		.name = "listen_sieve", .type = SETTING_LISTENERS, .rooms = MASTER_ONLY,
		.fallback = "off",
		.meaning = "Where mail programs edit filters with ManageSieve, usually :4190.",
	},
	[SET_LISTEN_SMTP] = {
		.name = "listen_smtp", .type = SETTING_LISTENERS, .rooms = MASTER_ONLY,
		.fallback = ":25",
		.meaning = "Where other servers deliver mail; nobody can log in here.",
	},
	[SET_LISTEN_SUBMISSION] = {
		.name = "listen_submission", .type = SETTING_LISTENERS, .rooms = MASTER_ONLY,
		.fallback = ":587",
		.meaning = "Where mail programs submit mail, with STARTTLS before they log in.",
	},
	[SET_LISTEN_SUBMISSIONS] = {
		.name = "listen_submissions", .type = SETTING_LISTENERS, .rooms = MASTER_ONLY,
		.fallback = ":465",
		.meaning = "Where mail programs submit mail, under TLS from the first byte.",
	},
	[SET_LISTEN_WEB] = {
		.name = "listen_web", .type = SETTING_LISTENERS, .rooms = MASTER_ONLY,
		.fallback = "127.0.0.1:11334",
		.meaning = "Where the owner's pages, the API and the metrics answer.",
	},
	[SET_LOG] = {
		.name = "log", .type = SETTING_PATH, .rooms = MASTER_ONLY,
		RANGE(1, PATH_BYTES), WORDS("stderr", "syslog"), .fallback = "stderr",
		.meaning = "Where the log goes: a file, syslog, or standard error with a copy of 64 MiB in "
			   "data_dir/log.",
	},
	[SET_LOG_FORMAT] = {
		.name = "log_format", .type = SETTING_CHOICE, .rooms = EVERY_ROOM,
		WORDS("text", "json"), .fallback = "text",
		.meaning = "Form of the log's lines: text or JSON.",
	},
	[SET_LOG_LEVEL] = {
		.name = "log_level", .type = SETTING_CHOICE, .rooms = EVERY_ROOM,
		WORDS("error", "warn", "info", "debug"), .fallback = "info",
		.meaning = "How much is logged.",
	},
	[SET_MEMORY_FOR_LETTERS] = {
		.name = "memory_for_letters", .type = SETTING_BYTES, .rooms = GATE,
		RANGE(MIB, 64 * GIB), .fallback = "256M",
		.meaning = "Memory for letters under way in all gates together, in equal shares; what "
			   "would exceed it is told to try later.",
	},
	[SET_MESSAGE_SIZE_LIMIT] = {
		.name = "message_size_limit", .type = SETTING_BYTES, .rooms = GATE | SCAN | SPOOL | MAILBOX,
		/* RFC 5321 4.5.3.1.7: at least 64 KiB must be taken. */
		RANGE(64 * KIB, GIB), .fallback = "52428800",
		.meaning = "Size of the largest message that is taken.",
	},
	[SET_MYNETWORKS] = {
		.name = "mynetworks", .type = SETTING_NETWORKS, .rooms = GATE | KEEPER,
		.fallback = "", .fallback_says = "none",
		.meaning = "Networks whose clients may relay without a login.",
	},
	[SET_NFTABLES] = {
		.name = "nftables", .type = SETTING_BOOLEAN, .rooms = MASTER_ONLY,
		.fallback = "no",
		.meaning = "Whether banned addresses are kept out by the kernel's packet filter too.",
	},
	[SET_POSTMASTER_ADDRESS] = {
		.name = "postmaster_address", .type = SETTING_TEXT, .rooms = KEEPER,
		RANGE(0, 320), .fallback = "", .fallback_says = "the first account",
		.meaning = "Who gets the mail to postmaster, and to root of this host, where no alias or "
			   "account says otherwise.",
	},
	[SET_QUEUE_LIFETIME] = {
		.name = "queue_lifetime", .type = SETTING_DURATION, .rooms = SPOOL,
		RANGE(0, 365 * DAY), .fallback = "5d",
		.meaning = "How long a letter is tried before it is returned to its sender; 0: once.",
	},
	[SET_QUEUE_RETRY_FIRST] = {
		.name = "queue_retry_first", .type = SETTING_DURATION, .rooms = SPOOL,
		RANGE(1, DAY), .fallback = "5m",
		.meaning = "How long after its first try a letter is tried again; the pauses double from "
			   "then on.",
	},
	[SET_QUEUE_RETRY_LAST] = {
		.name = "queue_retry_last", .type = SETTING_DURATION, .rooms = SPOOL,
		RANGE(1, DAY), .fallback = "4000s",
		.meaning = "The longest pause between two tries of a letter.",
	},
	[SET_QUOTA_REPLY] = {
		.name = "quota_reply", .type = SETTING_CHOICE, .rooms = GATE | KEEPER,
		WORDS("552", "452"), .fallback = "552",
		.meaning = "Reply when a recipient is over quota: 552 ends the attempt, 452 lets the "
			   "sender try again.",
	},
	[SET_RECIPIENT_DELIMITER] = {
		.name = "recipient_delimiter", .type = SETTING_TEXT, .rooms = KEEPER | MAILBOX,
		RANGE(0, 1), .fallback = "+",
		.meaning = "Character behind which a recipient's local part may carry a tag; empty for no "
			   "tags.",
	},
	[SET_REJECT_UNKNOWN_SENDER_DOMAIN] = {
		.name = "reject_unknown_sender_domain", .type = SETTING_BOOLEAN, .rooms = GATE,
		.fallback = "yes",
		.meaning = "Whether a letter from another server is put off while the DNS knows no mail "
			   "server and no address of its sender's domain.",
	},
	[SET_RELAY_HOST] = {
		.name = "relay_host", .type = SETTING_RELAY, .rooms = SPOOL | RELAY,
		.fallback = "", .fallback_says = "none",
		.meaning = "Smarthost that takes all outgoing mail; in brackets its MX records are not "
			   "looked up.",
	},
	[SET_RELAY_PASSWORD] = {
		.name = "relay_password", .type = SETTING_TEXT, .rooms = RELAY, .secret = true,
		RANGE(0, 1024), .fallback = "", .fallback_says = "none",
		.meaning = "Password for the smarthost.",
	},
	[SET_RELAY_PORT] = {
		.name = "relay_port", .type = SETTING_NUMBER, .rooms = RELAY,
		RANGE(1, 65535), .fallback = "25",
		.meaning = "Port for deliveries to the hosts that MX records name.",
	},
	[SET_RELAY_TLS] = {
		.name = "relay_tls", .type = SETTING_CHOICE, .rooms = RELAY,
		WORDS("may", "encrypt"), .fallback = "may",
		.meaning = "Whether letters to other servers are encrypted where that is offered, or not "
			   "sent without; with relay_user it is always encrypt.",
	},
	[SET_RELAY_USER] = {
		.name = "relay_user", .type = SETTING_TEXT, .rooms = RELAY,
		RANGE(0, 1024), .fallback = "", .fallback_says = "none",
		.meaning = "Login for the smarthost.",
	},
	[SET_RESOLVER] = {
		.name = "resolver", .type = SETTING_RESOLVER, .rooms = RESOLVER,
		.fallback = "127.0.0.1", .computed = SETTING_NAMESERVER,
		.fallback_says = "the first nameserver of /etc/resolv.conf",
		.meaning = "DNS server to ask, or recursive to ask the root servers and those below them.",
	},
	[SET_RESTART_DELAY] = {
		.name = "restart_delay", .type = SETTING_DURATION, .rooms = MASTER_ONLY,
		RANGE(0, HOUR), .fallback = "30s",
		.meaning = "Longest pause before a process that keeps crashing is started again; the first "
			   "pauses are 0, 100ms, 1s and 5s, or this when it is shorter.",
	},
	[SET_RUN_AS] = {
		.name = "run_as", .type = SETTING_USER, .rooms = MASTER_ONLY,
		.fallback = "mailstead",
		.meaning = "User of the processes that own the mail.",
	},
	[SET_RUN_AS_ID] = {
		.name = "run_as_id", .type = SETTING_USER, .rooms = MASTER_ONLY,
		.fallback = "mailstead-id",
		.meaning = "User of the process that knows accounts and secrets.",
	},
	[SET_RUN_AS_NET] = {
		.name = "run_as_net", .type = SETTING_USER, .rooms = MASTER_ONLY,
		.fallback = "mailstead-net",
		.meaning = "User of the processes that talk to the network or parse what comes from it.",
	},
	[SET_SASL_MECHANISMS] = {
		.name = "sasl_mechanisms", .type = SETTING_WORDS, .rooms = GATE,
		WORDS("PLAIN", "LOGIN"), .fallback = "", .fallback_says = "those that every account can use",
		.meaning = "SASL mechanisms that are offered.",
	},
	[SET_SCANNERS] = {
		.name = "scanners", .type = SETTING_NUMBER, .rooms = GATE | MAILBOX,
		RANGE(1, 64), .fallback = "1", .computed = SETTING_PROCESSORS,
		.fallback_says = "the number of processors, at most 4",
		.meaning = "How many processes parse messages.",
	},
	[SET_SHARDS] = {
		.name = "shards", .type = SETTING_NUMBER, .rooms = GATE | KEEPER | SPOOL | MAILBOX,
		RANGE(1, 64), .fallback = "1", .computed = SETTING_PROCESSORS,
		.fallback_says = "the number of processors, at most 4",
		.meaning = "How many processes share the accounts.",
	},
	[SET_SPOOF_PROTECTION] = {
		.name = "spoof_protection", .type = SETTING_BOOLEAN, .rooms = KEEPER,
		.fallback = "yes",
		.meaning = "Whether a sender address must belong to the login that uses it.",
	},
	[SET_STACK_GUARD] = {
		.name = "stack_guard", .type = SETTING_CHOICE, .rooms = EVERY_ROOM,
		WORDS("auto", "mprotect"), .fallback = "auto",
		.meaning = "How the stacks of sessions are guarded: the best way of the kernel, or one "
			   "that every kernel has.",
	},
	[SET_STORE_FORGET] = {
		.name = "store_forget", .type = SETTING_DURATION, .rooms = SPOOL | MAILBOX,
		RANGE(0, 3650 * DAY), .fallback = "7d",
		.meaning = "How long the bytes of deleted messages may stay on the disk.",
	},
	[SET_STORE_HISTORY] = {
		.name = "store_history", .type = SETTING_DURATION, .rooms = SPOOL | MAILBOX,
		RANGE(0, 3650 * DAY), .fallback = "30d",
		.meaning = "How far back undelete and the restore to a point in time reach.",
	},
	[SET_TLS_CERT_FILE] = {
		.name = "tls_cert_file", .type = SETTING_PATH, .rooms = MASTER_ONLY,
		RANGE(0, PATH_BYTES), .fallback = "",
		.fallback_says = "a self-signed certificate made in data_dir/tls",
		.meaning = "Certificate with its chain, in PEM.",
	},
	[SET_TLS_KEY_FILE] = {
		.name = "tls_key_file", .type = SETTING_PATH, .rooms = MASTER_ONLY,
		RANGE(0, PATH_BYTES), .fallback = "",
		.fallback_says = "the key of the self-signed certificate",
		.meaning = "Private key of the certificate, in PEM.",
	},
	[SET_TRUST_ANCHOR_FILE] = {
		.name = "trust_anchor_file", .type = SETTING_PATH, .rooms = MASTER_ONLY,
		RANGE(1, PATH_BYTES), .fallback = "/usr/share/dns/root.key",
		.meaning = "DNSKEY or DS records that DNSSEC validation begins with, in zone-file form.",
	},
};
/* clang-format on */

enum setting_key setting_find(struct str name)
{
	for (unsigned key = 0; key < SET_COUNT; key++)
		if (str_eq(name, str_of(setting_rows[key].name)))
			return (enum setting_key)key;
	return SET_COUNT;
}

struct str setting_nearest(struct str name)
{
	struct spell s;

	spell_init(&s, name);
	for (unsigned key = 0; key < SET_COUNT; key++)
		spell_try(&s, str_of(setting_rows[key].name));
	return spell_found(&s);
}
