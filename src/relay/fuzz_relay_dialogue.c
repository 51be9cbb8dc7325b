/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a server: the delivery ends, every recipient has an outcome in clean text, what we
 * send is whole lines, and "sent" needs a whole letter behind a 354 and a reply behind its end. */
#include "relay/transaction.h"

#include "base/clock.h"
#include "base/sealed.h"
#include "net/fiber.h"
#include "net/loop.h"
#include "store/entry.h"
#include "store/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 20000
#define LETTER "Subject: x\r\n\r\n.\nRCPT TO:<forged@b.test>\r.\r\nlast"
#define SENT_LETTER "Subject: x\r\n\r\n..\r\nRCPT TO:<forged@b.test>\r\n..\r\nlast\r\n.\r\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	struct str server;
	struct relay_letter *letter;
	struct relay_config *config;
	struct session session;
	struct fiber_group fibers;
	struct buf sent; /* by us */
	int fds[2];
	int code;
};

static void check(bool good)
{
	if (!good)
		abort();
}

/* It says all it has at once, and reads until we close. */
static void server_fiber(void *arg)
{
	struct fuzz *f = arg;
	struct io io;
	int n;

	check(io_open(&io, f->fds[1]) == 0);
	if (co_write(&io, f->server, deadline_in(WAIT_MS)) == 0)
		shutdown(io.fd, SHUT_WR);
	while (buf_room(&f->sent, 4096) &&
	       (n = co_read(&io, f->sent.p + f->sent.n, 4096, deadline_in(WAIT_MS))) > 0)
		buf_grow(&f->sent, (size_t)n);
	io_close(&io);
}

static void client_fiber(void *arg)
{
	struct fuzz *f = arg;
	struct session *s = &f->session;

	check(stream_open(&s->stream, f->fds[0]) == 0);
	s->open = true;
	s->deadline = deadline_in(WAIT_MS);
	f->code = co_relay_session_hello(s, true);
	if (f->code != 0)
		relay_letter_note_open(f->letter, &s->why, s->hop.mta);
	else
		f->code = co_transaction(s, f->letter);
	co_relay_session_quit(s);
}

static void end_fiber(void *arg)
{
	struct fuzz *f = arg;

	while (f->fibers.count > 1)
		co_sleep_until(deadline_in(1));
	loop_stop();
}

/* --- what must be true ------------------------------------------------------------------------ */

static void check_outcomes(const struct fuzz *f)
{
	bool whole = str_find_str(buf_str(&f->sent), STR("DATA\r\n" SENT_LETTER)) != STR_NONE;

	for (unsigned i = 0; i < f->letter->count; i++) {
		const struct relay_recipient *r = &f->letter->recipients[i];
		size_t n = strlen(r->verdict.text);

		check(r->verdict.status[0] != 0 && n > 0 && n <= VERDICT_TEXT_MAX && r->mta[0] != 0);
		for (size_t at = 0; at < n; at++)
			check(r->verdict.text[at] >= ' ' && r->verdict.text[at] <= '~');
		if (verdict_outcome(&r->verdict) == OUTCOME_SENT)
			check(whole && r->accepted);
	}
}

/* Each line is a command that we know, until the letter, of which nothing is one. */
static void check_sent(struct str all)
{
	static const char *const verbs[] = {"EHLO mx.ours.test",
					    "HELO mx.ours.test",
					    "STARTTLS",
					    "MAIL FROM:<s@ours.test>",
					    "RCPT TO:<a@b.test>",
					    "RCPT TO:<b@b.test>",
					    "RCPT TO:<c@b.test>",
					    "DATA",
					    "AUTH ",
					    "QUIT",
					    "."};

	while (all.n > 0) {
		struct str line = str_cut(&all, '\n');
		bool known = false;

		/* A handshake is no line. */
		if (line.p[0] == 0x16)
			return;
		for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
			known = known || str_starts(line, str_of(verbs[i]));
		/* The user and password of LOGIN. */
		known = known || str_starts(line, STR("dXM=")) || str_starts(line, STR("cHc="));
		check(known);
		if (str_eq(line, STR("DATA\r")) && str_starts(all, STR(SENT_LETTER)))
			all = str_skip(all, sizeof(SENT_LETTER) - 1);
	}
}

/* --- one run ------------------------------------------------------------------------------------- */

static void add_recipients(struct buf *out)
{
	static const char *const who[] = {"a@b.test", "b@b.test", "c@b.test"};

	for (uint32_t i = 0; i < 3; i++) {
		buf_put_u32(out, i);
		buf_put_u8(out, NOTIFY_FAILURE);
		buf_put_str(out, str_of(who[i]));
		buf_put_str(out, STR("rfc822;x@b.test"));
	}
}

static void prepare(struct fuzz *f, struct relay_question *q, struct buf *recipients, uint8_t how)
{
	const char *const overrides[] = {"hostname=mx.ours.test", "relay_host=[192.0.2.1]", "relay_user=us",
					 "relay_password=pw"};
	struct settings_sources sources = {.overrides = overrides, .override_count = how & 1 ? 4 : 1};
	struct settings settings;
	struct err e;

	buf_init(recipients, 4096);
	add_recipients(recipients);
	*q = (struct relay_question){.sender = STR("s@ours.test"),
				     .envid = STR("id"),
				     .body = how & 2 ? BODY_8BITMIME : BODY_7BIT,
				     .smtputf8 = (how & 4) != 0,
				     .ret = RET_FULL,
				     .recipients = buf_str(recipients),
				     .size = sizeof(LETTER) - 1};
	check(settings_load(&settings, &sources, &e) == 0 &&
	      relay_config_new(&settings, &f->config, &e) == 0);
	settings_free(&settings);
	/* So that AUTH is within reach without a handshake. */
	f->config->needs_tls = false;
	check(sealed_make("letter", STR(LETTER), &q->file, &e) == 0 &&
	      relay_letter_new(q, &f->letter, &e) == 0);
	buf_init(&f->sent, (size_t)1 << 20);
	relay_session_init(&f->session, f->config, NULL, 1);
	f->session.hop.is_relay_host = how & 1;
	snprintf(f->session.hop.peer, sizeof(f->session.hop.peer), "b.test[192.0.2.1]");
	snprintf(f->session.hop.mta, sizeof(f->session.hop.mta), "b.test[192.0.2.1]:25");
}

static void run(struct fuzz *f)
{
	loop_init();
	fiber_group_init(&f->fibers, 3);
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, f->fds) == 0);
	check(fiber_start(&f->fibers, server_fiber, f) == 0 &&
	      fiber_start(&f->fibers, client_fiber, f) == 0 && fiber_start(&f->fibers, end_fiber, f) == 0);
	loop_run();
	loop_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz f;
	struct relay_question q;
	struct buf recipients;

	if (size == 0 || size > 60000)
		return 0;
	f = (struct fuzz){.server = {(const char *)data + 1, size - 1}};
	/* The first byte chooses among the kinds of letters and of hosts. */
	prepare(&f, &q, &recipients, data[0]);
	run(&f);
	check_outcomes(&f);
	check_sent(buf_str(&f.sent));
	relay_session_end(&f.session);
	relay_letter_destroy(&f.letter);
	relay_config_drop(&f.config);
	close(q.file);
	buf_free(&recipients);
	buf_free(&f.sent);
	return 0;
}
