/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: sending log lines to master.
 *
 * Lines gather during a turn of the loop and go to master in one datagram at its
 * end; master stamps time, room and process and writes.  A room never waits for
 * the log: what does not fit is counted, and the count is logged later.  Bytes
 * below 0x20 and above 0x7E are escaped as \xNN, so a peer cannot make a line.
 */
#ifndef NET_LOG_H
#define NET_LOG_H

#include <stddef.h>

/* A datagram of lines is at most this long. */
#define LOG_BATCH ((size_t)32 << 10)

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* Lines go to this socket from here on (taken over), only those up to `level`.
 * Before, and with fd -1, they go to standard error. */
void log_open(int fd, enum log_level level);
void log_set_level(enum log_level level);
/* Instead of a socket: every line, without its end, is handed to fn (master). */
typedef void log_fn(void *arg, enum log_level level, const char *line, size_t n);
void log_open_function(log_fn *fn, void *arg, enum log_level level);
/* Sends what has gathered. */
void log_flush(void);
void log_close(void);
/* The socket, -1 when there is none. */
int log_fd(void);

__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *fmt, ...);

#endif
