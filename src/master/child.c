/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process of a room: starting it, hearing it, ending it (states in house.h).
 *
 * 1. A role inherits 0 (/dev/null), 1 and 2 (a pipe to us) and 3 (its control
 *    channel), of the environment the time zone, and nothing else.
 * 2. All roles run the very file that master was started from: one descriptor,
 *    opened once, whatever happens to the path.
 * 3. Every channel between two rooms is a new socket pair, whose ends both get as
 *    a `peer` message: at the first start and after a crash alike.
 */
#include "master/house.h"

#include "base/clock.h"
#include "net/log.h"
#include "net/messages.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET_BUFFER (1 << 20)
#define SOCKET_BUFFER_LEAST (160 << 10)
#define ALIVE_EVERY_MS 5000
#define ALIVE_DEADLINE_MS 10000
#define START_DEADLINE_MS 20000
#define CALM_MS 60000 /* without a crash: the next one counts as the first */
#define TRUST_ANCHOR_MAX 4096

/* Milliseconds before the nth start in a row. */
static const int64_t delays[] = {0, 100, 1000, 5000, 30000};

/* --- sockets -------------------------------------------------------------------------- */

static int set_buffer(int fd, int forced, int plain)
{
	int size = SOCKET_BUFFER;
	socklen_t n = sizeof(size);

	if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof(size)) != 0)
		setsockopt(fd, SOL_SOCKET, plain, &size, sizeof(size));
	return getsockopt(fd, SOL_SOCKET, plain, &size, &n) == 0 ? size : 0;
}

