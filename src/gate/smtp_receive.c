/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DATA and BDAT: the letter comes in (RFC 5321 4.1.1.4, RFC 3030; see smtp_session.h).
 *
 *   begin: id -> octets through the decoder into the letter -> end
 *                                                                     |
 *      too big, no room, bad lines, too many hops, a loop: refused <---+
 *             scan sees it, a Received field comes in front <----------+
 *                                         spool has it: 250 <----------+
 *
 * 1. A letter that is refused is still read to its end, so that no octet of it is ever
 *    taken for a command; where that end is in doubt the connection is closed (521).
 * 2. The octets behind BDAT are read whatever the reply will be.
 */
#include "gate/smtp_session.h"

#include "base/clock.h"
#include "format/log_text.h"
#include "gate/letter_head.h"
#include "net/log.h"

/* Octets that go through the decoder at once: three of the result for each, and a few. */
#define STEP ((size_t)8 << 10)
/* A line above this is refused: no mail program writes one. */
#define LETTER_LINE_MAX ((size_t)256 << 10)
/* A chunk that is this much too big is not read any more. */
#define CHUNK_READ_MAX ((uint64_t)64 << 20)
/* As much of it as the log shows. */
#define MESSAGE_ID_MAX 500

_Static_assert(STEP * 3 + 8 <= LETTER_STEP_MAX, "a step of the decoder fits the letter");

/* --- reading ---------------------------------------------------------------------------------------- */

struct intake {
	int64_t began;
	uint64_t got;
	uint64_t left; /* octets of this chunk; UINT64_MAX: up to the end mark */
};

/* A client may pause for idle_ms, but not send slower than bytes_per_s on the whole. */
static int64_t intake_deadline(const struct smtp_session *s, const struct intake *in)
{
	const struct smtp_limits *limits = &s->config->limits;
	int64_t pause = deadline_in(limits->idle_ms);
	int64_t whole =
		in->began + limits->idle_ms + (int64_t)(in->got * 1000 / (uint64_t)limits->bytes_per_s);

	return pause < whole ? pause : whole;
}

/* The next octets, at most STEP; a view until the next call.  Empty at the end of a chunk. */
static int co_octets(struct smtp_session *s, const struct intake *in, struct str *octets)
{
	size_t most = in->left < STEP ? (size_t)in->left : STEP;

	*octets = (struct str){NULL, 0};
	if (most == 0)
		return ERR_OK;
	while (stream_pending(&s->stream).n == 0) {
		int code = co_stream_fill(&s->stream, intake_deadline(s, in));

		if (code)
			return code;
	}
	*octets = str_head(stream_pending(&s->stream), most);
	return ERR_OK;
}

static void take_octets(struct smtp_session *s, struct intake *in, size_t n)
{
	stream_consume(&s->stream, n);
	in->got += n;
	if (in->left != UINT64_MAX)
		in->left -= n;
}

/* Puts the letter together up to its end mark or the end of the chunk.  A status of the
 * decoder, or a negative code after which the session ends. */
static int co_take_in(struct smtp_session *s, struct intake *in)
{
	struct smtp_transaction *tx = &s->tx;
	int status = SMTP_DATA_MORE;

	while (status == SMTP_DATA_MORE) {
		struct str octets;
		int code = co_octets(s, in, &octets);

		if (code)
			return code;
		if (octets.n == 0)
			break;
		struct str rest = octets;

		status = (int)smtp_data_feed(&tx->decoder, &rest, letter_tail(&tx->letter));
		take_octets(s, in, octets.n - rest.n);
		letter_finish(&tx->letter);
		if ((code = co_breathe()))
			return code;
	}
	return status;
}

/* Reads a chunk that is not kept. */
static int co_pass_over(struct smtp_session *s, struct intake *in)
{
	struct str octets;
	int code;

	while ((code = co_octets(s, in, &octets)) == 0 && octets.n > 0) {
		take_octets(s, in, octets.n);
		if ((code = co_breathe()))
			return code;
	}
	return code;
}

