/* SPDX-License-Identifier: Apache-2.0 */
/* Which hosts take the mail of a domain, asked of a played name server. */
#include "base/clock.h"
#include "base/unit.h"
#include "format/dns.h"
#include "relay/test_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct trip {
	const char *domain;
	int64_t lookup_ms; /* 0: ten seconds */
	const char *want; /* "name[address] ...", then "| status text" when there was none; "*" for any end */
	struct buf got;
};

static void show_end(struct trip *t, const struct route *r)
{
	if (t->got.n == 0)
		buf_printf(&t->got, "| %s %s", r->why.status, r->why.text);
}

static void co_travel(struct world *w, void *arg)
{
	struct trip *t = arg;
	struct relay_config *config;
	static struct route r; /* larger than a stack likes */
	struct hop hop;
	struct err e;

	if (relay_config_new(&w->loaded, &config, &e) != 0)
		abort();
	config->limits.lookup_ms = t->lookup_ms ? t->lookup_ms : 10000;
	buf_init(&t->got, 10000);
	int code = co_route_open(&r, w->resolver, config, str_of(t->domain), deadline_in(20000));

	while (code == 0 && (code = co_route_next(&r, &hop)) == 0)
		buf_printf(&t->got, "%s%s", t->got.n ? " " : "", hop.peer);
	show_end(t, &r);
	if (code != ERR_NOT_FOUND)
		abort();
	relay_config_drop(&config);
}

static bool matches(struct str got, struct str want)
{
	if (!str_ends(want, STR("*")))
		return str_eq(got, want);
	want.n--;
	return str_starts(got, want);
}

static void travel(const struct world_record *records, const char *setting, const char *domain,
		   const char *want)
{
	struct world w = {.records = records, .settings = {setting}};
	struct trip t = {.domain = domain, .want = want};

	world_run(&w, co_travel, &t);
	if (!matches(buf_str(&t.got), str_of(want)))
		fail_msg("%s: want \"%s\", got \"%.*s\"", domain, want, STR_ARG(buf_str(&t.got)));
	buf_free(&t.got);
	world_free(&w);
}

static const struct world_record zone[] = {
	{"b.test", DNS_MX, "20 mx2.b.test"},
	{"b.test", DNS_MX, "10 mx1.b.test"},
	{"b.test", DNS_MX, "30 mx3.b.test"},
	{"mx1.b.test", DNS_A, "192.0.2.1"},
	{"mx1.b.test", DNS_AAAA, "2001:db8::1"},
	{"mx2.b.test", DNS_A, "192.0.2.2"},
	{"mx3.b.test", DNS_AAAA, "2001:db8::3"},
	{"bare.test", DNS_A, "192.0.2.9"},
	{"null.test", DNS_MX, "0 ."},
	{"both.test", DNS_MX, "0 ."},
	{"both.test", DNS_MX, "10 mx2.b.test"},
	{"text.test", DNS_TXT, "1 x"},
	{"broken.test", DNS_MX, "SERVFAIL"},
	{"silent.test", DNS_MX, "SILENT"},
	{"half.test", DNS_MX, "10 gone.test"},
	{"half.test", DNS_MX, "20 mx2.b.test"},
	{"ghost.test", DNS_MX, "10 gone.test"},
	{"unsure.test", DNS_MX, "10 gone.test"},
	{"unsure.test", DNS_MX, "20 broken.test"},
	{"unsure.test", DNS_MX, "30 gone.test"},
	/* We are mx.ours.test. */
	{"backup.test", DNS_MX, "10 mx2.b.test"},
	{"backup.test", DNS_MX, "20 MX.ours.test"},
	{"backup.test", DNS_MX, "20 mx1.b.test"},
	{"backup.test", DNS_MX, "30 mx3.b.test"},
	{"ours.test", DNS_MX, "10 mx.ours.test"},
	{"ours.test", DNS_MX, "20 mx1.b.test"},
	{NULL, 0, NULL},
};

