/* SPDX-License-Identifier: Apache-2.0 */
/* Stamping and writing log lines (see logfile.h). */
#include "run/logfile.h"

#include "base/clock.h"
#include "run/log_syslog.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COPY_HALF ((uint64_t)32 << 20) /* the copy and its predecessor are half each */
#define LINE_MAX_BYTES 3000 /* below PIPE_BUF: a pipe takes it whole or not at all */

static int open_append(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
}

static void remember(struct logfile *l)
{
	struct stat st;

	l->inode = fstat(l->fd, &st) == 0 ? st.st_ino : 0;
}

static void open_copy(struct logfile *l)
{
	struct stat st;

	l->copy_fd = l->copy[0] ? open_append(l->copy) : -1;
	l->copy_size = l->copy_fd >= 0 && fstat(l->copy_fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

int logfile_open(struct logfile *l, const char *path, const char *copy_folder, const char *host,
		 enum logfile_format format, struct err *e)
{
	bool to_stderr = path[0] == 0 || strcmp(path, "stderr") == 0;

	*l = (struct logfile){
		.fd = -1, .copy_fd = -1, .format = format, .syslog = strcmp(path, "syslog") == 0};
	snprintf(l->host, sizeof(l->host), "%.*s", (int)strcspn(host, "."), host);
	if (to_stderr || l->syslog) {
		snprintf(l->copy, sizeof(l->copy), "%s/" LOGFILE_COPY, copy_folder);
		l->fd = STDERR_FILENO;
		open_copy(l);
		return l->syslog ? log_syslog_open(LOG_SYSLOG_SOCKET, &l->fd, e) : ERR_OK;
	}
	snprintf(l->path, sizeof(l->path), "%s", path);
	l->fd = open_append(l->path);
	if (l->fd < 0)
		return err_errno(e, "cannot open the log %s", l->path);
	remember(l);
	return ERR_OK;
}

void logfile_close(struct logfile *l)
{
	if ((l->path[0] || l->syslog) && l->fd >= 0)
		close(l->fd);
	if (l->copy_fd >= 0)
		close(l->copy_fd);
	l->fd = l->copy_fd = -1;
}

void logfile_reopen(struct logfile *l, bool always)
{
	struct stat st;

	if (!l->path[0])
		return;
	if (!always && stat(l->path, &st) == 0 && st.st_ino == l->inode)
		return;
	int fd = open_append(l->path);

	/* Without a new file the old one goes on: nothing is lost. */
	if (fd < 0)
		return;
	close(l->fd);
	l->fd = fd;
	remember(l);
}

static void rotate_copy(struct logfile *l)
{
	char old[sizeof(l->copy) + 4];

	close(l->copy_fd);
	snprintf(old, sizeof(old), "%s.1", l->copy);
	rename(l->copy, old);
	open_copy(l);
}

static size_t stamp(char *out, size_t room)
{
	int64_t now = clock_wall_us();
	time_t seconds = (time_t)(now / 1000000);
	struct tm tm;
	char date[32], zone[8];

	localtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z", &tm);
	return (size_t)snprintf(out, room, "%s.%06d%.3s:%s", date, (int)(now % 1000000), zone, zone + 3);
}

static const char *level_mark(enum log_level level)
{
	return level == LOG_ERROR ? "error: " : level == LOG_WARNING ? "warning: " : "";
}

static size_t format_text(const struct logfile *l, const struct log_origin *from, struct str line, char *out)
{
	size_t n = stamp(out, LINE_MAX_BYTES);

	n += (size_t)snprintf(out + n, LINE_MAX_BYTES - n, " %s mailstead/%s[%d]: %s%.*s", l->host,
			      from->room, (int)from->pid, level_mark(from->level), STR_ARG(line));
	return n < LINE_MAX_BYTES ? n : LINE_MAX_BYTES - 1;
}

static size_t format_json(const struct logfile *l, const struct log_origin *from, struct str line, char *out)
{
	static const char *const levels[] = {"error", "warning", "info", "debug"};
	char time[48];
	size_t n;

	stamp(time, sizeof(time));
	n = (size_t)snprintf(
		out, LINE_MAX_BYTES,
		"{\"time\":\"%s\",\"host\":\"%s\",\"room\":\"%s\",\"pid\":%d,\"level\":\"%s\",\"text\":\"",
		time, l->host, from->room, (int)from->pid, levels[from->level]);
	/* Lines are printable ASCII (net/log.h): two characters need a backslash. */
	for (size_t i = 0; i < line.n && n < LINE_MAX_BYTES - 4; i++) {
		if (line.p[i] == '"' || line.p[i] == '\\')
			out[n++] = '\\';
		out[n++] = line.p[i];
	}
	out[n++] = '"';
	out[n++] = '}';
	return n;
}

/* A pipe whose reader is slow must not stop master. */
static bool has_room(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

static bool put(int fd, const char *bytes, size_t n)
{
	return has_room(fd) && write(fd, bytes, n) == (ssize_t)n;
}

static void put_line(struct logfile *l, const struct log_origin *from, struct str line)
{
	char out[LINE_MAX_BYTES + 1];
	size_t n =
		l->format == LOGFILE_JSON ? format_json(l, from, line, out) : format_text(l, from, line, out);

	out[n++] = '\n';
	if (l->syslog ? !log_syslog_send(l->fd, LOG_SYSLOG_SOCKET, from->level, from->room, from->pid, line)
		      : !put(l->fd, out, n))
		l->dropped++;
	if (l->copy_fd < 0)
		return;
	if (l->copy_size > COPY_HALF)
		rotate_copy(l);
	if (l->copy_fd >= 0 && write(l->copy_fd, out, n) == (ssize_t)n)
		l->copy_size += n;
}

void logfile_write(struct logfile *l, const struct log_origin *from, struct str line)
{
	if (l->dropped > 0 && has_room(l->fd)) {
		char text[80];
		struct log_origin self = {"master", getpid(), LOG_WARNING};
		int n = snprintf(text, sizeof(text), "%lu log lines did not fit and were left out",
				 l->dropped);

		l->dropped = 0;
		put_line(l, &self, (struct str){text, (size_t)n});
	}
	put_line(l, from, line);
}
