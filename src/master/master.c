/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master: start, signals, orderly end (see master.h).
 *
 *   settings -> folders and lock -> log -> walls -> children in order -> `ready`
 *     SIGHUP: reload   SIGUSR1: open the log again   SIGTERM, SIGINT: stop
 *   stop: the rooms in the order opposite to their start, so that nobody asks one
 *   that is gone.
 */
#include "master/master.h"

#include "base/clock.h"
#include "master/house.h"
#include "net/fiber_stack.h"
#include "net/log.h"
#include "net/loop.h"
#include "run/probes.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_LOOK_MS 2000
#define TICKETS_MS (12 * 60 * 60 * 1000)

/* --- the log ------------------------------------------------------------------------------- */

static void write_own_line(void *arg, enum log_level level, const char *line, size_t n)
{
	struct house *h = arg;
	struct log_origin from = {"master", getpid(), level};

	logfile_write(&h->log, &from, (struct str){line, n});
}

static int open_log(struct house *h, struct err *e)
{
	char folder[sizeof(h->log.copy) - 16];

	snprintf(folder, sizeof(folder), "%s/log", settings_text(&h->settings, SET_DATA_DIR).p);
	int code = logfile_open(&h->log, settings_text(&h->settings, SET_LOG).p, folder,
				settings_text(&h->settings, SET_HOSTNAME).p,
				(enum logfile_format)settings_choice(&h->settings, SET_LOG_FORMAT), e);

	if (code == 0)
		log_open_function(write_own_line, h,
				  (enum log_level)settings_choice(&h->settings, SET_LOG_LEVEL));
	return code;
}

static void look_at_log_fiber(void *arg)
{
	struct house *h = arg;

	while (co_sleep_until(deadline_in(LOG_LOOK_MS)) == 0)
		logfile_reopen(&h->log, false);
}

/* --- ticket keys ----------------------------------------------------------------------------- */

static void tickets_fiber(void *arg)
{
	struct house *h = arg;
	struct err e;

	while (co_sleep_until(deadline_in(TICKETS_MS)) == 0) {
		int code = identity_renew_tickets(h) == 0 ? co_renew(h, &e)
							  : err_set(&e, ERR_IO, "no random numbers");

		if (code == ERR_CANCELLED)
			return;
		if (code)
			log_line(LOG_ERROR, "the TLS ticket keys were not renewed: %s", e.text);
	}
}

/* --- children ---------------------------------------------------------------------------------- */

static void wake_waiting(struct house *h)
{
	if (h->waiting)
		fiber_wake(h->waiting, ERR_OK);
}

/* Tells a service manager, when there is one (sd_notify(3)). */
static void notify_service_manager(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	if (!path || strlen(path) >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, strlen(path));
	/* A leading @ stands for an abstract name. */
	if (to.sun_path[0] == '@')
		to.sun_path[0] = 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
	       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
	close(fd);
}

void house_child_up(struct house *h, struct child *c)
{
	size_t up = 0;

	log_line(LOG_DEBUG, "%s is up", c->name);
	for (size_t i = 0; i < h->child_count; i++)
		up += h->children[i].state == CHILD_UP;
	if (up == h->child_count && !h->announced) {
		h->announced = true;
		log_line(LOG_INFO, "ready");
		notify_service_manager("READY=1");
	}
	wake_waiting(h);
}

void house_child_down(struct house *h)
{
	wake_waiting(h);
}

static void reap(struct house *h)
{
	for (size_t i = 0; i < h->child_count; i++) {
		struct child *c = &h->children[i];
		int status;

		if (c->pid > 0 && waitpid(c->pid, &status, WNOHANG) == c->pid)
			child_ended(c, status);
	}
}

/* A room that can have several processes is numbered on its command socket too. */
static int add_child(struct house *h, const struct master_room *r, unsigned index, struct err *e)
{
	char name[32];
	struct child *c = &h->children[h->child_count];

	if (h->child_count == CHILDREN_MAX)
		return err_set(e, ERR_TOO_BIG, "more than %d processes are configured", CHILDREN_MAX);
	child_init(c, h, r->ops, index);
	h->child_count++;
	if (r->count == SET_COUNT)
		snprintf(name, sizeof(name), "%s", room_name(r->ops->room));
	else
		snprintf(name, sizeof(name), "%s.%u", room_name(r->ops->room), index);
	return folders_command_socket(h, name, &c->listener, e);
}

