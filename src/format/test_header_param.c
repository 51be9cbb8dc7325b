/* SPDX-License-Identifier: Apache-2.0 */
#include "format/header_param.h"
#include "base/err.h"
#include "base/unit.h"

/* "type/subtype" and "|name=value" for each parameter. */
static void assert_ctype(struct str value, const char *want)
{
	struct header_ctype t;
	struct arena a;
	struct buf out;
	size_t count = 0;

	arena_init(&a, 100000);
	buf_init(&out, 10000);
	if (header_ctype_parse(value, &a, &t) == 0)
		buf_printf(&out, "%.*s/%.*s", STR_ARG(t.type), STR_ARG(t.subtype));
	for (const struct header_param *p = t.params.first; p; p = p->next, count++)
		buf_printf(&out, "|%.*s=%.*s", STR_ARG(p->name), STR_ARG(p->value));
	assert_int_equal(count, t.params.count);
	assert_str(buf_str(&out), want);
	buf_free(&out);
	arena_free(&a);
}

static void parses_content_types(void **state)
{
	static const struct {
		struct str value;
		const char *want;
	} table[] = {
		{STR_INIT(" text/plain"), "text/plain"},
		{STR_INIT("text/plain; charset=us-ascii (Plain text)"), "text/plain|charset=us-ascii"},
		{STR_INIT("(c) Text (c) / (c) HTML (c) ; A = \"b;c\" ; d=e"), "Text/HTML|A=b;c|d=e"},
		{STR_INIT("a/b;;;x=1;"), "a/b|x=1"},
		{STR_INIT("a/b; = ;; name=\"v\""), "a/b|name=v"},
		{STR_INIT("a/b; x=; y=\"\"; z"), "a/b|y="},
		{STR_INIT("a/b; x=\"q\\\"\\\\r\""), "a/b|x=q\"\\r"},
		{STR_INIT("a/b; x=\"not closed; y=z"), "a/b|x=not closed; y=z"},
		/* lenient: blanks in values, missing semicolons */
		{STR_INIT("a/b; name=my file.pdf; x=1"), "a/b|name=my file.pdf|x=1"},
		{STR_INIT("a/b; x=1\r\n y=2 z=\"3\""), "a/b|x=1|y=2|z=3"},
		{STR_INIT("a/b x=1"), "a/b|x=1"},
		{STR_INIT("a/b; x=\"1\"2"), "a/b|x=12"},
		{STR_INIT("a/b; n==?u?q?a?= =?u?q?b?=; m=1"), "a/b|n==?u?q?a?= =?u?q?b?=|m=1"},
		{STR_INIT("a/b; x=\"1\r\n 2\0003\""), "a/b|x=1 23"},
		{STR_INIT("a/b; \"x\"=1; y=2"), "a/b|y=2"},
		{STR_INIT("text"), ""},
		{STR_INIT("text/"), ""},
		{STR_INIT("/plain"), ""},
		{STR_INIT("text/;x=1"), ""},
		{STR_INIT(""), ""},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_ctype(table[i].value, table[i].want);
}

static void parses_dispositions(void **state)
{
	struct header_disposition d;
	struct arena a;

	arena_init(&a, 10000);
	assert_int_equal(header_disposition_parse(STR(" attachment (c); filename=\"a b\"; size=3"), &a, &d),
			 0);
	assert_str(d.token, "attachment");
	assert_int_equal(d.params.count, 2);
	assert_str(header_param_find(&d.params, STR("FILENAME"))->value, "a b");
	assert_null(header_param_find(&d.params, STR("file")));
	assert_int_equal(header_disposition_parse(STR("; filename=x"), &a, &d), ERR_INVALID);
	assert_int_equal(header_disposition_parse(STR(""), &a, &d), ERR_INVALID);
	arena_free(&a);
}

static void stops_at_the_ceiling(void **state)
{
	for (size_t max = 0; max < 160; max += 8) {
		struct header_ctype t;
		struct header_disposition d;
		struct arena a;

		arena_init(&a, max);
		assert_int_equal(header_ctype_parse(STR("text/plain; aaaaaaaa=bbbbbbbb; c=d"), &a, &t),
				 ERR_TOO_BIG);
		arena_reset(&a);
		assert_int_equal(header_disposition_parse(STR("inline; aaaaaaaaa=bbbbbbbb; c=d"), &a, &d),
				 ERR_TOO_BIG);
		arena_free(&a);
	}
}

static void lists_languages(void **state)
{
	struct str tags[3];

	assert_int_equal(header_languages(STR(" en, (c) de-DE ,,fr"), tags, 3), 3);
	assert_str(tags[0], "en");
	assert_str(tags[1], "de-DE");
	assert_str(tags[2], "fr");
	assert_int_equal(header_languages(STR("a,b,c,d"), tags, 3), 3);
	assert_int_equal(header_languages(STR(";\"\""), tags, 3), 0);
}

static void decodes_rfc2231(void **state)
{
	static const struct {
		struct str value;
		const char *want; /* NULL: no such parameter */
	} table[] = {
		{STR_INIT("a/b; x=plain"), "plain"},
		{STR_INIT("a/b; X*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"), "This is ***fun***"},
		{STR_INIT("a/b; x*0*=us-ascii'en'a%20; x*1*=%2A; x*2=\"n't %20\""), "a *n't %20"},
		{STR_INIT("a/b; x*1=b; x*0=a"), "ab"},
		{STR_INIT("a/b; x*0=a; x*2=c"), "a"},
		{STR_INIT("a/b; x*1=b; x=p"), "p"},
		{STR_INIT("a/b; x*=iso-8859-1''%E9; x=p"), "\xC3\xA9"},
		{STR_INIT("a/b; x*=utf-8''%e2%82%ac%"), "\xE2\x82\xAC%"},
		{STR_INIT("a/b; x*=no-quotes%20here"), "no-quotes here"},
		{STR_INIT("a/b; x*=utf-8''%0D%0Ainjected%00"), "  injected "},
		{STR_INIT("a/b; x*=utf-8''%FF"), "\xEF\xBF\xBD"},
		{STR_INIT("a/b; x*=x-unknown''a"), "a"},
		{STR_INIT("a/b; x=\"=?utf-8?Q?=C3=A9?=.png\""), "\xC3\xA9.png"},
		{STR_INIT("a/b; x*256=a; x*99999999999=b; x*-1=c; x**=d; x*0**=e"), NULL},
		{STR_INIT("a/b; xy=1"), NULL},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct header_ctype t;
		struct arena a;
		struct buf out;

		arena_init(&a, 10000);
		buf_init(&out, 1000);
		assert_int_equal(header_ctype_parse(table[i].value, &a, &t), 0);
		assert_int_equal(header_param_text(&t.params, STR("x"), NULL, &out), table[i].want != NULL);
		assert_str(buf_str(&out), table[i].want ? table[i].want : "");
		buf_free(&out);
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_content_types), cmocka_unit_test(parses_dispositions),
		cmocka_unit_test(stops_at_the_ceiling), cmocka_unit_test(lists_languages),
		cmocka_unit_test(decodes_rfc2231),
	};

	return cmocka_run_group_tests_name("header_param", tests, NULL, NULL);
}
