/* SPDX-License-Identifier: Apache-2.0 */
/* MAIL and RCPT: who writes to whom, and whether we take it (see smtp_session.h). */
#include "gate/smtp_session.h"

#include "base/clock.h"
#include "format/log_text.h"
#include "format/xtext.h"
#include "net/messages.h"
#include "net/verdicts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Targets of aliases that are remembered for the look at Delivered-To; mail that loops
 * through more is stopped by its Received fields. */
#define TARGETS_MAX 2000
#define TARGETS_BYTES ((size_t)512 << 10)
/* Octets of the envelope's encoding (docs/format.md). */
#define ENVELOPE_HEAD 32
#define ENVELOPE_RECIPIENT 13
/* A verdict that keeper never gives. */
#define RECIPIENT_NONSENSE 255

/* --- the transaction ------------------------------------------------------------------------------- */

void smtp_transaction_end(struct smtp_transaction *tx)
{
	arena_free(&tx->arena);
	arena_free(&tx->target_arena);
	letter_end(&tx->letter);
	smtp_outline_end(tx);
	*tx = (struct smtp_transaction){.wide = -1};
}

/* An address in normal form.  A program of this machine may leave its domain out. */
static void write_address(const struct smtp_session *s, const struct address *a, struct buf *out)
{
	struct str domain = address_domain(a);

	if (domain.n == 0 && s->kind->traits & SMTP_IS_LOCAL)
		domain = str_of(s->config->hostname);
	address_write(address_local(a), domain, out);
}

/* RFC 3461 4.4; parsing has seen that it can be decoded. */
static struct str decode_envid(struct arena *a, struct str envid)
{
	struct buf text;

	buf_init(&text, ENVELOPE_ENVID_MAX);
	xtext_decode(envid, &text);
	struct str kept = arena_str(a, buf_str(&text));

	buf_free(&text);
	return kept;
}

static bool begin_transaction(struct smtp_session *s, const struct smtp_mail *mail)
{
	static const uint8_t rets[] = {
		[SMTP_RET_UNSAID] = RET_NONE, [SMTP_RET_FULL] = RET_FULL, [SMTP_RET_HDRS] = RET_HDRS};
	struct smtp_transaction *tx = &s->tx;
	struct buf sender;

	smtp_transaction_end(tx);
	arena_init(&tx->arena, SMTP_TRANSACTION_MAX);
	arena_init(&tx->target_arena, TARGETS_BYTES);
	buf_init(&sender, ENVELOPE_ADDRESS_MAX);
	if (!mail->null_sender)
		write_address(s, &mail->from, &sender);
	tx->sender = arena_str(&tx->arena, buf_str(&sender));
	tx->open = !buf_failed(&sender) && (tx->sender.n > 0 || mail->null_sender);
	tx->body = mail->body;
	tx->utf8 = mail->smtputf8;
	tx->ret = rets[mail->ret];
	tx->envid = decode_envid(&tx->arena, mail->envid);
	tx->envelope_size = ENVELOPE_HEAD + tx->sender.n + tx->envid.n + s->login.account.n;
	buf_free(&sender);
	return tx->open;
}

static bool refuse_syntax(struct smtp_session *s, enum smtp_syntax fault, struct str culprit)
{
	struct buf reply;

	buf_init(&reply, 512);
	smtp_syntax_reply(fault, culprit, &reply);
	smtp_refuse(s, NULL, "%.*s", STR_ARG(buf_str(&reply)));
	buf_free(&reply);
	return SMTP_BAD;
}

/* --- MAIL -------------------------------------------------------------------------------------------- */

/* Room for the letter, or for the first part of one whose size was not said. */
static bool has_room(const struct letter_budget *budget, uint64_t size)
{
	uint64_t need = size > LETTER_INLINE_MAX ? size : LETTER_INLINE_MAX;

	return need <= budget->max && budget->used <= budget->max - need;
}

bool co_smtp_mail(struct smtp_session *s, struct str arg)
{
	struct smtp_mail mail;
	struct str culprit;

	if (s->tx.open) {
		smtp_say(s, "503 5.5.1 Error: nested MAIL command");
		return SMTP_BAD;
	}
	enum smtp_syntax fault = smtp_parse_mail(arg, s->kind->offers, &mail, &culprit);

	if (fault)
		return refuse_syntax(s, fault, culprit);
	if (mail.size > s->config->size_limit)
		return smtp_refuse(s, NULL, "552 5.3.4 Message size exceeds fixed limit");
	if (!has_room(&s->service->budget, mail.size))
		return smtp_refuse(s, NULL, "452 4.3.1 Insufficient system storage");
	if (co_client_name_wait(s->name, deadline_in(s->config->limits.dns_ms)) != 0) {
		smtp_end_for(s, ERR_CANCELLED);
		return SMTP_BAD;
	}
	if (!begin_transaction(s, &mail))
		return refuse_syntax(s, SMTP_BAD_SENDER, STR(""));
	smtp_say(s, "250 2.1.0 Ok");
	return SMTP_GOOD;
}

