/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who sends: the client's name for itself, the login and its addresses, the sender's domain (see
 * smtp_session.h).  All of it is judged at RCPT, so that the log can say who should have got the letter.
 */
#include "gate/smtp_session.h"

#include "base/clock.h"
#include "format/log_text.h"
#include "net/messages.h"
#include "net/verdicts.h"

static bool refuse_client(struct smtp_session *s, struct str raw)
{
	s->tx.refused++;
	return smtp_refuse(s, &raw, "554 5.7.1 <" SMTP_PEER ">: Client host rejected: Access denied",
			   SMTP_PEER_OF(s));
}

static bool refuse_sender(struct smtp_session *s, struct str raw)
{
	struct buf shown;

	s->tx.refused++;
	buf_init(&shown, SMTP_ADDRESS_MAX);
	log_text_add(&shown, s->tx.sender, SMTP_ADDRESS_MAX);
	smtp_refuse(s, &raw, "553 5.7.1 <%.*s>: Sender address rejected: not owned by user %.*s",
		    STR_ARG(buf_str(&shown)), STR_ARG(buf_str(&s->login.account)));
	buf_free(&shown);
	return SMTP_BAD;
}

/* What a server of other servers' mail asks of the name in HELO; own networks may call
 * themselves what they like. */
bool smtp_refuse_helo(struct smtp_session *s, struct str raw)
{
	struct str helo = buf_str(&s->helo);
	bool judged = s->kind->traits & SMTP_IS_PUBLIC && !s->trusted;
	enum smtp_helo_class class = judged ? smtp_helo_classify(helo) : SMTP_HELO_FQDN;
	struct buf shown;

	if (class != SMTP_HELO_INVALID && class != SMTP_HELO_BARE)
		return false;
	s->tx.refused++;
	buf_init(&shown, SMTP_HELO_MAX);
	log_text_add(&shown, helo, SMTP_HELO_MAX);
	smtp_refuse(s, &raw, "%s <%.*s>: Helo command rejected: %s",
		    class == SMTP_HELO_INVALID ? "501 5.5.2" : "504 5.5.2", STR_ARG(buf_str(&shown)),
		    class == SMTP_HELO_INVALID ? "Invalid name" : "need fully-qualified hostname");
	buf_free(&shown);
	return true;
}

/* Whether the client may send at all, and as whom he does (RFC 6409 6.1); says why not. */
bool co_smtp_judge_sender(struct smtp_session *s, struct str raw)
{
	struct sender_question q = {
		.account = buf_str(&s->login.account), .right = smtp_right(s), .sender = s->tx.sender};
	struct sender_answer a;
	struct chan_parcel store;
	struct err e;

	if (!(s->kind->traits & SMTP_NEEDS_LOGIN) || s->tx.sender_good)
		return true;
	if (!smtp_has_logged_in(s))
		return refuse_client(s, raw);
	if (co_ask_sender(s->service->keeper, &q, deadline_in(s->config->limits.ask_ms), &store, &a, &e) != 0)
		return smtp_refuse_recipient(s, raw, "451 4.3.0 <", ">: Temporary lookup failure");
	chan_parcel_free(&store);
	if (a.verdict == SENDER_NOT_OWNED)
		return refuse_sender(s, raw);
	if (a.verdict != SENDER_OK) {
		smtp_login_end(&s->login);
		return smtp_refuse_recipient(s, raw, "530 5.7.0 Authentication required", NULL);
	}
	s->tx.sender_good = true;
	return true;
}

/* --- the sender's domain --------------------------------------------------------------------------------- */

/* Whether keeper knows the domain of the address, which need not exist in it. */
static bool co_is_ours(struct smtp_session *s, struct str address)
{
	struct recipient_question q = {.address = address};
	struct recipient_answer a;
	struct chan_parcel store;
	struct err e;
	int64_t deadline = deadline_in(s->config->limits.ask_ms);

	if (address.n > SMTP_ADDRESS_MAX ||
	    co_ask_recipient(s->service->keeper, &q, deadline, &store, &a, &e) != 0)
		return false;
	bool ours = a.verdict != RECIPIENT_NOT_OURS && a.verdict != RECIPIENT_BAD_SYNTAX;

	chan_parcel_free(&store);
	return ours;
}

static enum domain_mail co_sender_domain(struct smtp_session *s, struct str domain)
{
	/* Literals and bare names are in no DNS. */
	if (domain.n == 0 || domain.p[0] == '[' || co_is_ours(s, s->tx.sender))
		return DOMAIN_MAIL_GOOD;
	return co_domain_mail(s->service->resolver, domain, deadline_in(s->config->limits.dns_ms));
}

/* A letter from a domain that takes no mail is one that nobody can answer. */
bool co_smtp_refuse_domain(struct smtp_session *s, struct str raw)
{
	struct smtp_transaction *tx = &s->tx;
	size_t at = str_rfind(tx->sender, '@');
	struct str domain = at == STR_NONE ? (struct str){NULL, 0} : str_skip(tx->sender, at + 1);
	struct buf shown;

	if (!s->config->sender_domains || !(s->kind->traits & SMTP_IS_PUBLIC) || s->trusted ||
	    !s->service->resolver)
		return false;
	if (!tx->sender_judged)
		tx->sender_domain = co_sender_domain(s, domain);
	tx->sender_judged = true;
	if (tx->sender_domain == DOMAIN_MAIL_GOOD)
		return false;
	tx->refused++;
	buf_init(&shown, SMTP_ADDRESS_MAX);
	log_text_add(&shown, tx->sender, 320);
	if (tx->sender_domain == DOMAIN_MAIL_REFUSED)
		smtp_refuse(s, &raw,
			    "550 5.7.27 <%.*s>: Sender address rejected: Domain %.*s does not accept mail "
			    "(nullMX)",
			    STR_ARG(buf_str(&shown)), STR_ARG(domain));
	else
		smtp_refuse(s, &raw, "450 4.1.8 <%.*s>: Sender address rejected: Domain not found",
			    STR_ARG(buf_str(&shown)));
	buf_free(&shown);
	return true;
}
