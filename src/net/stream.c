/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffered connections (see stream.h).
 *
 * What has come in may hold a password, so its buffer is overwritten when it goes.
 *
 * TLS runs on the socket itself.  OpenSSL's error queue belongs to the thread, so it is
 * emptied before each call and read right after it, with no switch of fibers between.
 */
#include "net/stream.h"

#include "base/clock.h"
#include "net/fiber.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_CHUNK ((size_t)8192)

int stream_open(struct stream *s, int fd)
{
	*s = (struct stream){.io = {.fd = -1}};
	buf_init(&s->in, STREAM_IN_MAX);
	buf_init(&s->out, STREAM_OUT_MAX);
	return io_open(&s->io, fd);
}

void stream_close(struct stream *s)
{
	SSL_free(s->ssl);
	s->ssl = NULL;
	io_close(&s->io);
	buf_wipe(&s->in);
	buf_free(&s->out);
	s->in_at = 0;
}

/* --- what has arrived ---------------------------------------------------------------------- */

struct str stream_pending(const struct stream *s)
{
	return str_skip(buf_str(&s->in), s->in_at);
}

void stream_consume(struct stream *s, size_t n)
{
	assert(n <= s->in.n - s->in_at);
	s->in_at += n;
}

void stream_discard_input(struct stream *s)
{
	buf_clear(&s->in);
	s->in_at = 0;
}

bool stream_has_line(const struct stream *s)
{
	return str_find(stream_pending(s), '\n') != STR_NONE;
}

/* Room for more at the end; an empty buffer goes back before a long wait. */
static char *room_for_input(struct stream *s, size_t *n)
{
	buf_drop(&s->in, s->in_at);
	s->in_at = 0;
	*n = s->in.max - s->in.n < READ_CHUNK ? s->in.max - s->in.n : READ_CHUNK;
	return *n > 0 ? buf_room(&s->in, *n) : NULL;
}

/* --- one step of reading or writing -------------------------------------------------------------- */

static enum stream_step tls_step(struct stream *s, int result)
{
	switch (SSL_get_error(s->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return STREAM_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return STREAM_WANT_WRITE;
	default:
		return STREAM_ENDED;
	}
}

static enum stream_step plain_step(ssize_t result, enum stream_step want)
{
	if (result > 0)
		return STREAM_DONE;
	return result < 0 && (errno == EAGAIN || errno == EINTR) ? want : STREAM_ENDED;
}

enum stream_step stream_read_now(struct stream *s, char *p, size_t n, size_t *got)
{
	*got = 0;
	if (s->ssl) {
		ERR_clear_error();
		int code = SSL_read_ex(s->ssl, p, n, got);

		return code == 1 ? STREAM_DONE : tls_step(s, code);
	}
	ssize_t result = read(s->io.fd, p, n);

	*got = result > 0 ? (size_t)result : 0;
	return plain_step(result, STREAM_WANT_READ);
}

enum stream_step stream_write_now(struct stream *s, struct str bytes, size_t *put)
{
	*put = 0;
	if (s->ssl) {
		ERR_clear_error();
		int code = SSL_write_ex(s->ssl, bytes.p, bytes.n, put);

		return code == 1 ? STREAM_DONE : tls_step(s, code);
	}
	ssize_t result = write(s->io.fd, bytes.p, bytes.n);

	*put = result > 0 ? (size_t)result : 0;
	return plain_step(result, STREAM_WANT_WRITE);
}

static int co_wait_step(struct stream *s, enum stream_step step, int64_t deadline)
{
	if (step == STREAM_ENDED)
		return ERR_CLOSED;
	return step == STREAM_WANT_READ ? co_wait_readable(&s->io, deadline)
					: co_wait_writable(&s->io, deadline);
}

/* --- output --------------------------------------------------------------------------------------- */

void stream_put(struct stream *s, struct str bytes)
{
	buf_add_str(&s->out, bytes);
	if (buf_failed(&s->out))
		s->broken = true;
}

void stream_printf(struct stream *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&s->out, fmt, ap);
	va_end(ap);
	if (buf_failed(&s->out))
		s->broken = true;
}

static int co_send(struct stream *s, struct str bytes, int64_t deadline)
{
	while (bytes.n > 0) {
		size_t put;
		enum stream_step step = s->io.fd < 0 ? STREAM_ENDED : stream_write_now(s, bytes, &put);
		int code = step == STREAM_DONE ? ERR_OK : co_wait_step(s, step, deadline);

		if (code)
			return code;
		if (step == STREAM_DONE)
			bytes = str_skip(bytes, put);
	}
	return ERR_OK;
}

int co_stream_flush(struct stream *s, int64_t deadline)
{
	if (s->broken)
		return ERR_CLOSED;
	if (s->out.n == 0)
		return ERR_OK;
	int code = co_send(s, buf_str(&s->out), deadline);

	/* A part may have left: what follows would be out of place. */
	if (code)
		s->broken = true;
	buf_free(&s->out);
	return code;
}

int co_stream_put(struct stream *s, struct str bytes, int64_t deadline)
{
	int code = ERR_OK;

	if (bytes.n > s->out.max - s->out.n)
		code = co_stream_flush(s, deadline);
	if (code == ERR_OK && bytes.n > s->out.max) {
		code = co_send(s, bytes, deadline);
		s->broken = code != ERR_OK;
		return code;
	}
	stream_put(s, bytes);
	return s->broken ? ERR_CLOSED : code;
}

