/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a client: the session answers in whole reply lines, ends, keeps no letter that it did not
 * accept with a 250, and none that its client may not send. */
#include "gate/test_house.h"

#include "base/clock.h"
#include "net/io.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 20000
#define REPLIES_MAX ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

/* "250-text", "250 text" */
static bool is_reply(struct str line)
{
	if (line.n < 4 || line.n > 1100 || line.p[0] < '2' || line.p[0] > '5')
		return false;
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] < ' ' || line.p[i] > '~')
			return false;
	return ascii_is_digit(line.p[1]) && ascii_is_digit(line.p[2]) &&
	       (line.p[3] == ' ' || line.p[3] == '-');
}

static bool may_relay(const struct house *h)
{
	return h->kind.service != SERVICE_SMTP || h->config.trusted_count > 0;
}

/* x@else.test is where the alias half@ours.test leads, whoever writes to it. */
static void check_letter(const struct house *h, const struct house_letter *l)
{
	const struct envelope *e = &l->envelope;

	check(e->recipient_count > 0);
	for (uint32_t i = 0; i < e->recipient_count; i++)
		check(e->recipients[i].account != 0 || may_relay(h) ||
		      str_eq(e->recipients[i].address, STR("x@else.test")));
	check((e->login.n > 0) == (h->kind.service == SERVICE_SUBMISSION));
	check(e->login.n == 0 || e->reverse_path.n == 0 || str_eq_nocase(e->reverse_path, e->login));
}

/* Submission is fuzzed without TLS, by a kind that no port has. */
static void choose_kind(struct house *h, uint8_t choice)
{
	if (choice & 64)
		h->kind = *smtp_kind_of(choice & 128 ? SERVICE_SUBMIT : SERVICE_SUBMISSION);
	h->kind.traits &= ~(unsigned)SMTP_TLS_NEEDED;
}

static void check_replies(const struct house *h, struct str all)
{
	unsigned accepted = 0;

	check(str_starts(all, STR("220 ")));
	while (all.n > 0) {
		struct str line = str_cut(&all, '\n');

		check(str_ends(line, STR("\r")));
		line.n--;
		check(is_reply(line));
		if (str_starts(line, STR("250 2.0.0 Ok: ")))
			accepted += str_find_str(line, STR("queued as ")) != STR_NONE;
	}
	check(accepted == h->letters);
	for (unsigned i = 0; i < accepted && i < HOUSE_LETTERS_MAX; i++)
		check_letter(h, &h->letter[i]);
}

static void co_client(struct house *h, void *arg)
{
	struct str input = *(struct str *)arg;
	struct buf replies;
	struct io io;
	int n;

	buf_init(&replies, REPLIES_MAX);
	if (io_open(&io, house_connect(h, "192.0.2.7")) != 0)
		abort();
	/* It writes all before it reads: up to a socket's buffer, that is. */
	if (co_write(&io, input, deadline_in(WAIT_MS)) == 0)
		shutdown(io.fd, SHUT_WR);
	while (buf_room(&replies, 4096) &&
	       (n = co_read(&io, replies.p + replies.n, 4096, deadline_in(WAIT_MS))) > 0)
		buf_grow(&replies, (size_t)n);
	check(!buf_failed(&replies) && n == ERR_CLOSED);
	co_house_quiet(h);
	check_replies(h, buf_str(&replies));
	check(h->came == h->left);
	io_close(&io);
	buf_free(&replies);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct house h;
	struct str input = {(const char *)data, size};

	if (size == 0 || size > 60000)
		return 0;
	house_init(&h);
	choose_kind(&h, data[0]);
	/* The first byte chooses among the ways to be. */
	h.config.bare = data[0] & 1 ? SMTP_BARE_NORMALISE : SMTP_BARE_REFUSE;
	h.config.limits.slow_ms = 0;
	h.config.limits.linger_ms = 20;
	h.config.limits.errors_end = data[0] & 2 ? 1000 : 20;
	h.config.limits.ask_ms = 20;
	h.config.size_limit = data[0] & 4 ? 1000000 : 300;
	/* An own network's client may pipeline behind DATA, so that letters are within reach. */
	struct network any = {.family = AF_INET};

	h.config.trusted = &any;
	h.config.trusted_count = data[0] & 8 ? 0 : 1;
	input = str_skip(input, 1);
	house_run(&h, co_client, &input);
	house_free(&h);
	return 0;
}