/* --- recipients ------------------------------------------------------------------------------------------ */

/* RCPT TO:<a@b.test> and <A@b.test> are one copy; the mailbox they name is the same. */
static bool has_recipient(const struct smtp_transaction *tx, struct str address, uint32_t account)
{
	for (unsigned i = 0; i < tx->recipient_count; i++)
		if (tx->recipients[i].account == account && str_eq_nocase(tx->recipients[i].address, address))
			return true;
	return false;
}

/* An array in an arena with room for one more; grown, it leaves its old place behind. */
static void *with_room(struct arena *a, void *array, unsigned count, size_t size)
{
	if (count & (count - 1))
		return array;
	void *larger = arena_calloc(a, count ? (size_t)count * 2 : 1, size);

	if (larger && count)
		memcpy(larger, array, count * size);
	return larger;
}

/* What RCPT said beside the address; it goes with each of its targets (RFC 3461 6.2.7). */
struct dsn {
	uint8_t notify; /* of the envelope */
	struct str orcpt; /* "type;address", decoded */
};

static const struct {
	unsigned smtp;
	uint8_t envelope;
} notify_bits[] = {
	{SMTP_NOTIFY_NEVER, NOTIFY_NEVER},
	{SMTP_NOTIFY_SUCCESS, NOTIFY_SUCCESS},
	{SMTP_NOTIFY_FAILURE, NOTIFY_FAILURE},
	{SMTP_NOTIFY_DELAY, NOTIFY_DELAY},
};

/* The address of type utf-8 has an encoding of its own (RFC 6533 section 3) and stays in it. */
static void decode_orcpt(struct str orcpt, struct buf *out)
{
	struct str address = orcpt, type = str_cut(&address, ';');

	buf_add_str(out, type);
	buf_add_c(out, ';');
	if (str_eq_nocase(type, STR("utf-8")))
		buf_add_str(out, address);
	else
		xtext_decode(address, out);
}

static struct dsn read_dsn(struct arena *a, const struct smtp_rcpt *rcpt)
{
	struct dsn dsn = {0};
	struct buf orcpt;

	for (size_t i = 0; i < sizeof(notify_bits) / sizeof(notify_bits[0]); i++)
		if (rcpt->notify & notify_bits[i].smtp)
			dsn.notify |= notify_bits[i].envelope;
	if (rcpt->orcpt.n == 0)
		return dsn;
	buf_init(&orcpt, ENVELOPE_ORCPT_MAX);
	decode_orcpt(rcpt->orcpt, &orcpt);
	dsn.orcpt = arena_str(a, buf_str(&orcpt));
	buf_free(&orcpt);
	return dsn;
}

static bool keep_recipient(struct smtp_transaction *tx, struct str address, uint32_t account,
			   const struct dsn *dsn)
{
	size_t size = tx->envelope_size + ENVELOPE_RECIPIENT + address.n + dsn->orcpt.n;
	struct recipient *array;

	if (has_recipient(tx, address, account))
		return true;
	if (size > SMTP_ENVELOPE_MAX || tx->recipient_count == ENVELOPE_RECIPIENTS_MAX)
		return false;
	array = with_room(&tx->arena, tx->recipients, tx->recipient_count, sizeof(*array));
	address = arena_str(&tx->arena, address);
	if (array)
		tx->recipients = array;
	if (!array || address.n == 0)
		return false;
	tx->recipients[tx->recipient_count++] = (struct recipient){
		.address = address, .orcpt = dsn->orcpt, .account = account, .notify = dsn->notify};
	tx->envelope_size = size;
	return true;
}

/* account: empty for another server's. */
static bool keep_target(struct smtp_transaction *tx, struct str account, struct str as)
{
	struct target *array, *t;

	if (tx->target_count == TARGETS_MAX)
		return false;
	array = with_room(&tx->target_arena, tx->targets, tx->target_count, sizeof(*array));
	if (!array)
		return false;
	tx->targets = array;
	t = &tx->targets[tx->target_count];
	t->account = arena_str(&tx->target_arena, account);
	t->as = arena_str(&tx->target_arena, as);
	if (t->account.n != account.n || t->as.n == 0)
		return false;
	tx->target_count++;
	return true;
}

