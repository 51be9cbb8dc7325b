/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the running server (see ask.h). */
#include "cli/ask.h"

#include "cli/options.h"
#include "net/fiber.h"
#include "net/loop.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WINDOW 4
#define LONGEST_MS 120000

/* A connected socket, or -1 with errno; ENAMETOOLONG when data_dir is too long for one. */
static int try_to_connect(const struct settings *s, const char *room)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int n = snprintf(at.sun_path, sizeof(at.sun_path), "%s/run/control/%s",
			 settings_text(s, SET_DATA_DIR).p, room);

	if (n < 0 || (size_t)n >= sizeof(at.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	int number = errno;

	close(fd);
	errno = number;
	return -1;
}

static int connect_to(const struct settings *s, const char *room, int *status)
{
	const char *data = settings_text(s, SET_DATA_DIR).p;
	int fd = try_to_connect(s, room);
	struct err e;

	*status = EXIT_FAILED;
	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ECONNREFUSED) {
		fprintf(stderr, "mailstead: no server runs with data_dir %s\n", data);
		*status = EXIT_TRY_LATER;
		return -1;
	}
	err_errno(&e, "cannot connect to the server with data_dir %s", data);
	fprintf(stderr, "mailstead: %s\n", e.text);
	return -1;
}

bool ask_is_served(const struct settings *s, const char *room)
{
	int fd = try_to_connect(s, room);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

struct command {
	struct chan *chan;
	int (*co_fn)(struct chan *c, void *arg);
	void *arg;
	int status;
};

static void command_fiber(void *arg)
{
	struct command *cmd = arg;

	cmd->status = cmd->co_fn(cmd->chan, cmd->arg);
	chan_destroy(&cmd->chan);
	loop_stop();
}

int ask_room(const struct settings *s, const char *room, int (*co_fn)(struct chan *c, void *arg), void *arg)
{
	struct fiber_group group;
	struct chan_rules rules = {.fibers = &group, .window = WINDOW, .longest_ms = LONGEST_MS};
	struct command cmd = {.co_fn = co_fn, .arg = arg, .status = EXIT_FAILED};
	int status;
	int fd = connect_to(s, room, &status);

	if (fd < 0)
		return status;
	loop_init();
	fiber_group_init(&group, WINDOW);
	cmd.chan = chan_new("the server", &rules);
	if (chan_attach(cmd.chan, fd, 0) == 0 && fiber_start(&group, command_fiber, &cmd) == 0)
		loop_run();
	loop_end();
	return cmd.status;
}
