/* SPDX-License-Identifier: Apache-2.0 */
/* Names of clients and domains of senders, as a resolver of the tests tells them. */
#include "gate/names.h"
#include "base/clock.h"
#include "base/unit.h"
#include "format/dns.h"
#include "gate/test_script.h"

#include <stdio.h>
#include <string.h>

#define REVERSE(last) last ".2.0.192.in-addr.arpa."
#define BYTES(data) STR_INIT(data)

static const struct house_record dns[] = {
	/* 192.0.2.7 and its name agree, ... */
	{REVERSE("7"), DNS_PTR, 0, 1, BYTES("\2Mx\5other\4test\0")},
	{"mx.other.test", DNS_A, 0, 1, BYTES("\xC0\0\2\7")},
	/* ... this one takes another's name, ... */
	{REVERSE("8"), DNS_PTR, 0, 1, BYTES("\2mx\5other\4test\0")},
	/* ... these have none that could stand in a log line or a field, ... */
	{REVERSE("9"), DNS_PTR, 0, 1, BYTES("\2a]\4test\0")},
	{REVERSE("10"), DNS_PTR, 0, 1, BYTES("\0")},
	{REVERSE("11"), DNS_PTR, 0, 1, BYTES("\77torn")},
	{REVERSE("12"), DNS_PTR, 0, 0, BYTES("")},
	{REVERSE("13"), DNS_PTR, 2, 0, BYTES("")},
	{REVERSE("14"), DNS_PTR, 0, 1, BYTES("\1a\4test\0more")},
	/* ... and this one has more than one, the first of which counts. */
	{REVERSE("15"), DNS_PTR, 0, 2, BYTES("\3six\4test\0")},
	{"six.test", DNS_A, 0, 1, BYTES("\xC0\0\2\17")},
	{"7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.", DNS_PTR, 0, 1,
	 BYTES("\3six\4test\0")},
	{"six.test", DNS_AAAA, 0, 1, BYTES("\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\7")},
	/* Domains. */
	{"b.test", DNS_MX, 0, 2, BYTES("\0\12\2mx\1b\4test\0")},
	{"a-only.test", DNS_A, 0, 1, BYTES("\xC0\0\2\1")},
	{"aaaa-only.test", DNS_AAAA, 0, 1, BYTES("\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\1")},
	{"empty.test", DNS_TXT, 0, 1, BYTES("\1x")},
	{"null.test", DNS_MX, 0, 1, BYTES("\0\0\0")},
	{"half-null.test", DNS_MX, 0, 2, BYTES("\0\0\0")},
	{"broken.test", DNS_MX, 2, 0, BYTES("")},
	{NULL, 0, 0, 0, BYTES("")},
};

static void open_house(struct house *h)
{
	house_init(h);
	h->dns = dns;
	h->config.sender_domains = true;
}

/* --- the name of a client ------------------------------------------------------------------------- */

static const struct {
	const char *ip, *name;
} clients[] = {
	{"192.0.2.7", "mx.other.test"}, {"192.0.2.8", "unknown"},    {"192.0.2.9", "unknown"},
	{"192.0.2.10", "unknown"},      {"192.0.2.11", "unknown"},   {"192.0.2.12", "unknown"},
	{"192.0.2.13", "unknown"},      {"192.0.2.14", "unknown"},   {"192.0.2.15", "six.test"},
	{"192.0.2.77", "unknown"},      {"2001:db8::7", "six.test"}, {"2001:db8::8", "unknown"},
	{"127.0.0.1", "localhost"},     {"::1", "localhost"},        {"127.0.0.2", "unknown"},
};

static void a_client_has_the_name_that_has_its_address(void **state)
{
	static struct house h;
	char want[200];

	for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
		bool six = strchr(clients[i].ip, ':') != NULL;

		open_house(&h);
		play_as(&h,
			EHLO "C MAIL FROM:<>\nS 250*\n" RCPT DATA
			     "C x\nC .\nS 250*\nC RCPT TO:<x>\nS 503*\n" QUIT,
			false, clients[i].ip);
		snprintf(want, sizeof(want), "connect from %s[%s]\n", clients[i].name, clients[i].ip);
		assert_true(house_logged(&h, want));
		snprintf(want, sizeof(want), ": client=%s[%s]\n", clients[i].name, clients[i].ip);
		assert_true(house_logged(&h, want));
		snprintf(want, sizeof(want), "Received: from a.test (%s [%s%s])\r\n", clients[i].name,
			 six ? "IPv6:" : "", clients[i].ip);
		if (!str_starts(buf_str(&h.letter[0].bytes), str_of(want)))
			fail_msg("%.*s", STR_ARG(str_head(buf_str(&h.letter[0].bytes), 200)));
		house_free(&h);
	}
}

