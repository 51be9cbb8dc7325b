/* SPDX-License-Identifier: Apache-2.0 */
#include "run/settings_value.h"
#include "base/unit.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/un.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const words[] = {"full", "best", "off", NULL};
static const struct setting_row types[SETTING_TYPE_COUNT] = {
	[SETTING_TEXT] = {.type = SETTING_TEXT, .max = 5},
	[SETTING_USER] = {.type = SETTING_USER},
	[SETTING_HOSTNAME] = {.type = SETTING_HOSTNAME},
	[SETTING_PATH] = {.type = SETTING_PATH, .min = 1, .max = 10, .words = words},
	[SETTING_NUMBER] = {.type = SETTING_NUMBER, .min = 2, .max = 20},
	[SETTING_BYTES] = {.type = SETTING_BYTES, .min = 1024, .max = 1073741824},
	[SETTING_DURATION] = {.type = SETTING_DURATION, .max = 86400000},
	[SETTING_BOOLEAN] = {.type = SETTING_BOOLEAN},
	[SETTING_CHOICE] = {.type = SETTING_CHOICE, .words = words},
	[SETTING_WORDS] = {.type = SETTING_WORDS, .words = words},
	[SETTING_LISTENERS] = {.type = SETTING_LISTENERS},
	[SETTING_NETWORKS] = {.type = SETTING_NETWORKS},
	[SETTING_RESOLVER] = {.type = SETTING_RESOLVER},
	[SETTING_RELAY] = {.type = SETTING_RELAY},
};

struct fixture {
	struct arena arena;
	struct setting_value value;
	struct err err;
	int rc;
};

static void parse(struct fixture *f, enum setting_type type, struct str text)
{
	arena_init(&f->arena, 200000);
	f->value = (struct setting_value){0};
	f->err = (struct err){0};
	f->rc = setting_parse(&types[type], text, &f->arena, &f->value, &f->err);
}

/* Good values, with the number they mean (or how many things they list). */
static void good(void **state)
{
	static const struct {
		enum setting_type type;
		const char *text;
		uint64_t number;
		size_t count;
	} rows[] = {
		{SETTING_TEXT, "", 0, 0},
		{SETTING_TEXT, "a #b", 0, 0},
		{SETTING_TEXT, "\xC3\xA9", 0, 0},
		{SETTING_USER, "mailstead-id", 0, 0},
		{SETTING_USER, "_x.1", 0, 0},
		{SETTING_HOSTNAME, "mx1.example.org", 0, 0},
		{SETTING_HOSTNAME, "localhost", 0, 0},
		{SETTING_HOSTNAME, "1a.2b", 0, 0},
		{SETTING_PATH, "/a b", 0, 0},
		{SETTING_PATH, "best", 0, 0},
		{SETTING_NUMBER, "2", 2, 0},
		{SETTING_NUMBER, "  20 ", 20, 0},
		{SETTING_BYTES, "1024", 1024, 0},
		{SETTING_BYTES, "1k", 1024, 0},
		{SETTING_BYTES, "2m", 2097152, 0},
		{SETTING_BYTES, "1G", 1073741824, 0},
		{SETTING_DURATION, "0", 0, 0},
		{SETTING_DURATION, "5", 5000, 0},
		{SETTING_DURATION, "5ms", 5, 0},
		{SETTING_DURATION, "5s", 5000, 0},
		{SETTING_DURATION, "5m", 300000, 0},
		{SETTING_DURATION, "5h", 18000000, 0},
		{SETTING_DURATION, "1D", 86400000, 0},
		{SETTING_BOOLEAN, "yes", 1, 0},
		{SETTING_BOOLEAN, "1", 1, 0},
		{SETTING_BOOLEAN, "True", 1, 0},
		{SETTING_BOOLEAN, "ON", 1, 0},
		{SETTING_BOOLEAN, "no", 0, 0},
		{SETTING_BOOLEAN, "0", 0, 0},
		{SETTING_BOOLEAN, "false", 0, 0},
		{SETTING_BOOLEAN, "off", 0, 0},
		{SETTING_CHOICE, "full", 0, 0},
		{SETTING_CHOICE, "OFF", 2, 0},
		{SETTING_WORDS, "", 0, 0},
		{SETTING_WORDS, "off  full", 5, 0},
		{SETTING_LISTENERS, "", 0, 0},
		{SETTING_LISTENERS, "off", 0, 0},
		{SETTING_LISTENERS, ":25", 0, 1},
		{SETTING_LISTENERS, ":0 127.0.0.1:25\t[::1]:65535 unix:/run/x", 0, 4},
		{SETTING_NETWORKS, "", 0, 0},
		{SETTING_NETWORKS, "10.0.0.0/8, 192.0.2.1,[2001:db8::]/32 ::1", 0, 4},
		{SETTING_NETWORKS, "0.0.0.0/0 ::/0", 0, 2},
		{SETTING_RESOLVER, "recursive", 0, 0},
		{SETTING_RESOLVER, "192.0.2.1", 0, 1},
		{SETTING_RESOLVER, "192.0.2.1:5353", 0, 1},
		{SETTING_RESOLVER, "2001:db8::53", 0, 1},
		{SETTING_RESOLVER, "[2001:db8::53]:5353", 0, 1},
		{SETTING_RESOLVER, "[2001:db8::53]", 0, 1},
		{SETTING_RELAY, "", 0, 0},
		{SETTING_RELAY, "example.org", 0, 1},
		{SETTING_RELAY, "example.org:587", 0, 1},
		{SETTING_RELAY, "[smtp.example.org]:587", 0, 1},
		{SETTING_RELAY, "[192.0.2.1]", 0, 1},
		{SETTING_RELAY, "[2001:db8::1]:25", 0, 1},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fixture f;

		parse(&f, rows[i].type, str_of(rows[i].text));
		if (f.rc != 0)
			print_error("\"%s\": %s\n", rows[i].text, f.err.text);
		assert_int_equal(f.rc, 0);
		assert_true(f.value.number == rows[i].number);
		assert_int_equal(f.value.count, rows[i].count);
		assert_int_equal(f.value.text.p[f.value.text.n], 0);
		arena_free(&f.arena);
	}
}