static int add_children(struct house *h, struct err *e)
{
	int code = ERR_OK;

	for (size_t i = 0; i < h->plan->room_count; i++) {
		const struct master_room *r = &h->plan->rooms[i];
		uint64_t count = r->count == SET_COUNT ? 1 : settings_number(&h->settings, r->count);

		for (unsigned k = 0; code == 0 && k < count; k++)
			code = add_child(h, r, k, e);
	}
	return code;
}

/* --- signals --------------------------------------------------------------------------------------- */

static const int signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1};

struct uv_signals {
	uv_signal_t handle[sizeof(signals) / sizeof(signals[0])];
};

static void reload_fiber(void *arg)
{
	struct err e;

	co_reload(arg, &e);
}

static void stop_house(struct house *h)
{
	h->stopping = true;
	wake_waiting(h);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct house *h = handle->data;

	switch (number) {
	case SIGCHLD:
		reap(h);
		break;
	case SIGHUP:
		if (!h->stopping && fiber_start(&h->fibers, reload_fiber, h) != 0)
			log_line(LOG_ERROR, "no reload: too much is going on");
		break;
	case SIGUSR1:
		logfile_reopen(&h->log, true);
		break;
	default:
		log_line(LOG_INFO, "stopping");
		stop_house(h);
	}
}

static int watch_signals(struct house *h, struct err *e)
{
	h->signals = calloc(1, sizeof(*h->signals));
	if (!h->signals)
		return err_set(e, ERR_MEMORY, "no memory");
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		uv_signal_t *s = &h->signals->handle[i];

		s->data = h;
		if (uv_signal_init(loop_uv(), s) != 0 || uv_signal_start(s, on_signal, signals[i]) != 0)
			return err_set(e, ERR_IO, "cannot watch signal %d", signals[i]);
	}
	return ERR_OK;
}

static void forget_signals(struct house *h)
{
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		uv_close((uv_handle_t *)&h->signals->handle[i], NULL);
}

/* --- the way through ---------------------------------------------------------------------------------- */

static int co_wait_child(struct house *h, int64_t deadline)
{
	h->waiting = fiber_self();
	int code = co_park(deadline);

	h->waiting = NULL;
	return code;
}

static void co_stop_children(struct house *h)
{
	for (size_t i = h->child_count; i > 0; i--) {
		struct child *c = &h->children[i - 1];

		child_stop(c);
		while (c->pid > 0)
			co_wait_child(h, NO_DEADLINE);
	}
}

static void co_end(struct house *h)
{
	commands_close(h);
	for (size_t i = 0; i < h->child_count; i++) {
		fiber_group_cancel(&h->children[i].watch);
		co_group_join(&h->children[i].watch, NO_DEADLINE);
		/* Last words end with the process: these fibers end by themselves. */
		co_group_join(&h->children[i].fibers, deadline_in(1000));
		fiber_group_cancel(&h->children[i].fibers);
		co_group_join(&h->children[i].fibers, NO_DEADLINE);
	}
	fiber_group_cancel(&h->fibers);
	co_group_join(&h->fibers, NO_DEADLINE);
	for (size_t i = 0; i < h->child_count; i++)
		child_free(&h->children[i]);
	tables_close(h);
	forget_signals(h);
	loop_stop();
}

static void serve_fiber(void *arg)
{
	struct house *h = arg;
	struct err e;
	int code = ERR_OK;

	for (size_t i = 0; code == 0 && i < h->child_count; i++)
		code = child_start(&h->children[i], &e);
	if (code) {
		log_line(LOG_ERROR, "cannot start: %s", e.text);
		h->exit_status = 1;
		h->stopping = true;
	}
	while (!h->stopping)
		co_wait_child(h, NO_DEADLINE);
	notify_service_manager("STOPPING=1");
	co_stop_children(h);
	co_end(h);
}

/* The path, not /proc/self/exe itself, which is another program under Valgrind. */
static int open_own_program(struct house *h, struct err *e)
{
	char path[3000];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n > 0) {
		path[n] = 0;
		h->exe = open(path, O_RDONLY | O_CLOEXEC);
	}
	return n > 0 && h->exe >= 0 ? ERR_OK : err_errno(e, "cannot open the program itself");
}

static void say_settings_notes(const struct settings *s)
{
	for (size_t i = 0; i < s->note_count; i++)
		fprintf(stderr, "mailstead: %.*s\n", STR_ARG(s->notes[i].text));
}

