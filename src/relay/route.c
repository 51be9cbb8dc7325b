/* SPDX-License-Identifier: Apache-2.0 */
/* Next hops (see route.h). */
#include "relay/route.h"

#include "base/clock.h"
#include "format/dns.h"
#include "format/domain.h"
#include "net/messages.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define RCODE_NOERROR 0
#define RCODE_NXDOMAIN 3
#define TLS_PORT 465
#define NAME_MAX_SHOWN 1024

/* --- asking the DNS -------------------------------------------------------------------------- */

enum finding { FOUND, FOUND_NOTHING, FOUND_NO_NAME, FOUND_LATER, FOUND_CANCELLED };

/* Postfix's words: people and scripts look for them. */
static const struct {
	const char *status, *words;
} failures[] = {
	[FOUND_NOTHING] = {"5.4.4", "Host found but no data record of requested type"},
	[FOUND_NO_NAME] = {"5.4.4", "Host not found"},
	[FOUND_LATER] = {"4.4.3", "Host not found, try again"},
};

static void explain(struct route *r, enum finding finding, const char *name, const char *type)
{
	/* What may pass is not covered by what will not. */
	if (r->why.status[0] == '4')
		return;
	verdict_set(&r->why, failures[finding].status,
		    "Host or domain name not found. Name service error for name=%s type=%s: %s", name, type,
		    failures[finding].words);
}

/* With FOUND the answer's parcel is the caller's. */
static enum finding co_ask_dns(struct route *r, const char *name, uint16_t type, struct chan_parcel *store,
			       struct lookup_answer *a)
{
	struct lookup_question q = {.name = str_of(name), .type = type};
	int64_t deadline = deadline_in(r->config->limits.lookup_ms);
	struct err e;
	int code =
		co_ask_lookup(r->resolver, &q, deadline < r->deadline ? deadline : r->deadline, store, a, &e);

	if (code)
		return code == ERR_CANCELLED ? FOUND_CANCELLED : FOUND_LATER;
	enum finding finding = a->rcode == RCODE_NXDOMAIN  ? FOUND_NO_NAME
			       : a->rcode != RCODE_NOERROR ? FOUND_LATER
			       : a->records.n == 0         ? FOUND_NOTHING
							   : FOUND;

	if (finding != FOUND)
		chan_parcel_free(store);
	return finding;
}

/* Takes the next record off; false at the end. */
static bool next_record(struct reader *records, struct str *data)
{
	if (records->rest.n == 0)
		return false;
	*data = read_bytes(records, read_u16(records));
	return !records->failed;
}

/* --- MX records ---------------------------------------------------------------------------------- */

struct mx {
	uint16_t preference;
	char name[256]; /* without its final dot; empty: "." */
};

/* False for what names no host. */
static bool read_mx(struct str data, struct mx *mx)
{
	struct reader reader = reader_of(str_skip(data, 2));
	struct buf name;

	buf_init(&name, NAME_MAX_SHOWN);
	bool good = data.n > 2 && dns_name_read(&reader, &name) && name.n <= DOMAIN_MAX + 1 &&
		    str_find(buf_str(&name), '\\') == STR_NONE;

	if (good) {
		mx->preference = (uint16_t)((unsigned char)data.p[0] << 8 | (unsigned char)data.p[1]);
		snprintf(mx->name, sizeof(mx->name), "%.*s", (int)name.n - 1, name.p);
	}
	buf_free(&name);
	return good;
}

static bool comes_before(const struct route_host *a, const struct route_host *b)
{
	return a->preference != b->preference ? a->preference < b->preference : a->order < b->order;
}

/* Into its place; the last one falls out when there are too many. */
static void add_host(struct route *r, const struct mx *mx)
{
	struct route_host host = {.preference = mx->preference};
	unsigned at = r->host_count;

	/* Without randomness the order is that of the name server, which shuffles as well. */
	if (getrandom(&host.order, sizeof(host.order), GRND_NONBLOCK) != sizeof(host.order))
		host.order = at;
	snprintf(host.name, sizeof(host.name), "%s", mx->name);
	while (at > 0 && comes_before(&host, &r->hosts[at - 1]))
		at--;
	if (at == ROUTE_HOSTS_MAX)
		return;
	if (r->host_count < ROUTE_HOSTS_MAX)
		r->host_count++;
	memmove(&r->hosts[at + 1], &r->hosts[at], (r->host_count - 1 - at) * sizeof(host));
	r->hosts[at] = host;
}

