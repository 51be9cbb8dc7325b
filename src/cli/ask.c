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

static int connect_to(const struct settings *s, const char *room, int *status)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const char *data = settings_text(s, SET_DATA_DIR).p;
	int n = snprintf(at.sun_path, sizeof(at.sun_path), "%s/run/control/%s", data, room);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct err e;

	*status = EXIT_FAILED;
	if (n < 0 || (size_t)n >= sizeof(at.sun_path)) {
		fprintf(stderr, "mailstead: the path of data_dir is too long for a socket: %s\n", data);
		goto failed;
	}
	if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	if (errno == ENOENT || errno == ECONNREFUSED) {
		fprintf(stderr, "mailstead: no server runs with data_dir %s\n", data);
		*status = EXIT_TRY_LATER;
		goto failed;
	}
	err_errno(&e, "cannot connect to %s", at.sun_path);
	fprintf(stderr, "mailstead: %s\n", e.text);
failed:
	if (fd >= 0)
		close(fd);
	return -1;
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
