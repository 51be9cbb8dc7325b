/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the resolver (see names.h). */
#include "gate/names.h"

#include "base/clock.h"
#include "format/dns.h"
#include "net/messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All questions about a client's name together. */
#define NAME_MS 5000
#define RCODE_GOOD 0
#define RCODE_NXDOMAIN 3

/* The records of an answer; it is freed with chan_parcel_free(). */
struct records {
	struct chan_parcel store;
	struct reader rest;
	uint8_t rcode;
};

static int co_ask_dns(struct chan *resolver, struct str name, uint16_t type, int64_t deadline,
		      struct records *out)
{
	struct lookup_question q = {.name = name, .type = type};
	struct lookup_answer a;
	struct err e;
	int code = co_ask_lookup(resolver, &q, deadline, &out->store, &a, &e);

	if (code)
		return code;
	out->rest = reader_of(a.records);
	out->rcode = a.rcode;
	return ERR_OK;
}

/* The data of the next record; false behind the last one. */
static bool next_record(struct records *r, struct str *data)
{
	if (r->rest.rest.n == 0)
		return false;
	*data = read_bytes(&r->rest, read_u16(&r->rest));
	return !r->rest.failed;
}

/* --- the name of a client ------------------------------------------------------------------------- */

/* A host name in the one form that names have here; whatever else PTR says is none. */
static bool read_host(struct str data, struct domain *out)
{
	struct reader r = reader_of(data);
	struct buf name;
	bool good;

	buf_init(&name, 4 * DOMAIN_RAW_MAX);
	good = dns_name_read(&r, &name) && reader_done(&r) && !buf_failed(&name) && name.n > 1;
	if (good)
		good = domain_parse(str_head(buf_str(&name), name.n - 1), false, out) == 0 &&
		       out->kind == DOMAIN_NAME;
	buf_free(&name);
	return good;
}

static bool co_ask_host(const struct client_name *n, int64_t deadline, struct domain *host)
{
	struct records records;
	struct buf name;
	struct str data;

	buf_init(&name, 128);
	bool good = dns_reverse_name(str_of(n->client.ip), &name) &&
		    co_ask_dns(n->resolver, buf_str(&name), DNS_PTR, deadline, &records) == 0;

	buf_free(&name);
	if (!good)
		return false;
	good = next_record(&records, &data) && read_host(data, host);
	chan_parcel_free(&records.store);
	return good;
}

/* Whoever has an address may call it what he likes, but not whoever has the name. */
static bool co_has_address(const struct client_name *n, struct str host, int64_t deadline)
{
	uint16_t type = n->client.address_n == 4 ? DNS_A : DNS_AAAA;
	struct records records;
	struct str data;
	bool found = false;

	if (co_ask_dns(n->resolver, host, type, deadline, &records) != 0)
		return false;
	while (!found && next_record(&records, &data))
		found = str_eq(data, client_address(&n->client));
	chan_parcel_free(&records.store);
	return found;
}

static void name_fiber(void *arg)
{
	struct client_name *n = arg;
	int64_t deadline = deadline_in(NAME_MS);
	struct domain host;

	if (co_ask_host(n, deadline, &host) && co_has_address(n, domain_str(&host), deadline))
		snprintf(n->text, sizeof(n->text), "%.*s", STR_ARG(domain_str(&host)));
	n->done = true;
	if (n->waiting)
		fiber_wake(n->waiting, ERR_OK);
	client_name_drop(&n);
}

static bool is_localhost(const struct client *c)
{
	return strcmp(c->ip, "127.0.0.1") == 0 || strcmp(c->ip, "::1") == 0;
}

struct client_name *client_name_begin(const struct client *c, struct chan *resolver, struct fiber_group *g)
{
	struct client_name *n = c->address_n > 0 && resolver ? calloc(1, sizeof(*n)) : NULL;

	if (!n)
		return NULL;
	*n = (struct client_name){.users = 2, .resolver = resolver, .client = *c};
	/* The DNS has nothing to say of loopback addresses (RFC 6303 4.2, RFC 6761 6.3). */
	if (is_localhost(c) || (c->address_n == 4 && c->address[0] == 127)) {
		snprintf(n->text, sizeof(n->text), "%s", is_localhost(c) ? "localhost" : "");
		n->users = 1;
		n->done = true;
		return n;
	}
	if (fiber_start(g, name_fiber, n) == 0)
		return n;
	free(n);
	return NULL;
}

int co_client_name_wait(struct client_name *n, int64_t deadline)
{
	int code = ERR_OK;

	while (n && !n->done && code == ERR_OK) {
		n->waiting = fiber_self();
		code = co_park(deadline);
		n->waiting = NULL;
	}
	return code == ERR_TIMEOUT ? ERR_OK : code;
}

const char *client_name_text(const struct client_name *n)
{
	return n && n->text[0] ? n->text : "unknown";
}

void client_name_drop(struct client_name **n)
{
	struct client_name *old = *n;

	*n = NULL;
	if (old && --old->users == 0)
		free(old);
}

/* --- the domain of a sender ------------------------------------------------------------------------ */

/* A preference and the root (RFC 7505 3). */
static bool is_null_mx(struct str data)
{
	return data.n == 3 && data.p[2] == 0;
}

static enum domain_mail co_look_for(struct chan *resolver, struct str domain, uint16_t type, int64_t deadline)
{
	enum domain_mail found = DOMAIN_MAIL_NONE;
	struct records records;
	struct str data;

	if (co_ask_dns(resolver, domain, type, deadline, &records) != 0)
		return DOMAIN_MAIL_UNSURE;
	if (records.rcode != RCODE_GOOD && records.rcode != RCODE_NXDOMAIN)
		found = DOMAIN_MAIL_UNSURE;
	else if (next_record(&records, &data))
		found = type == DNS_MX && is_null_mx(data) && records.rest.rest.n == 0 ? DOMAIN_MAIL_REFUSED
										       : DOMAIN_MAIL_GOOD;
	chan_parcel_free(&records.store);
	return found;
}

/* RFC 5321 5.1: a domain without MX is its own. */
enum domain_mail co_domain_mail(struct chan *resolver, struct str domain, int64_t deadline)
{
	static const uint16_t types[] = {DNS_MX, DNS_A, DNS_AAAA};
	enum domain_mail found = DOMAIN_MAIL_NONE;

	for (size_t i = 0; i < 3 && found == DOMAIN_MAIL_NONE; i++)
		found = co_look_for(resolver, domain, types[i], deadline);
	return found;
}
