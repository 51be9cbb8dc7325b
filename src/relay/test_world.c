/* SPDX-License-Identifier: Apache-2.0 */
/* What lies around relay, played (see test_world.h). */
#include "relay/test_world.h"

#include "base/clock.h"
#include "format/dns.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"

#include <arpa/inet.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 20000

static void fail(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void fail(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->failure[0])
		return;
	va_start(ap, fmt);
	vsnprintf(w->failure, sizeof(w->failure), fmt, ap);
	va_end(ap);
}

/* --- the name server --------------------------------------------------------------------------- */

static const struct world_record usual[] = {
	{"b.test", DNS_MX, "10 mx1.b.test"},   {"mx1.b.test", DNS_A, "127.0.0.1"},
	{"two.test", DNS_MX, "10 mx1.b.test"}, {"two.test", DNS_MX, "20 mx2.b.test"},
	{"mx2.b.test", DNS_A, "127.0.0.2"},    {NULL, 0, NULL},
};

static void put_name(struct buf *out, struct str name)
{
	while (name.n > 0) {
		struct str label = str_cut(&name, '.');

		buf_put_u8(out, (uint8_t)label.n);
		buf_add_str(out, label);
	}
	buf_put_u8(out, 0);
}

static void put_data(struct buf *out, const struct world_record *r)
{
	struct str data = str_of(r->data);
	unsigned char address[16];
	uint32_t preference;

	if (inet_pton(AF_INET, r->data, address) == 1)
		buf_add(out, address, 4);
	else if (inet_pton(AF_INET6, r->data, address) == 1)
		buf_add(out, address, 16);
	else {
		if (!str_to_u32(str_cut_word(&data), &preference))
			abort();
		buf_put_u8(out, (uint8_t)(preference >> 8));
		buf_put_u8(out, (uint8_t)preference);
		data = str_trim(data);
		put_name(out, str_eq(data, STR(".")) ? STR("") : data);
	}
}

static void put_record(struct buf *out, const struct world_record *r)
{
	struct buf data;

	buf_init(&data, 512);
	put_data(&data, r);
	buf_put_u16(out, (uint16_t)data.n);
	buf_add_str(out, buf_str(&data));
	buf_free(&data);
}

static void co_on_lookup(void *arg, struct chan_parcel *p)
{
	struct world *w = arg;
	struct lookup_question q;
	struct lookup_answer a = {.rcode = 3};
	struct buf records;

	if (!lookup_take(p, &q))
		return;
	w->lookups++;
	buf_init(&records, 65536);
	for (const struct world_record *r = w->records ? w->records : usual; r->name; r++) {
		if (!str_eq_nocase(q.name, str_of(r->name)))
			continue;
		if (strcmp(r->data, "SILENT") == 0) {
			co_sleep_until(deadline_in(WAIT_MS));
			break;
		}
		if (a.rcode == 2)
			continue;
		a.rcode = strcmp(r->data, "SERVFAIL") == 0 ? 2 : 0;
		if (a.rcode == 0 && r->type == q.type)
			put_record(&records, r);
	}
	a.records = buf_str(&records);
	lookup_answer(p, &a);
	buf_free(&records);
}

static const struct chan_handler resolver_handlers[] = {{MSG_LOOKUP, co_on_lookup}, {0, NULL}};

static void open_resolver(struct world *w)
{
	struct chan_rules ask = {.window = 64, .longest_ms = 120000, .fibers = &w->handlers};
	struct chan_rules serve = {
		.handlers = resolver_handlers, .room = w, .fibers = &w->handlers, .longest_ms = 120000};
	int fds[2];

	w->resolver = chan_new("resolver/0", &ask);
	w->resolver_end = chan_new("relay/0", &serve);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		abort();
	chan_attach(w->resolver, fds[0], 1);
	chan_attach(w->resolver_end, fds[1], 1);
}

/* --- mail servers ---------------------------------------------------------------------------------- */

struct visit {
	struct world *w;
	const char *script;
	int fd;
};

static void unescape(struct str s, struct buf *out)
{
	static const char codes[] = "rn0\\", bytes[] = "\r\n\0\\";

	for (size_t i = 0; i < s.n; i++) {
		const char *code = s.p[i] == '\\' && i + 1 < s.n ? strchr(codes, s.p[i + 1]) : NULL;

		buf_add_c(out, code ? bytes[code - codes] : s.p[i]);
		i += code != NULL;
	}
}

static void co_send(struct stream *s, struct str text, bool with_end)
{
	struct buf bytes;

	buf_init(&bytes, 65536);
	unescape(text, &bytes);
	if (with_end)
		buf_add_z(&bytes, "\r\n");
	co_stream_put(s, buf_str(&bytes), deadline_in(WAIT_MS));
	co_stream_flush(s, deadline_in(WAIT_MS));
	buf_free(&bytes);
}