/* --- the beginning ------------------------------------------------------------------------------------- */

/* Whether a letter may begin; says why not. */
static bool is_ready(struct smtp_session *s)
{
	if (smtp_needs_tls(s))
		smtp_say(s, "530 5.7.0 Must issue a STARTTLS command first");
	else if (s->helo.n == 0)
		smtp_say(s, "503 5.5.1 Error: send HELO/EHLO first");
	else if (s->tx.recipient_count > 0)
		return true;
	else if (s->tx.refused > 0)
		smtp_say(s, "554 5.5.1 Error: no valid recipients");
	else
		smtp_say(s, "503 5.5.1 Error: need RCPT command");
	return false;
}

static void log_source(const struct smtp_session *s)
{
	unsigned long long id = s->tx.id;
	struct buf shown;

	buf_init(&shown, 1024);
	log_text_add(&shown, s->tx.sender, 320);
	if (s->kind->traits & SMTP_IS_LOCAL)
		log_line(LOG_INFO, SMTP_ID ": uid=%u from=<%.*s>", id, (unsigned)s->uid,
			 STR_ARG(buf_str(&shown)));
	else if (smtp_has_logged_in(s))
		log_line(LOG_INFO, SMTP_ID ": client=" SMTP_PEER ", sasl_method=%s, sasl_username=%.*s", id,
			 SMTP_PEER_OF(s), s->login.method, STR_ARG(buf_str(&s->login.account)));
	else
		log_line(LOG_INFO, SMTP_ID ": client=" SMTP_PEER, id, SMTP_PEER_OF(s));
	buf_free(&shown);
}

/* Makes the letter ready for its first octet; says why not. */
static bool co_begin_letter(struct smtp_session *s, enum smtp_data_kind kind)
{
	struct smtp_transaction *tx = &s->tx;

	if (co_smtp_take_id(s) != 0)
		return smtp_refuse(s, NULL, "451 4.3.0 Error: mail system unavailable, try again later");
	tx->begun_us = clock_wall_us();
	smtp_data_init(&tx->decoder, kind, s->config->bare, LETTER_LINE_MAX);
	letter_begin(&tx->letter, &s->service->budget, s->config->size_limit);
	log_source(s);
	return true;
}

/* --- the end -------------------------------------------------------------------------------------------- */

/* Of what came so far; says why not. */
static bool is_sound(struct smtp_session *s)
{
	const struct smtp_transaction *tx = &s->tx;

	if (tx->letter.fault == LETTER_TOO_BIG || tx->decoder.size > s->config->size_limit)
		smtp_refuse(s, NULL, "552 5.3.4 Error: message file too big");
	else if (tx->letter.fault == LETTER_NO_ROOM)
		smtp_refuse(s, NULL, "452 4.3.1 Insufficient system storage");
	else if (tx->decoder.line_too_long)
		smtp_refuse(s, NULL, "554 5.6.0 Error: line too long");
	else
		return true;
	return false;
}

/* The recipient here at whom the letter was before; empty when it was at none. */
static struct str find_loop(const struct smtp_transaction *tx, const struct letter_facts *facts)
{
	for (unsigned i = 0; facts->delivered > 0 && i < tx->recipient_count; i++)
		if (tx->recipients[i].account && letter_was_at(facts, tx->recipients[i].address))
			return tx->recipients[i].address;
	for (unsigned i = 0; facts->delivered > 0 && i < tx->target_count; i++)
		if (tx->targets[i].account.n && letter_was_at(facts, tx->targets[i].account))
			return tx->targets[i].account;
	return (struct str){NULL, 0};
}

/* Mail that goes in circles ends here (RFC 5321 6.3); says so. */
static bool arrives(struct smtp_session *s, const struct letter_facts *facts)
{
	struct buf shown;

	if (facts->received > s->config->limits.hops)
		return smtp_refuse(s, NULL, "554 5.4.0 Error: too many hops");
	struct str at = find_loop(&s->tx, facts);

	if (at.n == 0)
		return true;
	buf_init(&shown, 512);
	log_text_add(&shown, at, 320);
	smtp_refuse(s, NULL, "554 5.4.6 <%.*s>: mail forwarding loop", STR_ARG(buf_str(&shown)));
	buf_free(&shown);
	return false;
}

