/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walls: what a process may still do once its room has been built.
 *
 * One table (walls.c) says for each room which user it runs as, what it sees of
 * the file system, whether it may make network sockets and how many threads work
 * for it.  walls_enter() and walls_seal() build the walls in the one order in
 * which they hold: limits, root and user, Landlock while there is a single
 * thread, then the threads, and seccomp for all of them last.
 */
#ifndef RUN_WALLS_H
#define RUN_WALLS_H

#include "base/err.h"
#include "net/rooms.h"

#include <stdint.h>
#include <sys/types.h>

enum wall_user { WALL_USER_ROOT, WALL_USER_STORE, WALL_USER_ID, WALL_USER_NET };
enum wall_files { WALL_FILES_ALL, WALL_FILES_DATA, WALL_FILES_NONE };

struct wall_row {
	enum wall_user user;
	enum wall_files files; /* what can be opened by path */
	bool sockets; /* may make network sockets */
	bool accepts; /* takes connections from sockets that master opened */
	bool pairs; /* may make a pair of sockets, to hand one end on */
	unsigned threads; /* in libuv's pool */
	int nice; /* of those threads */
	const char *promise;
};

/* The row of a room; master has one too. */
const struct wall_row *walls_of(enum room room);

enum confinement { CONFINEMENT_FULL, CONFINEMENT_BEST, CONFINEMENT_OFF };

/* The walls as bits, for what was built and what is missing. */
enum wall {
	WALL_USER = 1, /* another user than master's */
	WALL_ROOT = 2, /* an empty root, or the data folder as root */
	WALL_LANDLOCK = 4,
	WALL_SECCOMP = 8,
};
#define WALLS_ALL (WALL_USER | WALL_ROOT | WALL_LANDLOCK | WALL_SECCOMP)

struct walls_plan {
	enum room room;
	enum confinement level;
	uid_t uid; /* the user to become; that of master means no change */
	gid_t gid;
	int root_fd; /* the folder that becomes the root; closed by walls_enter */
	pid_t master; /* whose end ends us */
};

/* Closes every descriptor above 3 but these. */
void walls_close_others(const int *keep, size_t keep_count);
/* Sets limits, changes root and user, enters Landlock.  Call with one thread.
 * *built gets the walls that stand.  With CONFINEMENT_FULL a wall that cannot be
 * built is an error. */
int walls_enter(const struct walls_plan *plan, unsigned *built, struct err *e);
/* The list of system calls, for all threads.  Nothing is set at CONFINEMENT_OFF. */
int walls_seal(const struct walls_plan *plan, unsigned *built, struct err *e);
/* Master's own: no gain of rights, the capabilities it needs and no others, and a
 * short list of calls it never makes. */
int walls_master(enum confinement level, struct err *e);
/* "user root landlock seccomp" for the bits that are set. */
const char *walls_names(unsigned walls, char *out, size_t size);

#endif
