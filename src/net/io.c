/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting on descriptors (see io.h). */
#include "net/io.h"

#include "base/err.h"
#include "net/fiber.h"
#include "net/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* libuv closes handles later than we close descriptors, so its part lives on its
 * own; `io` is NULL from then on. */
struct io_handle {
	uv_poll_t poll;
	struct io *io;
};

static void on_events(uv_poll_t *poll, int status, int events);

static void arm(struct io *io, int events)
{
	if (io->armed == events)
		return;
	io->armed = events;
	if (events)
		uv_poll_start(&io->handle->poll, events, on_events);
	else
		uv_poll_stop(&io->handle->poll);
}

static void wake(struct fiber **waiter)
{
	struct fiber *f = *waiter;

	*waiter = NULL;
	if (f)
		fiber_wake(f, ERR_OK);
}

static void on_events(uv_poll_t *poll, int status, int events)
{
	struct io *io = ((struct io_handle *)poll->data)->io;
	int wanted = io->armed;

	/* An error state wakes both: their next call on the descriptor says why. */
	if (status < 0)
		events = UV_READABLE | UV_WRITABLE;
	if (events & UV_READABLE) {
		if (!io->reader)
			wanted &= ~UV_READABLE;
		wake(&io->reader);
	}
	if (events & UV_WRITABLE) {
		wanted &= ~UV_WRITABLE;
		wake(&io->writer);
	}
	arm(io, status < 0 ? 0 : wanted);
}

int io_open(struct io *io, int fd)
{
	struct io_handle *h = calloc(1, sizeof(*h));

	*io = (struct io){.fd = fd, .handle = h};
	if (!h || uv_poll_init(loop_uv(), &h->poll, fd) != 0) {
		free(h);
		close(fd);
		io->fd = -1;
		io->handle = NULL;
		return ERR_IO;
	}
	h->poll.data = h;
	h->io = io;
	arm(io, UV_READABLE);
	return ERR_OK;
}

static void handle_closed(uv_handle_t *h)
{
	free(h->data);
}

int io_release(struct io *io)
{
	int fd = io->fd;

	if (fd < 0)
		return -1;
	if (io->reader)
		fiber_wake(io->reader, ERR_CLOSED);
	if (io->writer)
		fiber_wake(io->writer, ERR_CLOSED);
	arm(io, 0);
	io->handle->io = NULL;
	uv_close((uv_handle_t *)&io->handle->poll, handle_closed);
	*io = (struct io){.fd = -1};
	return fd;
}

void io_close(struct io *io)
{
	int fd = io_release(io);

	if (fd >= 0)
		close(fd);
}

static int co_wait_for(struct io *io, struct fiber **waiter, int event, int64_t deadline)
{
	if (io->fd < 0)
		return ERR_CLOSED;
	assert(!*waiter);
	arm(io, io->armed | event);
	*waiter = fiber_self();
	int code = co_park(deadline);

	if (*waiter == fiber_self())
		*waiter = NULL;
	return code;
}

int co_wait_readable(struct io *io, int64_t deadline)
{
	return co_wait_for(io, &io->reader, UV_READABLE, deadline);
}

int co_wait_writable(struct io *io, int64_t deadline)
{
	return co_wait_for(io, &io->writer, UV_WRITABLE, deadline);
}

static void begin_wait(struct io *io, unsigned want)
{
	struct fiber *self = fiber_self();

	assert(!(want & IO_READ && io->reader) && !(want & IO_WRITE && io->writer));
	if (want & IO_READ)
		io->reader = self;
	if (want & IO_WRITE)
		io->writer = self;
	arm(io, io->armed | (want & IO_READ ? UV_READABLE : 0) | (want & IO_WRITE ? UV_WRITABLE : 0));
}

static void end_wait(struct io *io)
{
	struct fiber *self = fiber_self();

	if (io->reader == self)
		io->reader = NULL;
	if (io->writer == self)
		io->writer = NULL;
}

int co_wait_either(struct io *a, unsigned want_a, struct io *b, unsigned want_b, int64_t deadline)
{
	if (a->fd < 0 || b->fd < 0)
		return ERR_CLOSED;
	begin_wait(a, want_a);
	begin_wait(b, want_b);
	int code = co_park(deadline);

	end_wait(a);
	end_wait(b);
	return code;
}

int co_read(struct io *io, char *p, size_t n, int64_t deadline)
{
	for (;;) {
		if (io->fd < 0)
			return ERR_CLOSED;
		ssize_t got = read(io->fd, p, n < INT_MAX ? n : INT_MAX);

		if (got > 0)
			return (int)got;
		if (got == 0 || (errno != EAGAIN && errno != EINTR))
			return ERR_CLOSED;
		int code = errno == EINTR ? ERR_OK : co_wait_readable(io, deadline);

		if (code)
			return code;
	}
}

void io_ack_now(const struct io *io)
{
	int one = 1;

	setsockopt(io->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
}

int co_write(struct io *io, struct str bytes, int64_t deadline)
{
	while (bytes.n > 0) {
		if (io->fd < 0)
			return ERR_CLOSED;
		ssize_t put = write(io->fd, bytes.p, bytes.n);

		if (put >= 0) {
			bytes = str_skip(bytes, (size_t)put);
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return ERR_CLOSED;
		int code = errno == EINTR ? ERR_OK : co_wait_writable(io, deadline);

		if (code)
			return code;
	}
	return ERR_OK;
}