struct mx_survey {
	unsigned count;
	bool has_root; /* "." */
	bool has_us;
	uint16_t ours; /* our best preference */
};

static void survey_mx(const struct route *r, struct str records, struct mx_survey *s)
{
	struct reader reader = reader_of(records);
	struct str data;
	struct mx mx;

	while (next_record(&reader, &data)) {
		if (!read_mx(data, &mx))
			continue;
		bool is_us = str_eq_nocase(str_of(mx.name), str_of(r->config->hostname));

		s->count++;
		s->has_root = s->has_root || mx.name[0] == 0;
		if (is_us && (!s->has_us || mx.preference < s->ours))
			s->ours = mx.preference;
		s->has_us = s->has_us || is_us;
	}
}

static void take_hosts(struct route *r, struct str records, const struct mx_survey *s)
{
	struct reader reader = reader_of(records);
	struct str data;
	struct mx mx;

	while (next_record(&reader, &data))
		if (read_mx(data, &mx) && mx.name[0] != 0 && (!s->has_us || mx.preference < s->ours))
			add_host(r, &mx);
}

static int take_mx(struct route *r, const char *domain, struct str records)
{
	struct mx_survey s = {0};

	survey_mx(r, records, &s);
	take_hosts(r, records, &s);
	if (r->host_count > 0)
		return ERR_OK;
	if (s.has_us)
		verdict_set(&r->why, "5.4.6", "mail for %s loops back to myself", domain);
	else if (s.has_root)
		/* RFC 7505 4.1 would have 5.1.10; this is what Postfix says. */
		verdict_set(&r->why, "5.1.0", "Domain %s does not accept mail (nullMX)", domain);
	else
		verdict_set(&r->why, "4.4.3", "the MX records of %s name no host", domain);
	return ERR_NOT_FOUND;
}

static void only_host(struct route *r, const char *name)
{
	struct mx mx = {0};

	snprintf(mx.name, sizeof(mx.name), "%s", name);
	add_host(r, &mx);
}

static int co_look_for_mx(struct route *r, const char *domain)
{
	struct lookup_answer a;
	struct chan_parcel store;
	enum finding finding = co_ask_dns(r, domain, DNS_MX, &store, &a);

	if (finding == FOUND) {
		int code = take_mx(r, domain, a.records);

		chan_parcel_free(&store);
		return code;
	}
	if (finding == FOUND_CANCELLED)
		return ERR_CANCELLED;
	if (finding != FOUND_NOTHING) {
		explain(r, finding, domain, "MX");
		return ERR_NOT_FOUND;
	}
	only_host(r, domain);
	return ERR_OK;
}

/* --- addresses --------------------------------------------------------------------------------------- */

static void add_address(struct route *r, const void *bytes, size_t n)
{
	struct route_address *a = &r->addresses[r->address_count];

	if (r->address_count == ROUTE_ADDRESSES_MAX)
		return;
	a->n = (uint8_t)n;
	memcpy(a->bytes, bytes, n);
	r->address_count++;
}

static bool add_written_address(struct route *r, const char *text)
{
	unsigned char bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1)
		add_address(r, bytes, 4);
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		add_address(r, bytes, 16);
	return r->address_count > 0;
}

static const struct {
	uint16_t type;
	uint8_t n;
	const char *name;
} kinds[] = {{DNS_AAAA, 16, "AAAA"}, {DNS_A, 4, "A"}};

/* Half of the places are for each kind, so that a host with many of the one that does not work
 * here is still reached. */
static void take_addresses(struct route *r, struct str records, unsigned kind)
{
	struct reader reader = reader_of(records);
	unsigned max = (kind + 1) * ROUTE_ADDRESSES_MAX / 2;
	struct str data;

	while (r->address_count < max && next_record(&reader, &data))
		if (data.n == kinds[kind].n)
			add_address(r, data.p, data.n);
}

