/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_session: what the files of an IMAP session share.
 *
 * A session is a cursor into its account: a view, which all sessions of the account
 * share, and how much of it the client has been told.
 *
 * 1. The client's sequence numbers are those of act `told`; only co_imap_sync() moves it,
 *    in the same breath in which the client hears of what went.
 * 2. A UID at or above `uidnext` does not exist for the client yet.
 * 3. A command answers OK only when its act is durable and in view.
 * 4. Once `ended` nothing is read or written any more: each loop over messages looks at it.
 */
#ifndef MAILBOX_IMAP_SESSION_H
#define MAILBOX_IMAP_SESSION_H

#include "format/imap_command.h"
#include "format/imap_mailbox.h"
#include "mailbox/imap.h"
#include "mailbox/shard_parts.h"
#include "net/stream.h"

/* Bytes for the values of one command. */
#define IMAP_COMMAND_ARENA ((size_t)32 << 20)
/* The shortest line that holds any reply without a literal. */
#define IMAP_REPLY_MAX ((size_t)16 << 10)

/* Flags that the present command has told already: those of these messages that an act
 * between the two has set. */
struct imap_said {
	struct uids uids;
	uint64_t from, to;
};

struct imap_selected {
	struct view *view; /* NULL: no mailbox is selected */
	bool read_only;
	uint64_t told; /* expunged messages, up to this act */
	uint64_t flags_told;
	uint32_t uidnext;
	struct uid_list recent; /* messages that are \Recent for this session */
	size_t keywords_told; /* how many keywords the last FLAGS response had */
	struct imap_said said; /* empty between commands */
};

struct imap_session {
	struct shard *shard;
	struct account *account;
	struct str client;
	struct stream stream;
	struct str handed; /* read by gate, not used yet */
	struct imap_read read;
	struct arena arena; /* of the present command */
	struct imap_command cmd;
	struct upload *upload; /* the message of an APPEND that has begun */
	struct imap_selected sel;
	struct account_watch watch;
	struct fiber *idling; /* in IDLE, to be woken by the account */
	unsigned bad; /* faulty commands in a row */
	bool ended;
};

/* What a command may tell of other sessions' changes at its end (RFC 3501, 7.4.1). */
enum imap_news {
	IMAP_NEWS_ALL,
	IMAP_NEWS_KEEP, /* all but EXPUNGE, unless UID stands in front */
};

typedef void co_imap_handler(struct imap_session *s, const struct imap_command *cmd);

struct imap_handler {
	co_imap_handler *fn; /* NULL: the command is not there */
	enum imap_news news;
};

/* --- imap_table.c ------------------------------------------------------------------------ */

const struct imap_handler *imap_handler_of(enum imap_command_id id);
/* What this server can, for CAPABILITY. */
extern const char imap_capabilities[];

/* --- imap_session.c ---------------------------------------------------------------------- */

/* Sends these bytes; a client that does not take them ends the session. */
void co_imap_put(struct imap_session *s, struct str bytes);
__attribute__((format(printf, 2, 3))) void co_imap_printf(struct imap_session *s, const char *fmt, ...);
/* News, then the tagged reply: "OK ..." or "NO ...". */
__attribute__((format(printf, 2, 3))) void co_imap_done(struct imap_session *s, const char *fmt, ...);
/* The tagged reply to a failure; nothing when the fiber was cancelled, as then the session
 * ends. */
void co_imap_refuse(struct imap_session *s, int code, const struct err *e);
/* What a session is told whose fiber was cancelled. */
const char *imap_why_ended(const struct imap_session *s);
/* "* BYE ..." and the end. */
__attribute__((format(printf, 2, 3))) void co_imap_bye(struct imap_session *s, const char *fmt, ...);
/* The next event of what has arrived. */
enum imap_read_event imap_feed(struct imap_session *s);
/* Waits until the client says something or the account has news; false: neither in time. */
bool co_imap_wait_news(struct imap_session *s, int64_t deadline);
/* Lets others work, at times.  False when the session has ended. */
bool co_imap_breathe(struct imap_session *s);

