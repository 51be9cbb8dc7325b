/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sendmail_options.h"
#include "base/unit.h"

#include <string.h>

#define WORDS_MAX 12

struct line {
	char text[300];
	char *argv[WORDS_MAX + 2];
	int argc;
};

/* "sendmail" and the words, which blanks part. */
static void split(struct line *l, const char *words)
{
	char *rest = l->text, *word;

	snprintf(l->text, sizeof(l->text), "%s", words);
	l->argv[0] = (char *)(uintptr_t) "sendmail";
	l->argc = 1;
	while ((word = strsep(&rest, " ")))
		if (*word && l->argc <= WORDS_MAX)
			l->argv[l->argc++] = word;
	l->argv[l->argc] = NULL;
}

static int parse(struct line *l, const char *words, struct sendmail_options *o, struct err *e)
{
	split(l, words);
	return sendmail_options_parse(l->argc, l->argv, o, e);
}

static void check_text(const char *got, const char *want)
{
	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
}

static void modes_and_flags(void **state)
{
	static const struct {
		const char *words;
		enum sendmail_mode mode;
		bool from_header, dots;
		int recipients;
	} table[] = {
		{"", SENDMAIL_LETTER, false, false, 0},
		{"root", SENDMAIL_LETTER, false, false, 1},
		{"-t", SENDMAIL_LETTER, true, false, 0},
		{"-i root", SENDMAIL_LETTER, false, true, 1},
		{"-oi root", SENDMAIL_LETTER, false, true, 1},
		{"-oem -oee root", SENDMAIL_LETTER, false, false, 1},
		{"-ti", SENDMAIL_LETTER, true, true, 0},
		{"-it a@b c@d", SENDMAIL_LETTER, true, true, 2},
		{"-FCronDaemon -i -B8BITMIME -oem root", SENDMAIL_LETTER, false, true, 1},
		{"a@b -i c@d -t", SENDMAIL_LETTER, true, true, 2},
		{"-t -- -i", SENDMAIL_LETTER, true, false, 1},
		{"-", SENDMAIL_LETTER, false, false, 1},
		{"-bm root", SENDMAIL_LETTER, false, false, 1},
		{"-b m root", SENDMAIL_LETTER, false, false, 1},
		{"-bs", SENDMAIL_DIALOGUE, false, false, 0},
		{"-bi", SENDMAIL_NOTHING, false, false, 0},
		{"-I", SENDMAIL_NOTHING, false, false, 0},
		{"-q", SENDMAIL_NOTHING, false, false, 0},
		{"-q15m", SENDMAIL_NOTHING, false, false, 0},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct sendmail_options o;
		struct line l;
		struct err e;

		assert_int_equal(parse(&l, table[i].words, &o, &e), 0);
		assert_int_equal(o.mode, table[i].mode);
		assert_int_equal(o.from_header, table[i].from_header);
		assert_int_equal(o.dots_are_text, table[i].dots);
		assert_int_equal(o.recipient_count, table[i].recipients);
	}
}

static void ignored(void **state)
{
	static const char *const each[] = {
		"-v",           "-n",   "-m",      "-U",    "-G",     "-d8.99", "-d",  "-h 3",       "-L tag",
		"-O Timeout=1", "-A x", "-p SMTP", "-Xlog", "-C /cf", "-em",    "-om", "-B 8BITMIME"};

	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		struct sendmail_options o;
		struct line l;
		struct err e;
		char words[60];

		snprintf(words, sizeof(words), "%s root", each[i]);
		assert_int_equal(parse(&l, words, &o, &e), 0);
		assert_int_equal(o.mode, SENDMAIL_LETTER);
		assert_false(o.dots_are_text || o.from_header || o.sender || o.name);
		assert_int_equal(o.recipient_count, 1);
		assert_string_equal(o.recipients[0], "root");
	}
}

static void values(void **state)
{
	static const struct {
		const char *words, *sender, *name, *notify, *ret, *envid;
	} table[] = {
		{"-f a@b root", "a@b", NULL, NULL, NULL, NULL},
		{"-fa@b root", "a@b", NULL, NULL, NULL, NULL},
		{"-r <> root", "<>", NULL, NULL, NULL, NULL},
		{"-if a@b root", "a@b", NULL, NULL, NULL, NULL},
		{"-FAnna -fx root", "x", "Anna", NULL, NULL, NULL},
		{"-N never -R hdrs -V id/1 x", NULL, NULL, "never", "hdrs", "id/1"},
		{"-N success,Delay -R FULL x", NULL, NULL, "success,Delay", "FULL", NULL},
		{"-Nfailure x", NULL, NULL, "failure", NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct sendmail_options o;
		struct line l;
		struct err e;

		assert_int_equal(parse(&l, table[i].words, &o, &e), 0);
		check_text(o.sender, table[i].sender);
		check_text(o.name, table[i].name);
		check_text(o.notify, table[i].notify);
		check_text(o.ret, table[i].ret);
		check_text(o.envid, table[i].envid);
		assert_int_equal(o.recipient_count, 1);
	}
}

static void refused(void **state)
{
	static const char *const table[][2] = {
		{"-Z", "the option -Z is unknown"},
		{"--help", "the option -- is unknown"},
		{"-f", "-f wants a value behind it"},
		{"-tf", "-f wants a value behind it"},
		{"-bd", "-bd starts no server here: `mailstead serve` does"},
		{"-bv x", "-bv is not known: use -bm or -bs"},
		{"-N sometimes x", "-N wants never, or any of success,failure,delay, not 'sometimes'"},
		{"-N success, x", "-N wants never, or any of success,failure,delay, not 'success,'"},
		{"-N never,delay x", "-N wants never, or any of success,failure,delay, not 'never,delay'"},
		{"-R some x", "-R wants full or hdrs, not 'some'"},
		{"-V \xC3\xA9 x", "-V wants printable ASCII"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct sendmail_options o;
		struct line l;
		struct err e;

		assert_int_equal(parse(&l, table[i][0], &o, &e), ERR_INVALID);
		assert_string_equal(e.text, table[i][1]);
	}
}

static void envid_limits(void **state)
{
	char id[102], *argv[] = {(char *)(uintptr_t) "sendmail", (char *)(uintptr_t) "-V", id, NULL};
	struct sendmail_options o;
	struct err e;

	memset(id, 'x', 101);
	id[101] = 0;
	assert_int_equal(sendmail_options_parse(3, argv, &o, &e), ERR_INVALID);
	id[100] = 0;
	assert_int_equal(sendmail_options_parse(3, argv, &o, &e), 0);
	id[0] = 0;
	assert_int_equal(sendmail_options_parse(3, argv, &o, &e), ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes_and_flags), cmocka_unit_test(ignored),      cmocka_unit_test(values),
		cmocka_unit_test(refused),         cmocka_unit_test(envid_limits),
	};

	return cmocka_run_group_tests_name("sendmail_options", tests, NULL, NULL);
}
