/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logfile: where log lines end; master alone writes it.
 *
 * The target is a file (opened again when it was renamed or truncated, or on
 * request), or standard error or syslog, of which a copy of at most 64 MiB stays in
 * data_dir/log for `mailstead trace`.  Writing never waits for a reader: what
 * a full pipe does not take is counted, and the count is written later.
 */
#ifndef RUN_LOGFILE_H
#define RUN_LOGFILE_H

#include "base/err.h"
#include "base/str.h"
#include "net/log.h"

#include <sys/types.h>

enum logfile_format { LOGFILE_TEXT, LOGFILE_JSON };

/* The copy's name in its folder; behind 32 MiB it becomes NAME.1. */
#define LOGFILE_COPY "mail.log"

struct logfile {
	char path[512]; /* empty: standard error, or syslog */
	bool syslog;
	char copy[512]; /* the copy of what goes to no file; empty: none */
	char host[65]; /* short host name */
	enum logfile_format format;
	int fd;
	int copy_fd;
	uint64_t copy_size;
	ino_t inode;
	unsigned long dropped;
};

struct log_origin {
	const char *room; /* "gate" */
	pid_t pid;
	enum log_level level;
};

/* path "" or "stderr": standard error, "syslog": the log daemon; both with a copy in
 * copy_folder. */
int logfile_open(struct logfile *l, const char *path, const char *copy_folder, const char *host,
		 enum logfile_format format, struct err *e);
void logfile_close(struct logfile *l);
/* One line, without its end, stamped with the time now. */
void logfile_write(struct logfile *l, const struct log_origin *from, struct str line);
/* Opens the file again when another one (or none) has its name now; `always` does so
 * in any case. */
void logfile_reopen(struct logfile *l, bool always);

#endif