/* --- imap_act.c -------------------------------------------------------------------------- */

/* Makes the draft from what account->checks says now; it may be asked again.  1: nothing is
 * to be done. */
typedef int imap_draft_fn(struct imap_session *s, void *arg, struct act_draft *out, struct err *e);

/* Makes the act and waits until it is durable and in view.  *serial is 0 when nothing was
 * to be done. */
int co_imap_act(struct imap_session *s, imap_draft_fn *fn, void *arg, uint64_t *serial, struct err *e);
/* Folders for an account that has none yet. */
int co_imap_first_folders(struct imap_session *s, struct err *e);

/* --- imap_view.c ------------------------------------------------------------------------- */

/* The view of a folder, shared; every one is followed by imap_view_leave(). */
int co_imap_view_open(struct imap_session *s, uint32_t folder, struct view **out, struct err *e);
void imap_view_leave(struct imap_session *s, struct view **v);
/* The counts of a folder, durable acts only. */
int co_imap_counts(struct imap_session *s, uint32_t folder, struct counts *out, struct err *e);
void imap_unselect(struct imap_session *s);

/* --- imap_update.c ----------------------------------------------------------------------- */

/* Tells the client what has changed in its mailbox; with `expunges` also what went. */
void co_imap_sync(struct imap_session *s, bool expunges);
/* How many messages the client has. */
uint32_t imap_exists(const struct imap_session *s);
/* The system flags of a row as the bits of imap_flag.h, and back. */
unsigned imap_flags_out(uint8_t flags);
uint8_t imap_flags_in(unsigned flags);
/* The system flags of the row at pos, \Recent among them. */
unsigned imap_row_flags(const struct imap_session *s, size_t pos);
/* "FLAGS (\Seen $Label)" of the row at pos. */
void imap_put_row_flags(const struct imap_session *s, size_t pos, struct buf *out);
/* "* FLAGS (...)", all that the account knows. */
void co_imap_tell_flags(struct imap_session *s);

/* --- imap_recent.c ----------------------------------------------------------------------- */

/* Before a folder is selected. */
int co_imap_recents_load(struct imap_session *s, struct err *e);
/* Messages from `from` on and below `next` come into the session: those that no session was told
 * of are recent here. */
void imap_recents_take(struct imap_session *s, uint32_t from, uint32_t next);
bool imap_is_recent(const struct imap_session *s, uint32_t uid);
/* How many the client has. */
uint32_t imap_recent(const struct imap_session *s);
/* How many of a folder no session was told of. */
int co_imap_count_recent(struct imap_session *s, uint32_t folder, uint64_t *n, struct err *e);

/* --- imap_pick.c ------------------------------------------------------------------------- */

/* Resolves the set; what it names, as ranges of UIDs that the client knows.  ERR_INVALID: a sequence
 * number that the client does not have. */
int imap_pick(struct imap_session *s, struct imap_set *set, bool uid, struct uid_list *out, struct err *e);
/* The first position of the view whose UID is above `after` and in the ranges; the view's n
 * behind the last. */
size_t imap_pick_next(const struct imap_session *s, struct uids picked, uint32_t after);

/* --- imap_append.c ----------------------------------------------------------------------- */

/* The literal that was announced is the message of an APPEND: begun or refused.  False: it is
 * something else. */
bool co_imap_append_literal(struct imap_session *s);

/* --- the commands, each in imap_NAME.c or with its kin ------------------------------------- */

co_imap_handler co_cmd_capability, co_cmd_noop, co_cmd_logout, co_cmd_id, co_cmd_namespace, co_cmd_enable;
co_imap_handler co_cmd_list, co_cmd_lsub, co_cmd_status;
co_imap_handler co_cmd_select, co_cmd_unselect, co_cmd_close, co_cmd_check;
co_imap_handler co_cmd_expunge, co_cmd_fetch, co_cmd_store, co_cmd_copy, co_cmd_idle, co_cmd_search;
co_imap_handler co_cmd_append;
co_imap_handler co_cmd_create, co_cmd_delete, co_cmd_rename, co_cmd_subscribe, co_cmd_unsubscribe;

#endif
