/* SPDX-License-Identifier: Apache-2.0 */
/* Playing dialogues (see test_script.h). */
#include "gate/test_script.h"

#include "base/clock.h"
#include "base/unit.h"
#include "gate/test_identity.h"

#include <stdlib.h>
#include <string.h>

void co_send(struct stream *client, struct str bytes, bool byte_by_byte)
{
	size_t step = byte_by_byte ? 1 : bytes.n;

	for (; bytes.n > 0; bytes = str_skip(bytes, step)) {
		co_stream_put(client, str_head(bytes, step), deadline_in(WAIT_MS));
		co_stream_flush(client, deadline_in(WAIT_MS));
		if (byte_by_byte)
			co_yield ();
	}
}

static void unescape(struct str s, struct buf *out)
{
	static const char codes[] = "rn0\\", bytes[] = "\r\n\0\\";

	for (size_t i = 0; i < s.n; i++) {
		const char *code = s.p[i] == '\\' && i + 1 < s.n ? strchr(codes, s.p[i + 1]) : NULL;

		buf_add_c(out, code ? bytes[code - codes] : s.p[i]);
		i += code != NULL;
	}
}

static bool matches(struct str line, struct str pattern)
{
	bool open = str_ends(pattern, STR("*"));

	pattern.n -= open;
	return open ? str_starts(line, pattern) : str_eq(line, pattern);
}

static void co_expect(struct stream *client, struct str pattern, struct script *script)
{
	struct str line = {NULL, 0};
	int code = co_stream_line(client, 4096, deadline_in(WAIT_MS), &line);
	bool good = code == 0 && str_ends(line, STR("\r\n"));

	if (good)
		line.n -= 2;
	if (!good || !matches(line, pattern))
		snprintf(script->failure, sizeof(script->failure), "want \"%.*s\", got \"%.*s\" (%d)",
			 STR_ARG(str_head(pattern, 200)), STR_ARG(str_head(line, 200)), code);
}

static void co_expect_end(struct stream *client, struct script *script)
{
	int code = stream_pending(client).n ? 0 : co_stream_fill(client, deadline_in(WAIT_MS));

	if (code != ERR_CLOSED)
		snprintf(script->failure, sizeof(script->failure), "want the end, got %d \"%.*s\"", code,
			 STR_ARG(stream_pending(client)));
}

static void co_step(struct stream *client, struct str line, struct script *script)
{
	char what = line.n ? line.p[0] : 0;
	struct str text = str_skip(line, 2);
	struct buf bytes;

	buf_init(&bytes, 65536);
	unescape(text, &bytes);
	if (what == 'C')
		buf_add_z(&bytes, "\r\n");
	if (what == 'C' || what == 'R')
		co_send(client, buf_str(&bytes), script->byte_by_byte);
	else if (what == 'S')
		co_expect(client, text, script);
	else if (what == 'E')
		co_expect_end(client, script);
	else
		abort();
	buf_free(&bytes);
}

void co_play_on(struct stream *client, struct script *script, const char *lines)
{
	for (struct str rest = str_of(lines); rest.n > 0 && !script->failure[0];)
		co_step(client, str_cut(&rest, '\n'), script);
}

void co_play(struct house *h, void *arg)
{
	struct script *script = arg;
	struct stream client;

	stream_open(&client, house_connect(h, script->ip ? script->ip : "192.0.2.7"));
	co_play_on(&client, script, script->lines);
	stream_close(&client);
	co_house_quiet(h);
}

void play_as(struct house *h, const char *lines, bool byte_by_byte, const char *ip)
{
	struct script script = {.lines = lines, .byte_by_byte = byte_by_byte, .ip = ip};

	house_run(h, co_play, &script);
	if (script.failure[0])
		fail_msg("%s\nin:\n%s", script.failure, lines);
}

void play(struct house *h, const char *lines)
{
	play_as(h, lines, false, NULL);
}

/* A letter of `lines` lines of 98 octets, `end` behind it. */
void co_send_lines(struct stream *client, unsigned lines, const char *end)
{
	char line[100];

	memset(line, 'x', sizeof(line));
	line[98] = '\r';
	line[99] = '\n';
	while (lines-- > 0)
		co_stream_put(client, (struct str){line, 100}, deadline_in(WAIT_MS));
	co_stream_put(client, str_of(end), deadline_in(WAIT_MS));
	co_stream_flush(client, deadline_in(WAIT_MS));
}

struct bulk {
	const char *before, *behind, *end;
	unsigned lines;
	struct script script;
};

static void co_bulk(struct house *h, void *arg)
{
	struct bulk *b = arg;
	struct stream client;

	stream_open(&client, house_connect(h, "2001:db8::7"));
	co_play_on(&client, &b->script, b->before);
	co_send_lines(&client, b->lines, b->end);
	co_play_on(&client, &b->script, b->behind);
	stream_close(&client);
	co_house_quiet(h);
}

void play_bulk(struct house *h, unsigned lines, const char *before, const char *end, const char *behind)
{
	struct bulk b = {.before = before, .behind = behind, .end = end, .lines = lines};

	house_run(h, co_bulk, &b);
	if (b.script.failure[0])
		fail_msg("%s (%u lines)", b.script.failure, lines);
}

/* --- TLS ------------------------------------------------------------ */

struct tls_script {
	struct script script;
	const char *before, *behind;
	SSL_CTX *ctx;
};

static void co_tls(struct house *h, void *arg)
{
	struct tls_script *t = arg;
	struct stream client;
	struct err e;

	stream_open(&client, house_connect(h, "192.0.2.7"));
	co_play_on(&client, &t->script, t->before);
	if (!t->script.failure[0] &&
	    co_stream_tls_connect(&client, t->ctx, NULL, deadline_in(WAIT_MS), &e) != 0)
		snprintf(t->script.failure, sizeof(t->script.failure), "%s", e.text);
	co_play_on(&client, &t->script, t->behind);
	stream_tls_end(&client);
	stream_close(&client);
	co_house_quiet(h);
}

void script_make_tls(struct house *h)
{
	struct buf certificate, key;
	struct err e;

	test_identity_make("mx.ours.test", &certificate, &key);
	assert_int_equal(tls_server_new(buf_str(&certificate), buf_str(&key), STR(""), &h->config.tls, &e),
			 0);
	buf_free(&certificate);
	buf_free(&key);
}

void play_tls(struct house *h, const char *before, const char *behind)
{
	struct tls_script t = {.before = before, .behind = behind, .ctx = SSL_CTX_new(TLS_client_method())};

	script_make_tls(h);
	house_run(h, co_tls, &t);
	if (t.script.failure[0])
		fail_msg("%s", t.script.failure);
	tls_server_destroy(&h->config.tls);
	SSL_CTX_free(t.ctx);
}
