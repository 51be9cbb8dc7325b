/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a role (see role.h).
 *
 *   start message -> warm up -> walls -> loop, threads -> seal -> co_start
 *      -> (first tables) -> ready -> (peers come and go, questions, reloads) -> stop -> end
 *
 * End of file on the control channel means that master is gone: the role ends at
 * once, so that no second writer or listener outlives it.
 */
#include "run/role.h"

#include "base/clock.h"
#include "net/fiber_stack.h"
#include "net/io.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"
#include "run/probes.h"
#include "run/walls.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#define CONTROL_FD 3
#define NEIGHBOURS_MAX 256
#define CLIENTS_MAX 16
#define OWN_FIBERS_MAX 20000
#define CONTROL_QUESTIONS_MAX 8
#define CLIENT_LONGEST_MS 120000
#define STOP_MS 30000
#define POOLED_STACKS 4
#define SPARE_MAX ((size_t)4 << 20)

struct neighbour {
	enum room room;
	unsigned index;
	struct chan *chan;
};

struct role {
	const struct room_ops *ops;
	unsigned index;
	void *state;
	struct settings settings, next;
	bool has_next;
	struct buf files, next_files; /* may hold keys: wiped */
	struct walls_plan plan;
	int64_t probe;
	uint32_t epoch;
	unsigned built;
	int data_folder;
	struct chan *control;
	struct fiber_group main; /* the role's own fibers: start, stop, control messages, clients */
	struct fiber_group handlers;
	struct fiber_group own; /* the room's */
	struct fiber_group stopper; /* the one fiber that ends the others */
	struct neighbour neighbours[NEIGHBOURS_MAX];
	size_t neighbour_count;
	struct chan *clients[CLIENTS_MAX];
	struct io listener;
	uint64_t turns_seen; /* when master last asked whether we are there, */
	size_t spare_seen; /* and octets of the heap that were free then */
	bool said_ready;
	bool stopping;
	int exit_status;
};

const struct settings *role_settings(const struct role *role)
{
	return &role->settings;
}

unsigned role_index(const struct role *role)
{
	return role->index;
}

int role_data_folder(const struct role *role)
{
	return role->data_folder;
}

const char *role_data_path(const struct role *role)
{
	return role->built & WALL_ROOT ? "" : settings_text(&role->settings, SET_DATA_DIR).p;
}

struct fiber_group *role_fibers(struct role *role)
{
	return &role->own;
}

static struct str file_of(const struct buf *files, const char *name)
{
	struct reader r = reader_of(buf_str(files));

	while (!r.failed && r.rest.n > 0) {
		struct str key = read_str(&r, CHAN_MESSAGE_MAX);
		struct str content = read_str(&r, CHAN_MESSAGE_MAX);

		if (!r.failed && str_eq(key, str_of(name)))
			return content;
	}
	return (struct str){NULL, 0};
}

struct str role_file(const struct role *role, const char *name)
{
	return file_of(&role->files, name);
}

struct str role_next_file(const struct role *role, const char *name)
{
	return file_of(&role->next_files, name);
}

/* Their copy, in one allocation so that no other copies are left of a key. */
static void keep_files(struct buf *files, struct str sent)
{
	buf_wipe(files);
	buf_init(files, sent.n);
	buf_add_str(files, sent);
}

/* --- neighbours ------------------------------------------------------------------- */

struct channel_row {
	enum room asks, answers;
	unsigned window;
	int64_t longest_ms;
};

static const struct channel_row channels[] = {
#define CHANNEL(asks, answers, window, longest_ms) {asks, answers, window, longest_ms},
#include "net/channels.def"
#undef CHANNEL
};

static const struct channel_row *channel_of(enum room asks, enum room answers)
{
	for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++)
		if (channels[i].asks == asks && channels[i].answers == answers)
			return &channels[i];
	return NULL;
}

static struct chan_rules rules_for(struct role *role, enum room neighbour)
{
	const struct channel_row *ask = channel_of(role->ops->room, neighbour);
	const struct channel_row *serve = channel_of(neighbour, role->ops->room);

	return (struct chan_rules){
		.handlers = serve ? role->ops->handlers : NULL,
		.room = role->state,
		.fibers = &role->handlers,
		.window = ask ? ask->window : 0,
		.longest_ms = ask && serve ? (ask->longest_ms > serve->longest_ms ? ask->longest_ms
										  : serve->longest_ms)
			      : ask        ? ask->longest_ms
			      : serve      ? serve->longest_ms
					   : 0,
		.gone = role->ops->asker_gone,
	};
}

struct chan *role_neighbour(struct role *role, enum room room, unsigned index)
{
	char name[48];

