/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_syslog: lines to the machine's log daemon (RFC 3164), facility mail.
 *
 * syslog(3) waits for a daemon that is slow and looks for its tag in state of the
 * process; this does neither.  Each line goes to the socket by its name, so that a daemon
 * that was started anew is found again.
 */
#ifndef RUN_LOG_SYSLOG_H
#define RUN_LOG_SYSLOG_H

#include "base/err.h"
#include "base/str.h"
#include "net/log.h"

#include <sys/types.h>

#define LOG_SYSLOG_SOCKET "/dev/log"

/* The descriptor to send from; the caller closes it.  ERR_IO also when no daemon listens
 * at the socket now. */
int log_syslog_open(const char *path, int *fd, struct err *e);
/* false: it was not taken, now. */
bool log_syslog_send(int fd, const char *path, enum log_level level, const char *room, pid_t pid,
		     struct str line);

#endif
