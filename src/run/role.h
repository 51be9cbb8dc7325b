/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role: the life of one process of a room, from its start message to its end.
 *
 * A role begins with its control channel to master as descriptor 3 and nothing
 * else: its settings, its place in the walls and all its neighbours arrive as
 * messages, at the first start and after a crash alike.  The room gives a
 * struct room_ops; role_main() does the rest.
 */
#ifndef RUN_ROLE_H
#define RUN_ROLE_H

#include "net/chan.h"
#include "net/fiber.h"
#include "net/scan_ask.h"
#include "run/settings.h"

struct role;

struct room_ops {
	enum room room;
	/* What neighbours and commands may ask; the room's state is their first argument. */
	const struct chan_handler *handlers;
	/* Questions served at once. */
	size_t handlers_max;
	/* Opens what cannot be opened behind the walls.  NULL: nothing.  *state is the
	 * room's own from here on. */
	int (*warm_up)(struct role *role, void **state, struct err *e);
	/* Starts threads of the room's own, after Landlock and before seccomp.  NULL: none. */
	int (*start_threads)(struct role *role, void *state, struct err *e);
	/* Begins to work, in a fiber behind the walls; the room is ready when it returns 0. */
	int (*co_start)(struct role *role, void *state, struct err *e);
	/* Takes over a listening socket of a service (net/services.h); NULL: this room has none. */
	void (*take_listener)(struct role *role, void *state, unsigned service, int fd);
	/* Keeps the contents of a table file (run/table_files.h; fd is the room's), one of set
	 * `number`; then takes the whole set.  The room is ready after its first set.  NULL: this
	 * room has no tables. */
	void (*take_table)(struct role *role, void *state, uint32_t number, unsigned table, int fd);
	int (*co_take_tables)(struct role *role, void *state, uint32_t number, struct err *e);
	/* One who asked (a neighbour's process, a command) has ended; a neighbour's channel may
	 * serve the next.  NULL: nothing is kept for who asks. */
	void (*asker_gone)(void *state, struct chan *c);
	/* A neighbour, the first or a new one, is at the other end of its channel.  NULL: nothing. */
	void (*neighbour_came)(struct role *role, void *state, enum room room, unsigned index);
	/* Checks new settings and keeps them aside; then takes them.  NULL: nothing changes. */
	int (*co_prepare)(struct role *role, void *state, const struct settings *next, struct err *e);
	void (*co_switch)(struct role *role, void *state);
	/* Ends what is in flight; afterwards all fibers of the role are cancelled. */
	void (*co_stop)(struct role *role, void *state);
	/* Frees the state, last of all. */
	void (*free_state)(void *state);
};

/* Runs the role on descriptor 3 until master says stop; the process's exit status. */
int role_main(const struct room_ops *ops, unsigned index);

const struct settings *role_settings(const struct role *role);
unsigned role_index(const struct role *role);
/* A file that master read for this room ("trust_anchor"); empty when it is not there. */
struct str role_file(const struct role *role, const char *name);
/* The same of those that came with the settings of co_prepare. */
struct str role_next_file(const struct role *role, const char *name);
/* The data folder, for openat, of a room that may open files in it; -1 for others. */
int role_data_folder(const struct role *role);
/* The same as a path without a final slash ("" when it is the root), for libraries that want one. */
const char *role_data_path(const struct role *role);
/* The channel to a neighbour, which may not be there yet.  Lives as long as the role. */
struct chan *role_neighbour(struct role *role, enum room room, unsigned index);
/* The channels to all scans, for a room that may ask them and has the setting `scanners`. */
struct scans role_scans(struct role *role);
/* The group of the room's own fibers: cancelled and joined at the end. */
struct fiber_group *role_fibers(struct role *role);

#endif
