/* SPDX-License-Identifier: Apache-2.0 */
/* From MAIL to the final dot (see transaction.h). */
#include "relay/transaction.h"

#include "base/clock.h"
#include "format/smtp_data.h"
#include "format/xtext.h"
#include "net/fiber.h"
#include "store/envelope.h"

#include <stdio.h>

#define SLICE ((size_t)8 << 10)
#define LINE_ROOM 8192
#define GO_ON 3
#define STORAGE_EXCEEDED 552

struct transaction {
	struct session *s;
	struct relay_letter *l;
	struct relay_recipient *to[LETTER_RECIPIENTS_MAX];
	unsigned count;
	unsigned sent, answered; /* of MAIL, count times RCPT, and DATA */
	unsigned accepted;
	bool mail_ok, data_ok;
};

/* --- outcomes --------------------------------------------------------------------------------- */

/* For all who may still get the letter by this session.  What a server said counts more than
 * that a connection was lost. */
static void note_rest(struct transaction *t, const struct verdict *v)
{
	for (unsigned i = 0; i < t->count; i++)
		if (!t->to[i]->settled && (v->said || t->to[i]->accepted || !t->to[i]->verdict.said))
			relay_letter_note(t->to[i], v, t->s->hop.mta);
}

static void note_said(struct transaction *t, const char *behind)
{
	struct verdict v;

	verdict_no(&v, &t->s->reply, behind, "host %s said: ", t->s->hop.peer);
	note_rest(t, &v);
}

/* After the letter's end nothing more is tried for those who were accepted. */
static void settle_accepted(struct transaction *t, const struct verdict *v)
{
	for (unsigned i = 0; i < t->count; i++)
		if (t->to[i]->accepted) {
			relay_letter_note(t->to[i], v, t->s->hop.mta);
			t->to[i]->settled = true;
		}
}

static int broken(struct transaction *t, int code)
{
	if (code != ERR_CANCELLED)
		note_rest(t, &t->s->why);
	return code;
}

/* --- commands ------------------------------------------------------------------------------------ */

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 0x7F)
			return false;
	return true;
}

static void add_mail(const struct transaction *t, struct buf *out)
{
	static const char *const rets[] = {[RET_FULL] = " RET=FULL", [RET_HDRS] = " RET=HDRS"};
	const struct relay_question *q = t->l->q;
	const struct smtp_ehlo *can = &t->s->ehlo;

	buf_printf(out, "MAIL FROM:<%.*s>", STR_ARG(q->sender));
	if (can->size)
		buf_printf(out, " SIZE=%llu", (unsigned long long)q->size);
	if (can->eightbitmime && q->body == BODY_8BITMIME)
		buf_add_z(out, " BODY=8BITMIME");
	if (can->smtputf8 && q->smtputf8)
		buf_add_z(out, " SMTPUTF8");
	if (can->dsn && q->ret != RET_NONE)
		buf_add_z(out, rets[q->ret]);
	if (can->dsn && q->envid.n > 0) {
		buf_add_z(out, " ENVID=");
		xtext_encode(q->envid, out);
	}
}

static void add_notify(uint8_t notify, struct buf *out)
{
	static const struct {
		uint8_t bit;
		const char *word;
	} words[] = {{NOTIFY_NEVER, "NEVER"},
		     {NOTIFY_SUCCESS, "SUCCESS"},
		     {NOTIFY_FAILURE, "FAILURE"},
		     {NOTIFY_DELAY, "DELAY"}};
	const char *before = " NOTIFY=";

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (notify & words[i].bit) {
			buf_add_z(out, before);
			buf_add_z(out, words[i].word);
			before = ",";
		}
}

static void add_rcpt(const struct transaction *t, const struct relay_recipient *r, struct buf *out)
{
	struct str address = r->orcpt, type = str_cut(&address, ';');

	buf_printf(out, "RCPT TO:<%.*s>", STR_ARG(r->address));
	if (!t->s->ehlo.dsn)
		return;
	add_notify(r->notify, out);
	if (type.n > 0 && address.n > 0) {
		buf_printf(out, " ORCPT=%.*s;", STR_ARG(type));
		xtext_encode(address, out);
	}
}

