/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_command: one complete command as a value: tag, row of the command table,
 * arguments (RFC 3501 section 6 and 9; RFC 2177 IDLE, 2342 NAMESPACE, 2971 ID,
 * 3691 UNSELECT, 4315 UID EXPUNGE, 4959 initial response, 5161 ENABLE, 5258
 * extended LIST, 6851 MOVE).
 *
 * Everything is views into the text or lives in the arena.  Mailbox names are
 * as sent: imap_mailbox_read() makes kept names of them.
 */
#ifndef FORMAT_IMAP_COMMAND_H
#define FORMAT_IMAP_COMMAND_H

#include "format/imap_cursor.h"
#include "format/imap_date.h"
#include "format/imap_fetch.h"
#include "format/imap_search.h"

/* Of ID (RFC 2971 section 3.3), and of the keywords in one list. */
#define IMAP_ID_PAIRS_MAX 30
#define IMAP_ID_KEY_MAX 30
#define IMAP_ID_VALUE_MAX 1024
#define IMAP_KEYWORDS_MAX 100
#define IMAP_KEYWORD_LENGTH_MAX 255

/* Extensions whose syntax is refused unless the session offers them. */
enum imap_feature {
	IMAP_WITH_LIST_EXTENDED = 1 << 0,
};

/* The states a command is allowed in: a mask. */
enum imap_state {
	IMAP_NOT_AUTHENTICATED = 1 << 0,
	IMAP_AUTHENTICATED = 1 << 1,
	IMAP_SELECTED = 1 << 2,
	IMAP_LOGGED_IN = IMAP_AUTHENTICATED | IMAP_SELECTED,
	IMAP_ANY_STATE = IMAP_NOT_AUTHENTICATED | IMAP_LOGGED_IN,
};

enum imap_command_id {
	IMAP_CAPABILITY,
	IMAP_NOOP,
	IMAP_LOGOUT,
	IMAP_ID,
	IMAP_STARTTLS,
	IMAP_AUTHENTICATE,
	IMAP_LOGIN,
	IMAP_ENABLE,
	IMAP_SELECT,
	IMAP_EXAMINE,
	IMAP_CREATE,
	IMAP_DELETE,
	IMAP_RENAME,
	IMAP_SUBSCRIBE,
	IMAP_UNSUBSCRIBE,
	IMAP_LIST,
	IMAP_LSUB,
	IMAP_NAMESPACE,
	IMAP_STATUS,
	IMAP_APPEND,
	IMAP_IDLE,
	IMAP_CHECK,
	IMAP_CLOSE,
	IMAP_UNSELECT,
	IMAP_EXPUNGE,
	IMAP_SEARCH,
	IMAP_FETCH,
	IMAP_STORE,
	IMAP_COPY,
	IMAP_MOVE,
	IMAP_COMMAND_COUNT,
};

struct imap_command;

struct imap_command_row {
	struct str name;
	unsigned states; /* enum imap_state */
	bool has_uid; /* UID may stand in front of it */
	int (*read)(struct imap_cursor *c, struct imap_command *cmd); /* its arguments */
};

struct imap_login {
	struct str user, password;
};

struct imap_authenticate {
	struct str mechanism;
	bool has_initial;
	struct str initial; /* base64; empty for "=", the empty response */
};

/* The flags of STORE and APPEND. */
struct imap_flag_list {
	unsigned flags;
	struct imap_words keywords; /* each once */
};

enum imap_list_select {
	IMAP_LIST_SUBSCRIBED = 1 << 0,
	IMAP_LIST_REMOTE = 1 << 1,
	IMAP_LIST_RECURSIVEMATCH = 1 << 2,
	IMAP_LIST_SPECIAL_USE = 1 << 3, /* RFC 6154 */
};

enum imap_list_return {
	IMAP_RETURN_SUBSCRIBED = 1 << 0,
	IMAP_RETURN_CHILDREN = 1 << 1,
	IMAP_RETURN_SPECIAL_USE = 1 << 2,
};

/* LIST and LSUB. */
struct imap_list {
	bool extended; /* some syntax of RFC 5258 was used */
	unsigned select; /* enum imap_list_select */
	unsigned returns; /* enum imap_list_return */
	struct str reference;
	struct imap_words patterns; /* one, unless extended */
};

enum imap_status_item {
	IMAP_STATUS_MESSAGES = 1 << 0,
	IMAP_STATUS_RECENT = 1 << 1,
	IMAP_STATUS_UIDNEXT = 1 << 2,
	IMAP_STATUS_UIDVALIDITY = 1 << 3,
	IMAP_STATUS_UNSEEN = 1 << 4,
};

struct imap_status {
	struct str mailbox;
	unsigned items; /* enum imap_status_item */
};

struct imap_append {
	struct str mailbox;
	struct imap_flag_list flags;
	bool has_date;
	struct imap_date_time date;
	struct imap_literal message;
};

enum imap_store_mode {
	IMAP_STORE_SET,
	IMAP_STORE_ADD,
	IMAP_STORE_REMOVE,
};

struct imap_store {
	struct imap_set set;
	enum imap_store_mode mode;
	bool silent;
	struct imap_flag_list flags;
};

/* COPY and MOVE. */
struct imap_copy {
	struct imap_set set;
	struct str mailbox;
};

struct imap_rename {
	struct str from, to;
};

struct imap_command {
	struct str tag; /* empty: none was found, answer with "*" */
	struct str name; /* as sent, without UID */
	bool uid;
	enum imap_command_id id;
	const struct imap_command_row *row; /* NULL: unknown command */
	union {
		struct imap_login login;
		struct imap_authenticate authenticate;
		struct str mailbox; /* SELECT, EXAMINE, CREATE, DELETE, SUBSCRIBE, UNSUBSCRIBE */
		struct imap_rename rename;
		struct imap_list list; /* LIST, LSUB */
		struct imap_status status;
		struct imap_append append;
		struct imap_search search;
		struct imap_fetch fetch;
		struct imap_store store;
		struct imap_copy copy; /* COPY, MOVE */
		struct imap_set expunge; /* UID EXPUNGE */
		struct imap_words id_pairs; /* ID: key, value, ...; a NIL value has p NULL */
		struct imap_words enable; /* capabilities */
	};
};

/*
 * Reads the whole command.  On a failure e says what was expected where (BAD
 * with the place), and tag, name and row are there as far as they were read.
 * ERR_INVALID, ERR_TOO_BIG (a limit), ERR_MEMORY.
 */
int imap_command_read(struct imap_text text, unsigned features, struct arena *a, struct imap_command *out,
		      struct err *e);
/* Only tag, name and row: enough to choose limits for a literal, or the tag for
 * a refusal. */
int imap_command_peek(struct imap_text text, struct imap_command *out, struct err *e);

/* The rows, for HELP-like lists and tests. */
const struct imap_command_row *imap_command_row(enum imap_command_id id);

#endif
