/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts against IMAP sessions (see imap_dialogue.h). */
#include "mailbox/imap_dialogue.h"

#include "base/clock.h"
#include "base/unit.h"
#include "mailbox/imap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define WAIT_MS 10000

void imap_clients_init(struct imap_clients *c, struct house *h)
{
	*c = (struct imap_clients){.h = h};
	for (size_t i = 0; i < CLIENTS; i++)
		c->streams[i].io.fd = -1;
	fiber_group_init(&c->sessions, CLIENTS);
}

struct handed {
	struct shard *shard;
	struct imap_handover h;
	char account[64];
};

static void session_fiber(void *arg)
{
	struct handed *h = arg;

	co_imap_session(h->shard, &h->h);
	free(h);
}

void co_imap_client(struct imap_clients *c, unsigned n, uint32_t account, const char *pending)
{
	struct handed *h = calloc(1, sizeof(*h));
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	snprintf(h->account, sizeof(h->account), "user%u@example.test", account);
	h->shard = c->h->shard;
	h->h = (struct imap_handover){.fd = fds[1],
				      .account = str_of(h->account),
				      .tag = STR("x"),
				      .pending = str_of(pending),
				      .client = STR("192.0.2.1")};
	assert_int_equal(stream_open(&c->streams[n - 1], fds[0]), 0);
	assert_int_equal(fiber_start(&c->sessions, session_fiber, h), 0);
}

/* ~ stands for any run of bytes. */
static bool matches(struct str want, struct str got)
{
	size_t at = str_find(want, '~');

	if (at == STR_NONE)
		return str_eq(want, got);
	if (!str_starts(got, str_head(want, at)))
		return false;
	struct str rest = str_skip(want, at + 1);

	for (got = str_skip(got, at);; got = str_skip(got, 1)) {
		if (matches(rest, got))
			return true;
		if (!got.n)
			return false;
	}
}

/* Most dialogues are about something else. */
static struct str without_recent(struct str line, struct buf *out)
{
	static const struct str names[] = {STR_INIT("\\Recent "), STR_INIT(" \\Recent"),
					   STR_INIT("\\Recent")};
	size_t name = 0, at = STR_NONE;

	while (name < 3 && (at = str_find_str(line, names[name])) == STR_NONE)
		name++;
	if (at == STR_NONE)
		return line;
	buf_add_str(out, str_head(line, at));
	buf_add_str(out, str_skip(line, at + names[name].n));
	return buf_str(out);
}

static void co_expect(struct stream *s, struct str want)
{
	struct str line;
	int code = co_stream_line(s, STREAM_IN_MAX, deadline_in(WAIT_MS), &line);

	if (code)
		fail_msg("want \"%.*s\", got code %d", STR_ARG(want), code);
	struct buf plain;

	buf_init(&plain, STREAM_IN_MAX);
	line = str_head(line, line.n - (str_ends(line, STR("\r\n")) ? 2 : 1));
	if (str_find_str(want, STR("\\Recent")) == STR_NONE)
		line = without_recent(line, &plain);
	if (!matches(want, line))
		fail_msg("want \"%.*s\", got \"%.*s\"", STR_ARG(want), STR_ARG(line));
	buf_free(&plain);
}

static void co_send(struct imap_clients *c, struct stream *s, struct str text, struct str end)
{
	const struct str parts[] = {text, end};

	for (size_t i = 0; i < 2; i++)
		for (struct str rest = parts[i]; rest.n;) {
			size_t n = c->slowly ? 1 : rest.n;

			assert_int_equal(co_stream_put(s, str_head(rest, n), deadline_in(WAIT_MS)), 0);
			assert_int_equal(co_stream_flush(s, deadline_in(WAIT_MS)), 0);
			if (c->slowly)
				co_yield ();
			rest = str_skip(rest, n);
		}
}

static void co_quiet(struct stream *s)
{
	assert_str(stream_pending(s), "");
	assert_int_equal(co_stream_fill(s, deadline_in(30)), ERR_TIMEOUT);
}

static void co_step(struct imap_clients *c, struct str line)
{
	bool open = str_starts(line, STR("+"));
	struct str what = str_cut(&line, ':');

	what = str_skip(what, open);
	line = str_skip(line, 1);
	struct stream *s = &c->streams[what.n > 1 ? what.p[1] - '1' : 0];

	if (what.p[0] == 'C')
		co_send(c, s, line, str_of(open ? "" : "\r\n"));
	else if (what.p[0] == 'S')
		co_expect(s, line);
	else
		co_quiet(s);
}

void co_imap_talk(struct imap_clients *c, const char *script)
{
	struct str rest = str_of(script);

	while (rest.n)
		co_step(c, str_cut(&rest, '\n'));
}

void co_imap_clients_end(struct imap_clients *c)
{
	for (size_t i = 0; i < CLIENTS; i++)
		if (c->streams[i].io.fd >= 0)
			stream_close(&c->streams[i]);
	assert_int_equal(co_group_join(&c->sessions, deadline_in(WAIT_MS)), 0);
}

void co_imap_deliver(struct house *h, uint64_t first, uint64_t last)
{
	struct err e;

	for (uint64_t n = first; n <= last; n++)
		assert_int_equal(co_house_deliver(h, n, 1, &e), 0);
}

void co_imap_script(struct house *h, const char *pending, bool slowly, const char *script)
{
	struct imap_clients c;

	imap_clients_init(&c, h);
	c.slowly = slowly;
	co_imap_client(&c, 1, 1, pending);
	co_imap_talk(&c, script);
	co_imap_clients_end(&c);
}
