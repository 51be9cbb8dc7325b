/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to scan: what a letter is, and the fields in front of it (see smtp_session.h).
 *
 * A letter with which scan ended is scanned again alone; scan/scan.h has the picture.  What scan says is
 * checked: whoever has taken it over knows the letters that he is given, and may do no more than lie
 * about them.
 */
#include "gate/smtp_session.h"

#include "base/clock.h"
#include "format/outline.h"
#include "format/received.h"
#include "net/log.h"
#include "net/messages.h"

#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#define FRONT_MAX ((size_t)8 << 10)
/* As much of an outline as stands in a message. */
#define OUTLINE_INLINE ((size_t)48 << 10)

void smtp_outline_end(struct smtp_transaction *tx)
{
	buf_free(&tx->outline);
	/* 0 in a transaction that never began. */
	if (tx->wide > 0)
		close(tx->wide);
	tx->wide = -1;
	tx->outline_size = 0;
}

/* --- the poison letter ------------------------------------------------------------------------------ */

static unsigned with_of(const struct smtp_session *s)
{
	return (s->esmtp ? RECEIVED_ESMTP : 0) | (s->stream.ssl ? RECEIVED_TLS : 0) |
	       (smtp_has_logged_in(s) ? RECEIVED_AUTH : 0) | (s->tx.utf8 ? RECEIVED_UTF8 : 0);
}

/* Of the client of a submission nothing is told. */
static struct str told(const struct smtp_session *s, struct str fact)
{
	return s->kind->traits & SMTP_SUBMITS ? (struct str){NULL, 0} : fact;
}

static struct str only_recipient(const struct smtp_transaction *tx)
{
	return tx->recipient_count == 1 ? tx->recipients[0].address : (struct str){NULL, 0};
}

static struct str name_of(const struct smtp_session *s)
{
	return s->name ? str_of(s->name->text) : (struct str){NULL, 0};
}

/* What scan would have written. */
static void write_received(const struct smtp_session *s, struct buf *out)
{
	const struct smtp_transaction *tx = &s->tx;
	char id[20], user[SMTP_USER_SIZE];
	int n = snprintf(id, sizeof(id), SMTP_ID, (unsigned long long)tx->id);
	struct received r = {
		.helo = told(s, buf_str(&s->helo)),
		.client_name = told(s, name_of(s)),
		.client_ip = told(s, str_of(s->client.ip)),
		.tls = told(s, buf_str(&s->tls)),
		.user = smtp_local_user(s, user),
		.by = str_of(s->config->hostname),
		.protocol = received_protocol(with_of(s)),
		.id = {id, (size_t)n},
		.rcpt = only_recipient(tx),
		.date = {.us = tx->begun_us, .zone = clock_zone(tx->begun_us)},
	};

	received_write(&r, out);
}

/* The outline of a letter that nobody looked into; the fields in front are there already. */
static int outline_unseen(struct smtp_transaction *tx, struct err *e)
{
	struct str whole = letter_whole(&tx->letter);
	int code = ERR_MEMORY;

	smtp_outline_end(tx);
	buf_init(&tx->outline, OUTLINE_INLINE);
	if (whole.n == tx->letter.size)
		code = outline_encode_opaque(whole, &tx->outline);
	tx->outline_size = (uint32_t)tx->outline.n;
	return code ? err_set(e, ERR_MEMORY, "no memory for the outline") : 0;
}

static int pass_unseen(struct smtp_session *s, struct err *e)
{
	struct buf front;
	int code;

	log_line(LOG_WARNING, SMTP_ID ": scan ended twice at this letter: held, not looked into",
		 (unsigned long long)s->tx.id);
	s->tx.poison = true;
	buf_init(&front, FRONT_MAX);
	write_received(s, &front);
	code = letter_edit(&s->tx.letter, buf_str(&front), STR(""), e);
	buf_free(&front);
	return code ? code : outline_unseen(&s->tx, e);
}

/* --- what scan said ---------------------------------------------------------------------------------- */

/* Keeps the outline when it can be one of this letter. */
static int take_outline(struct smtp_transaction *tx, struct scan_answer *a, struct err *e)
{
	int code = scan_outline_check(a->outline, a->wide, a->outline_size, tx->letter.size, e);

	if (code)
		return code;
	buf_init(&tx->outline, OUTLINE_INLINE);
	if (a->wide < 0) {
		buf_add_str(&tx->outline, a->outline);
		tx->outline_size = (uint32_t)a->outline.n;
	} else {
		tx->wide = a->wide;
		a->wide = -1;
		tx->outline_size = a->outline_size;
	}
	return buf_failed(&tx->outline) ? err_set(e, ERR_MEMORY, "no memory for the outline") : 0;
}

static int take_answer(struct smtp_session *s, struct scan_answer *a, struct err *e)
{
	struct smtp_transaction *tx = &s->tx;

	smtp_outline_end(tx);
	int code = letter_edit(&tx->letter, a->front, a->cuts, e);

	if (code == ERR_INVALID) {
		log_line(LOG_ERROR, SMTP_ID ": scan gave wrong cuts (%s): delivered, not looked into",
			 (unsigned long long)tx->id, e->text);
		code = letter_edit(&tx->letter, a->front, STR(""), e);
		return code ? code : outline_unseen(tx, e);
	}
	if (code || take_outline(tx, a, e) == 0)
		return code;
	log_line(LOG_ERROR, SMTP_ID ": scan gave a wrong outline (%s): delivered, not looked into",
		 (unsigned long long)tx->id, e->text);
	return outline_unseen(tx, e);
}

/* --- asking -------------------------------------------------------------------------------------------- */

static int co_ask(struct scan_ask *ask, struct chan *scan, bool alone, int64_t deadline, struct err *e)
{
	struct smtp_session *s = (struct smtp_session *)((char *)ask - offsetof(struct smtp_session, tx.ask));
	struct smtp_transaction *tx = &s->tx;
	char user[SMTP_USER_SIZE];
	struct scan_question q = {
		.letter = tx->id,
		.alone = alone,
		.with = (uint8_t)with_of(s),
		.edits = (uint8_t)s->edits,
		.received = tx->begun_us,
		.helo = told(s, buf_str(&s->helo)),
		.client_name = told(s, name_of(s)),
		.client_ip = told(s, str_of(s->client.ip)),
		.tls = told(s, buf_str(&s->tls)),
		.user = smtp_local_user(s, user),
		.sender = tx->sender,
		.recipient = only_recipient(tx),
		.size = tx->letter.size,
		.bytes = letter_bytes(&tx->letter),
		.file = letter_file(&tx->letter),
	};
	struct scan_answer a;
	struct chan_parcel store;

	int code = co_ask_scan(scan, &q, deadline, &store, &a, e);

	if (code)
		return code;
	code = take_answer(s, &a, e);
	if (a.wide >= 0)
		close(a.wide);
	chan_parcel_free(&store);
	return code;
}

int co_smtp_scan(struct smtp_session *s, struct err *e)
{
	s->tx.ask = (struct scan_ask){.letter = s->tx.id, .co_once = co_ask};
	int code = co_scan_ask(&s->service->scans, &s->tx.ask, deadline_in(s->config->limits.scan_ms), e);

	return code == SCAN_POISON ? pass_unseen(s, e) : code;
}

void smtp_scan_begins(struct smtp_service *service, const struct chan *scan, uint64_t letter)
{
	for (struct smtp_session *s = service->sessions; s; s = s->next)
		scan_ask_begins(&s->tx.ask, scan, letter);
}