static const struct {
	enum setting_type type;
	const char *text;
	const char *says; /* part of the sentence, or NULL */
} bad_rows[] = {
	{SETTING_TEXT, "abcdef", "'abcdef' is not a text of at most 5 bytes"},
	{SETTING_TEXT, "a\nb", "control character"},
	{SETTING_TEXT, "a\x7F", "control character"},
	{SETTING_USER, "", NULL},
	{SETTING_USER, "-x", NULL},
	{SETTING_USER, "a b", "'a b' is not a user's name"},
	{SETTING_USER, "abcdefghijklmnopqrstuvwxyzabcdefg", NULL},
	{SETTING_HOSTNAME, "", NULL},
	{SETTING_HOSTNAME, ".", NULL},
	{SETTING_HOSTNAME, "a..b", NULL},
	{SETTING_HOSTNAME, "a.", NULL},
	{SETTING_HOSTNAME, "-a.b", NULL},
	{SETTING_HOSTNAME, "a-.b", NULL},
	{SETTING_HOSTNAME, "a_b", NULL},
	{SETTING_HOSTNAME, "192.0.2.1", "is not a host name such as mail.example.org"},
	{SETTING_HOSTNAME, "b\xC3\xBC.example", NULL},
	{SETTING_PATH, "", NULL},
	{SETTING_PATH, "relative", "is not an absolute path, full, best or off"},
	{SETTING_PATH, "beast", "; did you mean 'best'?"},
	{SETTING_PATH, "/2345678901", NULL},
	{SETTING_NUMBER, "", NULL},
	{SETTING_NUMBER, "1", "'1' is not a number from 2 to 20"},
	{SETTING_NUMBER, "21", NULL},
	{SETTING_NUMBER, "-3", NULL},
	{SETTING_NUMBER, "3x", NULL},
	{SETTING_NUMBER, "18446744073709551619", NULL},
	{SETTING_BYTES, "1023", "a size from 1k to 1G (bytes, or with k, M or G)"},
	{SETTING_BYTES, "2G", NULL},
	{SETTING_BYTES, "k", NULL},
	{SETTING_BYTES, "1 k", NULL},
	{SETTING_BYTES, "1kk", NULL},
	{SETTING_BYTES, "17179869184G", NULL},
	{SETTING_DURATION, "2d", "a time from 0 to 1d (seconds, or with ms, s, m, h or d)"},
	{SETTING_DURATION, "5 min", NULL},
	{SETTING_DURATION, "18446744073709552s", NULL},
	{SETTING_BOOLEAN, "", NULL},
	{SETTING_BOOLEAN, "2", "'2' is not yes or no"},
	{SETTING_CHOICE, "", NULL},
	{SETTING_CHOICE, "bset", "'bset' is not one of full, best or off; did you mean 'best'?"},
	{SETTING_WORDS, "full bset", "'bset' is not a list of full, best and off; did you mean 'best'?"},
	{SETTING_LISTENERS, "25", "; did you mean ':25'?"},
	{SETTING_LISTENERS, ":65536", NULL},
	{SETTING_LISTENERS, ":", NULL},
	{SETTING_LISTENERS, ":-1", NULL},
	{SETTING_LISTENERS, ":00000025", NULL},
	{SETTING_LISTENERS, "127.0.0.1", NULL},
	{SETTING_LISTENERS, "localhost:25", "'localhost:25' is not a list of :PORT"},
	{SETTING_LISTENERS, "::1:25", NULL},
	{SETTING_LISTENERS, "[127.0.0.1]:25", NULL},
	{SETTING_LISTENERS, "[]:25", NULL},
	{SETTING_LISTENERS, "[::1:25", NULL},
	{SETTING_LISTENERS, "[::1]25", NULL},
	{SETTING_LISTENERS, "unix:run/x", NULL},
	{SETTING_LISTENERS, "unix:", NULL},
	{SETTING_LISTENERS, ":25 off", "'off' is not"},
	{SETTING_NETWORKS, "10.0.0.0/33", NULL},
	{SETTING_NETWORKS, "10.0.0.0/", NULL},
	{SETTING_NETWORKS, "10.0.0.1/8",
	 "'10.0.0.1/8' is not a list of networks such as 10.0.0.0/8 or "
	 "2001:db8::/32; did you mean '10.0.0.0/8'?"},
	{SETTING_NETWORKS, "[2001:db8::1]/32", "did you mean '2001:db8::/32'?"},
	{SETTING_NETWORKS, "::/129", NULL},
	{SETTING_NETWORKS, "[10.0.0.0]/8", NULL},
	{SETTING_NETWORKS, "10.0.0.0/8 example.org", "'example.org' is not"},
	{SETTING_RESOLVER, "", NULL},
	{SETTING_RESOLVER, "dns.example.org", NULL},
	{SETTING_RESOLVER, "192.0.2.1:0", NULL},
	{SETTING_RESOLVER, "fe80::1%eth0", NULL},
	{SETTING_RESOLVER, "[::1]:", NULL},
	{SETTING_RELAY, "192.0.2.1", NULL},
	{SETTING_RELAY, "example.org:0", NULL},
	{SETTING_RELAY, "[example.org", NULL},
	{SETTING_RELAY, "[]:25", NULL},
	{SETTING_RELAY, "a b", NULL},
};