static void by_preference_with_all_addresses(void **state)
{
	static const struct {
		const char *domain, *want;
	} cases[] = {
		{"b.test", "mx1.b.test[2001:db8::1] mx1.b.test[192.0.2.1] mx2.b.test[192.0.2.2] "
			   "mx3.b.test[2001:db8::3]"},
		{"B.Test", "mx1.b.test[2001:db8::1]*"},
		{"bare.test", "bare.test[192.0.2.9]"},
		{"both.test", "mx2.b.test[192.0.2.2]"},
		{"half.test", "mx2.b.test[192.0.2.2]"},
		{"[192.0.2.7]", "192.0.2.7[192.0.2.7]"},
		{"[IPv6:2001:db8::7]", "2001:db8::7[2001:db8::7]"},
		{"backup.test", "mx2.b.test[192.0.2.2]"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		travel(zone, NULL, cases[i].domain, cases[i].want);
}

static void why_there_is_no_host(void **state)
{
#define ERROR "Host or domain name not found. Name service error for name="
	static const struct {
		const char *domain, *want;
	} cases[] = {
		{"gone.test", "| 5.4.4 " ERROR "gone.test type=MX: Host not found"},
		{"text.test",
		 "| 5.4.4 " ERROR "text.test type=A: Host found but no data record of requested type"},
		{"broken.test", "| 4.4.3 " ERROR "broken.test type=MX: Host not found, try again"},
		{"ghost.test", "| 5.4.4 " ERROR "gone.test type=A: Host not found"},
		/* One host may be there tomorrow. */
		{"unsure.test", "| 4.4.3 " ERROR "broken.test type=AAAA: Host not found, try again"},
		{"null.test", "| 5.1.0 Domain null.test does not accept mail (nullMX)"},
		{"ours.test", "| 5.4.6 mail for ours.test loops back to myself"},
		{"[x:y]", "| 5.1.2 *"},
		{"a..b", "| 5.1.2 *"},
		{"", "| 4.3.5 there is no relay_host"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		travel(zone, NULL, cases[i].domain, cases[i].want);
}

static void a_silent_name_server_is_asked_later(void **state)
{
	struct world w = {.records = zone};
	struct trip t = {.domain = "silent.test", .lookup_ms = 100};

	world_run(&w, co_travel, &t);
	assert_str(buf_str(&t.got), "| 4.4.3 " ERROR "silent.test type=MX: Host not found, try again");
	buf_free(&t.got);
	world_free(&w);
}

static void relay_host_takes_all(void **state)
{
	static const struct {
		const char *setting, *domain, *want;
	} cases[] = {
		{"relay_host=[mx2.b.test]", "", "mx2.b.test[192.0.2.2]"},
		{"relay_host=[mx2.b.test]:587", "gone.test", "mx2.b.test[192.0.2.2]"},
		{"relay_host=b.test", "", "mx1.b.test[2001:db8::1]*"},
		{"relay_host=bare.test", "", "bare.test[192.0.2.9]"},
		{"relay_host=[b.test]", "", "| 5.4.4 " ERROR "b.test type=A: Host found but no data*"},
		{"relay_host=[192.0.2.5]", "", "192.0.2.5[192.0.2.5]"},
		{"relay_host=[2001:db8::5]:25", "", "2001:db8::5[2001:db8::5]"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		travel(zone, cases[i].setting, cases[i].domain, cases[i].want);
}

struct ports {
	char got[200];
	bool tls_first;
};

static void co_first_hop(struct world *w, void *arg)
{
	struct ports *p = arg;
	struct relay_config *config;
	static struct route r; /* larger than a stack likes */
	struct hop hop;
	struct err e;

	if (relay_config_new(&w->loaded, &config, &e) != 0 ||
	    co_route_open(&r, w->resolver, config, STR("b.test"), deadline_in(20000)) != 0 ||
	    co_route_next(&r, &hop) != 0)
		abort();
	snprintf(p->got, sizeof(p->got), "%s", hop.mta);
	p->tls_first = hop.tls_first;
	relay_config_drop(&config);
}

static void ports(void **state)
{
	static const struct {
		const char *setting, *want;
		bool tls_first;
	} cases[] = {
		{"relay_port=2525", "mx1.b.test[2001:db8::1]:2525", false},
		{"relay_port=465", "mx1.b.test[2001:db8::1]:465", false},
		{"relay_host=[mx2.b.test]", "mx2.b.test[192.0.2.2]:25", false},
		{"relay_host=[mx2.b.test]:587", "mx2.b.test[192.0.2.2]:587", false},
		{"relay_host=[mx2.b.test]:465", "mx2.b.test[192.0.2.2]:465", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w = {.records = zone, .settings = {cases[i].setting}};
		struct ports p;

		world_run(&w, co_first_hop, &p);
		assert_string_equal(p.got, cases[i].want);
		assert_int_equal(p.tls_first, cases[i].tls_first);
		world_free(&w);
	}
}

/* Of 40 hosts the best ten are kept, and of a host's 40 addresses half the places are for each kind. */
static void long_lists_are_cut(void **state)
{
	static struct world_record records[200];
	static char text[200][40];
	size_t n = 0;

	for (int i = 39; i >= 0; i--, n++) {
		snprintf(text[n], sizeof(text[n]), "%d h%d.test", 100 + i, i);
		records[n] = (struct world_record){"many.test", DNS_MX, text[n]};
	}
	for (int i = 0; i < 40; i++, n++) {
		static char names[40][16];

		snprintf(names[i], sizeof(names[i]), "h%d.test", i);
		snprintf(text[n], sizeof(text[n]), "192.0.2.%d", i);
		records[n] = (struct world_record){names[i], DNS_A, text[n]};
	}
	for (int i = 0; i < 40; i++, n++) {
		snprintf(text[n], sizeof(text[n]), i % 2 ? "2001:db8::%x" : "192.0.2.%d", i + 1);
		records[n] = (struct world_record){"wide.test", i % 2 ? DNS_AAAA : DNS_A, text[n]};
	}
	travel(records, NULL, "many.test",
	       "h0.test[192.0.2.0] h1.test[192.0.2.1] h2.test[192.0.2.2] h3.test[192.0.2.3] "
	       "h4.test[192.0.2.4] "
	       "h5.test[192.0.2.5] h6.test[192.0.2.6] h7.test[192.0.2.7] h8.test[192.0.2.8] "
	       "h9.test[192.0.2.9]");
	travel(records, NULL, "wide.test",
	       "wide.test[2001:db8::2] wide.test[2001:db8::4] wide.test[2001:db8::6] wide.test[2001:db8::8] "
	       "wide.test[192.0.2.1] wide.test[192.0.2.3] wide.test[192.0.2.5] wide.test[192.0.2.7]");
}

static void co_shuffle(struct world *w, void *arg)
{
	unsigned *firsts = arg;
	struct relay_config *config;
	static struct route r; /* larger than a stack likes */
	struct hop hop;
	struct err e;

	if (relay_config_new(&w->loaded, &config, &e) != 0)
		abort();
	for (int i = 0; i < 60; i++) {
		if (co_route_open(&r, w->resolver, config, STR("equal.test"), deadline_in(20000)) != 0 ||
		    co_route_next(&r, &hop) != 0)
			abort();
		firsts[strcmp(hop.name, "mx1.b.test") == 0   ? 0
		       : strcmp(hop.name, "mx2.b.test") == 0 ? 1
							     : 2]++;
	}
	relay_config_drop(&config);
}

static void equal_preferences_are_shuffled(void **state)
{
	static const struct world_record records[] = {
		{"equal.test", DNS_MX, "10 mx1.b.test"},
		{"equal.test", DNS_MX, "10 mx2.b.test"},
		{"equal.test", DNS_MX, "20 mx3.b.test"},
		{"mx1.b.test", DNS_A, "192.0.2.1"},
		{"mx2.b.test", DNS_A, "192.0.2.2"},
		{"mx3.b.test", DNS_A, "192.0.2.3"},
		{NULL, 0, NULL},
	};
	struct world w = {.records = records};
	unsigned firsts[3] = {0};

	world_run(&w, co_shuffle, firsts);
	/* By chance one in 2^59. */
	assert_true(firsts[0] > 0 && firsts[1] > 0);
	assert_int_equal(firsts[2], 0);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_preference_with_all_addresses),
		cmocka_unit_test(why_there_is_no_host),
		cmocka_unit_test(a_silent_name_server_is_asked_later),
		cmocka_unit_test(relay_host_takes_all),
		cmocka_unit_test(ports),
		cmocka_unit_test(long_lists_are_cut),
		cmocka_unit_test(equal_preferences_are_shuffled),
	};

	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