static int make_pair(int fds[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		return err_errno(e, "cannot make a socket pair");
	for (int i = 0; i < 2; i++) {
		int size = set_buffer(fds[i], SO_SNDBUFFORCE, SO_SNDBUF);

		if (size >= SOCKET_BUFFER_LEAST)
			continue;
		close(fds[0]);
		close(fds[1]);
		return err_set(
			e, ERR_DENIED,
			"socket buffers of %d bytes are too small: set net.core.wmem_max to at least %d",
			size, SOCKET_BUFFER_LEAST);
	}
	return ERR_OK;
}

/* --- neighbours ------------------------------------------------------------------------- */

static bool are_neighbours(enum room a, enum room b)
{
#define CHANNEL(asks, answers, window, longest_ms)                              \
	if ((a == (asks) && b == (answers)) || (a == (answers) && b == (asks))) \
		return true;
#include "net/channels.def"
#undef CHANNEL
	return false;
}

static void tell_peer(struct child *to, const struct child *of, int fd)
{
	struct peer_note m = {.room = (uint8_t)of->ops->room,
			      .index = (uint16_t)of->index,
			      .epoch = of->epoch,
			      .channel = fd};

	peer_send(to->control, &m);
}

static void introduce(struct child *a, struct child *b)
{
	struct err e;
	int fds[2];

	if (make_pair(fds, &e) != 0) {
		log_line(LOG_ERROR, "%s and %s stay without a channel: %s", a->name, b->name, e.text);
		return;
	}
	tell_peer(a, b, fds[0]);
	tell_peer(b, a, fds[1]);
	close(fds[0]);
	close(fds[1]);
}

static void introduce_to_all(struct child *c)
{
	struct house *h = c->house;

	for (size_t i = 0; i < h->child_count; i++) {
		struct child *other = &h->children[i];

		if (other != c && other->control && chan_attached(other->control) &&
		    are_neighbours(c->ops->room, other->ops->room))
			introduce(c, other);
	}
}

/* --- the start message --------------------------------------------------------------------- */

static const struct {
	uid_t fallback; /* where the user of that name does not exist */
	enum setting_key name;
} users[] = {
	[WALL_USER_STORE] = {62025, SET_RUN_AS},
	[WALL_USER_ID] = {62026, SET_RUN_AS_ID},
	[WALL_USER_NET] = {62027, SET_RUN_AS_NET},
};

void child_user(const struct house *h, enum wall_user user, uid_t *uid, gid_t *gid)
{
	struct passwd entry, *found = NULL;
	char text[2048];

	*uid = geteuid();
	*gid = getegid();
	if (*uid != 0 || user == WALL_USER_ROOT)
		return;
	const char *name = settings_text(&h->settings, users[user].name).p;

	*uid = *gid = users[user].fallback;
	if (getpwnam_r(name, &entry, text, sizeof(text), &found) == 0 && found) {
		*uid = found->pw_uid;
		*gid = found->pw_gid;
	}
}

static void add_trust_anchor(const struct house *h, struct buf *out)
{
	struct buf content;
	struct err e;

	buf_init(&content, TRUST_ANCHOR_MAX);
	if (file_read(settings_text(&h->settings, SET_TRUST_ANCHOR_FILE).p, &content, &e) == 0) {
		buf_put_str(out, STR("trust_anchor"));
		buf_put_str(out, buf_str(&content));
	} else
		log_line(LOG_WARNING, "answers will not be validated: %s", e.text);
	buf_free(&content);
}

int child_files(const struct house *h, enum room room, struct buf *out, struct err *e)
{
	int code = ERR_OK;

	/* All its room at once: no copies of a key stay behind. */
	buf_room(out, CHILD_FILES_MAX);
	if (room == ROOM_RESOLVER)
		add_trust_anchor(h, out);
	if (room == ROOM_GATE)
		code = identity_put(h, out, e);
	if (room == ROOM_KEEPER)
		identity_put_right_key(h, out);
	return code == 0 && buf_failed(out) ? err_set(e, ERR_TOO_BIG, "certificate and key are too large")
					    : code;
}

static int send_start(struct child *c, int log_fd, struct err *e)
{
	struct house *h = c->house;
	const struct wall_row *walls = walls_of(c->ops->room);
	struct start_note m = {
		.build = MESSAGES_BUILD,
		.epoch = c->epoch,
		.master = (uint32_t)getpid(),
		.confinement = (uint8_t)settings_choice(&h->settings, SET_CONFINEMENT),
		.stack_guard = (uint8_t)settings_choice(&h->settings, SET_STACK_GUARD),
		.probe = h->probe,
		.log = log_fd,
		.root = walls->files == WALL_FILES_DATA ? h->data_folder : h->empty_folder,
	};
	struct buf settings, files;

	buf_init(&settings, SETTINGS_SENT_MAX);
	buf_init(&files, CHILD_FILES_MAX);
	settings_put(&h->settings, ROOM_BIT(c->ops->room), &settings);
	child_user(h, walls->user, &m.uid, &m.gid);
	int code = child_files(h, c->ops->room, &files, e);

	m.settings = buf_str(&settings);
	m.files = buf_str(&files);
	if (code == 0 && start_send(c->control, &m) != 0)
		code = err_set(e, ERR_TOO_BIG, "settings and files of %s are too large for a message",
			       c->name);
	buf_wipe(&settings);
	buf_wipe(&files);
	return code;
}

/* --- the process ---------------------------------------------------------------------------- */

static bool is_passed_on(const char *variable)
{
	static const struct str names[] = {
		STR_INIT("TZ="),
#ifdef MAILSTEAD_SANITIZED
		STR_INIT("ASAN_OPTIONS="),
		STR_INIT("UBSAN_OPTIONS="),
#endif
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_starts(str_of(variable), names[i]))
			return true;
	return false;
}

/* Between fork and exec: only the descriptors of a role, only its name. */
static void become_role(const struct child *c, int control, int text)
{
	char argv0[48];
	char *argv[] = {argv0, NULL};
	char *env[4] = {NULL};
	size_t n = 0;
	int null = open("/dev/null", O_RDWR);
	/* Out of the way of 0 to 3. */
	int control_copy = fcntl(control, F_DUPFD, 10), text_copy = fcntl(text, F_DUPFD, 10);
	int exe = fcntl(c->house->exe, F_DUPFD_CLOEXEC, 10);
	sigset_t none;

	snprintf(argv0, sizeof(argv0), "mailstead: %s", c->name);
	if (dup2(null, 0) < 0 || dup2(text_copy, 1) < 0 || dup2(text_copy, 2) < 0 ||
	    dup2(control_copy, 3) < 0)
		_exit(126);
	close_range(4, (unsigned)exe - 1, 0);
	close_range((unsigned)exe + 1, ~0u, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (char **v = environ; *v && n < 3; v++)
		if (is_passed_on(*v))
			env[n++] = *v;
	fexecve(exe, argv, env);
	_exit(126);
}

static int spawn(struct child *c, int control, int text, struct err *e)
{
	c->pid = fork();
	if (c->pid == 0)
		become_role(c, control, text);
	return c->pid < 0 ? err_errno(e, "cannot start a process") : ERR_OK;
}

/* --- hearing it -------------------------------------------------------------------------------- */

/* A line of a datagram of net/log.h, or one of standard error (level < 0). */
static void write_line(struct child *c, struct str line, int level)
{
	struct log_origin from = {room_name(c->ops->room), c->pid, LOG_ERROR};

	if (line.n == 0)
		return;
	if (level < 0 && line.p[0] >= '0' && line.p[0] <= '3') {
		from.level = (enum log_level)(line.p[0] - '0');
		line = str_skip(line, 1);
	}
	logfile_add(&c->house->log, &from, line);
}

static void log_fiber(void *arg)
{
	struct child *c = arg;
	char *datagram = malloc(LOG_BATCH);
	int n;

	if (!datagram)
		abort();
	/* A room sends one datagram a turn: to look for a second at once would be in vain. */
	while (co_wait_readable(&c->log_in, NO_DEADLINE) == 0 &&
	       (n = co_read(&c->log_in, datagram, LOG_BATCH, NO_DEADLINE)) > 0) {
		struct str rest = {datagram, (size_t)n};

		while (rest.n > 0)
			write_line(c, str_cut(&rest, '\n'), -1);
		logfile_flush(&c->house->log);
	}
	free(datagram);
	io_close(&c->log_in);
}

/* What a library, the C runtime or a sanitizer says; cut into lines, made printable. */
static void text_fiber(void *arg)
{
	struct child *c = arg;
	struct buf line;
	char bytes[512];
	int n;

	buf_init(&line, 1000);
	while ((n = co_read(&c->text_in, bytes, sizeof(bytes), NO_DEADLINE)) > 0) {
		for (int i = 0; i < n; i++) {
			if (bytes[i] != '\n' && line.n < line.max)
				buf_add_c(&line, bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : '?');
			if (bytes[i] == '\n' || line.n == line.max) {
				write_line(c, buf_str(&line), LOG_ERROR);
				buf_clear(&line);
			}
		}
		logfile_flush(&c->house->log);
	}
	write_line(c, buf_str(&line), LOG_ERROR);
	logfile_flush(&c->house->log);
	buf_free(&line);
	io_close(&c->text_in);
}

static void alive_fiber(void *arg)
{
	struct child *c = arg;
	struct alive_question q = {0};
	struct alive_answer a;
	struct chan_parcel store;
	struct err e;

	while (co_sleep_until(deadline_in(ALIVE_EVERY_MS)) == 0 && c->state == CHILD_UP) {
		int code = co_ask_alive(c->control, &q, deadline_in(ALIVE_DEADLINE_MS), &store, &a, &e);

		if (code == ERR_OK)
			chan_parcel_free(&store);
		if (code != ERR_TIMEOUT)
			continue;
		log_line(LOG_ERROR, "%s does not answer and is ended", c->name);
		kill(c->pid, SIGABRT);
		/* A stopped process takes no other signal. */
		kill(c->pid, SIGKILL);
		return;
	}
}

static void co_on_ready(void *arg, struct chan_parcel *p)
{
	struct child *c = arg;
	struct ready_note m;
	char names[64];

	if (!ready_take(p, &m) || c->state != CHILD_STARTING)
		return;
	c->state = CHILD_UP;
	c->was_up = true;
	c->walls = m.walls;
	timer_stop(&c->slow_start);
	if (settings_choice(&c->house->settings, SET_CONFINEMENT) != SETTING_CONFINEMENT_OFF &&
	    (m.walls & WALLS_ALL) != WALLS_ALL)
		log_line(LOG_WARNING, "%s runs without these walls: %s", c->name,
			 walls_names(WALLS_ALL & ~m.walls, names, sizeof(names)));
	if (fiber_start(&c->watch, alive_fiber, c) != 0)
		log_line(LOG_ERROR, "%s is not watched", c->name);
	house_child_up(c->house, c);
}

static void co_on_probed(void *arg, struct chan_parcel *p)
{
	struct child *c = arg;
	struct probed_note m;

	if (!probed_take(p, &m))
		return;
	c->house->probe_result = m.result;
	kill(c->pid, SIGKILL);
}

static const struct chan_handler handlers[] = {
	{MSG_READY, co_on_ready}, {MSG_PROBED, co_on_probed}, {0, NULL}};

/* --- life -------------------------------------------------------------------------------------------- */

static void restart_now(void *arg)
{
	struct child *c = arg;
	struct err e;

	if (c->house->stopping)
		return;
	/* Its last words first: the fibers that read them use the same descriptors. */
	if (c->fibers.count + c->watch.count > 0) {
		timer_start(&c->restart, deadline_in(1));
		return;
	}
	if (child_start(c, &e) != 0)
		log_line(LOG_ERROR, "cannot start %s: %s", c->name, e.text);
}

static void too_slow(void *arg)
{
	struct child *c = arg;

	log_line(LOG_ERROR, "%s was not ready after %d s and is ended", c->name, START_DEADLINE_MS / 1000);
	kill(c->pid, SIGKILL);
}

void child_init(struct child *c, struct house *h, const struct room_ops *ops, unsigned index)
{
	struct chan_rules rules = {.handlers = handlers,
				   .room = c,
				   .fibers = &h->fibers,
				   .window = 8,
				   .longest_ms = ALIVE_DEADLINE_MS * 3};

	*c = (struct child){.house = h, .ops = ops, .index = index, .listener = -1};
	c->log_in.fd = c->text_in.fd = -1;
	snprintf(c->name, sizeof(c->name), "%s/%u", room_name(ops->room), index);
	c->control = chan_new(c->name, &rules);
	fiber_group_init(&c->fibers, 2);
	fiber_group_init(&c->watch, 1);
	timer_init(&c->restart, restart_now, c);
	timer_init(&c->slow_start, too_slow, c);
}

struct ends {
	int control[2], log[2], text[2]; /* [0] ours, [1] the role's */
};

static void close_ends(const struct ends *x, int side)
{
	const int *const pairs[] = {x->control, x->log, x->text};

	for (size_t i = 0; i < 3; i++)
		if (pairs[i][side] >= 0)
			close(pairs[i][side]);
}

static int make_ends(struct ends *x, struct err *e)
{
	*x = (struct ends){{-1, -1}, {-1, -1}, {-1, -1}};
	int code = make_pair(x->control, e);

	if (code == 0)
		code = make_pair(x->log, e);
	if (code == 0 && pipe2(x->text, O_CLOEXEC) != 0)
		code = err_errno(e, "cannot make a pipe");
	/* The control channel blocks in the role until there is a loop. */
	if (code == 0)
		fcntl(x->control[1], F_SETFL, 0);
	/* The role writes to its end as to a terminal; ours must not wait. */
	if (code == 0)
		fcntl(x->text[0], F_SETFL, O_NONBLOCK);
	return code;
}

static int listen_to(struct child *c, const struct ends *x)
{
	int code = io_open(&c->log_in, x->log[0]) | io_open(&c->text_in, x->text[0]) |
		   chan_attach(c->control, x->control[0], c->epoch);

	if (code)
		return code;
	return fiber_start(&c->fibers, log_fiber, c) | fiber_start(&c->fibers, text_fiber, c);
}

static void give_sockets(struct child *c)
{
	struct control_note m = {.listener = c->listener};

	if (c->listener >= 0)
		control_send(c->control, &m);
	listeners_give(c->house, c);
}

int child_start(struct child *c, struct err *e)
{
	struct ends x;
	int code = make_ends(&x, e);

	if (code) {
		close_ends(&x, 0);
		close_ends(&x, 1);
		return code;
	}
	c->epoch++;
	c->started_at = clock_ms();
	c->state = CHILD_STARTING;
	code = spawn(c, x.control[1], x.text[1], e);
	if (code == 0 && listen_to(c, &x) != 0)
		code = err_set(e, ERR_MEMORY, "cannot listen to %s", c->name);
	if (code == 0)
		code = send_start(c, x.log[1], e);
	if (code == 0) {
		give_sockets(c);
		introduce_to_all(c);
		tables_begin(c);
		timer_start(&c->slow_start, deadline_in(START_DEADLINE_MS));
	}
	close_ends(&x, 1);
	return code;
}

static void say_how_it_ended(const struct child *c, int status)
{
	if (WIFSIGNALED(status))
		log_line(LOG_ERROR, "%s (process %d) was ended by signal %d (%s)", c->name, (int)c->pid,
			 WTERMSIG(status), sigabbrev_np(WTERMSIG(status)));
	else
		log_line(LOG_ERROR, "%s (process %d) ended with status %d", c->name, (int)c->pid,
			 WEXITSTATUS(status));
}

static void plan_restart(struct child *c)
{
	const struct settings *s = &c->house->settings;
	size_t last = sizeof(delays) / sizeof(delays[0]) - 1;

	if (clock_ms() - c->started_at > CALM_MS)
		c->crashes = 0;
	int64_t delay = delays[c->crashes < last ? c->crashes : last];

	c->crashes++;
	if (delay > (int64_t)settings_number(s, SET_RESTART_DELAY))
		delay = (int64_t)settings_number(s, SET_RESTART_DELAY);
	timer_start(&c->restart, deadline_in(delay));
}

void child_ended(struct child *c, int status)
{
	bool wanted = c->state == CHILD_ENDING;
	bool as_asked = wanted && WIFEXITED(status) && WEXITSTATUS(status) == 0;

	timer_stop(&c->slow_start);
	fiber_group_cancel(&c->watch);
	c->state = CHILD_DOWN;
	if (!as_asked && !c->house->probe)
		say_how_it_ended(c, status);
	if (wanted && !as_asked)
		c->house->exit_status = 1;
	if (!c->house->stopping && !c->house->probe) {
		if (!c->was_up) {
			/* What stops a first start stops a second one as well. */
			c->house->exit_status = 1;
			c->house->stopping = true;
		} else
			plan_restart(c);
	}
	c->pid = 0;
	house_child_down(c->house);
}

static void end_by_force(void *arg)
{
	struct child *c = arg;

	if (c->pid > 0)
		kill(c->pid, SIGKILL);
}

void child_stop(struct child *c)
{
	struct stop_note m = {0};

	timer_stop(&c->restart);
	if (c->pid <= 0 || c->state == CHILD_ENDING)
		return;
	c->state = CHILD_ENDING;
	stop_send(c->control, &m);
	timer_init(&c->slow_start, end_by_force, c);
	timer_start(&c->slow_start, deadline_in(START_DEADLINE_MS * 2));
}

void child_free(struct child *c)
{
	timer_stop(&c->restart);
	timer_stop(&c->slow_start);
	chan_destroy(&c->control);
	io_close(&c->log_in);
	io_close(&c->text_in);
	if (c->listener >= 0)
		close(c->listener);
}