	for (size_t i = 0; i < role->neighbour_count; i++)
		if (role->neighbours[i].room == room && role->neighbours[i].index == index)
			return role->neighbours[i].chan;
	if (role->neighbour_count == NEIGHBOURS_MAX)
		return NULL;
	struct chan_rules rules = rules_for(role, room);
	struct neighbour *n = &role->neighbours[role->neighbour_count++];

	snprintf(name, sizeof(name), "%s/%u", room_name(room), index);
	*n = (struct neighbour){room, index, chan_new(name, &rules)};
	return n->chan;
}

struct scans role_scans(struct role *role)
{
	struct scans scans = {.count = (unsigned)settings_number(role_settings(role), SET_SCANNERS)};

	for (unsigned i = 0; i < scans.count; i++)
		scans.list[i] = role_neighbour(role, ROOM_SCAN, i);
	return scans;
}

static void co_on_peer(void *arg, struct chan_parcel *p)
{
	struct role *role = arg;
	struct peer_note m;
	struct chan *c;

	if (!peer_take(p, &m))
		return;
	c = m.room < ROOM_COUNT ? role_neighbour(role, (enum room)m.room, m.index) : NULL;
	if (!c)
		close(m.channel);
	else if (chan_attach(c, m.channel, m.epoch) != 0)
		log_line(LOG_ERROR, "cannot take the channel to %s", chan_name(c));
	else if (role->ops->neighbour_came)
		role->ops->neighbour_came(role, role->state, (enum room)m.room, m.index);
}

/* --- commands ------------------------------------------------------------------------ */

static struct chan **client_place(struct role *role)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (role->clients[i] && !chan_attached(role->clients[i]))
			chan_destroy(&role->clients[i]);
		if (!role->clients[i])
			return &role->clients[i];
	}
	return NULL;
}

/* One who connects to the control socket may ask what neighbours may ask; the
 * folder of the socket says who can connect. */
static void take_client(struct role *role, int fd)
{
	struct chan_rules rules = {.handlers = role->ops->handlers,
				   .room = role->state,
				   .fibers = &role->handlers,
				   .longest_ms = CLIENT_LONGEST_MS,
				   .gone = role->ops->asker_gone};
	struct chan **place = client_place(role);

	if (!place) {
		close(fd);
		return;
	}
	*place = chan_new("command", &rules);
	chan_attach(*place, fd, 0);
}