static int set_up(struct house *h, struct err *e)
{
	int code = settings_load(&h->settings, h->plan->sources, e);

	if (code || h->settings.note_count > 0)
		say_settings_notes(&h->settings);
	if (code)
		return code;
	if ((code = open_own_program(h, e)) || (code = folders_make(h, e)) || (code = open_log(h, e)))
		return code;
	fiber_stack_use_guard((enum stack_guard)settings_choice(&h->settings, SET_STACK_GUARD));
	loop_init();
	if ((code = identity_find(h, &h->settings, e)) || (code = listeners_open(h, e)) ||
	    (code = add_children(h, e)) || (code = folders_write_ports(h, e)))
		return code;
	/* Twice: the key before must be one that nobody can guess either. */
	if (identity_renew_tickets(h) != 0 || identity_renew_tickets(h) != 0 ||
	    identity_make_right_key(h) != 0)
		return err_set(e, ERR_IO, "the system gives no random numbers");
	return walls_master((enum confinement)settings_choice(&h->settings, SET_CONFINEMENT), e);
}

static void tear_down(struct house *h)
{
	loop_end();
	free(h->signals);
	logfile_close(&h->log);
	listeners_close(h);
	explicit_bzero(h->tickets, sizeof(h->tickets));
	settings_free(&h->settings);
	close(h->exe);
	close(h->lock);
	close(h->data_folder);
	close(h->empty_folder);
}

static int begin(struct house *h, struct fiber_group *main_group, fiber_fn *fn, struct err *e)
{
	int code = set_up(h, e);

	if (code == 0)
		code = watch_signals(h, e);
	if (code == 0)
		code = commands_open(h, e);
	if (code == 0)
		code = tables_open(h, e);
	if (code == 0 &&
	    (fiber_start(&h->fibers, look_at_log_fiber, h) != 0 ||
	     fiber_start(&h->fibers, tickets_fiber, h) != 0 || fiber_start(main_group, fn, h) != 0))
		code = err_set(e, ERR_MEMORY, "no memory");
	return code;
}

static int run(const struct master_plan *plan, fiber_fn *fn)
{
	struct house *h = calloc(1, sizeof(*h));
	struct fiber_group main_group;
	struct err e;

	if (!h)
		abort();
	*h = (struct house){.plan = plan, .exe = -1, .lock = -1, .data_folder = -1, .empty_folder = -1};
	h->command_listener.fd = -1;
	fiber_group_init(&h->fibers, 256);
	fiber_group_init(&main_group, 1);
	/* What was refused before there is a log goes to standard error, once. */
	if (begin(h, &main_group, fn, &e) != 0) {
		if (h->settings.note_count == 0)
			fprintf(stderr, "mailstead: %s\n", e.text);
		return 1;
	}
	loop_run();
	int status = h->exit_status;

	tear_down(h);
	free(h);
	return status;
}

int master_serve(const struct master_plan *plan)
{
	return run(plan, serve_fiber);
}

/* --- the probe of the walls ------------------------------------------------------------------------------ */

static const char *in_words(int64_t result)
{
	return result == PROBE_KILLED ? "killed" : result == 0 ? "allowed" : strerrorname_np((int)result);
}

static void co_probe(struct house *h, struct child *c, unsigned probe)
{
	bool allowed = probes_allowed(probe, walls_of(c->ops->room));
	struct err e;

	h->probe = (int64_t)probe + 1;
	h->probe_result = PROBE_KILLED;
	if (child_start(c, &e) != 0) {
		fprintf(stderr, "mailstead: %s\n", e.text);
		h->exit_status = 1;
		return;
	}
	while (c->pid > 0)
		co_wait_child(h, NO_DEADLINE);
	bool right = (h->probe_result == 0) == allowed;

	printf("%s %s %s %s\n", room_name(c->ops->room), probes_name(probe), in_words(h->probe_result),
	       right ? "as-it-should" : "WRONG");
	if (!right)
		h->exit_status = 1;
	/* The next start uses the same descriptors. */
	co_group_join(&c->fibers, NO_DEADLINE);
	co_group_join(&c->watch, NO_DEADLINE);
}

static void probe_fiber(void *arg)
{
	struct house *h = arg;

	for (size_t i = 0; i < h->child_count; i++)
		for (unsigned k = 0; h->children[i].index == 0 && k < probes_count(); k++)
			co_probe(h, &h->children[i], k);
	co_end(h);
}

int master_probe_walls(const struct master_plan *plan)
{
	return run(plan, probe_fiber);
}
