/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp_session: one client that brings mail, from its connection to its end (RFC 5321, RFC 6409).
 *
 *   connect -> keeper: may it come in? -> 220 -> command, reply, ... -> end
 *                                                   |
 *            MAIL -> RCPT (keeper: who is it?) -> DATA or BDAT -> scan: what is it?
 *                                                              -> spool: append -> 250
 *
 * One fiber, straight lines.  smtp_session.c is its life, smtp_kind.h what its port
 * makes of it, smtp_commands.c the table of commands and those that need no more than the session,
 * smtp_auth.c the login, smtp_transaction.c MAIL and RCPT, smtp_sender.c who may send, smtp_receive.c
 * DATA and BDAT, smtp_scan.c the way to scan, smtp_store.c that to spool.
 *
 * 1. Replies gather and leave before the next wait for input (RFC 2920 3.2).
 * 2. "250 queued" leaves only after spool has the letter on disk.
 * 3. Nothing that came before a TLS handshake is looked at after it (RFC 3207 4.2).
 * 4. What a peer chose stands in replies and log lines only escaped.
 * 5. A password is taken under TLS only.
 * 6. Whose letter it is, spool asks keeper again: gate shows the right that its login got.
 */
#ifndef GATE_SMTP_SESSION_H
#define GATE_SMTP_SESSION_H

#include "base/arena.h"
#include "format/smtp_command.h"
#include "gate/account_ids.h"
#include "gate/auth.h"
#include "gate/client.h"
#include "gate/doorway.h"
#include "gate/letter.h"
#include "gate/names.h"
#include "gate/smtp_config.h"
#include "gate/smtp_kind.h"
#include "net/chan.h"
#include "net/fiber.h"
#include "net/scan_ask.h"
#include "net/stream.h"
#include "store/envelope.h"

/* As much as the messages take of an account, and of a right. */
#define SMTP_ACCOUNT_MAX ((size_t)512)
#define SMTP_RIGHT_MAX 32
#define SMTP_USER_SIZE 32
/* As much as an `append` message takes of an envelope. */
#define SMTP_ENVELOPE_MAX ((size_t)60000)
/* All strings of a transaction. */
#define SMTP_TRANSACTION_MAX ((size_t)256 << 10)
#define SMTP_HELO_MAX ((size_t)512)
/* The `recipient` question's address. */
#define SMTP_ADDRESS_MAX ((size_t)512)
#define SMTP_VERBS (SMTP_HTTP + 1)

struct smtp_session;

/* What the sessions of a gate share. */
struct smtp_service {
	struct smtp_config *config; /* for new sessions */
	struct chan *keeper, *spool;
	struct auth_desk *desk; /* the gate's */
	struct chan *resolver; /* NULL: nothing is looked up */
	struct scans scans;
	struct letter_budget budget;
	struct account_ids accounts;
	/* Letter ids leased from spool and not used yet. */
	uint64_t next_id;
	uint32_t ids_left;
	/* Begins the tickets of this process, so that no other gate can use one first; the letter's id ends them. */
	char ticket_secret[8];
	struct fiber_group fibers;
	struct fiber_group namers; /* they look up clients' names */
	struct smtp_session *sessions;
	bool stopping; /* sessions end before their next command */
};

enum smtp_chunks { SMTP_CHUNKS_NONE, SMTP_CHUNKS_GOOD, SMTP_CHUNKS_FAILED };

/* Where a letter ends: an account, or (empty) another server, and the address to deliver as. */
struct target {
	struct str account, as;
};

/* MAIL to the end of the letter (RFC 5321 3.3). */
struct smtp_transaction {
	bool open; /* MAIL was accepted */
	struct arena arena, target_arena;
	size_t envelope_size; /* octets of its encoding */
	struct str sender; /* normal form; empty: the null sender */
	bool sender_good; /* keeper said so */
	struct str envid; /* decoded */
	uint8_t ret; /* enum envelope_ret */
	bool sender_judged; /* what the next says is known */
	enum domain_mail sender_domain;
	enum smtp_body body;
	bool utf8;
	struct recipient *recipients;
	unsigned recipient_count;
	unsigned refused; /* recipients */
	struct target *targets; /* where the letter will end */
	unsigned target_count;
	enum smtp_chunks chunks;
	struct smtp_data decoder;
	struct letter letter;
	bool poison; /* scan ended twice at it: it will be held */
	uint64_t id; /* of the letter, 0: none yet */
	struct scan_ask ask;
	struct buf outline; /* encoded, of the letter with what stands in front; or else: */
	int wide; /* a sealed memory file that holds it; -1: there is none */
	uint32_t outline_size;
	int64_t begun_us; /* wall clock, when the letter began to come */
	int64_t begun_ms; /* monotonic */
};

/* Who has logged in, and by what keeper knows that again. */
struct smtp_login {
	struct buf account; /* empty: nobody */
	uint8_t right[SMTP_RIGHT_MAX];
	size_t right_n;
	const char *method;
	unsigned failures;
};

struct smtp_counts {
	uint32_t good, all;
};

struct smtp_session {
	struct smtp_service *service;
	const struct smtp_kind *kind;
	struct smtp_config *config;
	struct smtp_session *next, **prev;
	struct stream stream;
	struct fiber *waiting; /* while it waits for a command */
	struct client client;
	bool trusted; /* may send anywhere without a login: of mynetworks, or a program of this machine */
	uid_t uid; /* of a program of this machine */
	unsigned edits; /* what scan changes in its letters: bits of enum scan_edits */
	struct client_name *name; /* NULL: unknown */

