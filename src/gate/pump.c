/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two lanes in one fiber (see pump.h).  A lane with bytes in its buffer writes and does not
 * read: a client that stops reading stops its shard, and one buffer is all that it holds.
 */
#include "gate/pump.h"

#include "base/clock.h"
#include "net/fiber.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Steps after which other fibers have a turn: 64 KiB. */
#define STEPS_A_TURN 4
/* So much at once is no command but part of a message, whose end may follow only after an ACK. */
#define PART_MIN 512

struct lane {
	char *bytes; /* NULL while nothing is in it */
	size_t at, n;
	bool ended; /* nothing more comes in */
	bool closed; /* and that was passed on */
};

struct pump {
	struct stream *client;
	struct io *shard;
	struct pump_pool *pool;
	struct lane up, down; /* to the shard, to the client */
	unsigned want_client, want_shard;
	bool moved;
	bool at_line_end;
};

/* --- buffers --------------------------------------------------------------------------------- */

void pump_pool_free(struct pump_pool *p)
{
	while (p->spares > 0)
		free(p->spare[--p->spares]);
}

static bool take_buffer(struct pump_pool *p, struct lane *l)
{
	l->bytes = p->spares > 0 ? p->spare[--p->spares] : malloc(PUMP_BUFFER);
	l->at = l->n = 0;
	p->used += l->bytes != NULL;
	return l->bytes != NULL;
}

/* It held somebody's mail. */
static void give_buffer(struct pump_pool *p, struct lane *l)
{
	if (!l->bytes)
		return;
	explicit_bzero(l->bytes, l->n);
	p->used--;
	if (p->spares < PUMP_SPARES)
		p->spare[p->spares++] = l->bytes;
	else
		free(l->bytes);
	l->bytes = NULL;
	l->at = l->n = 0;
}

/* --- steps --------------------------------------------------------------------------------------- */

static enum stream_step plain_step(ssize_t result, enum stream_step want)
{
	if (result > 0)
		return STREAM_DONE;
	return result < 0 && (errno == EAGAIN || errno == EINTR) ? want : STREAM_ENDED;
}

static void want_of_client(struct pump *p, enum stream_step step)
{
	if (step == STREAM_WANT_READ)
		p->want_client |= IO_READ;
	if (step == STREAM_WANT_WRITE)
		p->want_client |= IO_WRITE;
}

static int read_client(struct pump *p)
{
	struct lane *l = &p->up;
	size_t got;

	if (!take_buffer(p->pool, l))
		return ERR_MEMORY;
	enum stream_step step = stream_read_now(p->client, l->bytes, PUMP_BUFFER, &got);

	l->n = got;
	l->ended = step == STREAM_ENDED;
	p->moved |= step == STREAM_DONE || l->ended;
	if (step != STREAM_DONE)
		give_buffer(p->pool, l);
	else if (got >= PART_MIN && got < PUMP_BUFFER)
		io_ack_now(&p->client->io);
	want_of_client(p, step);
	return ERR_OK;
}

static int read_shard(struct pump *p)
{
	struct lane *l = &p->down;

	if (!take_buffer(p->pool, l))
		return ERR_MEMORY;
	ssize_t got = read(p->shard->fd, l->bytes, PUMP_BUFFER);
	enum stream_step step = plain_step(got, STREAM_WANT_READ);

	l->n = got > 0 ? (size_t)got : 0;
	l->ended = step == STREAM_ENDED;
	p->moved |= step == STREAM_DONE || l->ended;
	if (step == STREAM_WANT_READ)
		p->want_shard |= IO_READ;
	if (step != STREAM_DONE)
		give_buffer(p->pool, l);
	return ERR_OK;
}

static void write_shard(struct pump *p)
{
	struct lane *l = &p->up;
	ssize_t put = send(p->shard->fd, l->bytes + l->at, l->n - l->at, MSG_NOSIGNAL | MSG_DONTWAIT);
	enum stream_step step = plain_step(put, STREAM_WANT_WRITE);

	l->at += put > 0 ? (size_t)put : 0;
	p->moved |= step != STREAM_WANT_WRITE;
	if (step == STREAM_WANT_WRITE)
		p->want_shard |= IO_WRITE;
	/* A shard that listens no more may still have said something. */
	if (step == STREAM_ENDED)
		l->ended = l->closed = true;
	if (step == STREAM_ENDED || l->at == l->n)
		give_buffer(p->pool, l);
}

static int write_client(struct pump *p)
{
	struct lane *l = &p->down;
	size_t put;
	enum stream_step step =
		stream_write_now(p->client, (struct str){l->bytes + l->at, l->n - l->at}, &put);

	if (step == STREAM_ENDED)
		return ERR_CLOSED;
	p->moved |= step == STREAM_DONE;
	want_of_client(p, step);
	if (put > 0)
		p->at_line_end = l->bytes[l->at + put - 1] == '\n';
	l->at += put;
	if (l->at == l->n)
		give_buffer(p->pool, l);
	return ERR_OK;
}

/* --- both lanes ------------------------------------------------------------------------------------- */

static int step_up(struct pump *p)
{
	int code = p->up.n == 0 && !p->up.ended ? read_client(p) : ERR_OK;

	if (code == ERR_OK && p->up.n > 0)
		write_shard(p);
	if (p->up.ended && p->up.n == 0 && !p->up.closed) {
		shutdown(p->shard->fd, SHUT_WR);
		p->up.closed = true;
	}
	return code;
}

static int step_down(struct pump *p)
{
	int code = p->down.n == 0 && !p->down.ended ? read_shard(p) : ERR_OK;

	if (code == ERR_OK && p->down.n > 0)
		code = write_client(p);
	p->down.closed = p->down.ended && p->down.n == 0;
	return code;
}

static int co_step(struct pump *p, int64_t stall_ms)
{
	int code;

	p->want_client = p->want_shard = 0;
	p->moved = false;
	code = step_up(p);
	if (code == ERR_OK)
		code = step_down(p);
	if (code || p->down.closed || p->moved)
		return code;
	return co_wait_either(&p->client->io, p->want_client, p->shard, p->want_shard,
			      p->down.n > 0 ? deadline_in(stall_ms) : NO_DEADLINE);
}

int co_pump(struct stream *client, struct io *shard, struct pump_pool *pool, int64_t stall_ms,
	    bool *at_line_end)
{
	struct pump p = {.client = client, .shard = shard, .pool = pool, .at_line_end = true};
	int code = ERR_OK;

	for (unsigned n = 1; code == ERR_OK && !p.down.closed; n++) {
		code = co_step(&p, stall_ms);
		if (code == ERR_OK && n % STEPS_A_TURN == 0)
			code = co_yield ();
	}
	give_buffer(pool, &p.up);
	give_buffer(pool, &p.down);
	*at_line_end = p.at_line_end;
	return code;
}
