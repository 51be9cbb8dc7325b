/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_smtp_command: views stay inside the line; what was accepted keeps the
 * promises of its fields; a reply never holds a control character.
 */
#include "format/smtp_command.h"
#include "format/xtext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void must_be_inside(struct str line, struct str view)
{
	must(view.n == 0 || (view.p >= line.p && view.p + view.n <= line.p + line.n));
}

static void check_reply(enum smtp_syntax fault, struct str culprit)
{
	struct buf out;

	buf_init(&out, 500);
	smtp_syntax_reply(fault, culprit, &out);
	must(!buf_failed(&out) && (out.n > 0) == (fault != SMTP_OK));
	for (size_t i = 0; i < out.n; i++)
		must(out.p[i] >= ' ' && out.p[i] <= '~');
	buf_free(&out);
}

static void check_mail(struct str line, struct str arg, unsigned offers)
{
	struct smtp_mail mail;
	struct str culprit;
	enum smtp_syntax fault = smtp_parse_mail(arg, offers, &mail, &culprit);

	must_be_inside(line, culprit);
	check_reply(fault, culprit);
	if (fault != SMTP_OK)
		return;
	must_be_inside(line, mail.envid);
	must_be_inside(line, mail.auth);
	must(xtext_valid(mail.envid) && mail.envid.n <= 100);
	must(mail.null_sender == (mail.from.local_n == 0 && mail.from.raw.n == 0));
	must(mail.smtputf8 || !mail.from.utf8_local);
	must(offers & SMTP_OFFER_DSN || (mail.envid.n == 0 && mail.ret == SMTP_RET_UNSAID));
}

static void check_rcpt(struct str line, struct str arg, unsigned offers)
{
	struct smtp_rcpt rcpt;
	struct str culprit;
	enum smtp_syntax fault = smtp_parse_rcpt(arg, offers, false, &rcpt, &culprit);

	must_be_inside(line, culprit);
	check_reply(fault, culprit);
	if (fault != SMTP_OK)
		return;
	must_be_inside(line, rcpt.orcpt);
	must(!rcpt.to.utf8_local && rcpt.to.raw.n > 0);
	must(!(rcpt.notify & SMTP_NOTIFY_NEVER) || rcpt.notify == SMTP_NOTIFY_NEVER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_command command;
	struct str a, b;
	uint64_t n = 0;
	bool flag;

	/* The first byte chooses what is offered. */
	if (size == 0 || size > 2048)
		return 0;

	struct str line = {(const char *)data + 1, size - 1};

	smtp_command_split(line, &command);
	must_be_inside(line, command.name);
	must_be_inside(line, command.arg);
	check_mail(line, command.arg, data[0]);
	check_rcpt(line, command.arg, data[0]);
	if (smtp_parse_bdat(command.arg, &n, &flag) == SMTP_OK)
		must(n > 0 || flag);
	if (smtp_parse_auth(command.arg, &a, &b, &flag) == SMTP_OK)
		must(a.n > 0);
	smtp_helo_classify(command.arg);
	return 0;
}