static void a_name_that_does_not_come_holds_up_little(void **state)
{
	static struct house h;
	int64_t began = clock_ms();

	open_house(&h);
	h.dns_silent = true;
	h.config.sender_domains = false;
	h.config.limits.name_ms = 20;
	h.config.limits.dns_ms = 50;
	play(&h, EHLO MAIL RCPT "C RSET\nS 250*\n" QUIT);
	assert_true(clock_ms() - began < 3000);
	assert_true(house_logged(&h, "connect from unknown[192.0.2.7]\n"));
	assert_true(house_logged(&h, "disconnect from unknown[192.0.2.7]"));
	house_free(&h);
}

/* Sessions end while their names are still looked up. */
static void co_leave_early(struct house *h, void *arg)
{
	struct stream client;

	for (int i = 0; i < 20; i++) {
		stream_open(&client, house_connect(h, "192.0.2.7"));
		co_sleep_until(deadline_in(i % 5));
		stream_close(&client);
	}
	co_house_quiet(h);
	assert_true(h->service.namers.count > 0);
	h->dns_silent = false;
}

static void a_client_may_leave_before_it_has_a_name(void **state)
{
	static struct house h;

	open_house(&h);
	h.dns_silent = true;
	h.config.limits.name_ms = 10;
	house_run(&h, co_leave_early, NULL);
	assert_int_equal(h.service.namers.count, 0);
	assert_true(house_logged(&h, "disconnect from unknown[192.0.2.7]"));
	house_free(&h);
}

/* --- the domain of a sender ------------------------------------------------------------------------ */

#define NOT_FOUND ": Sender address rejected: Domain not found"

static const struct {
	const char *sender, *reply;
} senders[] = {
	{"<s@b.test>", "250 2.1.5 Ok"},
	{"<s@B.TEST>", "250 2.1.5 Ok"},
	{"<s@a-only.test>", "250 2.1.5 Ok"},
	{"<s@aaaa-only.test>", "250 2.1.5 Ok"},
	{"<s@half-null.test>", "250 2.1.5 Ok"},
	{"<>", "250 2.1.5 Ok"},
	{"<s@[192.0.2.1]>", "250 2.1.5 Ok"},
	{"<nobody@ours.test>", "250 2.1.5 Ok"},
	{"<s@empty.test>", "450 4.1.8 <s@empty.test>" NOT_FOUND},
	{"<s@none.test>", "450 4.1.8 <s@none.test>" NOT_FOUND},
	{"<\"s@b.test\"@none.test>", "450 4.1.8 <\"s@b.test\"@none.test>" NOT_FOUND},
	{"<s@broken.test>", "450 4.1.8 <s@broken.test>" NOT_FOUND},
	{"<s@null.test>",
	 "550 5.7.27 <s@null.test>: Sender address rejected: Domain null.test does not accept mail (nullMX)"},
};

static void a_sender_must_have_a_domain(void **state)
{
	static struct house h;
	char lines[1000];

	for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
		bool good = senders[i].reply[0] == '2';
		unsigned asked;

		open_house(&h);
		/* Relaying goes first, for which nothing is looked up; MAIL says nothing of it. */
		snprintf(lines, sizeof(lines),
			 EHLO "C MAIL FROM:%s\nS 250 2.1.0 Ok\nC RCPT TO:<x@else.test>\nS 554 5.7.1*\nC RCPT "
			      "TO:<alice@ours.test>\nS %s\nC RCPT TO:<bob@ours.test>\nS %.3s*\n" QUIT,
			 senders[i].sender, senders[i].reply, senders[i].reply);
		play(&h, lines);
		asked = h.lookups;
		assert_int_equal(house_logged(&h, "Sender address rejected"), !good);
		house_free(&h);
		/* Not of those we trust, and not when nobody wants it. */
		open_house(&h);
		h.config.sender_domains = false;
		snprintf(lines, sizeof(lines), EHLO "C MAIL FROM:%s\nS 250 2.1.0 Ok\n" RCPT QUIT,
			 senders[i].sender);
		play(&h, lines);
		assert_true(h.lookups <= asked && h.lookups == 2);
		house_free(&h);
	}
}

static void a_resolver_that_is_silent_puts_off(void **state)
{
	static struct house h;

	open_house(&h);
	h.dns_silent = true;
	h.config.limits.name_ms = 10;
	h.config.limits.dns_ms = 50;
	play(&h, EHLO MAIL
	     "C RCPT TO:<alice@ours.test>\nS 450 4.1.8 <s@b.test>" NOT_FOUND
	     "\nC RCPT TO:<bob@ours.test>\nS 450*\nC RSET\nS 250*\nC MAIL FROM:<>\nS 250*\n" RCPT QUIT);
	house_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_has_the_name_that_has_its_address),
		cmocka_unit_test(a_name_that_does_not_come_holds_up_little),
		cmocka_unit_test(a_client_may_leave_before_it_has_a_name),
		cmocka_unit_test(a_sender_must_have_a_domain),
		cmocka_unit_test(a_resolver_that_is_silent_puts_off),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