static const char *doing_of(const struct transaction *t)
{
	return t->answered == 0          ? "sending MAIL FROM"
	       : t->answered <= t->count ? "sending RCPT TO"
					 : "sending DATA command";
}

static int co_put_command(struct transaction *t)
{
	struct buf line;

	buf_init(&line, LINE_ROOM);
	if (t->sent == 0)
		add_mail(t, &line);
	else if (t->sent <= t->count)
		add_rcpt(t, t->to[t->sent - 1], &line);
	else
		buf_add_z(&line, "DATA");
	buf_add_z(&line, "\r\n");
	t->sent++;
	int code = co_stream_put(&t->s->stream, buf_str(&line),
				 relay_session_deadline(t->s, t->s->config->limits.mail_ms));

	buf_free(&line);
	return code ? relay_session_lost(t->s, code, doing_of(t)) : ERR_OK;
}

/* Whether the next command may leave now. */
static bool may_send(const struct transaction *t)
{
	if (t->sent == t->count + 2)
		return false;
	if (t->s->ehlo.pipelining)
		return true;
	if (t->sent > t->answered)
		return false;
	return t->sent == 0 || (t->mail_ok && (t->sent <= t->count || t->accepted > 0));
}

/* --- replies --------------------------------------------------------------------------------------- */

static bool replied(const struct transaction *t, unsigned class)
{
	return t->s->reply.code / 100 == class;
}

/* RFC 5321 4.5.3.1.10: some say 552 to one recipient too many where 452 is meant. */
static bool means_too_many(const struct transaction *t)
{
	const struct smtp_reply *r = &t->s->reply;

	return r->code == STORAGE_EXCEEDED && t->accepted > 0 &&
	       (r->class == 0 || (r->subject == 5 && r->detail == 3));
}

static void take_rcpt(struct transaction *t, struct relay_recipient *r)
{
	struct verdict v;

	if (!t->mail_ok)
		return;
	if (replied(t, 2)) {
		r->accepted = true;
		t->accepted++;
		return;
	}
	verdict_no(&v, &t->s->reply, " (in reply to RCPT TO command)", "host %s said: ", t->s->hop.peer);
	if (means_too_many(t))
		verdict_soften(&v);
	relay_letter_note(r, &v, t->s->hop.mta);
}

static void take_reply(struct transaction *t)
{
	unsigned which = t->answered++;

	if (which == 0) {
		t->mail_ok = replied(t, 2);
		if (!t->mail_ok)
			note_said(t, " (in reply to MAIL FROM command)");
	} else if (which <= t->count)
		take_rcpt(t, t->to[which - 1]);
	else {
		t->data_ok = replied(t, GO_ON);
		if (!t->data_ok && t->accepted > 0)
			note_said(t, " (in reply to DATA command)");
	}
}

static int64_t longest_of(const struct transaction *t)
{
	const struct relay_limits *limits = &t->s->config->limits;

	return t->answered == 0          ? limits->mail_ms
	       : t->answered <= t->count ? limits->rcpt_ms
					 : limits->data_ms;
}

static int co_commands(struct transaction *t)
{
	while (may_send(t) || t->answered < t->sent) {
		int code = ERR_OK;

		while (may_send(t) && code == 0)
			code = co_put_command(t);
		if (code == 0)
			code = co_relay_session_reply(t->s, longest_of(t), doing_of(t));
		if (code)
			return broken(t, code);
		take_reply(t);
		/* 421 to whatever it was is said to all. */
		if (!t->s->open) {
			note_said(t, "");
			return ERR_CLOSED;
		}
	}
	return ERR_OK;
}

/* --- the letter -------------------------------------------------------------------------------------- */

static int co_put_slice(struct transaction *t, struct buf *out)
{
	int code = co_stream_put(&t->s->stream, buf_str(out),
				 relay_session_deadline(t->s, t->s->config->limits.block_ms));

	buf_clear(out);
	return code ? code : co_breathe();
}

/* What is sent ends in CRLF "." CRLF, and has it nowhere else, and no bare CR or LF, whatever
 * the letter has: nobody behind us can be made to see two letters. */