static void bad(void **state)
{
	for (size_t i = 0; i < COUNT(bad_rows); i++) {
		struct fixture f;

		parse(&f, bad_rows[i].type, str_of(bad_rows[i].text));
		if (f.rc != ERR_INVALID || (bad_rows[i].says && !strstr(f.err.text, bad_rows[i].says)))
			print_error("\"%s\": %d %s\n", bad_rows[i].text, f.rc, f.err.text);
		assert_int_equal(f.rc, ERR_INVALID);
		if (bad_rows[i].says)
			assert_non_null(strstr(f.err.text, bad_rows[i].says));
		arena_free(&f.arena);
	}
}

static void sizes(void **state)
{
	size_t size = SETTING_VALUE_MAX + 1;
	char *many = malloc(size);
	struct fixture f;

	assert_non_null(many);
	memset(many, 'a', size);
	parse(&f, SETTING_TEXT, (struct str){many, size});
	assert_int_equal(f.rc, ERR_INVALID);
	assert_non_null(strstr(f.err.text, "longer than 8192 bytes"));
	arena_free(&f.arena);
	/* The value is quoted in part only. */
	parse(&f, SETTING_TEXT, (struct str){many, SETTING_VALUE_MAX});
	assert_non_null(strstr(f.err.text, "aaa...' is not"));
	assert_true(strlen(f.err.text) < 200);
	arena_free(&f.arena);

	for (size_t i = 0; i + 4 <= size; i += 4)
		memcpy(many + i, ":25 ", 4);
	parse(&f, SETTING_LISTENERS, (struct str){many, 4 * SETTING_LISTENERS_MAX});
	assert_int_equal(f.value.count, SETTING_LISTENERS_MAX);
	arena_free(&f.arena);
	parse(&f, SETTING_LISTENERS, (struct str){many, 4 * SETTING_LISTENERS_MAX + 4});
	assert_int_equal(f.rc, ERR_INVALID);
	arena_free(&f.arena);

	for (size_t i = 0; i + 4 <= size; i += 4)
		memcpy(many + i, "::1,", 4);
	parse(&f, SETTING_NETWORKS, (struct str){many, 4 * SETTING_NETWORKS_MAX});
	assert_int_equal(f.value.count, SETTING_NETWORKS_MAX);
	arena_free(&f.arena);
	parse(&f, SETTING_NETWORKS, (struct str){many, 4 * SETTING_NETWORKS_MAX + 4});
	assert_int_equal(f.rc, ERR_INVALID);
	arena_free(&f.arena);

	struct setting_value value = {0};

	arena_init(&f.arena, 16);
	assert_int_equal(setting_parse(&types[SETTING_LISTENERS], STR(":25"), &f.arena, &value, &f.err),
			 ERR_MEMORY);
	assert_int_equal(setting_parse(&types[SETTING_RELAY], STR("a.b"), &f.arena, &value, &f.err),
			 ERR_MEMORY);
	arena_free(&f.arena);
	free(many);
}

