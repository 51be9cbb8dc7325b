/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of Content-Type and Content-Disposition, with RFC 2231. */
#include "format/header_param.h"

#include "base/err.h"
#include "format/charset.h"
#include "format/header_lex.h"
#include "format/words.h"

#include <string.h>

struct header_param *header_param_append(struct header_params *list, struct arena *a, struct str name,
					 struct str value)
{
	struct header_param *param = arena_alloc(a, sizeof(*param));

	if (!param)
		return NULL;
	param->name = name;
	param->value = value;
	if (list->last)
		list->last->next = param;
	else
		list->first = param;
	list->last = param;
	list->count++;
	return param;
}

/* A run of bytes up to white space, a comment or one of stop. */
static struct str take_run(struct str *rest, struct str stop)
{
	size_t n = 0;

	while (n < rest->n && !lex_is_space(rest->p[n]) && rest->p[n] != '(' &&
	       str_find(stop, rest->p[n]) == STR_NONE)
		n++;
	struct str run = str_head(*rest, n);

	*rest = str_skip(*rest, n);
	return run;
}

/* Whether a parameter begins here: a name and "=". */
static bool begins_param(struct str rest)
{
	struct str name = take_run(&rest, STR("=;\""));

	lex_skip_cfws(&rest, NULL);
	return name.n && rest.n && rest.p[0] == '=' && !str_starts(rest, STR("=?"));
}

/* Adds the value behind "=": a quoted string, or words up to ";" or the next
 * parameter. */
static void take_value(struct str *rest, struct buf *out)
{
	bool more = true;

	while (more && rest->n && rest->p[0] != ';') {
		if (rest->p[0] == '"')
			lex_take_quoted(rest, out);
		else
			buf_add_str(out, take_run(rest, STR(";\"")));
		bool space = lex_skip_cfws(rest, NULL);

		more = !space || !begins_param(*rest);
		if (space && more && rest->n && rest->p[0] != ';')
			buf_add_c(out, ' ');
	}
}

/* One parameter off the front of *rest, if it has name and value. */
static int take_param(struct str *rest, struct arena *a, struct header_params *list, struct buf *value)
{
	lex_skip_cfws(rest, NULL);
	struct str name = take_run(rest, STR("=;\""));

	lex_skip_cfws(rest, NULL);
	if (rest->n == 0 || rest->p[0] != '=') {
		/* Not a parameter; a stray byte must not stop us. */
		if (name.n == 0 || (rest->n && rest->p[0] == '"'))
			*rest = str_skip(*rest, 1);
		return 0;
	}
	*rest = str_skip(*rest, 1);
	lex_skip_cfws(rest, NULL);
	bool quoted = rest->n && rest->p[0] == '"';

	buf_clear(value);
	take_value(rest, value);
	if (name.n == 0 || (value->n == 0 && !quoted))
		return 0;
	struct str name_copy = arena_str(a, name);
	struct str value_copy = arena_str(a, buf_str(value));

	return name_copy.p && value_copy.p && header_param_append(list, a, name_copy, value_copy)
		       ? 0
		       : ERR_TOO_BIG;
}

static int take_params(struct str rest, struct arena *a, struct header_params *list)
{
	struct buf value;
	int rc = 0;

	buf_init(&value, rest.n + 1);
	while (rest.n && rc == 0)
		rc = take_param(&rest, a, list, &value);
	if (buf_failed(&value))
		rc = ERR_TOO_BIG;
	buf_free(&value);
	return rc;
}

int header_ctype_parse(struct str value, struct arena *a, struct header_ctype *out)
{
	*out = (struct header_ctype){0};
	lex_skip_cfws(&value, NULL);
	struct str type = take_run(&value, STR("/;=\"<>,"));

	lex_skip_cfws(&value, NULL);
	if (type.n == 0 || value.n == 0 || value.p[0] != '/')
		return ERR_INVALID;
	value = str_skip(value, 1);
	lex_skip_cfws(&value, NULL);
	struct str subtype = take_run(&value, STR("/;=\"<>,"));

	if (subtype.n == 0)
		return ERR_INVALID;
	out->type = arena_str(a, type);
	out->subtype = arena_str(a, subtype);
	if (!out->type.p || !out->subtype.p)
		return ERR_TOO_BIG;
	return take_params(value, a, &out->params);
}

