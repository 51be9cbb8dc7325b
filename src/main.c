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

static int serve(int argc, char **argv, const struct settings_sources *sources)
{
	struct master_plan plan = plan_of(sources);

	if (argc > 1) {
		fprintf(stderr, "usage: mailstead %s\n", argv[0]);
		return EXIT_USAGE;
	}
	return master_serve(&plan);
}

static int probe_walls(int argc, char **argv, const struct settings_sources *sources)
{
	struct master_plan plan = plan_of(sources);

	return argc == 1 ? master_probe_walls(&plan) : EXIT_USAGE;
}

/* A change has been taken over by the running server when this returns. */
static int set_up(int argc, char **argv, const struct settings *s)
{
	int status = cmd_setup(argc, argv, settings_text(s, SET_CONFIG_DIR).p);

	return status == EXIT_DONE ? reload_if_served(s) : status;
}

static int config(int argc, char **argv, const struct settings *s)
{
	return cmd_config(argc, argv, s, stdout, stderr);
}

static int trace(int argc, char **argv, const struct settings *s)
{
	return cmd_trace(argc, argv, s, stdout, stderr);
}

static int doctor(int argc, char **argv, const struct settings_sources *sources)
{
	return cmd_doctor(argc, argv, sources, stdout);
}

static int init(int argc, char **argv, const struct settings_sources *sources)
{
	return cmd_init(argc, argv, sources, stdout);
}

/* Alias files need no compiling. */
static int new_aliases(int argc, char **argv, const struct settings_sources *sources)
{
	(void)argc;
	(void)argv;
	(void)sources;
	return EXIT_DONE;
}

/* One of the two: with the settings read, or with where they come from. */
struct runner {
	int (*with_settings)(int argc, char **argv, const struct settings *s);
	int (*with_sources)(int argc, char **argv, const struct settings_sources *sources);
};

static const struct runner runners[CMD_COUNT] = {
	[CMD_CONFIG] = {.with_settings = config},
	[CMD_DOCTOR] = {.with_sources = doctor},
	[CMD_INIT] = {.with_sources = init},
	[CMD_LOOKUP] = {.with_settings = cmd_lookup},
	[CMD_QUEUE] = {.with_settings = cmd_queue},
	[CMD_RELOAD] = {.with_settings = cmd_reload},
	[CMD_SENDMAIL] = {.with_sources = cmd_sendmail},
	[CMD_SERVE] = {.with_sources = serve},
	[CMD_SETUP] = {.with_settings = set_up},
	[CMD_TRACE] = {.with_settings = trace},
};

struct named_runner {
	const char *name;
	struct runner runner;
};

/* Names that pick a command when the program is called by one. */
static const struct named_runner programs[] = {
	{"mailq", {.with_settings = cmd_queue_by_name}},
	{"newaliases", {.with_sources = new_aliases}},
	{"postcat", {.with_settings = cmd_queue_by_name}},
	{"postqueue", {.with_settings = cmd_queue_by_name}},
	{"postsuper", {.with_settings = cmd_queue_by_name}},
	{"sendmail", {.with_sources = cmd_sendmail}},
	{"setup", {.with_settings = set_up}},
};

/* For the tests; in no table of commands. */
static const struct named_runner tools[] = {
	{"--inbox", {.with_settings = cmd_inbox}},
	{"--probe-walls", {.with_sources = probe_walls}},
};

static const struct runner *runner_named(const struct named_runner *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].name, name) == 0)
			return &list[i].runner;
	return NULL;
}

static int run(const struct runner *r, const struct options *o)
{
	struct settings_sources sources = {.file = o->file ? o->file : SETTINGS_FILE,
					   .file_must_exist = o->file != NULL,
					   .overrides = o->overrides,
					   .override_count = o->override_count,
					   .environment = environ};
	struct settings s;
	int status;

	if (r->with_sources)
		return r->with_sources(o->argc, o->argv, &sources);
	status = options_load(o, environ, &s, stderr);
	if (status == EXIT_DONE)
		status = r->with_settings(o->argc, o->argv, &s);
	settings_free(&s);
	return status;
}

/* --- the command line ------------------------------------------------------------------------- */

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
	const struct runner *tool = runner_named(tools, sizeof(tools) / sizeof(tools[0]), word);
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
	if (tool)
		return run(tool, o);
	return command == CMD_COUNT ? unknown(word) : run(&runners[command], o);
}

int main(int argc, char **argv)
{
	struct str title = str_of(argc > 0 ? argv[0] : "");
	size_t slash = str_rfind(title, '/');
	const char *name = str_skip(title, slash == STR_NONE ? 0 : slash + 1).p;
	const struct runner *program = runner_named(programs, sizeof(programs) / sizeof(programs[0]), name);
	struct options options = {.argc = argc, .argv = argv};
	struct err e;

	if (str_starts(title, STR("mailstead: ")))
		return be_role(str_skip(title, sizeof("mailstead: ") - 1));
	/* The options of such a program are its own. */
	if (program)
		return run(program, &options);
	if (options_take(&options, argc, argv, &e) != 0) {
		fprintf(stderr, "mailstead: %s\n", e.text);
		return EXIT_USAGE;
	}
	return run_command(&options);
}
