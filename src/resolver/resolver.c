/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resolver room (see resolver.h).
 *
 * Two libunbound contexts stand side by side: one that validates and one that does
 * not.  A context is final after its first use and cannot start its thread behind
 * the walls, so both are made ready in time, and a look-up goes to the one that fits:
 *
 *   hourly: ask for `. DNSKEY` (plain) -> signatures came? -> use `validating` : use `plain`
 *
 * 1. libunbound calls back only from ub_process, in our thread.
 * 2. A look-up that was given up stays in `open` until its answer came: libunbound still
 *    has its address.
 */
#include "resolver/resolver.h"

#include "base/clock.h"
#include "format/dns.h"
#include "net/io.h"
#include "net/log.h"
#include "net/messages.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unbound.h>

#define CLASS_IN 1
#define RCODE_SERVFAIL 2
#define CHECK_EVERY_MS (60 * 60 * 1000)
#define CHECK_DEADLINE_MS 8000
#define FIRST_CHECK_MS 500
#define LOOKUPS_MAX 1024
#define RECORDS_MAX 65000

struct lookup {
	struct lookup *next, **prev;
	struct fiber *asker; /* NULL: gave up */
	struct ub_result *result;
	int failure;
	bool done;
};

struct context {
	struct ub_ctx *ub;
	struct io io;
	struct resolver *resolver;
};

struct resolver {
	struct context plain, validating;
	bool has_anchor;
	bool validates;
	bool checked; /* once, since the start */
	struct lookup *open;
};

/* --- contexts ----------------------------------------------------------------------------- */

struct option {
	const char *name, *value;
};

static const struct option options[] = {
	{"do-not-query-localhost:", "no"}, /* the configured server may be on this machine */
	{"unblock-lan-zones:", "yes"}, /* reverse names of private networks are the server's to say */
	{"msg-cache-size:", "1m"},
	{"rrset-cache-size:", "2m"},
	{"key-cache-size:", "1m"},
	{"neg-cache-size:", "256k"},
	{"module-config:", "validator iterator"},
	{NULL, NULL},
};

static int set_options(struct ub_ctx *ub, struct err *e)
{
	for (const struct option *o = options; o->name; o++) {
		int code = ub_ctx_set_option(ub, o->name, o->value);

		if (code)
			return err_set(e, ERR_INVALID, "libunbound refuses %s %s: %s", o->name, o->value,
				       ub_strerror(code));
	}
	return ERR_OK;
}

static int set_server(struct ub_ctx *ub, const struct sockaddr_storage *server, struct err *e)
{
	char address[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 8];
	const struct sockaddr_in *v4 = (const void *)server;
	const struct sockaddr_in6 *v6 = (const void *)server;
	bool is_v6 = server->ss_family == AF_INET6;

	inet_ntop(server->ss_family, is_v6 ? (const void *)&v6->sin6_addr : &v4->sin_addr, address,
		  sizeof(address));
	snprintf(text, sizeof(text), "%s@%u", address, ntohs(is_v6 ? v6->sin6_port : v4->sin_port));
	int code = ub_ctx_set_fwd(ub, text);

	return code ? err_set(e, ERR_INVALID, "libunbound refuses the server %s: %s", text, ub_strerror(code))
		    : 0;
}

static int add_anchor(struct ub_ctx *ub, struct str text, struct err *e)
{
	char line[2048];

	while (text.n > 0) {
		struct str record = str_trim_line(str_cut(&text, '\n'));

		if (record.n == 0 || record.p[0] == ';' || record.p[0] == '#')
			continue;
		snprintf(line, sizeof(line), "%.*s", STR_ARG(record));
		if (record.n >= sizeof(line) || ub_ctx_add_ta(ub, line) != 0)
			return err_set(e, ERR_INVALID, "not a trust anchor: %.*s",
				       STR_ARG(str_head(record, 80)));
	}
	return ERR_OK;
}

/* Names under test. go to the configured server; libunbound would answer them itself. */
static int open_test_zone(struct ub_ctx *ub, struct err *e)
{
	int code = ub_ctx_zone_add(ub, "test.", "transparent");

	return code ? err_set(e, ERR_INVALID, "libunbound refuses the zone test.: %s", ub_strerror(code)) : 0;
}

/* Finishes the context while files can still be opened: a name that libunbound
 * knows by itself. */
static int settle(struct ub_ctx *ub, struct err *e)
{
	struct ub_result *result = NULL;
	int code = ub_resolve(ub, "localhost.", DNS_A, CLASS_IN, &result);

	if (code)
		return err_set(e, ERR_IO, "libunbound does not start: %s", ub_strerror(code));
	ub_resolve_free(result);
	return ERR_OK;
}

static int make_context(struct role *role, struct resolver *r, struct context *c, struct str anchor,
			struct err *e)
{
	const struct sockaddr_storage *server = settings_resolver(role_settings(role), SET_RESOLVER);
	int code;

