/* SPDX-License-Identifier: Apache-2.0 */
/* Rules with regular expressions: reading, matching, substituting. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "keeper/regexp_rules.h"

#include "base/buf.h"
#include "run/accounts_file.h"
#include "run/table_lines.h"

#include <pcre2.h>

struct regexp_rule {
	struct regexp_rule *next;
	enum { RULE_MAP, RULE_IF, RULE_ENDIF } kind;
	bool negated;
	pcre2_code *code; /* NULL for endif, and for an if that is for nobody */
	struct str targets;
};

static const struct {
	char letter;
	uint32_t option;
} flags[] = {
	{'i', PCRE2_CASELESS}, {'s', PCRE2_DOTALL},         {'m', PCRE2_MULTILINE}, {'x', PCRE2_EXTENDED},
	{'A', PCRE2_ANCHORED}, {'E', PCRE2_DOLLAR_ENDONLY}, {'U', PCRE2_UNGREEDY},  {'X', 0},
};

static bool toggle_flags(struct str letters, uint32_t *options)
{
	for (size_t i = 0; i < letters.n; i++) {
		size_t k = 0;

		while (k < sizeof(flags) / sizeof(*flags) && flags[k].letter != letters.p[i])
			k++;
		if (k == sizeof(flags) / sizeof(*flags))
			return false;
		*options ^= flags[k].option;
	}
	return true;
}

/* Takes `/pattern/` off the front; the delimiter may stand in it behind a backslash. */
static bool cut_pattern(struct str *rest, struct str *pattern)
{
	size_t n = 1;

	if (rest->n < 2 || ascii_is_alnum(rest->p[0]) || rest->p[0] == '\\')
		return false;
	while (n < rest->n && rest->p[n] != rest->p[0])
		n += rest->p[n] == '\\' ? 2 : 1;
	if (n >= rest->n)
		return false;
	*pattern = str_skip(str_head(*rest, n), 1);
	*rest = str_skip(*rest, n + 1);
	return true;
}

static int compile(struct str pattern, uint32_t options, pcre2_code **code, struct err *e)
{
	PCRE2_SIZE offset;
	int error;

	if (pattern.n > REGEXP_PATTERN_MAX)
		return err_set(e, ERR_INVALID, "The pattern is longer than %d bytes", REGEXP_PATTERN_MAX);
	*code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, options | PCRE2_NEVER_BACKSLASH_C, &error,
			      &offset, NULL);
	if (*code)
		return 0;
	char why[200] = "";

	pcre2_get_error_message(error, (PCRE2_UCHAR *)why, sizeof(why));
	return err_set(e, ERR_INVALID, "%s, at character %zu of the pattern", why, offset + 1);
}

/* Takes a number behind a dollar sign, in braces, parentheses or bare, or a
 * second dollar sign (*dollar), off the front. */
static bool cut_reference(struct str *rest, uint32_t *group, bool *dollar)
{
	char open = rest->n ? rest->p[0] : 0;
	char close = open == '{' ? '}' : open == '(' ? ')' : 0;
	struct str digits;

	*dollar = open == '$';
	if (*dollar) {
		*rest = str_skip(*rest, 1);
		return true;
	}
	if (close) {
		*rest = str_skip(*rest, 1);
		if (str_find(*rest, close) == STR_NONE)
			return false;
		digits = str_cut(rest, close);
	} else {
		size_t n = 0;

		while (n < rest->n && ascii_is_digit(rest->p[n]))
			n++;
		digits = str_head(*rest, n);
		*rest = str_skip(*rest, n);
	}
	return str_to_u32(digits, group) && *group <= 99;
}