static void listen_fiber(void *arg)
{
	struct role *role = arg;

	while (co_wait_readable(&role->listener, NO_DEADLINE) == ERR_OK) {
		int fd = accept4(role->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			take_client(role, fd);
	}
	io_close(&role->listener);
}

static void co_on_control(void *arg, struct chan_parcel *p)
{
	struct role *role = arg;
	struct control_note m;

	if (!control_take(p, &m))
		return;
	if (role->listener.fd >= 0 || io_open(&role->listener, m.listener) != 0) {
		close(m.listener);
		return;
	}
	if (fiber_start(&role->main, listen_fiber, role) != 0)
		io_close(&role->listener);
}

/* --- control messages ----------------------------------------------------------------- */

/* Gives back what a flood has left behind: at rest all of it; else what was spare at two looks in a row,
 * since a room that is never at rest would keep its peak. */
static void give_memory_back(struct role *role)
{
	uint64_t turns = loop_turns();
	size_t spare = mallinfo2().fordblks;
	/* This question itself makes a few turns. */
	bool idle = turns - role->turns_seen < 8;

	fibers_trim(POOLED_STACKS);
	loop_scratch_trim();
	if (idle || (spare > SPARE_MAX && role->spare_seen > SPARE_MAX)) {
		malloc_trim(0);
		spare = 0;
	}
	role->turns_seen = turns;
	role->spare_seen = spare;
}

static void co_on_alive(void *arg, struct chan_parcel *p)
{
	struct alive_question q;

	if (!alive_take(p, &q))
		return;
	struct alive_answer a = {.turns = loop_turns()};

	alive_answer(p, &a);
	give_memory_back(arg);
}

static void co_on_prepare(void *arg, struct chan_parcel *p)
{
	struct role *role = arg;
	struct prepare_question q;
	struct prepare_answer a = {0};
	struct err e;

	if (!prepare_take(p, &q))
		return;
	if (role->has_next)
		settings_free(&role->next);
	keep_files(&role->next_files, q.files);
	role->has_next = settings_get(&role->next, q.settings, &e) == 0;
	if (!role->has_next)
		chan_refuse(p, e.code, "%s", e.text);
	else if (role->ops->co_prepare && role->ops->co_prepare(role, role->state, &role->next, &e) != 0)
		chan_refuse(p, e.code, "%s", e.text);
	else
		prepare_answer(p, &a);
}

static void co_on_switch(void *arg, struct chan_parcel *p)
{
	struct role *role = arg;
	struct switch_question q;
	struct switch_answer a = {0};

	if (!switch_take(p, &q))
		return;
	if (!role->has_next) {
		chan_refuse(p, ERR_INVALID, "nothing was prepared");
		return;
	}
	struct settings old = role->settings;

	role->settings = role->next;
	role->has_next = false;
	buf_wipe(&role->files);
	role->files = role->next_files;
	buf_init(&role->next_files, 0);
	log_set_level((enum log_level)settings_choice(&role->settings, SET_LOG_LEVEL));
	if (role->ops->co_switch)
		role->ops->co_switch(role, role->state);
	settings_free(&old);
	switch_answer(p, &a);
}

/* --- tables ---------------------------------------------------------------------------- */

static void say_ready(struct role *role)
{
	struct ready_note m = {.walls = role->built};

	role->said_ready = true;
	ready_send(role->control, &m);
}

static void co_on_table(void *arg, struct chan_parcel *p)
{
	struct role *role = arg;
	struct table_note m;

	if (!table_take(p, &m))
		return;
	if (role->ops->take_table)
		role->ops->take_table(role, role->state, m.number, m.table, m.file);
	else
		close(m.file);
}

static void co_on_tables(void *arg, struct chan_parcel *p)
{
	struct role *role = arg;
	struct tables_question q;
	struct tables_answer a = {0};
	struct err e;

	if (!tables_take(p, &q))
		return;
	if (!role->ops->co_take_tables)
		chan_refuse(p, ERR_DENIED, "this room has no tables");
	else if (role->ops->co_take_tables(role, role->state, q.number, &e) != 0)
		chan_refuse(p, e.code, "%s", e.text);
	else {
		tables_answer(p, &a);
		if (!role->said_ready)
			say_ready(role);
	}
}

/* --- end of the work ------------------------------------------------------------------- */

static void stop_fiber(void *arg)
{
	struct role *role = arg;
	int64_t deadline = deadline_in(STOP_MS);

	if (role->ops->co_stop)
		role->ops->co_stop(role, role->state);
	fiber_group_cancel(&role->own);
	fiber_group_cancel(&role->handlers);
	if (co_group_join(&role->own, deadline) != 0 || co_group_join(&role->handlers, deadline) != 0) {
		log_line(LOG_ERROR, "stopping took longer than %d s", STOP_MS / 1000);
		log_flush();
		_exit(1);
	}
	loop_stop();
}

static void begin_stop(struct role *role)
{
	if (role->stopping)
		return;
	role->stopping = true;
	if (fiber_start(&role->stopper, stop_fiber, role) != 0)
		_exit(1);
}

static void co_on_stop(void *arg, struct chan_parcel *p)
{
	struct stop_note m;

	if (stop_take(p, &m))
		begin_stop(arg);
}

static void control_gone(void *arg, struct chan *c)
{
	(void)arg;
	(void)c;
	log_flush();
	_exit(1);
}

static void co_on_listener(void *arg, struct chan_parcel *p)
{
	struct role *role = arg;
	struct listener_note m;

	if (!listener_take(p, &m))
		return;
	if (role->ops->take_listener && !role->stopping)
		role->ops->take_listener(role, role->state, m.service, m.socket);
	else
		close(m.socket);
}

static const struct chan_handler control_handlers[] = {
	{MSG_PEER, co_on_peer},         {MSG_CONTROL, co_on_control},
	{MSG_LISTENER, co_on_listener}, {MSG_ALIVE, co_on_alive},
	{MSG_PREPARE, co_on_prepare},   {MSG_SWITCH, co_on_switch},
	{MSG_STOP, co_on_stop},         {MSG_TABLE, co_on_table},
	{MSG_TABLES, co_on_tables},     {0, NULL},
};

/* --- start -------------------------------------------------------------------------------- */

static int open_control(struct role *role)
{
	struct chan_rules rules = {.handlers = control_handlers,
				   .room = role,
				   .fibers = &role->main,
				   .window = CONTROL_QUESTIONS_MAX,
				   .longest_ms = CLIENT_LONGEST_MS,
				   .gone = control_gone};

	role->control = chan_new("master", &rules);
	fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC);
	return chan_attach(role->control, CONTROL_FD, 0);
}

