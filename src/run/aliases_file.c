/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of postfix-virtual.cf. */
#include "run/aliases_file.h"

static bool is_separator(char c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Offset of the quote that closes the one at the start, or STR_NONE. */
static size_t closing_quote(struct str s)
{
	for (size_t i = 1; i < s.n; i++)
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			return i;
	return STR_NONE;
}

bool alias_target_is_open(struct str target)
{
	return str_starts(target, STR("\"")) && closing_quote(target) == STR_NONE;
}

bool alias_target_next(struct str *targets, struct str *target)
{
	size_t n = 0;

	while (targets->n && (is_separator(targets->p[0]) || targets->p[0] == '#'))
		if (targets->p[0] == '#')
			str_cut(targets, '\n');
		else
			*targets = str_skip(*targets, 1);
	if (str_starts(*targets, STR("\"")) && !alias_target_is_open(*targets))
		n = closing_quote(*targets);
	while (n < targets->n && !is_separator(targets->p[n]))
		n++;
	*target = str_head(*targets, n);
	*targets = str_skip(*targets, n);
	return n > 0;
}

int alias_line_parse(struct str entry, struct alias_line *out, struct err *e)
{
	struct str rest = str_trim_line(entry), first;

	out->key = str_cut_word(&rest);
	out->targets = rest;
	if (out->key.n == 0 || str_find(out->key, ',') != STR_NONE || str_find(out->key, 0) != STR_NONE ||
	    str_ends(out->key, STR("@")))
		return err_set(e, ERR_INVALID, "'%.*s' is no address, name or @domain", STR_ARG(out->key));
	if (!alias_target_next(&rest, &first))
		return err_set(e, ERR_INVALID, "Alias '%.*s' has no target", STR_ARG(out->key));
	return 0;
}
