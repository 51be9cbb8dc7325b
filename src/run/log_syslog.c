/* SPDX-License-Identifier: Apache-2.0 */
/* Lines to the log daemon. */
#include "run/log_syslog.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define FACILITY_MAIL (2 << 3)
#define LINE_MAX_BYTES 2000

static bool address_of(const char *path, struct sockaddr_un *at)
{
	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	return snprintf(at->sun_path, sizeof(at->sun_path), "%s", path) < (int)sizeof(at->sun_path);
}

int log_syslog_open(const char *path, int *fd, struct err *e)
{
	struct sockaddr_un at;
	int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool listens = probe >= 0 && address_of(path, &at) &&
		       connect(probe, (struct sockaddr *)&at, sizeof(at)) == 0;

	*fd = -1;
	if (!listens)
		err_errno(e, "no log daemon listens at %s", path);
	if (probe >= 0)
		close(probe);
	if (!listens)
		return e->code;
	*fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return *fd >= 0 ? ERR_OK : err_errno(e, "cannot make a socket");
}

bool log_syslog_send(int fd, const char *path, enum log_level level, const char *room, pid_t pid,
		     struct str line)
{
	/* err, warning, info, debug of RFC 3164 4.1.1 */
	static const int severities[] = {3, 4, 6, 7};
	time_t now = (time_t)(clock_wall_us() / 1000000);
	char text[LINE_MAX_BYTES], stamp[20];
	struct sockaddr_un at;
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &tm);
	int n = snprintf(text, sizeof(text), "<%d>%s mailstead/%s[%d]: %.*s",
			 FACILITY_MAIL | severities[level], stamp, room, (int)pid, STR_ARG(line));
	size_t size = (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;

	return address_of(path, &at) && sendto(fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL,
					       (struct sockaddr *)&at, sizeof(at)) == (ssize_t)size;
}
