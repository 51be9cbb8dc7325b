/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main: which of its parts this process is.
 *
 * The one file that knows all rooms and all commands.  A process that master
 * started is called "mailstead: ROOM/INDEX"; every other one is a command.
 */
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/doctor.h"
#include "cli/inbox.h"
#include "cli/init.h"
#include "cli/lookup.h"
#include "cli/options.h"
#include "cli/queue.h"
#include "cli/reload.h"
#include "cli/sendmail.h"
#include "cli/setup.h"
#include "cli/setup_server.h"
#include "cli/trace.h"
#include "gate/gate.h"
#include "keeper/keeper.h"
#include "mailbox/mailbox.h"
#include "master/master.h"
#include "relay/relay.h"
#include "resolver/resolver.h"
#include "scan/scan.h"
#include "spool/spool.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define VERSION "0.1.0"

/* In the order of their start. */
static const struct master_room rooms[] = {
	{&resolver_room, SET_COUNT}, {&keeper_room, SET_COUNT},  {&relay_room, SET_COUNT},
	{&spool_room, SET_COUNT},    {&scan_room, SET_SCANNERS}, {&mailbox_room, SET_SHARDS},
	{&gate_room, SET_GATES},
};

/* --- a room ------------------------------------------------------------------------------ */

static int be_role(struct str title)
{
	struct str room = str_cut(&title, '/');
	uint32_t index;

	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++)
		if (str_eq(room, str_of(room_name(rooms[i].ops->room))) && str_to_u32(title, &index))
			return role_main(rooms[i].ops, index);
	fprintf(stderr, "mailstead: there is no room %.*s\n", STR_ARG(room));
	return EXIT_USAGE;
}

/* --- a command ------------------------------------------------------------------------------ */

static struct master_plan plan_of(const struct settings_sources *sources)
{
	return (struct master_plan){
		.rooms = rooms, .room_count = sizeof(rooms) / sizeof(rooms[0]), .sources = sources};
}

static struct settings_sources sources_of(const struct options *o)
{
	return (struct settings_sources){.file = o->file ? o->file : SETTINGS_FILE,
					 .file_must_exist = o->file != NULL,
					 .overrides = o->overrides,
					 .override_count = o->override_count,
					 .environment = environ};
}

static int serve(const struct options *o, int (*master)(const struct master_plan *plan))
{
	struct settings_sources sources = sources_of(o);
	struct master_plan plan = plan_of(&sources);

	if (o->argc > 1) {
		fprintf(stderr, "usage: mailstead %s\n", o->argv[0]);
		return EXIT_USAGE;
	}
	return master(&plan);
}

/* A change has been taken over by the running server when this returns. */
static int set_up(const struct options *o, const struct settings *s)
{
	struct setup_server server;

	setup_server_init(&server, s);
	int status = cmd_setup(o->argc, o->argv, settings_text(s, SET_CONFIG_DIR).p, &server);

	return status == EXIT_DONE ? reload_if_served(s) : status;
}

static int with_settings(enum command command, const struct options *o)
{
	struct settings s;
	int status = options_load(o, environ, &s, stderr);

	if (status == EXIT_DONE)
		switch (command) {
		case CMD_CONFIG:
			status = cmd_config(o->argc, o->argv, &s, stdout, stderr);
			break;
		case CMD_LOOKUP:
			status = cmd_lookup(o->argc, o->argv, &s);
			break;
		case CMD_QUEUE:
			status = cmd_queue(o->argc, o->argv, &s);
			break;
		case CMD_RELOAD:
			status = cmd_reload(o->argc, o->argv, &s);
			break;
		case CMD_SETUP:
			status = set_up(o, &s);
			break;
		case CMD_TRACE:
			status = cmd_trace(o->argc, o->argv, &s, stdout, stderr);
			break;
		default:
			status = cmd_inbox(o->argc, o->argv, &s);
			break;
		}
	settings_free(&s);
	return status;
}