	c->resolver = r;
	c->io.fd = -1;
	c->ub = ub_ctx_create();
	if (!c->ub)
		return err_set(e, ERR_MEMORY, "libunbound does not start");
	/* A thread of this process, not a process. */
	ub_ctx_async(c->ub, 1);
	/* Zones last: a context that was told of them takes neither a server nor an anchor. */
	if ((code = set_options(c->ub, e)) || (server && (code = set_server(c->ub, server, e))) ||
	    (code = add_anchor(c->ub, anchor, e)) || (server && (code = open_test_zone(c->ub, e))))
		return code;
	return settle(c->ub, e);
}

static int warm_up(struct role *role, void **state, struct err *e)
{
	struct resolver *r = calloc(1, sizeof(*r));
	struct str anchor = role_file(role, "trust_anchor");
	int code;

	if (!r)
		return err_set(e, ERR_MEMORY, "no memory");
	*state = r;
	code = make_context(role, r, &r->plain, STR(""), e);
	if (code == 0 && anchor.n > 0) {
		r->has_anchor = true;
		code = make_context(role, r, &r->validating, anchor, e);
	}
	return code;
}

/* --- look-ups ---------------------------------------------------------------------------------- */

static void unlink_lookup(struct lookup *l)
{
	*l->prev = l->next;
	if (l->next)
		l->next->prev = l->prev;
	free(l);
}

static void on_result(void *arg, int failure, struct ub_result *result)
{
	struct lookup *l = arg;

	l->done = true;
	l->failure = failure;
	l->result = result;
	if (l->asker)
		fiber_wake(l->asker, ERR_OK);
	else {
		ub_resolve_free(result);
		unlink_lookup(l);
	}
}

static struct lookup *begin_lookup(struct context *c, struct str name, uint16_t type, struct err *e)
{
	struct lookup *l = calloc(1, sizeof(*l));
	char z[1025];

	if (!l || name.n >= sizeof(z)) {
		free(l);
		err_set(e, ERR_INVALID, "the name is too long");
		return NULL;
	}
	memcpy(z, name.p, name.n);
	z[name.n] = 0;
	l->asker = fiber_self();
	l->prev = &c->resolver->open;
	l->next = *l->prev;
	if (l->next)
		l->next->prev = &l->next;
	*l->prev = l;
	int code = ub_resolve_async(c->ub, z, type, CLASS_IN, l, on_result, NULL);

	if (code) {
		unlink_lookup(l);
		err_set(e, ERR_INVALID, "cannot look up %s: %s", z, ub_strerror(code));
		return NULL;
	}
	return l;
}

/* The result is the caller's: ub_resolve_free. */
static int co_look_up(struct context *c, struct str name, uint16_t type, int64_t deadline,
		      struct ub_result **result, struct err *e)
{
	struct lookup *l = begin_lookup(c, name, type, e);
	int code = ERR_OK;

	if (!l)
		return e->code;
	while (!l->done && code == ERR_OK)
		code = co_park(deadline);
	if (!l->done) {
		l->asker = NULL;
		return err_set(e, code, "no name server answered in time");
	}
	*result = l->result;
	int failure = l->failure;

	unlink_lookup(l);
	return failure ? err_set(e, ERR_IO, "the look-up failed: %s", ub_strerror(failure)) : ERR_OK;
}

static void process_fiber(void *arg)
{
	struct context *c = arg;

	while (co_wait_readable(&c->io, NO_DEADLINE) == ERR_OK)
		ub_process(c->ub);
	io_release(&c->io);
}

/* --- does DNSSEC come through? ------------------------------------------------------------------------ */

static int co_signatures_come(struct resolver *r, bool *come)
{
	struct ub_result *result;
	struct err e;
	int code = co_look_up(&r->plain, STR("."), DNS_DNSKEY, deadline_in(CHECK_DEADLINE_MS), &result, &e);

	*come = false;
	if (code)
		return code;
	struct str message = {result->answer_packet,
			      (size_t)(result->answer_len > 0 ? result->answer_len : 0)};

	*come = dns_answer_count(message, DNS_RRSIG) > 0;
	ub_resolve_free(result);
	return ERR_OK;
}

static void say_what_is_checked(const struct resolver *r)
{
	if (r->validates)
		log_line(LOG_INFO, "answers are validated with DNSSEC");
	else if (r->has_anchor)
		log_line(LOG_WARNING,
			 "the name server gives no DNSSEC signatures: answers are not validated and "
			 "DANE is off; `resolver = recursive` asks the root servers itself");
	else
		log_line(LOG_WARNING, "there is no trust anchor: answers are not validated and DANE is off");
}

