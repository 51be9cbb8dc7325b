/* SPDX-License-Identifier: Apache-2.0 */
/* STATUS (RFC 3501, 6.3.10). */
#include "mailbox/imap_session.h"

#include "format/imap_quote.h"

struct status {
	uint64_t values[5]; /* in the order of enum imap_status_item */
};

static const char *const item_names[] = {"MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN"};

static int co_find(struct imap_session *s, struct str name, unsigned items, struct status *out, struct err *e)
{
	const struct folder *f = ledger_find(&s->account->views.ledger, name);
	struct counts counts = {0};

	if (!f)
		return err_set(e, ERR_NOT_FOUND, "Mailbox doesn't exist: %.*s", STR_ARG(str_head(name, 200)));
	uint32_t id = f->id;
	uint64_t recent = 0;
	int code = items & IMAP_STATUS_RECENT ? co_imap_count_recent(s, id, &recent, e) : 0;

	if (!code)
		code = co_imap_counts(s, id, &counts, e);

	f = ledger_folder(&s->account->views.ledger, id);
	if (code)
		return code;
	if (!f)
		return err_set(e, ERR_NOT_FOUND, "The mailbox was deleted.");
	*out = (struct status){{counts.messages, recent, f->uidnext, f->uidvalidity, counts.unseen}};
	return 0;
}

static void co_answer(struct imap_session *s, struct str name, unsigned items, const struct status *st)
{
	const char *between = "";
	struct buf out;

	buf_init(&out, IMAP_REPLY_MAX);
	buf_add_z(&out, "* STATUS ");
	imap_put_mailbox(&out, name, false);
	buf_add_z(&out, " (");
	for (size_t i = 0; i < sizeof(item_names) / sizeof(item_names[0]); i++)
		if (items & 1U << i) {
			buf_printf(&out, "%s%s %llu", between, item_names[i],
				   (unsigned long long)st->values[i]);
			between = " ";
		}
	buf_add_z(&out, ")\r\n");
	co_imap_put(s, buf_str(&out));
	buf_free(&out);
}

void co_cmd_status(struct imap_session *s, const struct imap_command *cmd)
{
	struct status st;
	struct buf name;
	struct err e = {0};

	buf_init(&name, (size_t)4 * IMAP_MAILBOX_MAX);
	int code = imap_mailbox_read(cmd->status.mailbox, false, &name, &e);

	if (!code)
		code = co_find(s, buf_str(&name), cmd->status.items, &st, &e);
	if (code)
		co_imap_refuse(s, code, &e);
	else {
		co_answer(s, buf_str(&name), cmd->status.items, &st);
		co_imap_done(s, "OK Status completed.");
	}
	buf_free(&name);
}