static void unix_path_limit(void **state)
{
	char text[5 + sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct fixture f;

	memset(text, 'x', sizeof(text));
	memcpy(text, "unix:/", 6);
	parse(&f, SETTING_LISTENERS, (struct str){text, sizeof(text) - 1});
	assert_int_equal(f.rc, 0);
	arena_free(&f.arena);
	parse(&f, SETTING_LISTENERS, (struct str){text, sizeof(text)});
	assert_int_equal(f.rc, ERR_INVALID);
	arena_free(&f.arena);
}

static void addresses(void **state)
{
	struct fixture f;

	parse(&f, SETTING_LISTENERS, STR(":25 127.0.0.1:26 [::1]:27 unix:/run/x"));
	const struct listener_addr *l = f.value.list;
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;
	struct sockaddr_un un;

	memcpy(&v6, &l[0].addr, sizeof(v6));
	assert_true(l[0].all && v6.sin6_family == AF_INET6 && v6.sin6_port == htons(25));
	assert_memory_equal(&v6.sin6_addr, &in6addr_any, 16);
	memcpy(&v4, &l[1].addr, sizeof(v4));
	assert_true(!l[1].all && v4.sin_family == AF_INET && v4.sin_port == htons(26));
	assert_int_equal(ntohl(v4.sin_addr.s_addr), INADDR_LOOPBACK);
	assert_int_equal(l[1].len, sizeof(v4));
	memcpy(&v6, &l[2].addr, sizeof(v6));
	assert_true(!l[2].all && v6.sin6_port == htons(27));
	assert_memory_equal(&v6.sin6_addr, &in6addr_loopback, 16);
	assert_str(l[2].text, "[::1]:27");
	memcpy(&un, &l[3].addr, sizeof(un));
	assert_int_equal(un.sun_family, AF_UNIX);
	assert_string_equal(un.sun_path, "/run/x");
	arena_free(&f.arena);

	parse(&f, SETTING_NETWORKS, STR("10.0.0.0/8 2001:db8::/32"));
	const struct network *n = f.value.list;

	assert_true(n[0].family == AF_INET && n[0].prefix == 8 && n[0].addr[0] == 10);
	assert_true(n[1].family == AF_INET6 && n[1].prefix == 32 && n[1].addr[1] == 1);
	arena_free(&f.arena);

	parse(&f, SETTING_RESOLVER, STR("2001:db8::53"));
	memcpy(&v6, f.value.list, sizeof(v6));
	assert_int_equal(v6.sin6_port, htons(53));
	arena_free(&f.arena);

	parse(&f, SETTING_RELAY, STR("[smtp.example.org]:587"));
	const struct relay_addr *r = f.value.list;

	assert_str(r->host, "smtp.example.org");
	assert_true(r->direct && r->port == 587);
	arena_free(&f.arena);
	parse(&f, SETTING_RELAY, STR("example.org"));
	r = f.value.list;
	assert_true(!r->direct && r->port == 0);
	arena_free(&f.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),      cmocka_unit_test(bad),
		cmocka_unit_test(sizes),     cmocka_unit_test(unix_path_limit),
		cmocka_unit_test(addresses),
	};

	return cmocka_run_group_tests_name("settings_value", tests, NULL, NULL);
}