/* A server that does not answer gives no signatures either: 0.  ERR_CANCELLED: end. */
static int co_check(struct resolver *r)
{
	bool before = r->validates, first = !r->checked, come;
	int code = co_signatures_come(r, &come);

	if (code == ERR_CANCELLED)
		return code;
	r->validates = r->has_anchor && come;
	r->checked = true;
	if (first || r->validates != before)
		say_what_is_checked(r);
	return ERR_OK;
}

static void check_fiber(void *arg)
{
	while (co_check(arg) == ERR_OK && co_sleep_until(deadline_in(CHECK_EVERY_MS)) == ERR_OK)
		;
}

/* The first answers wait a moment for the first check, so that they too are validated. */
static void co_await_check(const struct resolver *r)
{
	int64_t deadline = deadline_in(FIRST_CHECK_MS);

	while (!r->checked && clock_ms() < deadline && co_sleep_until(deadline_in(5)) == ERR_OK)
		;
}

/* --- the question ------------------------------------------------------------------------------------------ */

static void add_records(const struct ub_result *result, struct buf *out)
{
	for (int i = 0; result->data && result->data[i]; i++) {
		size_t before = out->n;

		buf_put_u16(out, (uint16_t)result->len[i]);
		buf_add(out, result->data[i], (size_t)result->len[i]);
		/* More than a message holds: whole records only. */
		if (buf_failed(out)) {
			out->failed = false;
			buf_truncate(out, before);
			return;
		}
	}
}

static void answer_with(struct chan_parcel *p, const struct ub_result *result)
{
	struct buf records;

	buf_init(&records, RECORDS_MAX);
	struct lookup_answer a = {
		.rcode = result->bogus ? RCODE_SERVFAIL : (uint8_t)result->rcode,
		.security = result->bogus    ? DNS_BOGUS
			    : result->secure ? DNS_SECURE
					     : DNS_INSECURE,
		.ttl = result->ttl > 0 ? (uint32_t)result->ttl : 0,
		.canonical = str_head(str_of(result->canonname), 1024),
		.reason = str_head(str_of(result->why_bogus), 512),
	};

	if (!result->bogus)
		add_records(result, &records);
	a.records = buf_str(&records);
	lookup_answer(p, &a);
	buf_free(&records);
}

static void co_on_lookup(void *state, struct chan_parcel *p)
{
	struct resolver *r = state;
	struct lookup_question q;
	struct ub_result *result = NULL;
	struct err e;

	if (!lookup_take(p, &q))
		return;
	co_await_check(r);
	struct context *c = r->validates ? &r->validating : &r->plain;

	if (q.name.n == 0 || q.type == 0 || memchr(q.name.p, 0, q.name.n))
		chan_refuse(p, ERR_INVALID, "no name or no type to look up");
	else if (co_look_up(c, q.name, q.type, p->deadline, &result, &e) != 0)
		chan_refuse(p, e.code, "%s", e.text);
	else {
		assert(result);
		answer_with(p, result);
		ub_resolve_free(result);
	}
}

static const struct chan_handler handlers[] = {{MSG_LOOKUP, co_on_lookup}, {0, NULL}};

/* --- life -------------------------------------------------------------------------------------------------- */

/* The first asynchronous look-up starts a context's thread; its answer is dropped. */
static int start_thread(struct context *c, struct err *e)
{
	struct lookup *l = begin_lookup(c, STR("localhost."), DNS_A, e);

	if (!l)
		return e->code;
	l->asker = NULL;
	return ERR_OK;
}

static int start_threads(struct role *role, void *state, struct err *e)
{
	struct resolver *r = state;
	int code = start_thread(&r->plain, e);

	if (code == 0 && r->has_anchor)
		code = start_thread(&r->validating, e);
	return code;
}

static int listen_to(struct role *role, struct context *c, struct err *e)
{
	if (io_open(&c->io, ub_fd(c->ub)) != 0 || fiber_start(role_fibers(role), process_fiber, c) != 0)
		return err_set(e, ERR_MEMORY, "cannot listen to libunbound");
	return ERR_OK;
}

static int co_start(struct role *role, void *state, struct err *e)
{
	struct resolver *r = state;
	int code = listen_to(role, &r->plain, e);

	if (code == 0 && r->has_anchor)
		code = listen_to(role, &r->validating, e);
	if (code)
		return code;
	return fiber_start(role_fibers(role), check_fiber, r) == 0 ? ERR_OK
								   : err_set(e, ERR_MEMORY, "no memory");
}

static void free_state(void *state)
{
	struct resolver *r = state;

	if (!r)
		return;
	ub_ctx_delete(r->plain.ub);
	ub_ctx_delete(r->validating.ub);
	for (struct lookup *l = r->open, *next; l; l = next) {
		next = l->next;
		free(l);
	}
	free(r);
}

const struct room_ops resolver_room = {
	.room = ROOM_RESOLVER,
	.handlers = handlers,
	.handlers_max = LOOKUPS_MAX,
	.warm_up = warm_up,
	.start_threads = start_threads,
	.co_start = co_start,
	.free_state = free_state,
};
