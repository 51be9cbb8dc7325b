/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending log lines (see log.h).  A datagram is lines, each one digit of its
 * level, the text and LF.
 */
#include "net/log.h"

#include "base/buf.h"
#include "net/loop.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_LINE 1500

static void flush_task(void *arg);

static struct {
	int fd;
	enum log_level level;
	log_fn *fn;
	void *fn_arg;
	struct buf lines;
	unsigned long dropped;
	struct turn_task task;
} out = {.fd = -1, .level = LOG_INFO, .task = {.fn = flush_task}};

void log_open(int fd, enum log_level level)
{
	out.fd = fd;
	out.level = level;
	out.fn = NULL;
	buf_init(&out.lines, LOG_BATCH);
}

void log_open_function(log_fn *fn, void *arg, enum log_level level)
{
	out.fn = fn;
	out.fn_arg = arg;
	out.level = level;
}

void log_set_level(enum log_level level)
{
	out.level = level;
}

int log_fd(void)
{
	return out.fd;
}

void log_flush(void)
{
	if (out.fd < 0 || out.lines.n == 0)
		return;
	if (send(out.fd, out.lines.p, out.lines.n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		buf_clear(&out.lines);
}

static void flush_task(void *arg)
{
	(void)arg;
	log_flush();
}

void log_close(void)
{
	log_flush();
	if (out.fd >= 0)
		close(out.fd);
	out.fd = -1;
	out.fn = NULL;
	loop_undefer(&out.task);
	buf_free(&out.lines);
}

/* Printable ASCII as it is, everything else as \xNN. */
static size_t escape(const char *from, size_t n, char *to, size_t room)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t used = 0;

	for (size_t i = 0; i < n && used + 4 < room; i++) {
		unsigned char c = (unsigned char)from[i];

		if (c >= 0x20 && c <= 0x7E) {
			to[used++] = (char)c;
			continue;
		}
		to[used++] = '\\';
		to[used++] = 'x';
		to[used++] = hex[c >> 4];
		to[used++] = hex[c & 15];
	}
	return used;
}

static void add_line(enum log_level level, const char *text, size_t n)
{
	size_t before = out.lines.n;

	buf_add_c(&out.lines, (char)('0' + (int)level));
	buf_add(&out.lines, text, n);
	buf_add_c(&out.lines, '\n');
	if (!buf_failed(&out.lines))
		return;
	out.lines.failed = false;
	buf_truncate(&out.lines, before);
	out.dropped++;
}

static void note_dropped(void)
{
	char text[80];

	if (out.dropped == 0 || out.lines.n > LOG_BATCH / 2)
		return;
	int n = snprintf(text, sizeof(text), "%lu log lines did not fit and were left out", out.dropped);

	out.dropped = 0;
	add_line(LOG_WARNING, text, (size_t)n);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char raw[LOG_LINE], text[LOG_LINE];
	va_list ap;

	if (level > out.level)
		return;
	va_start(ap, fmt);
	int n = vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	size_t used = escape(raw, (size_t)n < sizeof(raw) ? (size_t)n : sizeof(raw) - 1, text, sizeof(text));

	if (out.fn)
		out.fn(out.fn_arg, level, text, used);
	else if (out.fd < 0)
		fprintf(stderr, "%.*s\n", (int)used, text);
	else {
		if (out.lines.n > LOG_BATCH - LOG_LINE)
			log_flush();
		note_dropped();
		add_line(level, text, used);
		loop_defer(&out.task);
	}
}