/* RECIPIENT_OK; RECIPIENT_TOO_MANY; or that of no row: a recipient without a target. */
static uint8_t keep_targets(struct smtp_transaction *tx, struct str targets)
{
	struct reader r = reader_of(targets);
	unsigned before = tx->target_count;

	while (!r.failed && r.rest.n > 0) {
		bool local = read_u8(&r) == TARGET_LOCAL;
		struct str account = read_str(&r, SMTP_ADDRESS_MAX);
		struct str as = read_str(&r, SMTP_ADDRESS_MAX);

		if (!r.failed && !keep_target(tx, local ? account : STR(""), as))
			return RECIPIENT_TOO_MANY;
	}
	return reader_done(&r) && tx->target_count > before ? RECIPIENT_OK : RECIPIENT_NONSENSE;
}

/* --- RCPT -------------------------------------------------------------------------------------------------- */

struct verdict_row {
	enum recipient_verdict verdict;
	const char *before, *behind; /* of the address; NULL: the address is not repeated */
};

static const struct verdict_row verdict_rows[] = {
	{RECIPIENT_NOT_OURS, "554 5.7.1 <", ">: Relay access denied"},
	{RECIPIENT_ROUTED, "554 5.7.1 <", ">: Relay access denied"},
	{RECIPIENT_UNKNOWN, "550 5.1.1 <",
	 ">: Recipient address rejected: User unknown in virtual mailbox table"},
	{RECIPIENT_BAD_SYNTAX, "501 5.1.3 Bad recipient address syntax", NULL},
	{RECIPIENT_LOOP, "554 5.4.6 <", ">: Recipient address rejected: alias loop"},
	/* Trying again would not help. */
	{RECIPIENT_TOO_MANY, "554 5.5.3 <", ">: Recipient address rejected: its alias has too many targets"},
};

bool smtp_refuse_recipient(struct smtp_session *s, struct str raw, const char *before, const char *behind)
{
	struct buf shown;

	s->tx.refused++;
	buf_init(&shown, SMTP_ADDRESS_MAX);
	if (behind)
		log_text_add(&shown, raw, SMTP_ADDRESS_MAX);
	smtp_refuse(s, &raw, "%s%.*s%s", before, STR_ARG(buf_str(&shown)), behind ? behind : "");
	buf_free(&shown);
	return SMTP_BAD;
}

static bool refuse_verdict(struct smtp_session *s, struct str raw, uint8_t verdict)
{
	for (size_t i = 0; i < sizeof(verdict_rows) / sizeof(verdict_rows[0]); i++)
		if (verdict_rows[i].verdict == verdict)
			return smtp_refuse_recipient(s, raw, verdict_rows[i].before, verdict_rows[i].behind);
	return smtp_refuse_recipient(s, raw, "451 4.3.0 <", ">: Temporary lookup failure");
}

/* --- judging ---------------------------------------------------------------------------------------------- */

/* Keeper's verdict; for RECIPIENT_OK its targets are kept. */
static int co_ask_keeper(struct smtp_session *s, struct str address, uint8_t *verdict)
{
	struct recipient_question q = {.address = address};
	struct recipient_answer a;
	struct chan_parcel store;
	struct err e;
	int code = co_ask_recipient(s->service->keeper, &q, deadline_in(s->config->limits.ask_ms), &store, &a,
				    &e);

	if (code)
		return code;
	*verdict = a.verdict;
	if (a.verdict == RECIPIENT_OK || (a.verdict == RECIPIENT_NOT_OURS && smtp_may_relay(s)))
		*verdict = keep_targets(&s->tx, a.targets);
	chan_parcel_free(&store);
	return ERR_OK;
}

/* Each new target becomes a recipient of the envelope, once.  0, or ERR_TOO_BIG when the envelope
 * is full (it is before the count is when addresses are long), or what spool said. */
static int co_keep_recipients(struct smtp_session *s, unsigned first, const struct dsn *dsn)
{
	struct smtp_service *service = s->service;

	for (unsigned i = first; i < s->tx.target_count; i++) {
		struct target t = s->tx.targets[i];
		struct err e;
		uint32_t id = 0; /* another server's */
		int code = t.account.n == 0 ? 0
					    : co_account_id(&service->accounts, service->spool, t.account,
							    deadline_in(s->config->limits.ask_ms), &id, &e);

		if (code)
			return code;
		if (!keep_recipient(&s->tx, t.as, id, dsn))
			return ERR_TOO_BIG;
	}
	return ERR_OK;
}

/* Beside others there was no room for this one; it may come in a letter of its own. */
static bool refuse_for_room(struct smtp_session *s, struct str raw, unsigned others)
{
	return others ? smtp_refuse_recipient(s, raw, "452 4.5.3 Error: too many recipients", NULL)
		      : refuse_verdict(s, raw, RECIPIENT_TOO_MANY);
}

