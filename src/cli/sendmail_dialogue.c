/* SPDX-License-Identifier: Apache-2.0 */
/* Passing SMTP through. */
#include "cli/sendmail_dialogue.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 2048

static bool write_all(int fd, struct str s, bool is_socket)
{
	while (s.n) {
		ssize_t n = is_socket ? send(fd, s.p, s.n, MSG_NOSIGNAL) : write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		s = str_skip(s, (size_t)n);
	}
	return true;
}

/* *after_cr: the chunk before ended in CR. */
static void normalise(struct str s, bool *after_cr, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n' && !*after_cr)
			buf_add_c(out, '\r');
		buf_add_c(out, s.p[i]);
		*after_cr = s.p[i] == '\r';
	}
}

/* One chunk; false at the end of input, or when the server takes no more. */
static bool pass_to_server(int in, int fd, bool *after_cr)
{
	char bytes[CHUNK];
	struct buf out;
	ssize_t n = read(in, bytes, sizeof(bytes));

	if (n < 0 && errno == EINTR)
		return true;
	buf_init(&out, (size_t)2 * CHUNK);
	normalise((struct str){bytes, n > 0 ? (size_t)n : 0}, after_cr, &out);
	bool good = n > 0 && write_all(fd, buf_str(&out), true);

	buf_free(&out);
	if (!good)
		shutdown(fd, SHUT_WR);
	return good;
}

/* 1: go on; 0: the server has ended; -1: nobody reads its words. */
static int pass_to_program(int fd, int out)
{
	char bytes[CHUNK];
	ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

	if (n < 0 && errno == EINTR)
		return 1;
	if (n <= 0)
		return n == 0 ? 0 : -1;
	return write_all(out, (struct str){bytes, (size_t)n}, false) ? 1 : -1;
}

enum sendmail_status sendmail_dialogue(int fd, int in, int out)
{
	struct pollfd ends[] = {{.fd = fd, .events = POLLIN}, {.fd = in, .events = POLLIN}};
	bool after_cr = false;
	int state = 1;

	while (state == 1) {
		if (poll(ends, 2, -1) < 0 && errno != EINTR)
			return SENDMAIL_SYSTEM_ERROR;
		if (ends[1].revents && !pass_to_server(in, fd, &after_cr))
			ends[1].fd = -1;
		if (ends[0].revents)
			state = pass_to_program(fd, out);
	}
	return state == 0 ? SENDMAIL_DONE : SENDMAIL_TRY_LATER;
}