/* Whose it is, how large and for how many is spool's to say, which has it. */
static void log_message_id(const struct smtp_session *s, struct str message_id)
{
	struct buf shown;

	buf_init(&shown, 1024);
	log_text_add(&shown, message_id, MESSAGE_ID_MAX);
	log_line(LOG_INFO, SMTP_ID ": message-id=%.*s", (unsigned long long)s->tx.id,
		 STR_ARG(buf_str(&shown)));
	buf_free(&shown);
}

static bool refuse_scan(struct smtp_session *s, const struct err *e)
{
	log_line(LOG_WARNING, SMTP_ID ": not looked into: %s", (unsigned long long)s->tx.id, e->text);
	if (e->code == ERR_TOO_BIG)
		return smtp_refuse(s, NULL, "552 5.3.4 Error: message file too big");
	return smtp_refuse(s, NULL, "451 4.3.0 Error: mail system unavailable, try again later");
}

static bool refuse_store(struct smtp_session *s, const struct err *e)
{
	log_line(LOG_WARNING, SMTP_ID ": not stored: %s", (unsigned long long)s->tx.id, e->text);
	if (e->code == ERR_FULL)
		return smtp_refuse(s, NULL, "452 4.3.1 Insufficient system storage");
	return smtp_refuse(s, NULL, "451 4.3.0 Error: queue file write error");
}

/* The whole letter is here: refuses it or has it stored, and replies.  by_chunks: the reply
 * counts octets (as compatible servers do). */
static bool co_finish_letter(struct smtp_session *s, bool by_chunks)
{
	struct smtp_transaction *tx = &s->tx;
	struct letter_facts facts;
	struct err e;

	letter_seal(&tx->letter);
	if (!is_sound(s))
		return SMTP_BAD;
	letter_facts_read(letter_head(&tx->letter), &facts);
	if (!arrives(s, &facts))
		return SMTP_BAD;
	/* The letter moves when fields come in front of it; one without a Message-ID may get ours. */
	facts.message_id = arena_str(&tx->arena, str_head(facts.message_id, MESSAGE_ID_MAX));
	if (co_smtp_scan(s, &e) != 0)
		return refuse_scan(s, &e);
	if (facts.message_id.n == 0)
		letter_facts_read(letter_head(&tx->letter), &facts);
	if (co_smtp_store(s, &e) != 0)
		return refuse_store(s, &e);
	log_message_id(s, facts.message_id);
	if (by_chunks)
		smtp_say(s, "250 2.0.0 Ok: %llu bytes queued as " SMTP_ID,
			 (unsigned long long)tx->decoder.size, (unsigned long long)tx->id);
	else
		smtp_say(s, "250 2.0.0 Ok: queued as " SMTP_ID, (unsigned long long)tx->id);
	s->errors = 0;
	s->junk = 0;
	return SMTP_GOOD;
}

static bool refuse_bare(struct smtp_session *s)
{
	s->closing = true;
	return smtp_refuse(s, NULL, "521 5.5.2 %s Error: bare <CR> or <LF> received", s->config->hostname);
}

/* --- DATA ---------------------------------------------------------------------------------------------------- */

static bool co_data_body(struct smtp_session *s)
{
	struct intake in = {.began = clock_ms(), .left = UINT64_MAX};
	int status;

	smtp_say(s, "354 End data with <CR><LF>.<CR><LF>");
	status = co_take_in(s, &in);
	if (status < 0) {
		smtp_end_for(s, status);
		return SMTP_BAD;
	}
	return status == SMTP_DATA_BARE ? refuse_bare(s) : co_finish_letter(s, false);
}