/* --- input ------------------------------------------------------------------------------------------ */

/* Waits with the buffer given back while nothing is in it. */
static int co_wait_input(struct stream *s, enum stream_step step, int64_t deadline)
{
	if (s->in.n == 0)
		buf_wipe(&s->in);
	return co_wait_step(s, step, deadline);
}

int co_stream_fill(struct stream *s, int64_t deadline)
{
	int code = co_stream_flush(s, deadline);

	while (code == ERR_OK) {
		size_t n, got;
		char *p = room_for_input(s, &n);

		if (!p)
			return n == 0 ? ERR_TOO_BIG : ERR_MEMORY;
		if (s->io.fd < 0)
			return ERR_CLOSED;
		enum stream_step step = stream_read_now(s, p, n, &got);

		if (step == STREAM_DONE) {
			buf_grow(&s->in, got);
			return ERR_OK;
		}
		code = co_wait_input(s, step, deadline);
	}
	return code;
}

int co_stream_line(struct stream *s, size_t max, int64_t deadline, struct str *line)
{
	size_t seen = 0;

	for (;;) {
		struct str pending = stream_pending(s);
		size_t at = str_find(str_skip(pending, seen), '\n');

		if (at != STR_NONE && seen + at < max) {
			*line = str_head(pending, seen + at + 1);
			stream_consume(s, line->n);
			return ERR_OK;
		}
		if (at != STR_NONE || pending.n >= max)
			return ERR_TOO_BIG;
		seen = pending.n;
		int code = co_stream_fill(s, deadline);

		if (code)
			return code;
	}
}

/* --- TLS ------------------------------------------------------------------------------------------------ */

static int explain_failure(int code, struct err *e)
{
	unsigned long number = ERR_get_error();
	char text[200];

	if (code == ERR_CANCELLED)
		return err_set(e, code, "the TLS handshake was given up");
	if (code == ERR_TIMEOUT)
		return err_set(e, code, "the TLS handshake took too long");
	if (number == 0)
		return err_set(e, ERR_CLOSED, "the connection was lost in the TLS handshake");
	ERR_error_string_n(number, text, sizeof(text));
	return err_set(e, ERR_INVALID, "the TLS handshake failed: %s", text);
}

static int co_handshake(struct stream *s, int64_t deadline, struct err *e)
{
	for (;;) {
		ERR_clear_error();
		int result = SSL_do_handshake(s->ssl);
		enum stream_step step = result == 1 ? STREAM_DONE : tls_step(s, result);

		if (step == STREAM_DONE)
			return ERR_OK;
		if (step == STREAM_ENDED)
			return explain_failure(ERR_CLOSED, e);
		int code = co_wait_step(s, step, deadline);

		if (code)
			return explain_failure(code, e);
	}
}

static int begin_tls(struct stream *s, SSL_CTX *ctx, struct err *e)
{
	assert(!s->ssl && stream_pending(s).n == 0);
	s->ssl = SSL_new(ctx);
	if (!s->ssl || SSL_set_fd(s->ssl, s->io.fd) != 1)
		return err_set(e, ERR_MEMORY, "no memory for TLS");
	SSL_set_mode(s->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return ERR_OK;
}

int co_stream_tls_accept(struct stream *s, SSL_CTX *ctx, int64_t deadline, struct err *e)
{
	int code = begin_tls(s, ctx, e);

	if (code)
		return code;
	SSL_set_accept_state(s->ssl);
	return co_handshake(s, deadline, e);
}

int co_stream_tls_connect(struct stream *s, SSL_CTX *ctx, const char *host, int64_t deadline, struct err *e)
{
	int code = begin_tls(s, ctx, e);

	if (code)
		return code;
	SSL_set_connect_state(s->ssl);
	if (host && SSL_set_tlsext_host_name(s->ssl, host) != 1)
		return err_set(e, ERR_INVALID, "not a host name for TLS: %s", host);
	return co_handshake(s, deadline, e);
}

void stream_tls_end(struct stream *s)
{
	if (!s->ssl)
		return;
	ERR_clear_error();
	/* After a failure nothing may be sent any more (SSL_shutdown(3)). */
	if (!s->broken && SSL_is_init_finished(s->ssl))
		SSL_shutdown(s->ssl);
	SSL_free(s->ssl);
	s->ssl = NULL;
}

void co_stream_linger(struct stream *s, int64_t deadline)
{
	if (co_stream_flush(s, deadline) != 0)
		return;
	stream_tls_end(s);
	shutdown(s->io.fd, SHUT_WR);
	do
		stream_discard_input(s);
	while (co_stream_fill(s, deadline) == 0 && co_yield () == 0);
}

void stream_tls_describe(const struct stream *s, struct buf *out)
{
	const SSL_CIPHER *cipher = s->ssl ? SSL_get_current_cipher(s->ssl) : NULL;
	int algorithm_bits = 0;

	if (!cipher)
		return;
	int bits = SSL_CIPHER_get_bits(cipher, &algorithm_bits);

	buf_printf(out, "%s with cipher %s (%d/%d bits)", SSL_get_version(s->ssl),
		   SSL_CIPHER_get_name(cipher), bits, algorithm_bits);
}
