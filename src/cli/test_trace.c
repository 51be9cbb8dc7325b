/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/trace.h"
#include "base/test_temp.h"
#include "base/unit.h"
#include "cli/options.h"
#include "cli/trace_line.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT "2026-11-22T09:00:00.000001+00:00 mx mailstead/"

/* --- lines ------------------------------------------------------------------------------------ */

static void texts(void **state)
{
	static const struct {
		const char *line, *want;
	} table[] = {
		{AT "gate/0[7]: hello", "hello"},
		{AT "gate[7]: error: it is bad", "it is bad"},
		{AT "spool[7]: warning: 0A: x", "0A: x"},
		{"{\"time\":\"t\",\"room\":\"gate\",\"pid\":7,\"level\":\"info\",\"text\":\"a \\\"b\\\" "
		 "\\\\xC3\"}",
		 "a \"b\" \\xC3"},
		{"{\"time\":\"t\"}", ""},
		{"", ""},
		{"mailstead: something else", ""},
		{AT "gate", ""},
		{"{\"text\":\"a\\", "a\\"},
	};
	struct buf scratch;

	buf_init(&scratch, 4096);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_str(trace_line_text(str_of(table[i].line), &scratch), table[i].want);
	buf_free(&scratch);
}

static void ids(void **state)
{
	uint64_t id;

	assert_true(trace_id_parse(STR("00000000000000ff"), &id));
	assert_int_equal(id, 255);
	assert_true(trace_id_parse(STR("FFFFFFFFFFFFFFFF"), &id));
	assert_true(id == UINT64_MAX);
	assert_false(trace_id_parse(STR("00000000000000fg"), &id));
	assert_false(trace_id_parse(STR("0000000000000ff"), &id));
	assert_false(trace_id_parse(STR("000000000000000ff"), &id));

	assert_true(trace_text_id(STR("00000000000000FF: x"), &id));
	assert_int_equal(id, 255);
	assert_true(trace_text_id(STR("00000000000000FF:"), &id));
	assert_false(trace_text_id(STR("00000000000000FF"), &id));
	assert_false(trace_text_id(STR("00000000000000ff: x"), &id));
	assert_false(trace_text_id(STR("x 00000000000000FF: x"), &id));

	assert_true(trace_text_mentions(STR("letter 00000000000000FF is damaged"), 255));
	assert_true(trace_text_mentions(STR("a: sender non-delivery notification: 00000000000000FF"), 255));
	assert_false(trace_text_mentions(STR("100000000000000FF"), 255));
	assert_false(trace_text_mentions(STR("00000000000000FF0"), 255));
	assert_false(trace_text_mentions(STR("session=<00000000000000FF>"), 255));
	assert_true(trace_text_mentions(STR("session=<0000000000000001> 0000000000000001"), 1));
}

