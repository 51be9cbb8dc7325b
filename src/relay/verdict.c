/* SPDX-License-Identifier: Apache-2.0 */
/* Outcomes in words (see verdict.h). */
#include "relay/verdict.h"

#include "format/log_text.h"
#include "store/entry.h"

#include <stdio.h>
#include <string.h>

unsigned verdict_outcome(const struct verdict *v)
{
	switch (v->status[0]) {
	case '2':
		return OUTCOME_SENT;
	case '5':
		return OUTCOME_BOUNCED;
	default:
		return OUTCOME_DEFERRED;
	}
}

bool verdict_is_final(const struct verdict *v)
{
	return v->status[0] != 0 && verdict_outcome(v) != OUTCOME_DEFERRED;
}

__attribute__((format(printf, 2, 0))) static void set_text(struct verdict *v, const char *fmt, va_list ap)
{
	vsnprintf(v->text, sizeof(v->text), fmt, ap);
}

void verdict_set(struct verdict *v, const char *status, const char *fmt, ...)
{
	va_list ap;

	snprintf(v->status, sizeof(v->status), "%s", status);
	v->said = false;
	va_start(ap, fmt);
	set_text(v, fmt, ap);
	va_end(ap);
}

static void set_status(struct verdict *v, const struct smtp_reply *r)
{
	unsigned class = r->code / 100 == 5 ? 5 : r->code / 100 == 2 ? 2 : 4;

	if (r->class == class)
		snprintf(v->status, sizeof(v->status), "%u.%u.%u", class, r->subject, r->detail);
	else
		snprintf(v->status, sizeof(v->status), "%u.0.0", class);
	v->said = true;
}

/* Appends the reply in one line, behind text that leaves `behind` bytes free. */
static void add_reply(struct verdict *v, const struct smtp_reply *r, size_t behind)
{
	size_t used = strlen(v->text), room = VERDICT_TEXT_MAX - used;
	struct str rest = smtp_reply_text(r);
	struct buf line, shown;

	buf_init(&line, SMTP_REPLY_TEXT_MAX + 32);
	buf_init(&shown, VERDICT_TEXT_MAX);
	buf_printf(&line, "%u", r->code);
	if (r->class)
		buf_printf(&line, " %u.%u.%u", r->class, r->subject, r->detail);
	while (rest.n > 0) {
		buf_add_c(&line, ' ');
		buf_add_str(&line, str_cut(&rest, '\n'));
	}
	log_text_add(&shown, buf_str(&line), room > behind + 16 ? room - behind : 16);
	snprintf(v->text + used, sizeof(v->text) - used, "%.*s", STR_ARG(buf_str(&shown)));
	buf_free(&line);
	buf_free(&shown);
}

void verdict_yes(struct verdict *v, const struct smtp_reply *r)
{
	set_status(v, r);
	v->text[0] = 0;
	add_reply(v, r, 0);
}

void verdict_no(struct verdict *v, const struct smtp_reply *r, const char *behind, const char *fmt, ...)
{
	va_list ap;

	set_status(v, r);
	/* A yes where it was no answer to the question. */
	if (v->status[0] == '2')
		v->status[0] = '4';
	va_start(ap, fmt);
	set_text(v, fmt, ap);
	va_end(ap);
	/* The name of the host may be long, the reply should be seen all the same. */
	if (strlen(v->text) > VERDICT_TEXT_MAX - 100)
		v->text[VERDICT_TEXT_MAX - 100] = 0;
	add_reply(v, r, strlen(behind));
	size_t used = strlen(v->text);

	snprintf(v->text + used, sizeof(v->text) - used, "%s", behind);
}

void verdict_soften(struct verdict *v)
{
	if (v->status[0] == '5')
		v->status[0] = '4';
}