bool co_smtp_data(struct smtp_session *s, struct str arg)
{
	if (s->tx.chunks != SMTP_CHUNKS_NONE) {
		smtp_say(s, "503 5.5.1 Error: DATA after BDAT");
		return SMTP_BAD;
	}
	if (!is_ready(s))
		return SMTP_BAD;
	/* RFC 2920 3.1: who does not wait for the 354 does not listen to us.  Our own may. */
	if (stream_pending(&s->stream).n > 0 && !smtp_may_relay(s))
		return smtp_refuse(s, NULL,
				   "503 5.5.0 <DATA>: Data command rejected: Improper use of SMTP command "
				   "pipelining");
	if (!co_begin_letter(s, SMTP_DATA_DOTS))
		return SMTP_BAD;
	bool good = co_data_body(s);

	smtp_transaction_end(&s->tx);
	return good;
}

/* --- BDAT ---------------------------------------------------------------------------------------------------- */

struct chunk {
	struct intake in;
	uint64_t size;
	bool last;
};

/* Whether the chunk can be taken into the letter; says why not. */
static bool co_may_take(struct smtp_session *s, const struct chunk *c)
{
	struct smtp_transaction *tx = &s->tx;

	if (tx->chunks == SMTP_CHUNKS_FAILED) {
		smtp_say(s, "551 5.0.0 Discarded %llu bytes after earlier error",
			 (unsigned long long)c->size);
		return false;
	}
	if (!is_ready(s))
		return false;
	if (c->size > s->config->size_limit - (tx->chunks ? tx->decoder.size : 0))
		return smtp_refuse(s, NULL, "552 5.3.4 Chunk exceeds message size limit");
	return tx->chunks == SMTP_CHUNKS_GOOD || co_begin_letter(s, SMTP_DATA_CHUNKS);
}

static bool co_discard(struct smtp_session *s, struct chunk *c)
{
	if (c->size > s->config->size_limit + CHUNK_READ_MAX) {
		s->closing = true;
		return SMTP_BAD;
	}
	int code = co_pass_over(s, &c->in);

	if (code)
		smtp_end_for(s, code);
	letter_end(&s->tx.letter);
	if (s->tx.open)
		s->tx.chunks = SMTP_CHUNKS_FAILED;
	return SMTP_BAD;
}

static bool co_take_chunk(struct smtp_session *s, struct chunk *c)
{
	struct smtp_transaction *tx = &s->tx;
	int status = co_take_in(s, &c->in);

	if (status >= 0 && status != SMTP_DATA_BARE && c->last)
		status = (int)smtp_data_finish(&tx->decoder, letter_tail(&tx->letter));
	letter_finish(&tx->letter);
	if (status < 0) {
		smtp_end_for(s, status);
		return SMTP_BAD;
	}
	if (status == SMTP_DATA_BARE)
		return refuse_bare(s);
	if (c->last)
		return co_finish_letter(s, true);
	tx->chunks = is_sound(s) ? SMTP_CHUNKS_GOOD : SMTP_CHUNKS_FAILED;
	if (tx->chunks == SMTP_CHUNKS_FAILED)
		return SMTP_BAD;
	smtp_say(s, "250 2.0.0 Ok: %llu bytes", (unsigned long long)c->size);
	return SMTP_GOOD;
}

bool co_smtp_bdat(struct smtp_session *s, struct str arg)
{
	struct chunk c = {.in = {.began = clock_ms()}};
	enum smtp_syntax fault = smtp_parse_bdat(arg, &c.size, &c.last);
	struct buf reply;

	if (fault) {
		/* How much comes behind it is not known after a wrong count. */
		s->closing = fault == SMTP_BDAT_SYNTAX;
		buf_init(&reply, 256);
		smtp_syntax_reply(fault, STR(""), &reply);
		smtp_say(s, "%.*s", STR_ARG(buf_str(&reply)));
		buf_free(&reply);
		return SMTP_BAD;
	}
	c.in.left = c.size;
	bool good = co_may_take(s, &c) ? co_take_chunk(s, &c) : co_discard(s, &c);

	if (c.last)
		smtp_transaction_end(&s->tx);
	return good;
}