/* All of them, or none; then `why` says it. */
static int co_look_for_addresses(struct route *r, const char *name)
{
	for (unsigned kind = 0; kind < 2; kind++) {
		struct lookup_answer a;
		struct chan_parcel store;
		enum finding finding = co_ask_dns(r, name, kinds[kind].type, &store, &a);

		if (finding == FOUND_CANCELLED)
			return ERR_CANCELLED;
		if (finding != FOUND) {
			explain(r, finding, name, kinds[kind].name);
			continue;
		}
		take_addresses(r, a.records, kind);
		chan_parcel_free(&store);
	}
	return ERR_OK;
}

static void hop_fill(const struct route *r, const char *name, const struct route_address *a, struct hop *out)
{
	struct sockaddr_in *v4 = (void *)&out->address;
	struct sockaddr_in6 *v6 = (void *)&out->address;
	char text[INET6_ADDRSTRLEN];

	*out = (struct hop){.is_relay_host = r->to_relay_host};
	if (a->n == 4) {
		*v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(r->port)};
		memcpy(&v4->sin_addr, a->bytes, 4);
		out->address_n = sizeof(*v4);
	} else {
		*v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(r->port)};
		memcpy(&v6->sin6_addr, a->bytes, 16);
		out->address_n = sizeof(*v6);
	}
	inet_ntop(a->n == 4 ? AF_INET : AF_INET6, a->bytes, text, sizeof(text));
	snprintf(out->name, sizeof(out->name), "%s", name[0] ? name : text);
	out->has_name = name[0] != 0;
	out->tls_first = r->to_relay_host && r->port == TLS_PORT;
	snprintf(out->peer, sizeof(out->peer), "%.255s[%s]", out->name, text);
	snprintf(out->mta, sizeof(out->mta), "%.255s[%s]:%u", out->name, text, r->port);
}

int co_route_next(struct route *r, struct hop *out)
{
	while (r->address_at == r->address_count) {
		if (r->host_at == r->host_count)
			return ERR_NOT_FOUND;
		r->address_count = r->address_at = 0;
		int code = co_look_for_addresses(r, r->hosts[r->host_at++].name);

		if (code)
			return code;
	}
	hop_fill(r, r->host_at > 0 ? r->hosts[r->host_at - 1].name : "", &r->addresses[r->address_at++], out);
	return ERR_OK;
}

/* --- the beginning ------------------------------------------------------------------------------------- */

static int co_open_relay_host(struct route *r)
{
	const struct relay_config *c = r->config;

	r->to_relay_host = true;
	r->port = c->host_port;
	if (add_written_address(r, c->host))
		return ERR_OK;
	if (!c->host_direct)
		return co_look_for_mx(r, c->host);
	only_host(r, c->host);
	return ERR_OK;
}

static int co_open_domain(struct route *r, struct str domain)
{
	struct domain d;

	if (domain_parse(domain, false, &d) != 0 || d.kind == DOMAIN_NONE || d.kind == DOMAIN_GENERAL) {
		verdict_set(&r->why, "5.1.2", "mail cannot be sent to such a domain");
		return ERR_NOT_FOUND;
	}
	if (d.kind == DOMAIN_NAME) {
		char name[DOMAIN_MAX + 2];

		snprintf(name, sizeof(name), "%.*s", STR_ARG(domain_str(&d)));
		return co_look_for_mx(r, name);
	}
	add_address(r, d.ip, d.kind == DOMAIN_IPV4 ? 4 : 16);
	return ERR_OK;
}

int co_route_open(struct route *r, struct chan *resolver, const struct relay_config *config,
		  struct str domain, int64_t deadline)
{
	*r = (struct route){
		.resolver = resolver, .config = config, .deadline = deadline, .port = config->port};
	if (config->host[0])
		return co_open_relay_host(r);
	if (domain.n > 0)
		return co_open_domain(r, domain);
	/* A reload took relay_host away while the question was on its way. */
	verdict_set(&r->why, "4.3.5", "there is no relay_host");
	return ERR_NOT_FOUND;
}