static void co_send_many(struct stream *s, uint32_t n)
{
	char block[1000];

	memset(block, 'x', sizeof(block));
	for (; n >= sizeof(block); n -= (uint32_t)sizeof(block))
		if (co_stream_put(s, (struct str){block, sizeof(block)}, deadline_in(WAIT_MS)) != 0)
			return;
	co_stream_flush(s, deadline_in(WAIT_MS));
}

static void co_expect(struct world *w, struct stream *s, struct str pattern)
{
	struct str line = {NULL, 0};
	int code = co_stream_line(s, 4096, deadline_in(WAIT_MS), &line);
	bool open = str_ends(pattern, STR("*")), good = code == 0 && str_ends(line, STR("\r\n"));

	if (good)
		line.n -= 2;
	pattern.n -= open;
	if (!good || !(open ? str_starts(line, pattern) : str_eq(line, pattern)))
		fail(w, "want \"%.*s\", got \"%.*s\" (%d)", STR_ARG(pattern), STR_ARG(str_head(line, 300)),
		     code);
}

static void co_read_letter(struct world *w, struct stream *s)
{
	for (struct str line;;) {
		int code = co_stream_line(s, 60000, deadline_in(WAIT_MS), &line);

		if (code) {
			fail(w, "the letter ended with %d", code);
			return;
		}
		buf_add_str(&w->data, line);
		if (str_eq(line, STR(".\r\n")))
			return;
	}
}

static void co_await_end(struct world *w, struct stream *s, bool is_said)
{
	int code;

	do {
		stream_discard_input(s);
		code = co_stream_fill(s, deadline_in(WAIT_MS));
		if (code == 0 && is_said)
			fail(w, "want the end, got \"%.*s\"", STR_ARG(stream_pending(s)));
	} while (code == 0);
}

static void co_step(struct world *w, struct stream *s, struct str line)
{
	struct str text = str_skip(line, 2);
	uint32_t n;
	struct err e;

	switch (line.p[0]) {
	case 'S':
	case 'R':
		co_send(s, text, line.p[0] == 'S');
		break;
	case 'C':
		co_expect(w, s, text);
		break;
	case 'D':
		co_read_letter(w, s);
		break;
	case 'H':
		co_send_many(s, str_to_u32(text, &n) ? n : 0);
		break;
	case 'T':
		if (co_stream_tls_accept(s, w->tls_server, deadline_in(WAIT_MS), &e) != 0)
			fail(w, "%s", e.text);
		break;
	case 'K':
		w->co_hook(w);
		break;
	default:
		co_await_end(w, s, line.p[0] == 'E');
	}
}

static void visit_fiber(void *arg)
{
	struct visit *v = arg;
	struct stream s;

	if (stream_open(&s, v->fd) == 0)
		for (struct str rest = str_of(v->script); rest.n > 0 && !v->w->failure[0];)
			co_step(v->w, &s, str_cut(&rest, '\n'));
	stream_tls_end(&s);
	stream_close(&s);
	free(v);
}

static void begin_visit(struct world *w, unsigned peer, int fd)
{
	unsigned which = w->taken[peer]++;
	const char *script = which < WORLD_SCRIPTS ? w->peers[peer].scripts[which] : NULL;
	struct visit *v = malloc(sizeof(*v));

	w->connections++;
	if (!script || !v) {
		fail(w, "%s: connection %u was not expected", w->peers[peer].ip, which + 1);
		close(fd);
		free(v);
		return;
	}
	*v = (struct visit){w, script, fd};
	if (fiber_start(&w->servers, visit_fiber, v) != 0)
		abort();
}

struct door {
	struct world *w;
	unsigned peer;
};

static void door_fiber(void *arg)
{
	struct door *d = arg;
	struct io io;

	if (io_open(&io, d->w->listeners[d->peer]) != 0)
		abort();
	while (co_wait_readable(&io, NO_DEADLINE) == 0) {
		int fd = accept4(io.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			begin_visit(d->w, d->peer, fd);
	}
	io_close(&io);
	free(d);
}

static int listen_on(const char *ip, uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(*port)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	inet_pton(AF_INET, ip, &a.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, n) != 0 || listen(fd, 50) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) != 0) {
		close(fd);
		return -1;
	}
	*port = ntohs(a.sin_port);
	return fd;
}

/* All on one port, which may be somebody's on another address: then another one. */
static bool listen_all(struct world *w)
{
	w->port = 0;
	for (unsigned i = 0; i < WORLD_PEERS && w->peers[i].ip; i++) {
		w->listeners[i] = listen_on(w->peers[i].ip, &w->port);
		if (w->listeners[i] >= 0)
			continue;
		while (i > 0)
			close(w->listeners[--i]);
		return false;
	}
	return true;
}