	struct buf helo; /* empty: no HELO or EHLO yet */
	bool esmtp;
	bool spoke_early; /* pipelining where none is allowed: logged once */
	struct buf tls; /* "TLSv1.3 with cipher ..." */
	struct smtp_login login;
	struct smtp_transaction tx;

	enum smtp_verb verb; /* of the command under way, or of the last one */
	struct smtp_counts counts[SMTP_VERBS];
	bool mild; /* the command was refused for a while (4xx): not the client's error */
	unsigned errors;
	unsigned junk;
	bool closing; /* after the present reply */
	bool gone; /* the client closed the connection */
	const char *lost; /* why it ended, for the log; NULL: in good order */
};

/* Begins a session on a connected socket, which it takes over; peer may be of AF_UNIX.
 * 0; ERR_BUSY: too many, and fd is still the caller's; ERR_MEMORY or ERR_IO: fd was closed. */
int smtp_session_start(struct smtp_service *service, const struct smtp_kind *kind, int fd,
		       const struct sockaddr *peer);
/* Takes connections for a struct smtp_door. */
struct smtp_door {
	struct smtp_service *service;
	const struct smtp_kind *kind;
};
extern const struct doorway_kind smtp_doorway;
/* Ends all: those that wait for a command at once with 421, others after the command under
 * way; at the deadline whatever they do. */
void co_smtp_sessions_end(struct smtp_service *service, int64_t deadline);

/* --- for the commands ------------------------------------------------------------------- */

#define SMTP_GOOD true
#define SMTP_BAD false

/* Does one command line, without CRLF: replies, counts. */
void co_smtp_command(struct smtp_session *s, struct str line);
/* Whether STARTTLS has to come first. */
bool smtp_needs_tls(const struct smtp_session *s);

/* The end that a failed wait for the client leads to: a last reply, closing, what the log
 * says. */
void smtp_end_for(struct smtp_session *s, int code);
/* The end of a client that makes too many mistakes. */
void smtp_end_for_errors(struct smtp_session *s);
/* The handshake, with all input forgotten; false when it failed. */
bool co_smtp_start_tls(struct smtp_session *s);
/* The client's answer to a challenge, without its CRLF.  False: that was answered, or the session
 * ends. */
bool co_smtp_response(struct smtp_session *s, struct str *line);
/* A reply line, without CRLF. */
__attribute__((format(printf, 2, 3))) void smtp_say(struct smtp_session *s, const char *fmt, ...);
/* The same as a refusal: logged with sender, recipient (NULL: none) and HELO.  SMTP_BAD. */
__attribute__((format(printf, 3, 4))) bool smtp_refuse(struct smtp_session *s, const struct str *rcpt,
						       const char *fmt, ...);
/* "userid 1000", written into text, of a program of this machine; empty for others. */
struct str smtp_local_user(const struct smtp_session *s, char text[SMTP_USER_SIZE]);
/* "mx.b.test[192.0.2.1]", or "unknown[192.0.2.1]", for log lines and replies. */
#define SMTP_PEER "%s[%s]"
#define SMTP_PEER_OF(s) client_name_text((s)->name), (s)->client.ip

/* smtp_auth.c */
bool co_smtp_auth(struct smtp_session *s, struct str arg);
bool smtp_has_logged_in(const struct smtp_session *s);
/* Whether the client may send to other servers. */
bool smtp_may_relay(const struct smtp_session *s);
/* What keeper knows the login by; empty without one. */
struct str smtp_right(const struct smtp_session *s);
/* Nobody is logged in from here on. */
void smtp_login_end(struct smtp_login *login);

/* smtp_transaction.c */
bool co_smtp_mail(struct smtp_session *s, struct str arg);
bool co_smtp_rcpt(struct smtp_session *s, struct str arg);
/* Refuses a recipient: what stands before and behind its address (NULL: it is not repeated).  SMTP_BAD. */
bool smtp_refuse_recipient(struct smtp_session *s, struct str raw, const char *before, const char *behind);
/* Forgets the transaction. */
void smtp_transaction_end(struct smtp_transaction *tx);

/* smtp_sender.c: whether the client may send at all, and as whom he does (RFC 6409 6.1); false: that was
 * answered. */
bool co_smtp_judge_sender(struct smtp_session *s, struct str raw);
/* Whether its HELO is refused, or the sender's domain: then that was answered. */
bool smtp_refuse_helo(struct smtp_session *s, struct str raw);
bool co_smtp_refuse_domain(struct smtp_session *s, struct str raw);

/* smtp_receive.c */
bool co_smtp_data(struct smtp_session *s, struct str arg);
bool co_smtp_bdat(struct smtp_session *s, struct str arg);

/* smtp_scan.c: has scan look into the sealed letter, makes the edits that scan found, and keeps the
 * outline of the whole.  ERR_TOO_BIG, or what hinders it for now. */
int co_smtp_scan(struct smtp_session *s, struct err *e);
/* That scan begins with the letter that one of the sessions had it look into alone. */
void smtp_scan_begins(struct smtp_service *service, const struct chan *scan, uint64_t letter);
/* Forgets the outline. */
void smtp_outline_end(struct smtp_transaction *tx);
/* For log lines; a letter's id goes in as unsigned long long. */
#define SMTP_ID "%016llX"

/* smtp_store.c: once, before the first letter. */
int smtp_tickets_init(struct smtp_service *service, struct err *e);
/* Gives the letter under way an id, or ends in an error code. */
int co_smtp_take_id(struct smtp_session *s);
/* Gives the sealed letter to spool and waits until it is durable. */
int co_smtp_store(struct smtp_session *s, struct err *e);

#endif