int header_disposition_parse(struct str value, struct arena *a, struct header_disposition *out)
{
	*out = (struct header_disposition){0};
	lex_skip_cfws(&value, NULL);
	struct str token = take_run(&value, STR("/;=\"<>,"));

	if (token.n == 0)
		return ERR_INVALID;
	out->token = arena_str(a, token);
	if (!out->token.p)
		return ERR_TOO_BIG;
	return take_params(value, a, &out->params);
}

size_t header_languages(struct str value, struct str *tags, size_t max)
{
	size_t count = 0;

	while (value.n && count < max) {
		lex_skip_cfws(&value, NULL);
		struct str tag = take_run(&value, STR(",;\""));

		if (tag.n)
			tags[count++] = tag;
		else
			value = str_skip(value, 1);
	}
	return count;
}

const struct header_param *header_param_find(const struct header_params *list, struct str name)
{
	for (const struct header_param *p = list->first; p; p = p->next)
		if (str_eq_nocase(p->name, name))
			return p;
	return NULL;
}

/* The pieces of one RFC 2231 value, by number. */
struct pieces {
	const struct header_param *at[PARAM_PIECES];
	bool percent[PARAM_PIECES];
};

/* Reads "*", "*3" or "*3*" behind the name: section 3 and 4 of RFC 2231. */
static bool piece_number(struct str suffix, uint32_t *number, bool *percent)
{
	if (!str_starts(suffix, STR("*")))
		return false;
	suffix = str_skip(suffix, 1);
	*number = 0;
	*percent = suffix.n == 0 || str_ends(suffix, STR("*"));
	if (suffix.n == 0)
		return true;
	if (*percent)
		suffix.n--;
	return str_to_u32(suffix, number) && *number < PARAM_PIECES;
}

static void find_pieces(const struct header_params *list, struct str name, struct pieces *out)
{
	memset(out, 0, sizeof(*out));
	for (const struct header_param *p = list->first; p; p = p->next) {
		uint32_t number;
		bool percent;

		if (str_starts_nocase(p->name, name) &&
		    piece_number(str_skip(p->name, name.n), &number, &percent) && !out->at[number]) {
			out->at[number] = p;
			out->percent[number] = percent;
		}
	}
}

/* Takes "charset'language'" off the first piece. */
static struct str cut_charset(struct str *value)
{
	struct str rest = *value;
	struct str charset = str_cut(&rest, '\'');

	if (str_find(rest, '\'') == STR_NONE)
		return (struct str){NULL, 0};
	str_cut(&rest, '\'');
	*value = rest;
	return charset;
}

/* Puts the pieces 0, 1, 2 ... together, as far as there is no gap. */
static void add_pieces(const struct pieces *pieces, const struct charset_fn *cs, struct buf *out)
{
	struct str charset = {NULL, 0};
	struct buf raw;

	buf_init(&raw, out->max);
	for (size_t i = 0; i < PARAM_PIECES && pieces->at[i]; i++) {
		struct str value = pieces->at[i]->value;

		if (i == 0 && pieces->percent[0])
			charset = cut_charset(&value);
		if (pieces->percent[i])
			lex_add_unescaped(value, '%', 0, &raw);
		else
			buf_add_str(&raw, value);
	}
	charset_text(cs, charset.n ? charset : STR("utf-8"), buf_str(&raw), out);
	buf_free(&raw);
}

bool header_param_text(const struct header_params *list, struct str name, const struct charset_fn *cs,
		       struct buf *out)
{
	const struct header_param *plain = header_param_find(list, name);
	struct pieces pieces;

	find_pieces(list, name, &pieces);
	if (pieces.at[0])
		add_pieces(&pieces, cs, out);
	else if (plain)
		words_decode(plain->value, cs, out);
	return pieces.at[0] || plain;
}
