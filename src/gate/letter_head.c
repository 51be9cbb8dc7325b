/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at a letter's header (see letter_head.h). */
#include "gate/letter_head.h"

static bool is_folded(struct str rest)
{
	return rest.n > 0 && (rest.p[0] == ' ' || rest.p[0] == '\t');
}

/* Takes a field with its folded lines off *rest; false at the end of the header. */
static bool take_field(struct str *rest, struct str *name, struct str *value)
{
	struct str field = *rest;

	if (str_trim_line(str_cut(rest, '\n')).n == 0)
		return false;
	while (is_folded(*rest))
		str_cut(rest, '\n');
	field.n -= rest->n;
	*value = field;
	*name = str_cut(value, ':');
	/* Without a colon there is no name. */
	*name = name->n == field.n ? (struct str){NULL, 0} : str_trim(*name);
	*value = str_trim_line(*value);
	return true;
}

/* The first word, when it is the only one. */
static struct str only_word(struct str value)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] == ' ' || value.p[i] == '\t' || value.p[i] == '\r' || value.p[i] == '\n')
			return (struct str){NULL, 0};
	return value;
}

void letter_facts_read(struct str head, struct letter_facts *out)
{
	struct str name, value;

	*out = (struct letter_facts){0};
	while (take_field(&head, &name, &value)) {
		if (str_eq_nocase(name, STR("Received")))
			out->received++;
		else if (str_eq_nocase(name, STR("Message-ID")) && out->message_id.n == 0)
			out->message_id = only_word(value);
		else if (str_eq_nocase(name, STR("Delivered-To"))) {
			if (out->delivered < LETTER_DELIVERIES_MAX)
				out->delivered_to[out->delivered] = value;
			out->delivered++;
		}
	}
}

bool letter_was_at(const struct letter_facts *f, struct str address)
{
	if (f->delivered > LETTER_DELIVERIES_MAX)
		return true;
	for (unsigned i = 0; i < f->delivered; i++)
		if (str_eq_nocase(f->delivered_to[i], address))
			return true;
	return false;
}