static int co_put_letter(struct transaction *t, struct buf *out)
{
	struct str rest = t->l->bytes;
	struct smtp_data dots;
	int code = ERR_OK;

	smtp_data_init(&dots, SMTP_DATA_SENDING, SMTP_BARE_NORMALISE, SIZE_MAX);
	while (rest.n > 0 && code == 0) {
		struct str slice = str_head(rest, SLICE);

		rest = str_skip(rest, SLICE);
		smtp_data_feed(&dots, &slice, out);
		code = co_put_slice(t, out);
	}
	if (code)
		return relay_session_lost(t->s, code, "sending message body");
	/* The last moment at which the letter can still be taken back. */
	if (!relay_letter_wanted(t->l))
		return relay_session_lost(t->s, ERR_CANCELLED, "sending message body");
	smtp_data_finish(&dots, out);
	code = buf_failed(out) ? ERR_MEMORY : co_put_slice(t, out);
	return code ? relay_session_lost(t->s, code, "sending message body") : ERR_OK;
}

static int co_letter_end(struct transaction *t)
{
	static const char doing[] = "sending end of data -- message may be sent more than once";
	struct verdict v;
	int code = co_relay_session_reply(t->s, t->s->config->limits.end_ms, doing);

	if (code == ERR_CANCELLED)
		return code;
	if (code)
		v = t->s->why;
	else if (replied(t, 2))
		verdict_yes(&v, &t->s->reply);
	else
		verdict_no(&v, &t->s->reply, " (in reply to end of DATA command)",
			   "host %s said: ", t->s->hop.peer);
	settle_accepted(t, &v);
	return code;
}

static int co_letter(struct transaction *t)
{
	struct buf out;

	buf_init(&out, 3 * SLICE + 8);
	int code = co_put_letter(t, &out);

	buf_free(&out);
	return code ? broken(t, code) : co_letter_end(t);
}

/* DATA was on its way when the last recipient was refused: RFC 2920 3.1 has a lone dot then. */
static int co_no_letter(struct transaction *t)
{
	stream_put(&t->s->stream, STR(".\r\n"));
	return co_relay_session_reply(t->s, t->s->config->limits.end_ms, "sending end of data");
}

/* --- before the first command -------------------------------------------------------------------------- */

static void refuse(struct transaction *t, struct relay_recipient *r, const char *status, const char *what)
{
	struct verdict v;

	verdict_set(&v, status, "%s %s", what, t->s->hop.peer);
	relay_letter_note(r, &v, t->s->hop.mta);
}

/* RFC 6531 3.2 and 3.4: what has UTF-8 goes to a server that takes it, or back. */
static void refuse_utf8(struct transaction *t)
{
	bool all = !is_ascii(t->l->q->sender) || (t->l->q->smtputf8 && relay_letter_has_utf8_header(t->l));
	unsigned left = 0;

	if (t->s->ehlo.smtputf8)
		return;
	for (unsigned i = 0; i < t->count; i++)
		if (all || !is_ascii(t->to[i]->address))
			refuse(t, t->to[i], "5.6.7", "SMTPUTF8 is required, but was not offered by host");
		else
			t->to[left++] = t->to[i];
	t->count = left;
}

static void refuse_size(struct transaction *t)
{
	uint64_t max = t->s->ehlo.size_max;
	struct verdict v;

	if (!t->s->ehlo.size || max == 0 || t->l->q->size <= max)
		return;
	verdict_set(&v, "5.3.4", "message size %llu exceeds size limit %llu of server %s",
		    (unsigned long long)t->l->q->size, (unsigned long long)max, t->s->hop.peer);
	for (unsigned i = 0; i < t->count; i++)
		relay_letter_note(t->to[i], &v, t->s->hop.mta);
	t->count = 0;
}

static void begin(struct transaction *t)
{
	for (unsigned i = 0; i < t->l->count; i++) {
		struct relay_recipient *r = &t->l->recipients[i];

		r->accepted = false;
		if (!r->settled)
			t->to[t->count++] = r;
	}
	refuse_utf8(t);
	refuse_size(t);
}

int co_transaction(struct session *s, struct relay_letter *l)
{
	struct transaction t = {.s = s, .l = l};

	begin(&t);
	if (t.count == 0)
		return ERR_OK;
	int code = co_commands(&t);

	if (code || !t.data_ok)
		return code;
	return t.accepted > 0 ? co_letter(&t) : co_no_letter(&t);
}
