/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream: a buffered connection with or without TLS, for line protocols.
 *
 * Input gathers in a buffer with a ceiling, output in another that is flushed
 * before the next wait for input, so the replies to pipelined commands leave
 * together.  Both buffers are given back while they are empty.  One fiber owns a
 * stream.  All waits have deadlines (base/clock.h).
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/buf.h"
#include "base/err.h"
#include "net/io.h"

#include <openssl/ssl.h>

#define STREAM_IN_MAX ((size_t)64 << 10)
#define STREAM_OUT_MAX ((size_t)64 << 10)

struct stream {
	struct io io;
	SSL *ssl; /* NULL: not encrypted */
	struct buf in;
	size_t in_at; /* bytes of `in` that were consumed */
	struct buf out;
	bool broken; /* writing failed: nothing more is sent */
};

/* Takes the socket over.  0 or ERR_IO (fd is closed then). */
int stream_open(struct stream *s, int fd);
/* Closes it, without waiting; what was not flushed is dropped. */
void stream_close(struct stream *s);

/* What has arrived and was not consumed yet. */
struct str stream_pending(const struct stream *s);
/* Consumes n bytes of it. */
void stream_consume(struct stream *s, size_t n);
/* Forgets what has arrived (after STARTTLS: RFC 3207 4.2). */
void stream_discard_input(struct stream *s);
/* Flushes, then waits until more has arrived than stream_pending() has now: 0; ERR_TOO_BIG
 * when the buffer is full; ERR_CLOSED, ERR_TIMEOUT, ERR_CANCELLED. */
int co_stream_fill(struct stream *s, int64_t deadline);
/* The next line up to and with its LF, consumed; a view that lives until the next call
 * on this stream.  ERR_TOO_BIG when max bytes have no LF: what has arrived of the line stays
 * pending. */
int co_stream_line(struct stream *s, size_t max, int64_t deadline, struct str *line);
/* Whether a whole line (or, in front of an error, anything) has already arrived. */
bool stream_has_line(const struct stream *s);

/* Adds to the output.  Above STREAM_OUT_MAX it is flushed first by the co_ forms; the plain
 * ones mark the stream broken there. */
void stream_put(struct stream *s, struct str bytes);
__attribute__((format(printf, 2, 3))) void stream_printf(struct stream *s, const char *fmt, ...);
int co_stream_put(struct stream *s, struct str bytes, int64_t deadline);
/* Sends all output: 0, ERR_CLOSED, ERR_TIMEOUT, ERR_CANCELLED. */
int co_stream_flush(struct stream *s, int64_t deadline);

/* One step past the buffers, for who has his own; they must be empty.  With TLS reading may
 * want to write and the other way round.  ENDED: the end of file, or an error. */
enum stream_step { STREAM_DONE, STREAM_WANT_READ, STREAM_WANT_WRITE, STREAM_ENDED };

enum stream_step stream_read_now(struct stream *s, char *p, size_t n, size_t *got);
enum stream_step stream_write_now(struct stream *s, struct str bytes, size_t *put);

/* The handshake as a server or client.  Unencrypted input that has arrived must have been
 * discarded or consumed.  e gets the reason in words. */
int co_stream_tls_accept(struct stream *s, SSL_CTX *ctx, int64_t deadline, struct err *e);
int co_stream_tls_connect(struct stream *s, SSL_CTX *ctx, const char *host, int64_t deadline, struct err *e);
/* Says close_notify and ends the encrypted part, without waiting for the peer's. */
void stream_tls_end(struct stream *s);
/* Sends what has gathered, says the end, and reads until the peer's end or the deadline: closing a socket
 * with unread input resets the connection, and the peer never sees the last reply. */
void co_stream_linger(struct stream *s, int64_t deadline);
/* "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)"; empty without TLS. */
void stream_tls_describe(const struct stream *s, struct buf *out);

#endif
