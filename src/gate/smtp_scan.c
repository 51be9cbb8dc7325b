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
#include "base/sealed.h"
#include "format/outline.h"
#include "format/received.h"
#include "net/log.h"
#include "net/messages.h"

#include <stdio.h>
#include <sys/mman.h>
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
	struct outline o;
	struct arena arena;
	int code = ERR_MEMORY;

	smtp_outline_end(tx);
	buf_init(&tx->outline, OUTLINE_INLINE);
	arena_init(&arena, OUTLINE_ARENA_MAX);
	if (whole.n == tx->letter.size && outline_opaque(&o, &arena, whole) == 0)
		code = outline_encode(&o, &tx->outline);
	arena_free(&arena);
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

static int check_outline(struct str bytes, uint64_t length, struct err *e)
{
	struct outline o;
	struct arena arena;

	arena_init(&arena, OUTLINE_ARENA_MAX);
	int code = outline_decode(&o, &arena, bytes, length, e);

	arena_free(&arena);
	return code;
}

static int check_wide(int wide, uint32_t size, uint64_t length, struct err *e)
{
	int code = size == 0 || size > OUTLINE_MAX ? err_set(e, ERR_INVALID, "no outline has that size")
						   : sealed_check(wide, size, e);

	if (code)
		return code;
	void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, wide, 0);

	if (map == MAP_FAILED)
		return err_errno(e, "cannot read the outline");
	code = check_outline((struct str){map, size}, length, e);
	munmap(map, size);
	return code;
}

/* Keeps the outline when it can be one of this letter. */
static int take_outline(struct smtp_transaction *tx, struct scan_answer *a, struct err *e)
{
	int code = a->wide < 0 ? check_outline(a->outline, tx->letter.size, e)
			       : check_wide(a->wide, a->outline_size, tx->letter.size, e);

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

/* Letters are spread by their ids; a scan that is there goes before one that is not. */
static struct chan *choose_scan(const struct smtp_service *service, uint64_t id)
{
	unsigned n = service->scan_count, first = (unsigned)(id % n);

	for (unsigned i = 0; i < n; i++)
		if (chan_attached(service->scans[(first + i) % n]))
			return service->scans[(first + i) % n];
	return service->scans[first];
}

static int co_ask(struct smtp_session *s, bool alone, int64_t deadline, struct err *e)
{
	struct smtp_transaction *tx = &s->tx;
	struct chan *scan = choose_scan(s->service, tx->id);
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

	tx->begun = false;
	tx->alone = alone ? scan : NULL;
	int code = co_ask_scan(scan, &q, deadline, &store, &a, e);

	tx->alone = NULL;
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
	int64_t deadline = deadline_in(s->config->limits.scan_ms);
	int code = co_ask(s, false, deadline, e);

	while (code == ERR_ROOM_GONE && clock_ms() < deadline) {
		code = co_ask(s, true, deadline, e);
		if (code == ERR_ROOM_GONE && s->tx.begun)
			return pass_unseen(s, e);
	}
	return code;
}

void smtp_scan_begins(struct smtp_service *service, const struct chan *scan, uint64_t letter)
{
	for (struct smtp_session *s = service->sessions; s; s = s->next)
		if (s->tx.id == letter && s->tx.alone == scan)
			s->tx.begun = true;
}
