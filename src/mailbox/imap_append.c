/* SPDX-License-Identifier: Apache-2.0 */
/*
 * APPEND (RFC 3501, 6.3.11; RFC 4315, 3: APPENDUID).
 *
 *   literal announced --no such mailbox, too large--> NO, without "+"
 *        | room in the budget
 *        v
 *   "+", bytes into a memory file --end of the command--> sealed, looked into by scan
 *        -> letter and act go to spool in one entry -> durable and in view -> OK
 */
#include "mailbox/imap_session.h"

#include "base/clock.h"
#include "format/date.h"
#include "format/outline.h"
#include "net/log.h"

#include <stdlib.h>

/* How long a message waits for room before its first byte. */
#define ROOM_MS 60000

struct append {
	const struct imap_append *cmd;
	struct upload *upload;
	struct buf name; /* of the mailbox, kept form */
	uint64_t letter;
	struct buf outline;
	struct change change;
	uint32_t uidvalidity;
};

static int find_mailbox(struct imap_session *s, struct str wire, struct buf *name, struct err *e)
{
	int code = imap_mailbox_read(wire, false, name, e);

	if (!code && !ledger_find(&s->account->checks, buf_str(name)))
		code = err_set(e, ERR_NOT_FOUND, "Mailbox doesn't exist: %.*s", STR_ARG(str_head(wire, 200)));
	return code;
}

static void co_refuse(struct imap_session *s, int code, const struct err *e)
{
	if (code == ERR_NOT_FOUND)
		co_imap_done(s, "NO [TRYCREATE] Mailbox doesn't exist.");
	else
		co_imap_refuse(s, code, e);
}

/* --- the literal ----------------------------------------------------------------------------- */

static int check_size(const struct imap_session *s, uint64_t size, struct err *e)
{
	if (size == 0)
		return err_set(e, ERR_INVALID, "A message of no bytes cannot be stored.");
	return size > s->shard->message_max ? ERR_TOO_BIG : 0;
}

static int co_begin(struct imap_session *s, const struct imap_append *cmd, struct err *e)
{
	struct buf name;

	buf_init(&name, (size_t)4 * IMAP_MAILBOX_MAX);
	int code = find_mailbox(s, cmd->mailbox, &name, e);

	buf_free(&name);
	if (!code && (code = check_size(s, cmd->message.size, e)) == ERR_TOO_BIG) {
		co_imap_done(s, "NO [TOOBIG] Message is too large, the limit is %llu octets.",
			     (unsigned long long)s->shard->message_max);
		return code;
	}
	if (!code)
		code = co_upload_new(&s->account->uploads, cmd->message.size, deadline_in(ROOM_MS),
				     &s->upload, e);
	if (code)
		co_refuse(s, code, e);
	return code;
}

bool co_imap_append_literal(struct imap_session *s)
{
	bool nonsync = imap_read_announced(&s->read)->nonsync;
	struct err e = {0};

	arena_reset(&s->arena);
	if (imap_command_read(imap_read_text(&s->read), IMAP_WITH_LIST_EXTENDED, &s->arena, &s->cmd, &e) !=
		    0 ||
	    !s->cmd.row || s->cmd.id != IMAP_APPEND)
		return false;
	if (co_begin(s, &s->cmd.append, &e) != 0) {
		imap_read_refuse(&s->read);
		return true;
	}
	imap_read_outside(&s->read);
	if (!nonsync)
		co_imap_printf(s, "+ OK\r\n");
	return true;
}

/* --- the act ------------------------------------------------------------------------------------ */

static int64_t moment_of(const struct imap_date_time *d)
{
	int64_t days = date_days((int)(d->day / 10000), (int)(d->day / 100 % 100), (int)(d->day % 100));
	int64_t minutes = (days * 24 + d->hour) * 60 + d->minute - d->zone;

	return (minutes * 60 + d->second) * 1000000;
}

static int draft_append(struct imap_session *s, void *arg, struct act_draft *out, struct err *e)
{
	struct append *a = arg;
	const struct imap_append *cmd = a->cmd;
	const struct folder *to = ledger_find(&s->account->checks, buf_str(&a->name));

	if (!to)
		return err_set(e, ERR_NOT_FOUND, "Mailbox doesn't exist.");
	a->uidvalidity = to->uidvalidity;
	a->change =
		(struct change){.kind = CHANGE_ADD,
				.add = {.folder = to->id,
					.uid = to->uidnext,
					.letter = a->letter,
					.immutable = outline_encoded_hash(buf_str(&a->outline)),
					.date_us = cmd->has_date ? moment_of(&cmd->date) : clock_wall_us(),
					.size = (uint32_t)a->upload->size,
					.flags = imap_flags_in(cmd->flags.flags),
					.keywords = {cmd->flags.keywords.v, cmd->flags.keywords.count}}};
	*out = (struct act_draft){.changes = &a->change,
				  .n = 1,
				  .holds = &a->letter,
				  .hold_count = 1,
				  .outline = buf_str(&a->outline),
				  .letter = a->upload};
	return 0;
}

static int co_store(struct imap_session *s, struct append *a, struct err *e)
{
	uint64_t serial;
	int code = co_shard_letter_id(s->shard, &a->letter, e);

	if (!code)
		code = co_outline_ask(&s->shard->outlines, a->letter, a->upload->size, a->upload->file,
				      &a->outline, e);
	return code ? code : co_imap_act(s, draft_append, a, &serial, e);
}

static void log_stored(const struct imap_session *s, const struct append *a)
{
	char id[LETTER_ID_SIZE];

	letter_id_format(a->letter, id);
	log_line(LOG_INFO, "%s: account=<%.*s>, uid=%u, size=%llu, folder=%.*s: appended", id,
		 STR_ARG(s->account->address), a->change.add.uid, (unsigned long long)a->upload->size,
		 STR_ARG(str_head(buf_str(&a->name), 200)));
}

static void co_append(struct imap_session *s, struct append *a)
{
	struct err e = {0};
	int code = upload_finish(a->upload, &e);

	if (code == ERR_INVALID) {
		co_imap_done(s, "BAD %s", e.text);
		return;
	}
	if (!code)
		code = find_mailbox(s, a->cmd->mailbox, &a->name, &e);
	if (!code)
		code = co_store(s, a, &e);
	if (code) {
		co_refuse(s, code, &e);
		return;
	}
	log_stored(s, a);
	co_imap_done(s, "OK [APPENDUID %u %u] Append completed.", a->uidvalidity, a->change.add.uid);
}

void co_cmd_append(struct imap_session *s, const struct imap_command *cmd)
{
	struct append a = {.cmd = &cmd->append, .upload = s->upload};

	/* Taken for another command's literal, for want of memory. */
	if (!a.upload) {
		co_imap_done(s, "NO [UNAVAILABLE] No memory for the message.");
		return;
	}
	buf_init(&a.name, (size_t)4 * IMAP_MAILBOX_MAX);
	buf_init(&a.outline, OUTLINE_MAX);
	co_append(s, &a);
	buf_free(&a.name);
	buf_free(&a.outline);
}