/* Every reference of the right side names a group that the pattern has. */
static int check_targets(const struct regexp_rule *rule, struct err *e)
{
	struct str rest = rule->targets;
	uint32_t groups = 0, group;
	bool dollar;

	if (rest.n == 0)
		return err_set(e, ERR_INVALID, "The pattern has no target");
	pcre2_pattern_info(rule->code, PCRE2_INFO_CAPTURECOUNT, &groups);
	while (str_find(rest, '$') != STR_NONE) {
		str_cut(&rest, '$');
		if (!cut_reference(&rest, &group, &dollar))
			return err_set(e, ERR_INVALID,
				       "A dollar sign is not followed by the number of a group");
		if (!dollar && rule->negated)
			return err_set(e, ERR_INVALID, "A pattern that must not match has no groups for $%u",
				       group);
		if (!dollar && group > groups)
			return err_set(e, ERR_INVALID, "$%u: the pattern has %u groups", group, groups);
	}
	return 0;
}

/* One entry into a rule; on error nothing has to be freed. */
static int parse_rule(struct str entry, struct regexp_rule *rule, struct err *e)
{
	uint32_t options = PCRE2_CASELESS | PCRE2_DOTALL;
	struct str rest = str_trim_line(entry), after = rest, pattern;

	if (str_eq_nocase(str_cut_word(&after), STR("endif"))) {
		rule->kind = RULE_ENDIF;
		return 0;
	}
	if (str_starts_nocase(rest, STR("if")) && rest.n > 2 && !ascii_is_alnum(rest.p[2])) {
		rule->kind = RULE_IF;
		rest = str_trim(str_skip(rest, 2));
	}
	if (str_starts(rest, STR("!"))) {
		rule->negated = true;
		rest = str_trim(str_skip(rest, 1));
	}
	if (!cut_pattern(&rest, &pattern))
		return err_set(e, ERR_INVALID, "No pattern between two delimiters");
	size_t n = 0;

	while (n < rest.n && rest.p[n] != ' ' && rest.p[n] != '\t' && rest.p[n] != '\n')
		n++;
	if (!toggle_flags(str_head(rest, n), &options))
		return err_set(e, ERR_INVALID, "Unknown flag in '%.*s'", STR_ARG(str_head(rest, n)));
	rule->targets = str_trim_line(str_skip(rest, n));
	int rc = compile(pattern, options, &rule->code, e);

	if (rc == 0 && rule->kind == RULE_MAP)
		rc = check_targets(rule, e);
	if (rc)
		pcre2_code_free(rule->code);
	return rc;
}

static int keep_rule(struct regexp_rules *r, const struct regexp_rule *rule, struct arena *a)
{
	struct regexp_rule *kept = arena_alloc(a, sizeof(*kept));
	struct str targets = arena_str(a, rule->targets);

	if (!kept || !targets.p) {
		pcre2_code_free(rule->code);
		return ERR_MEMORY;
	}
	*kept = *rule;
	kept->targets = targets;
	if (r->last)
		r->last->next = kept;
	else
		r->first = kept;
	r->last = kept;
	r->n++;
	return 0;
}

static int init_limits(struct regexp_rules *r)
{
	pcre2_match_context *limits = pcre2_match_context_create(NULL);

	if (!limits)
		return ERR_MEMORY;
	pcre2_set_match_limit(limits, REGEXP_MATCH_LIMIT);
	pcre2_set_depth_limit(limits, REGEXP_MATCH_LIMIT);
	pcre2_set_heap_limit(limits, REGEXP_HEAP_LIMIT);
	r->limits = limits;
	return 0;
}

static int read_rules(struct regexp_rules *r, struct str contents, struct arena *a, struct warnings *w)
{
	struct table_lines t = table_lines_of(contents);
	struct str entry;
	struct buf joined;
	struct err e;
	size_t line;
	int rc = 0;

	buf_init(&joined, REGEXP_RESULT_MAX);
	while (rc == 0 && table_lines_next_entry(&t, &joined, &entry, &line)) {
		struct regexp_rule rule = {0};

		if (r->n >= REGEXP_RULES_MAX) {
			warnings_add(w, a, REGEXP_FILE, line, "More than %d rules: the rest is skipped",
				     REGEXP_RULES_MAX);
			break;
		}
		if (parse_rule(entry, &rule, &e)) {
			warnings_add(w, a, REGEXP_FILE, line, "%s", e.text);
			/* the block of a bad condition stays, and is for nobody */
			if (rule.kind != RULE_IF)
				continue;
			rule.code = NULL;
		}
		rc = keep_rule(r, &rule, a);
	}
	buf_free(&joined);
	return rc;
}