static void open_doors(struct world *w)
{
	int tries = 0;

	while (!listen_all(w))
		if (++tries > 50)
			abort();
	for (unsigned i = 0; i < WORLD_PEERS && w->peers[i].ip; i++) {
		struct door *d = malloc(sizeof(*d));

		if (!d)
			abort();
		*d = (struct door){w, i};
		if (fiber_start(&w->doors, door_fiber, d) != 0)
			abort();
	}
	/* A port at which nobody listens, for worlds without servers. */
	if (w->port == 0)
		close(listen_on("127.0.0.1", &w->port));
}

/* --- the world ------------------------------------------------------------------------------------------ */

/* A certificate that nobody vouches for. */
static SSL_CTX *make_tls(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	X509 *x = X509_new();

	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, pair);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)"mx1.b.test", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_sign(x, pair, EVP_sha256());
	if (SSL_CTX_use_certificate(ctx, x) != 1 || SSL_CTX_use_PrivateKey(ctx, pair) != 1)
		abort();
	X509_free(x);
	EVP_PKEY_free(pair);
	return ctx;
}

static void take_log(void *arg, enum log_level level, const char *line, size_t n)
{
	struct world *w = arg;

	buf_add(&w->log, line, n);
	buf_add_c(&w->log, '\n');
}

bool world_logged(const struct world *w, const char *text)
{
	return str_find_str(buf_str(&w->log), str_of(text)) != STR_NONE;
}

static void load_settings(struct world *w)
{
	const char *overrides[8] = {"hostname=mx.ours.test"};
	struct settings_sources sources = {.overrides = overrides, .override_count = 2};
	char port[32], texts[6][300];
	struct err e;

	snprintf(port, sizeof(port), "relay_port=%u", w->port);
	overrides[1] = port;
	for (unsigned i = 0; i < 6 && w->settings[i]; i++) {
		const char *at = strstr(w->settings[i], "PORT");

		if (at)
			snprintf(texts[i], sizeof(texts[i]), "%.*s%u", (int)(at - w->settings[i]),
				 w->settings[i], w->port);
		else
			snprintf(texts[i], sizeof(texts[i]), "%s", w->settings[i]);
		overrides[sources.override_count++] = texts[i];
	}
	if (settings_load(&w->loaded, &sources, &e) != 0)
		abort();
}

static void main_fiber(void *arg)
{
	struct world *w = arg;

	w->co_fn(w, w->arg);
	/* Servers that wait for an end have it now. */
	co_group_join(&w->servers, deadline_in(WAIT_MS));
	fiber_group_cancel(&w->servers);
	co_group_join(&w->servers, NO_DEADLINE);
	chan_destroy(&w->resolver);
	chan_destroy(&w->resolver_end);
	fiber_group_cancel(&w->handlers);
	co_group_join(&w->handlers, NO_DEADLINE);
	fiber_group_cancel(&w->doors);
	co_group_join(&w->doors, NO_DEADLINE);
	loop_stop();
}

void world_run(struct world *w, void (*co_fn)(struct world *w, void *arg), void *arg)
{
	w->co_fn = co_fn;
	w->arg = arg;
	buf_init(&w->data, (size_t)64 << 20);
	buf_init(&w->log, 65536);
	log_open_function(take_log, w, LOG_INFO);
	loop_init();
	fiber_group_init(&w->servers, 100);
	fiber_group_init(&w->handlers, 200);
	fiber_group_init(&w->doors, WORLD_PEERS);
	fiber_group_init(&w->mains, 1);
	w->tls_server = make_tls();
	open_resolver(w);
	open_doors(w);
	load_settings(w);
	if (fiber_start(&w->mains, main_fiber, w) != 0)
		abort();
	loop_run();
	loop_end();
	settings_free(&w->loaded);
	SSL_CTX_free(w->tls_server);
	log_close();
}

void world_free(struct world *w)
{
	buf_free(&w->data);
	buf_free(&w->log);
}

void world_hide_port(const struct world *w, struct buf *text)
{
	char number[8];
	size_t n = (size_t)snprintf(number, sizeof(number), ":%u", w->port), at;
	struct buf hidden;

	buf_init(&hidden, text->max);
	for (struct str rest = buf_str(text); rest.n > 0; rest = str_skip(rest, at + n)) {
		at = str_find_str(rest, (struct str){number, n});
		buf_add_str(&hidden, str_head(rest, at));
		if (at == STR_NONE)
			break;
		buf_add_z(&hidden, ":PORT");
	}
	buf_free(text);
	*text = hidden;
}
