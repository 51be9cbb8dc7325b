/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a client: the session answers in whole reply lines, ends, and keeps no letter
 * that it did not accept with a 250. */
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
		check(h->letter[i].envelope.recipient_count > 0);
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
