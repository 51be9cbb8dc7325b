/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to spool: letter ids, and letters (see smtp_session.h).
 *
 * A letter is asked under a ticket.  When spool dies before it answered, the next spool
 * is asked the same under the same ticket, so that the letter is stored once.
 */
#include "gate/smtp_session.h"

#include "base/clock.h"
#include "base/sealed.h"
#include "net/messages.h"

#include <openssl/rand.h>
#include <string.h>

#define TICKET_SIZE 16
/* What an `append` message holds beside envelope, outline and letter. */
#define APPEND_HEAD 256

/* --- ids ------------------------------------------------------------------------------------------- */

static uint64_t next_id(struct smtp_service *service)
{
	service->ids_left--;
	return service->next_id++;
}

/* Another fiber may have leased meanwhile: its block is used first, ours is dropped then,
 * since ids are many. */
static int co_lease(struct smtp_session *s, int64_t deadline)
{
	struct smtp_service *service = s->service;
	struct lease_question q = {0};
	struct lease_answer a;
	struct chan_parcel store;
	struct err e;
	int code;

	do
		code = co_ask_lease(service->spool, &q, deadline, &store, &a, &e);
	while (code == ERR_ROOM_GONE && clock_ms() < deadline);
	if (code)
		return code;
	if (service->ids_left == 0 && a.first > 0) {
		service->next_id = a.first;
		service->ids_left = a.count;
	}
	chan_parcel_free(&store);
	return service->ids_left > 0 ? ERR_OK : ERR_INVALID;
}

int co_smtp_take_id(struct smtp_session *s)
{
	int code = s->service->ids_left > 0 ? ERR_OK : co_lease(s, deadline_in(s->config->limits.ask_ms));

	if (code == 0)
		s->tx.id = next_id(s->service);
	return code;
}

/* --- letters ----------------------------------------------------------------------------------------- */

static void write_envelope(const struct smtp_session *s, struct buf *out)
{
	const struct smtp_transaction *tx = &s->tx;
	struct envelope envelope = {
		.reverse_path = tx->sender,
		.envid = tx->envid,
		.login = buf_str(&s->login.account),
		.received_us = (uint64_t)tx->begun_us,
		.recipients = tx->recipients,
		.recipient_count = tx->recipient_count,
		.body = tx->body == SMTP_BODY_8BITMIME || tx->decoder.has_8bit ? BODY_8BITMIME : BODY_7BIT,
		.ret = tx->ret,
		.smtputf8 = tx->utf8,
		.held = tx->poison,
	};

	envelope_put(out, &envelope);
}

static int co_append(struct smtp_session *s, struct str ticket, struct str envelope, int64_t deadline,
		     struct err *e)
{
	struct append_question q = {.ticket = ticket,
				    .letter = s->tx.id,
				    .right = smtp_right(s),
				    .envelope = envelope,
				    .outline_size = s->tx.outline_size,
				    .outline = buf_str(&s->tx.outline),
				    .bytes = letter_bytes(&s->tx.letter),
				    .wide = s->tx.wide};
	struct append_answer a;
	struct chan_parcel store;
	int code = co_ask_append(s->service->spool, &q, deadline, &store, &a, e);

	if (code == 0)
		chan_parcel_free(&store);
	return code;
}

static int co_append_file(struct smtp_session *s, struct str ticket, struct str envelope, int64_t deadline,
			  struct err *e)
{
	struct append_file_question q = {.ticket = ticket,
					 .letter = s->tx.id,
					 .right = smtp_right(s),
					 .size = s->tx.letter.size,
					 .envelope = envelope,
					 .outline_size = s->tx.outline_size,
					 .outline = buf_str(&s->tx.outline),
					 .file = letter_file(&s->tx.letter),
					 .wide = s->tx.wide};
	struct append_file_answer a;
	struct chan_parcel store;
	int code = co_ask_append_file(s->service->spool, &q, deadline, &store, &a, e);

	if (code == 0)
		chan_parcel_free(&store);
	return code;
}

int smtp_tickets_init(struct smtp_service *service, struct err *e)
{
	char *secret = service->ticket_secret;

	if (RAND_bytes((unsigned char *)secret, sizeof(service->ticket_secret)) != 1)
		return err_set(e, ERR_IO, "the system gives no random numbers");
	return ERR_OK;
}

static int co_send(struct smtp_session *s, struct str envelope, struct err *e)
{
	int64_t deadline = deadline_in(s->config->limits.store_ms);
	char ticket[TICKET_SIZE];
	int code;

	_Static_assert(TICKET_SIZE == sizeof(s->service->ticket_secret) + 8, "a secret and an id");
	memcpy(ticket, s->service->ticket_secret, sizeof(s->service->ticket_secret));
	le64_set(ticket + sizeof(s->service->ticket_secret), s->tx.id);
	do {
		struct str name = {ticket, sizeof(ticket)};

		code = letter_file(&s->tx.letter) < 0 ? co_append(s, name, envelope, deadline, e)
						      : co_append_file(s, name, envelope, deadline, e);
	} while (code == ERR_ROOM_GONE && clock_ms() < deadline);
	return code;
}

/* What is too much for one message goes in files: first the letter, then the outline. */
static int fit_message(struct smtp_transaction *tx, size_t envelope, struct err *e)
{
	const size_t most = CHAN_MESSAGE_MAX - APPEND_HEAD;
	int code = 0;

	if (letter_file(&tx->letter) < 0 && envelope + tx->outline.n + tx->letter.size > most)
		letter_to_file(&tx->letter);
	if (envelope + tx->outline.n > most) {
		code = sealed_make("outline", buf_str(&tx->outline), &tx->wide, e);
		buf_clear(&tx->outline);
	}
	return code;
}

int co_smtp_store(struct smtp_session *s, struct err *e)
{
	struct buf envelope;
	int code;

	buf_init(&envelope, SMTP_ENVELOPE_MAX);
	write_envelope(s, &envelope);
	if (buf_failed(&envelope))
		code = err_set(e, ERR_TOO_BIG, "the envelope is too big");
	else
		code = fit_message(&s->tx, envelope.n, e);
	if (code == 0 && s->tx.letter.fault)
		code = err_set(e, ERR_FULL, "no memory for the letter");
	if (code == 0)
		code = co_send(s, buf_str(&envelope), e);
	buf_free(&envelope);
	return code;
}