static int doctor(const struct options *o)
{
	struct settings_sources sources = sources_of(o);

	return cmd_doctor(o->argc, o->argv, &sources, stdout);
}

static int init(const struct options *o)
{
	struct settings_sources sources = sources_of(o);

	return cmd_init(o->argc, o->argv, &sources, stdout);
}

static int sendmail(const struct options *o)
{
	struct settings_sources sources = sources_of(o);

	return cmd_sendmail(o->argc, o->argv, &sources);
}

static int help(void)
{
	printf("usage: mailstead [-c FILE] [-o KEY=VALUE]... COMMAND [ARGUMENT...]\n\n");
	for (unsigned i = 0; i < CMD_COUNT; i++)
		printf("  %s %s\n      %s\n", command_rows[i].name, command_rows[i].arguments,
		       command_rows[i].meaning);
	return EXIT_DONE;
}

static int unknown(const char *word)
{
	struct str nearest = command_nearest(str_of(word));

	fprintf(stderr, "mailstead: unknown command '%s'", word);
	if (nearest.n > 0)
		fprintf(stderr, "; did you mean '%.*s'?", STR_ARG(nearest));
	fprintf(stderr, "\n");
	return EXIT_USAGE;
}

static int run_command(const struct options *o)
{
	const char *word = o->argc > 0 ? o->argv[0] : "";
	enum command command = command_find(str_of(word));

	if (o->argc == 0) {
		help();
		return EXIT_USAGE;
	}
	if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		return help();
	if (strcmp(word, "--version") == 0) {
		printf("mailstead " VERSION "\n");
		return EXIT_DONE;
	}
	/* For the tests of the walls; not in the table. */
	if (strcmp(word, "--probe-walls") == 0)
		return serve(o, master_probe_walls);
	if (strcmp(word, "--inbox") == 0)
		return with_settings(CMD_COUNT, o);
	if (command == CMD_SERVE)
		return serve(o, master_serve);
	if (command == CMD_DOCTOR)
		return doctor(o);
	if (command == CMD_INIT)
		return init(o);
	if (command == CMD_SENDMAIL)
		return sendmail(o);
	return command == CMD_COUNT ? unknown(word) : with_settings(command, o);
}

/* Called as mailq and the like: those have no options of ours. */
static int queue_by_name(int argc, char **argv)
{
	struct options o = {0};
	struct settings s;
	int status = options_load(&o, environ, &s, stderr);

	if (status == EXIT_DONE)
		status = cmd_queue_by_name(argc, argv, &s);
	settings_free(&s);
	return status;
}

/* The programs whose names pick a command; their options are their own. */
static int run_by_name(const char *name, int argc, char **argv, bool *is_one)
{
	struct options o = {.argc = argc, .argv = argv};

	*is_one = true;
	if (strcmp(name, "sendmail") == 0)
		return sendmail(&o);
	if (strcmp(name, "setup") == 0)
		return with_settings(CMD_SETUP, &o);
	if (queue_is_name(name))
		return queue_by_name(argc, argv);
	/* Alias files need no compiling. */
	if (strcmp(name, "newaliases") == 0)
		return EXIT_DONE;
	*is_one = false;
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct str title = str_of(argc > 0 ? argv[0] : "");
	size_t slash = str_rfind(title, '/');
	struct options options;
	struct err e;
	bool by_name;

	if (str_starts(title, STR("mailstead: ")))
		return be_role(str_skip(title, sizeof("mailstead: ") - 1));
	int status = run_by_name(str_skip(title, slash == STR_NONE ? 0 : slash + 1).p, argc, argv, &by_name);

	if (by_name)
		return status;
	if (options_take(&options, argc, argv, &e) != 0) {
		fprintf(stderr, "mailstead: %s\n", e.text);
		return EXIT_USAGE;
	}
	return run_command(&options);
}