static bool co_accept(struct smtp_session *s, struct str raw, unsigned first, const struct dsn *dsn)
{
	switch (co_keep_recipients(s, first, dsn)) {
	case ERR_OK:
		smtp_say(s, "250 2.1.5 Ok");
		return SMTP_GOOD;
	case ERR_TOO_BIG:
		return refuse_for_room(s, raw, first);
	default:
		return smtp_refuse_recipient(s, raw, "451 4.3.0 <", ">: Temporary lookup failure");
	}
}

/* The order of the refusals is that of compatible servers: client, sender, relaying, HELO, the
 * sender's domain, unknown user. */
static bool co_judge(struct smtp_session *s, const struct address *to, struct str address,
		     const struct dsn *dsn)
{
	uint8_t verdict = RECIPIENT_ROUTED;
	unsigned first = s->tx.target_count;

	if (!co_smtp_judge_sender(s, to->raw))
		return SMTP_BAD;
	/* How mail travels behind us is not the sender's to say, not even a friend's. */
	if (!address_has_routing(to) && co_ask_keeper(s, address, &verdict) != 0)
		return smtp_refuse_recipient(s, to->raw, "451 4.3.0 <", ">: Temporary lookup failure");
	if (verdict == RECIPIENT_NOT_OURS || verdict == RECIPIENT_ROUTED)
		return refuse_verdict(s, to->raw, verdict);
	if (smtp_refuse_helo(s, to->raw) || co_smtp_refuse_domain(s, to->raw))
		return SMTP_BAD;
	if (verdict == RECIPIENT_OK)
		return co_accept(s, to->raw, first, dsn);
	return verdict == RECIPIENT_TOO_MANY ? refuse_for_room(s, to->raw, first)
					     : refuse_verdict(s, to->raw, verdict);
}

/* What a refused recipient left behind is taken back: its alias may have brought some targets. */
static bool co_judge_whole(struct smtp_session *s, const struct address *to, struct str address,
			   const struct dsn *dsn)
{
	struct smtp_transaction *tx = &s->tx;
	unsigned targets = tx->target_count, recipients = tx->recipient_count;
	size_t size = tx->envelope_size;
	bool good = co_judge(s, to, address, dsn);

	if (good == SMTP_GOOD)
		return good;
	tx->target_count = targets;
	tx->recipient_count = recipients;
	tx->envelope_size = size;
	return good;
}

/* Whether it is the address that the client has connected to, at which we are by whatever name
 * (RFC 5321 4.1.3). */
static bool is_here(const struct smtp_session *s, const struct domain *d)
{
	struct sockaddr_storage name = {0};
	socklen_t n = sizeof(name);
	struct client here;

	if (d->kind != DOMAIN_IPV4 && d->kind != DOMAIN_IPV6)
		return false;
	if (getsockname(s->stream.io.fd, (struct sockaddr *)&name, &n) != 0)
		return false;
	client_init(&here, (const struct sockaddr *)&name);
	return here.address_n == (d->kind == DOMAIN_IPV4 ? 4 : 16) &&
	       memcmp(here.address, d->ip, here.address_n) == 0;
}

bool co_smtp_rcpt(struct smtp_session *s, struct str arg)
{
	struct smtp_rcpt rcpt;
	struct str culprit;
	struct buf address;

	if (!s->tx.open) {
		smtp_say(s, "503 5.5.1 Error: need MAIL command");
		return SMTP_BAD;
	}
	enum smtp_syntax fault = smtp_parse_rcpt(arg, s->kind->offers, s->tx.utf8, &rcpt, &culprit);

	if (fault) {
		s->tx.refused++;
		return refuse_syntax(s, fault, culprit);
	}
	if (s->tx.recipient_count >= s->config->limits.recipients)
		return smtp_refuse_recipient(s, rcpt.to.raw, "452 4.5.3 Error: too many recipients", NULL);
	const struct dsn dsn = read_dsn(&s->tx.arena, &rcpt);

	buf_init(&address, SMTP_ADDRESS_MAX);
	if (is_here(s, &rcpt.to.domain))
		address_write(address_local(&rcpt.to), str_of(s->config->hostname), &address);
	else
		write_address(s, &rcpt.to, &address);
	bool good = buf_failed(&address) ? refuse_verdict(s, rcpt.to.raw, RECIPIENT_BAD_SYNTAX)
					 : co_judge_whole(s, &rcpt.to, buf_str(&address), &dsn);

	buf_free(&address);
	return good;
}