static void start_fiber(void *arg)
{
	struct role *role = arg;
	struct err e;

	if (role->ops->co_start && role->ops->co_start(role, role->state, &e) != 0) {
		log_line(LOG_ERROR, "cannot start: %s", e.text);
		role->exit_status = 1;
		loop_stop();
		return;
	}
	/* Neighbours' questions are taken from here on. */
	if (open_control(role) != 0)
		_exit(1);
	if (role->probe > 0) {
		struct probed_note m = {.result = probes_run((unsigned)role->probe - 1, role->data_folder)};

		probed_send(role->control, &m);
		return;
	}
	if (!role->ops->co_take_tables)
		say_ready(role);
}

static int take_start(struct role *role, struct err *e)
{
	struct chan_parcel p;
	struct start_note m;

	if (chan_receive_first(CONTROL_FD, &p) != 0)
		return err_set(e, ERR_CLOSED, "no start message came");
	if (p.type != MSG_START || !start_take(&p, &m) || m.build != MESSAGES_BUILD) {
		chan_parcel_free(&p);
		return err_set(e, ERR_INVALID, "master is another build");
	}
	role->plan = (struct walls_plan){.room = role->ops->room,
					 .level = (enum confinement)m.confinement,
					 .uid = m.uid,
					 .gid = m.gid,
					 .root_fd = m.root,
					 .master = (pid_t)m.master};
	role->epoch = m.epoch;
	role->probe = m.probe;
	keep_files(&role->files, m.files);
	fiber_stack_use_guard((enum stack_guard)m.stack_guard);
	log_open(m.log, LOG_INFO);
	int code = settings_get(&role->settings, m.settings, e);

	if (code == 0)
		log_set_level((enum log_level)settings_choice(&role->settings, SET_LOG_LEVEL));
	chan_parcel_free(&p);
	return code;
}

static int raise_walls(struct role *role, struct err *e)
{
	const struct room_ops *ops = role->ops;
	int code = walls_enter(&role->plan, &role->built, e);

	if (code)
		return code;
	loop_init();
	loop_warm_pool(walls_of(ops->room)->threads, walls_of(ops->room)->nice);
	if (ops->start_threads && (code = ops->start_threads(role, role->state, e)))
		return code;
	return walls_seal(&role->plan, &role->built, e);
}

static int begin(struct role *role, struct err *e)
{
	int code = take_start(role, e);

	if (code)
		return code;
	/* walls_enter closes the one; the room keeps the other. */
	if (walls_of(role->ops->room)->files == WALL_FILES_DATA)
		role->data_folder = fcntl(role->plan.root_fd, F_DUPFD_CLOEXEC, 4);
	const int keep[] = {CONTROL_FD, role->plan.root_fd, role->data_folder, log_fd()};

	walls_close_others(keep, sizeof(keep) / sizeof(keep[0]));
	clock_read_zone();
	if (role->ops->warm_up && (code = role->ops->warm_up(role, &role->state, e)))
		return code;
	return raise_walls(role, e);
}

/* --- end ------------------------------------------------------------------------------------ */

static void end_fiber(void *arg)
{
	struct role *role = arg;

	for (size_t i = 0; i < CLIENTS_MAX; i++)
		chan_destroy(&role->clients[i]);
	for (size_t i = 0; i < role->neighbour_count; i++)
		chan_destroy(&role->neighbours[i].chan);
	chan_destroy(&role->control);
	fiber_group_cancel(&role->main);
	co_group_join(&role->main, NO_DEADLINE);
	loop_stop();
}

static void finish(struct role *role)
{
	struct fiber_group last;

	fiber_group_init(&last, 1);
	if (fiber_start(&last, end_fiber, role) == 0)
		loop_run();
	if (role->ops->free_state)
		role->ops->free_state(role->state);
	settings_free(&role->settings);
	if (role->has_next)
		settings_free(&role->next);
	buf_wipe(&role->files);
	buf_wipe(&role->next_files);
	if (role->data_folder >= 0)
		close(role->data_folder);
	log_close();
	loop_end();
}

int role_main(const struct room_ops *ops, unsigned index)
{
	struct role *role = calloc(1, sizeof(*role));
	struct err e;

	if (!role)
		abort();
	role->ops = ops;
	role->index = index;
	role->listener.fd = -1;
	role->data_folder = -1;
	fiber_group_init(&role->main, 64);
	fiber_group_init(&role->handlers, ops->handlers_max);
	fiber_group_init(&role->own, OWN_FIBERS_MAX);
	fiber_group_init(&role->stopper, 1);
	if (begin(role, &e) != 0) {
		log_line(LOG_ERROR, "cannot start: %s", e.text);
		log_flush();
		free(role);
		return 1;
	}
	if (fiber_start(&role->main, start_fiber, role) != 0)
		abort();
	loop_run();
	finish(role);
	int status = role->exit_status;

	free(role);
	return status;
}