static void addresses(void **state)
{
	static const struct {
		const char *text, *address;
		bool want;
	} table[] = {
		{"x: from=<a@b>, size=1", "a@b", true},
		{"x: from=<A@B>, size=1", "a@b", true},
		{"x: to=<c@d>, orig_to=<a@b>, relay=x", "a@b", true},
		{"x: to=<c@d>, account=<a@b>", "a@b", true},
		{"x: to=<c@d>, account=<a@b>", "c@d", true},
		{"x: from=<>, size=1", "", true},
		{"x: from=<a@b>, size=1", "", false},
		{"x: from=<a@b.c>, size=1", "a@b", false},
		{"x: from=<xa@b>, size=1", "a@b", false},
		{"x: message-id=<a@b>", "a@b", false},
		{"x: reject (a@b)", "a@b", false},
		{"to=<a@b>", "a@b", true},
		{"=<a@b>", "a@b", false},
		{"to=<a@b", "a@b", false},
		{"", "", false},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(trace_text_names(str_of(table[i].text), str_of(table[i].address)),
				 table[i].want);
}

/* --- the command --------------------------------------------------------------------------------- */

struct house {
	char dir[TEMP_NAME_MAX];
	struct settings s;
	char *out, *errors;
};

static const char *path_of(const struct house *h, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", h->dir, name);
	return path;
}

/* With data_dir in a folder of its own, and the log where `log` says ("@": a file there). */
static void begin(struct house *h, const char *log)
{
	char data[100], where[120];
	const char *overrides[] = {data, where};
	struct settings_sources from = {.overrides = overrides, .override_count = 2};
	struct err e;

	*h = (struct house){0};
	assert_non_null(mkdtemp(temp_name(h->dir, "test_trace")));
	assert_int_equal(mkdir(path_of(h, "log"), 0700), 0);
	snprintf(data, sizeof(data), "data_dir=%s", h->dir);
	snprintf(where, sizeof(where), "log=%s", log[0] == '@' ? path_of(h, "file") : log);
	assert_int_equal(settings_load(&h->s, &from, &e), 0);
}

static void end(struct house *h)
{
	static const char *const names[] = {"log/mail.log", "log/mail.log.1", "file", "file.1"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(path_of(h, names[i]));
	assert_int_equal(rmdir(path_of(h, "log")), 0);
	assert_int_equal(rmdir(h->dir), 0);
	settings_free(&h->s);
}

static void put(const struct house *h, const char *name, const char *text)
{
	FILE *f = fopen(path_of(h, name), "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void check(struct house *h, const char *asked, int status, const char *out, const char *errors)
{
	char *argv[] = {(char *)(uintptr_t) "trace", (char *)(uintptr_t)asked, NULL};
	size_t n, m;
	FILE *o = open_memstream(&h->out, &n), *e = open_memstream(&h->errors, &m);

	assert_true(o && e);
	int got = cmd_trace(asked ? 2 : 1, argv, &h->s, o, e);

	fclose(o);
	fclose(e);
	assert_string_equal(h->out, out);
	assert_string_equal(h->errors, errors);
	assert_int_equal(got, status);
	free(h->out);
	free(h->errors);
}

#define ONE "0000000000000001"
#define TWO "0000000000000002"
#define L1 AT "gate[1]: " ONE ": client=unknown[192.0.2.1]\n"
#define L2 AT "gate[1]: " TWO ": client=unknown[192.0.2.2]\n"
#define L3 AT "spool[2]: " ONE ": from=<s@far.test>, size=9, nrcpt=2\n"
#define L4 AT "spool[2]: " TWO ": from=<o@far.test>, size=9, nrcpt=1\n"
#define L5 AT "mailbox[3]: " ONE ": to=<info@a.test>, account=<anna@a.test>, uid=1, folder=INBOX: stored\n"
#define L6 AT "spool[2]: error: no place for letter " ONE "\n"
#define L7 AT "gate[1]: NOQUEUE: reject: RCPT from x: 550 5.1.1; from=<s@far.test> to=<nobody@a.test>\n"
#define L8 AT "mailbox[3]: " TWO ": to=<anna@a.test>, account=<anna@a.test>, uid=2, folder=INBOX: stored\n"

static void finds_letters(void **state)
{
	struct house h;

	begin(&h, "stderr");
	put(&h, "log/mail.log.1", L1 L2 L3);
	put(&h, "log/mail.log", L4 L5 L6 L7 L8 "cut o");
	check(&h, ONE, EXIT_DONE, L1 L3 L5 L6, "");
	check(&h, "s@far.test", EXIT_DONE, L1 L3 L5 "\n" L7, "");
	check(&h, "<O@far.test>", EXIT_DONE, L2 L4 L8, "");
	check(&h, "anna@a.test", EXIT_DONE, L1 L3 L5 "\n" L2 L4 L8, "");
	check(&h, "nobody@a.test", EXIT_DONE, L7, "");
	check(&h, "00000000000000FF", EXIT_FAILED, "",
	      "mailstead: the log knows nothing of 00000000000000FF\n");
	check(&h, "else@a.test", EXIT_FAILED, "", "mailstead: the log knows nothing of else@a.test\n");
	check(&h, "<>", EXIT_FAILED, "", "mailstead: the log knows nothing of <>\n");
	check(&h, "anna", EXIT_USAGE, "", "usage: mailstead trace ID|ADDRESS\n");
	check(&h, NULL, EXIT_USAGE, "", "usage: mailstead trace ID|ADDRESS\n");
	end(&h);
}

static void reads_what_the_setting_says(void **state)
{
	struct house h;

	begin(&h, "@");
	put(&h, "log/mail.log", L2);
	put(&h, "file", L3);
	put(&h, "file.1", L1);
	check(&h, ONE, EXIT_DONE, L1 L3, "");
	end(&h);
	begin(&h, "syslog");
	put(&h, "log/mail.log", L2);
	check(&h, TWO, EXIT_DONE, L2, "");
	unlink(path_of(&h, "log/mail.log"));
	char text[200];

	snprintf(text, sizeof(text),
		 "mailstead: cannot read the log %s/log/mail.log: No such file or directory\n", h.dir);
	check(&h, TWO, EXIT_FAILED, "", text);
	end(&h);
}

static void reads_json(void **state)
{
#define J "{\"time\":\"t\",\"text\":\"" ONE ": to=<\\\\xC3\\\\xA9@a.test>, x\"}\n"
	struct house h;

	begin(&h, "stderr");
	put(&h, "log/mail.log", J);
	check(&h, ONE, EXIT_DONE, J, "");
	check(&h, "\xC3\xA9@a.test", EXIT_DONE, J, "");
	end(&h);
}

/* A line of 100,000 bytes, which we never write, is looked at by its first piece only. */
static void long_lines(void **state)
{
	char *text = malloc(100100);
	struct house h;

	assert_non_null(text);
	int n = snprintf(text, 200, AT "gate[1]: " ONE ": ");

	memset(text + n, 'x', 100000);
	snprintf(text + n + 50000, 100, " mailstead/gate[1]: " TWO ": y\n");
	begin(&h, "stderr");
	put(&h, "log/mail.log", text);
	check(&h, TWO, EXIT_FAILED, "", "mailstead: the log knows nothing of " TWO "\n");
	end(&h);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),      cmocka_unit_test(ids),
		cmocka_unit_test(addresses),  cmocka_unit_test(finds_letters),
		cmocka_unit_test(reads_json), cmocka_unit_test(reads_what_the_setting_says),
		cmocka_unit_test(long_lines),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
