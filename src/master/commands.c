/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands to master, and the reload in two steps.
 *
 *   sources read and checked -> prepare n to every room -> tables -> switch n to every room
 *          |                          |                        |
 *          v refused                  v one refuses            v refused
 *     all keep what they have, and the sentence says who and why
 */
#include "master/house.h"

#include "base/clock.h"
#include "net/log.h"
#include "net/messages.h"

#include <sys/socket.h>
#include <unistd.h>

#define STEP_MS 10000
#define COMMAND_LONGEST_MS 60000

/* --- reload ----------------------------------------------------------------------------- */

static int co_prepare_child(struct child *c, const struct settings *next, uint32_t number, struct err *e)
{
	struct buf text, files;
	struct prepare_answer a;
	struct chan_parcel store;

	buf_init(&text, SETTINGS_SENT_MAX);
	buf_init(&files, CHILD_FILES_MAX);
	settings_put(next, ROOM_BIT(c->ops->room), &text);
	int code = child_files(c->house, c->ops->room, &files, e);

	if (code == 0) {
		struct prepare_question q = {
			.number = number, .settings = buf_str(&text), .files = buf_str(&files)};

		code = co_ask_prepare(c->control, &q, deadline_in(STEP_MS), &store, &a, e);
	}
	buf_wipe(&text);
	buf_wipe(&files);
	if (code)
		return err_prefix(e, "%s", c->name);
	chan_parcel_free(&store);
	return ERR_OK;
}

static void co_switch_child(struct child *c, uint32_t number)
{
	struct switch_question q = {.number = number};
	struct switch_answer a;
	struct chan_parcel store;
	struct err e;

	if (co_ask_switch(c->control, &q, deadline_in(STEP_MS), &store, &a, &e) == 0)
		chan_parcel_free(&store);
	else
		/* A room that dies here starts again with the new settings. */
		log_line(LOG_WARNING, "%s did not switch to the new settings: %s", c->name, e.text);
}

static int co_prepare_all(struct house *h, const struct settings *next, uint32_t number, struct err *e)
{
	int code = ERR_OK;

	for (size_t i = 0; code == 0 && i < h->child_count; i++)
		if (h->children[i].state == CHILD_UP)
			code = co_prepare_child(&h->children[i], next, number, e);
	return code;
}

static int co_hand_out(struct house *h, const struct settings *next, bool tables, struct err *e)
{
	uint32_t number = ++h->reloads;
	int code = co_prepare_all(h, next, number, e);

	/* Tables are taken at once: they come last of what may be refused. */
	if (code == 0 && tables)
		code = co_tables_reload(h, settings_text(next, SET_CONFIG_DIR).p, e);

	for (size_t i = 0; code == 0 && i < h->child_count; i++)
		if (h->children[i].state == CHILD_UP)
			co_switch_child(&h->children[i], number);
	return code;
}

static int co_reload_once(struct house *h, struct err *e)
{
	struct settings next, old;
	int code = settings_load(&next, h->plan->sources, e);

	if (code == 0 && (code = identity_find(h, &next, e)) == 0)
		code = co_hand_out(h, &next, true, e);
	if (code) {
		struct err old_pair;

		identity_find(h, &h->settings, &old_pair);
		settings_free(&next);
		return code;
	}
	old = h->settings;
	h->settings = next;
	settings_free(&old);
	log_set_level((enum log_level)settings_choice(&h->settings, SET_LOG_LEVEL));
	logfile_reopen(&h->log, true);
	return ERR_OK;
}

int co_reload(struct house *h, struct err *e)
{
	if (h->reloading)
		return err_set(e, ERR_BUSY, "another reload is under way");
	h->reloading = true;
	int code = co_reload_once(h, e);

	h->reloading = false;
	if (code)
		log_line(LOG_ERROR, "reload refused, everything stays as it was: %s", e->text);
	else
		log_line(LOG_INFO, "reloaded");
	return code;
}

int co_renew(struct house *h, struct err *e)
{
	if (h->reloading)
		return err_set(e, ERR_BUSY, "a reload is under way");
	h->reloading = true;
	int code = co_hand_out(h, &h->settings, false, e);

	h->reloading = false;
	return code;
}

/* --- the command socket --------------------------------------------------------------------- */

static void co_on_reload(void *arg, struct chan_parcel *p)
{
	struct reload_question q;
	struct reload_answer a = {0};
	struct err e;

	if (!reload_take(p, &q))
		return;
	if (co_reload(arg, &e) != 0)
		chan_refuse(p, e.code, "%s", e.text);
	else
		reload_answer(p, &a);
}

static const struct chan_handler handlers[] = {{MSG_RELOAD, co_on_reload}, {0, NULL}};

static void take_command(struct house *h, int fd)
{
	struct chan_rules rules = {
		.handlers = handlers, .room = h, .fibers = &h->fibers, .longest_ms = COMMAND_LONGEST_MS};

	for (size_t i = 0; i < COMMANDS_MAX; i++) {
		if (h->commands[i] && !chan_attached(h->commands[i]))
			chan_destroy(&h->commands[i]);
		if (h->commands[i])
			continue;
		h->commands[i] = chan_new("command", &rules);
		chan_attach(h->commands[i], fd, 0);
		return;
	}
	close(fd);
}

static void commands_fiber(void *arg)
{
	struct house *h = arg;

	while (co_wait_readable(&h->command_listener, NO_DEADLINE) == ERR_OK) {
		int fd = accept4(h->command_listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			take_command(h, fd);
	}
	io_close(&h->command_listener);
}

int commands_open(struct house *h, struct err *e)
{
	int fd, code = folders_command_socket(h, "master", &fd, e);

	if (code)
		return code;
	if (io_open(&h->command_listener, fd) != 0 || fiber_start(&h->fibers, commands_fiber, h) != 0)
		return err_set(e, ERR_MEMORY, "cannot listen for commands");
	return ERR_OK;
}

void commands_close(struct house *h)
{
	for (size_t i = 0; i < COMMANDS_MAX; i++)
		chan_destroy(&h->commands[i]);
}
