/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings: what the configuration says, checked.
 *
 * One table (settings_table.c) holds each key with its type, default, range,
 * rooms and meaning.  The check of the file, "did you mean", `mailstead config`
 * and the manual page all come from it.
 *
 * Master and the commands load a whole set; of two values the one from the
 * higher source counts: -o over environment over file over default.  A room is
 * sent its own keys only (settings_put, settings_get), so that a secret reaches
 * no process that has no use for it.  Asking for a key that the room was not
 * sent is a broken invariant and aborts, as does asking by the wrong type.
 *
 * A loaded set never changes: reload makes a new one beside it.
 */
#ifndef RUN_SETTINGS_H
#define RUN_SETTINGS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/rooms.h"

#include <sys/socket.h>

/* In the order of the names, as the table. */
enum setting_key {
	SET_BARE_LF,
	SET_BOUNCE_LIFETIME,
	SET_BOUNCE_SIZE_LIMIT,
	SET_CATCH_ALL_TAKES_ALL,
	SET_CONFIG_DIR,
	SET_CONFINEMENT,
	SET_CONNECTIONS_PER_ADDRESS,
	SET_DATA_DIR,
	SET_DRAIN_TIME,
	SET_GATES,
	SET_HOSTNAME,
	SET_LANGUAGE,
	SET_LISTEN_IMAP,
	SET_LISTEN_IMAPS,
	SET_LISTEN_LMTP,
	SET_LISTEN_POP3,
	SET_LISTEN_POP3S,
	SET_LISTEN_SIEVE,
	SET_LISTEN_SMTP,
	SET_LISTEN_SUBMISSION,
	SET_LISTEN_SUBMISSIONS,
	SET_LISTEN_WEB,
	SET_LOG,
	SET_LOG_FORMAT,
	SET_LOG_LEVEL,
	SET_MEMORY_FOR_LETTERS,
	SET_MESSAGE_SIZE_LIMIT,
	SET_MYNETWORKS,
	SET_NFTABLES,
	SET_POSTMASTER_ADDRESS,
	SET_QUEUE_LIFETIME,
	SET_QUEUE_RETRY_FIRST,
	SET_QUEUE_RETRY_LAST,
	SET_QUOTA_REPLY,
	SET_RECIPIENT_DELIMITER,
	SET_REJECT_UNKNOWN_SENDER_DOMAIN,
	SET_RELAY_HOST,
	SET_RELAY_PASSWORD,
	SET_RELAY_PORT,
	SET_RELAY_TLS,
	SET_RELAY_USER,
	SET_RESOLVER,
	SET_RESTART_DELAY,
	SET_RUN_AS,
	SET_RUN_AS_ID,
	SET_RUN_AS_NET,
	SET_SASL_MECHANISMS,
	SET_SCANNERS,
	SET_SHARDS,
	SET_SPOOF_PROTECTION,
	SET_STACK_GUARD,
	SET_STORE_FORGET,
	SET_STORE_HISTORY,
	SET_TLS_CERT_FILE,
	SET_TLS_KEY_FILE,
	SET_TRUST_ANCHOR_FILE,
	SET_COUNT
};

/* What settings_choice answers, key by key; what settings_number answers for
 * sasl_mechanisms is a set of bits 1 << SETTING_SASL_... */
enum setting_bare_lf { SETTING_BARE_LF_REFUSE, SETTING_BARE_LF_NORMALISE };
enum setting_confinement { SETTING_CONFINEMENT_FULL, SETTING_CONFINEMENT_BEST, SETTING_CONFINEMENT_OFF };
enum setting_language { SETTING_LANGUAGE_EN, SETTING_LANGUAGE_ZH_CN };
enum setting_log_format { SETTING_LOG_FORMAT_TEXT, SETTING_LOG_FORMAT_JSON };
enum setting_log_level { SETTING_LOG_ERROR, SETTING_LOG_WARN, SETTING_LOG_INFO, SETTING_LOG_DEBUG };
enum setting_quota_reply { SETTING_QUOTA_552, SETTING_QUOTA_452 };
enum setting_relay_tls { SETTING_RELAY_TLS_MAY, SETTING_RELAY_TLS_ENCRYPT };
enum setting_sasl { SETTING_SASL_PLAIN, SETTING_SASL_LOGIN };
enum setting_stack_guard { SETTING_STACK_GUARD_AUTO, SETTING_STACK_GUARD_MPROTECT };

enum setting_type {
	SETTING_TEXT, /* min..max bytes */
	SETTING_USER, /* a system user's name */
	SETTING_HOSTNAME,
	SETTING_PATH, /* absolute; or one of the words; or empty when min is 0 */
	SETTING_NUMBER, /* min..max */
	SETTING_BYTES, /* k, M, G are powers of 1024 */
	SETTING_DURATION, /* ms, s, m, h, d; without a unit seconds; kept in ms */
	SETTING_BOOLEAN,
	SETTING_CHOICE, /* one of the words */
	SETTING_WORDS, /* any of the words, or none */
	SETTING_LISTENERS,
	SETTING_NETWORKS,
	SETTING_RESOLVER,
	SETTING_RELAY,
	SETTING_TYPE_COUNT
};

/* Defaults that depend on the machine; the row's text is used where the
 * machine gives none. */