int regexp_rules_init(struct regexp_rules *r, struct str contents, struct arena *a, struct warnings *w)
{
	*r = (struct regexp_rules){0};
	int rc = init_limits(r);

	if (rc == 0)
		rc = read_rules(r, contents, a, w);
	if (rc)
		regexp_rules_free(r);
	return rc;
}

void regexp_rules_free(struct regexp_rules *r)
{
	for (struct regexp_rule *rule = r->first; rule; rule = rule->next)
		pcre2_code_free(rule->code);
	pcre2_match_context_free(r->limits);
	*r = (struct regexp_rules){0};
}

/* 0, ERR_NOT_FOUND, ERR_TOO_BIG or ERR_MEMORY. */
static int try_rule(const struct regexp_rules *r, const struct regexp_rule *rule, struct str subject,
		    pcre2_match_data *groups, size_t *tries)
{
	if (!rule->code)
		return ERR_NOT_FOUND;
	if (*tries == 0)
		return ERR_TOO_BIG;
	--*tries;
	int n = pcre2_match(rule->code, (PCRE2_SPTR)subject.p, subject.n, 0, 0, groups, r->limits);

	if (n == PCRE2_ERROR_NOMEMORY)
		return ERR_MEMORY;
	if (n < 0 && n != PCRE2_ERROR_NOMATCH)
		return ERR_TOO_BIG;
	return (n >= 0) != rule->negated ? 0 : ERR_NOT_FOUND;
}

static void add_group(struct buf *out, struct str subject, pcre2_match_data *groups, uint32_t group)
{
	const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(groups);
	PCRE2_SIZE start = offsets[2 * group], end = offsets[2 * group + 1];

	/* \K in a look-ahead can put the end before the start */
	if (start != PCRE2_UNSET && start <= end && end <= subject.n)
		buf_add(out, subject.p + start, end - start);
}

static int substitute(const struct regexp_rule *rule, struct str subject, pcre2_match_data *groups,
		      struct arena *a, struct str *targets)
{
	struct str rest = rule->targets;
	struct buf out;
	uint32_t group;
	bool dollar;

	buf_init(&out, REGEXP_RESULT_MAX);
	while (rest.n) {
		size_t at = str_find(rest, '$');

		buf_add_str(&out, str_cut(&rest, '$'));
		if (at == STR_NONE || !cut_reference(&rest, &group, &dollar))
			continue;
		if (dollar)
			buf_add_c(&out, '$');
		else
			add_group(&out, subject, groups, group);
	}
	*targets = arena_str(a, buf_str(&out));
	bool full = buf_failed(&out);

	buf_free(&out);
	return full ? ERR_TOO_BIG : targets->p ? 0 : ERR_MEMORY;
}

int regexp_rules_match(const struct regexp_rules *r, struct str subject, size_t *tries, struct arena *a,
		       struct str *targets)
{
	int rc = ERR_NOT_FOUND;
	size_t skipped = 0; /* blocks that we are in and whose condition is false */

	if (!r->first || !address_is_plain(subject))
		return rc;
	pcre2_match_data *groups = pcre2_match_data_create(100, NULL);

	if (!groups)
		return ERR_MEMORY;
	for (const struct regexp_rule *rule = r->first; rule; rule = rule->next) {
		if (rule->kind == RULE_ENDIF || skipped) {
			skipped += rule->kind == RULE_IF;
			skipped -= rule->kind == RULE_ENDIF && skipped;
			continue;
		}
		rc = try_rule(r, rule, subject, groups, tries);
		if (rc == 0 && rule->kind == RULE_MAP)
			rc = substitute(rule, subject, groups, a, targets);
		else if (rc == 0 || rc == ERR_NOT_FOUND) {
			skipped += rule->kind == RULE_IF && rc;
			rc = ERR_NOT_FOUND;
			continue;
		}
		break;
	}
	pcre2_match_data_free(groups);
	return rc;
}
