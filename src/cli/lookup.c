/* SPDX-License-Identifier: Apache-2.0 */
/* Looking a name up through the running server (see lookup.h). */
#include "cli/lookup.h"

#include "base/clock.h"
#include "cli/ask.h"
#include "cli/options.h"
#include "format/dns.h"
#include "net/messages.h"

#include <stdio.h>

#define DEADLINE_MS 10000
#define TYPES_MAX 2

/* In the order of the resolver's enum dns_security. */
static const char *const securities[] = {"insecure (not validated)", "secure (validated with DNSSEC)",
					 "bogus (DNSSEC validation failed)"};

struct request {
	struct str name;
	uint16_t types[TYPES_MAX];
	unsigned type_count;
};

static void print_records(const struct request *r, uint16_t type, const struct lookup_answer *a,
			  unsigned *found)
{
	struct reader records = reader_of(a->records);
	struct buf text;
	char number[16];

	buf_init(&text, 1 << 20);
	while (!records.failed && records.rest.n > 0) {
		struct str data = read_bytes(&records, read_u16(&records));

		buf_clear(&text);
		dns_data_show(type, data, &text);
		printf("%.*s %u %s %.*s\n", STR_ARG(a->canonical.n > 0 ? a->canonical : r->name), a->ttl,
		       dns_type_name(type, number), STR_ARG(buf_str(&text)));
		++*found;
	}
	buf_free(&text);
}

static void print_answer(const struct request *r, uint16_t type, const struct lookup_answer *a,
			 unsigned *found)
{
	unsigned before = *found;
	char number[16], code[16];

	print_records(r, type, a, found);
	printf("; %.*s %s: %s, %s", STR_ARG(r->name), dns_type_name(type, number),
	       a->rcode == 0 && *found == before ? "no such record" : dns_rcode_name(a->rcode, code),
	       a->security < sizeof(securities) / sizeof(securities[0]) ? securities[a->security]
									: "unknown");
	if (a->reason.n > 0)
		printf(": %.*s", STR_ARG(a->reason));
	printf("\n");
}

static int co_ask_all(struct chan *c, void *arg)
{
	const struct request *r = arg;
	unsigned found = 0;

	for (unsigned i = 0; i < r->type_count; i++) {
		struct lookup_question q = {.name = r->name, .type = r->types[i]};
		struct lookup_answer a;
		struct chan_parcel store;
		struct err e;

		if (co_ask_lookup(c, &q, deadline_in(DEADLINE_MS), &store, &a, &e) != 0) {
			fprintf(stderr, "mailstead: %s\n", e.text);
			return EXIT_FAILED;
		}
		print_answer(r, r->types[i], &a, &found);
		chan_parcel_free(&store);
	}
	return found > 0 ? EXIT_DONE : EXIT_FAILED;
}

int cmd_lookup(int argc, char **argv, const struct settings *s)
{
	struct request r = {.types = {DNS_A, DNS_AAAA}, .type_count = 2};
	struct buf reverse;
	int status;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: mailstead lookup NAME [TYPE]\n");
		return EXIT_USAGE;
	}
	r.name = str_of(argv[1]);
	if (argc == 3) {
		r.types[0] = dns_type_of(str_of(argv[2]));
		r.type_count = 1;
	}
	if (r.types[0] == 0) {
		fprintf(stderr,
			"mailstead: unknown record type %s; one is A, AAAA, MX, TXT, PTR, TLSA or TYPEn\n",
			argv[2]);
		return EXIT_USAGE;
	}
	buf_init(&reverse, 200);
	if (dns_reverse_name(r.name, &reverse)) {
		r.name = buf_str(&reverse);
		if (argc == 2) {
			r.types[0] = DNS_PTR;
			r.type_count = 1;
		}
	}
	status = ask_room(s, "resolver", co_ask_all, &r);
	buf_free(&reverse);
	return status;
}