enum setting_computed {
	SETTING_FIXED,
	SETTING_MACHINE_NAME, /* uname */
	SETTING_PROCESSORS, /* those this process may use, at most 4 */
	SETTING_NAMESERVER, /* the first usable one of resolv.conf */
	SETTING_LANG, /* the environment's LANG */
};

struct setting_row {
	const char *name;
	enum setting_type type;
	/* ROOM_BIT of each room that is sent this key; master has every key. */
	unsigned rooms;
	/* Never printed; NAME_file and NAME__file name a file that holds it. */
	bool secret;
	uint64_t min;
	uint64_t max;
	const char *const *words; /* ends in NULL */
	const char *fallback; /* the default as one would write it */
	enum setting_computed computed;
	const char *fallback_says; /* the default in words, where the text says too little; or NULL */
	const char *meaning; /* one sentence */
};

extern const struct setting_row setting_rows[SET_COUNT];

/* The key of that name, or SET_COUNT. */
enum setting_key setting_find(struct str name);
/* The key's name nearest to one that is none; empty when none is near. */
struct str setting_nearest(struct str name);
/* Adds what values the row allows: "one of full, best or off". */
void setting_allowed(const struct setting_row *row, struct buf *out);

/* One address to listen on. */
struct listener_addr {
	struct sockaddr_storage addr; /* ss_family AF_INET, AF_INET6 or AF_UNIX */
	socklen_t len;
	/* ":port": both families; addr is the IPv6 wildcard. */
	bool all;
	struct str text; /* as written */
};

/* A network of clients: the first `prefix` bits of addr, the rest is zero. */
struct network {
	int family; /* AF_INET (4 bytes of addr count) or AF_INET6 */
	unsigned prefix;
	unsigned char addr[16];
};

/* A smarthost. */
struct relay_addr {
	struct str host; /* a name or an address, without brackets; NUL behind it */
	uint16_t port; /* 0: none was given */
	bool direct; /* in brackets: no MX look-up */
};

#define SETTING_VALUE_MAX 8192 /* bytes of one value */
#define SETTINGS_FILE_MAX (256 * 1024)
#define SETTING_LISTENERS_MAX 32
#define SETTING_NETWORKS_MAX 256
#define SETTINGS_NOTES_MAX 20
/* A buffer of this ceiling takes every set that settings_put writes. */
#define SETTINGS_SENT_MAX (64 * 1024)

/* The file that is read, when it is there, if -c names none. */
#define SETTINGS_FILE "/etc/mailstead/mailstead.conf"

struct setting_value;

/* A sentence about the configuration, "FILE:LINE: what is wrong". */
struct settings_note {
	bool warning; /* the set is usable all the same */
	struct str text;
};

struct settings {
	struct arena arena;
	struct setting_value *values; /* SET_COUNT of them */
	struct settings_note *notes; /* the first SETTINGS_NOTES_MAX */
	size_t note_count;
};

struct settings_sources {
	const char *file; /* NULL: none */
	bool file_must_exist;
	const char *const *overrides; /* "KEY=VALUE", from -o */
	size_t override_count;
	char *const *environment; /* as environ; NULL: none */
};

/* Reads and checks all sources.  All that is wrong is found, not only the
 * first, and stands in s->notes; err has the first error.  ERR_INVALID,
 * ERR_MEMORY; the files' own errors are ERR_INVALID with a sentence.  After
 * failure only the notes of s may be looked at.  s needs settings_free() either
 * way; it wipes what it frees. */
int settings_load(struct settings *s, const struct settings_sources *from, struct err *err);
void settings_free(struct settings *s);

/* Adds the keys of that room (one bit) for settings_get.  Wipe the buffer
 * (buf_wipe) where the room has secrets. */
void settings_put(const struct settings *s, unsigned room_bit, struct buf *out);
/* Makes the set a room was sent.  s needs settings_free() also after failure. */
int settings_get(struct settings *s, struct str sent, struct err *err);

/* Whether this process was sent the key. */
bool settings_has(const struct settings *s, enum setting_key key);

/* The value as it was written, a NUL behind it.  Any type. */
struct str settings_text(const struct settings *s, enum setting_key key);
/* NUMBER, BYTES, DURATION (milliseconds), WORDS (bits). */
uint64_t settings_number(const struct settings *s, enum setting_key key);
bool settings_bool(const struct settings *s, enum setting_key key);
/* The place among the row's words. */
unsigned settings_choice(const struct settings *s, enum setting_key key);
/* Arrays owned by s; a count of 0 means off, or none. */
const struct listener_addr *settings_listeners(const struct settings *s, enum setting_key key, size_t *count);
const struct network *settings_networks(const struct settings *s, enum setting_key key, size_t *count);
/* NULL: recursive. */
const struct sockaddr_storage *settings_resolver(const struct settings *s, enum setting_key key);
/* NULL: none. */
const struct relay_addr *settings_relay(const struct settings *s, enum setting_key key);

/* For `mailstead config`, of a loaded set: the default's text (a computed one
 * as this machine gives it); where the value comes from ("FILE:LINE",
 * "MAILSTEAD_KEY", "-o KEY"; empty: the default); whether it means the same as
 * the default. */
struct str settings_default(const struct settings *s, enum setting_key key);
struct str settings_origin(const struct settings *s, enum setting_key key);
bool settings_is_default(const struct settings *s, enum setting_key key);

#endif
