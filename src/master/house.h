/* SPDX-License-Identifier: Apache-2.0 */
/*
 * house: what master knows: settings, folders, the log and its children.
 * Private to src/master.
 */
#ifndef MASTER_HOUSE_H
#define MASTER_HOUSE_H

#include "master/master.h"
#include "net/chan.h"
#include "net/fiber.h"
#include "net/io.h"
#include "net/services.h"
#include "net/timer.h"
#include "run/logfile.h"
#include "run/table_files.h"
#include "run/walls.h"

#include <sys/types.h>

#define CHILDREN_MAX 64
#define COMMANDS_MAX 8
#define LISTENERS_MAX 64
#define TICKET_KEY_SIZE 40
#define RIGHT_KEY_SIZE 32

/*
 *   DOWN --start--> STARTING --ready--> UP --stop--> ENDING --exit--> DOWN
 *     ^                |                |
 *     |  restart timer |  exit          |  exit, or no answer to alive for 10 s
 *     +----------------+----------------+
 */
enum child_state { CHILD_DOWN, CHILD_STARTING, CHILD_UP, CHILD_ENDING };

struct child {
	struct house *house;
	const struct room_ops *ops;
	unsigned index;
	char name[32]; /* "gate/1" */
	enum child_state state;
	pid_t pid;
	uint32_t epoch; /* counts the starts */
	struct chan *control;
	struct io log_in; /* its log lines */
	struct io text_in; /* its standard output and error */
	struct fiber_group fibers; /* reading those two, to the end */
	struct fiber_group watch; /* asking whether it is alive */
	struct timer restart;
	struct timer slow_start;
	int64_t started_at;
	unsigned crashes; /* in a row */
	bool was_up; /* once, since master started */
	unsigned walls;
	int listener; /* of its command socket, kept for life; -1: none */
};

struct listener {
	int fd;
	enum service service;
	char name[16]; /* in run/ports */
	unsigned port; /* 0: run/submit */
};

/* What one look at a table file saw; all zero: it is not there. */
struct table_stamp {
	uint64_t device, inode, size;
	int64_t modified_ns, changed_ns;
};

/* The tables that keeper has (tables.c). */
struct house_tables {
	struct table_stamp seen[TABLE_COUNT]; /* of the last set that was read, good or not */
	int good[TABLE_COUNT]; /* the last set that keeper took, as sealed memory files; -1: none yet */
	uint32_t number;
	bool busy; /* a set is on its way */
	struct io changes; /* inotify; closed where there is none */
	int watch;
};

struct house {
	const struct master_plan *plan;
	struct settings settings;
	struct logfile log;
	int exe; /* our own program, for fexecve */
	int lock;
	int data_folder;
	int empty_folder;
	char run_folder[400];
	struct child children[CHILDREN_MAX];
	size_t child_count;
	struct listener listeners[LISTENERS_MAX];
	size_t listener_count;
	char cert_path[400], key_path[400];
	unsigned char tickets[2 * TICKET_KEY_SIZE]; /* the present key, the one before */
	unsigned char right_key[RIGHT_KEY_SIZE]; /* of submission rights, for keeper: outlives it */
	struct fiber_group fibers;
	struct chan *commands[COMMANDS_MAX];
	struct io command_listener;
	struct house_tables tables;
	uint32_t reloads;
	bool reloading;
	struct uv_signals *signals;
	bool announced; /* the line `ready` was written */
	bool stopping;
	int exit_status;
	int64_t probe; /* what the next child tries; 0: nothing */
	int64_t probe_result;
	struct fiber *waiting; /* for the next child that is up or down */
};

/* --- child.c: one process ---------------------------------------------------------- */

void child_init(struct child *c, struct house *h, const struct room_ops *ops, unsigned index);
/* Starts its process and tells it and its neighbours of each other. */
int child_start(struct child *c, struct err *e);
/* Its process has ended with this wait status. */
void child_ended(struct child *c, int status);
/* Asks it to finish; kills it when it does not. */
void child_stop(struct child *c);
void child_free(struct child *c);
/* The user that rooms of that row run as: the named one, a fixed number where there is none
 * of that name, our own when we are not root. */
/* The files that a room is sent with its settings.  Wipe the buffer. */
int child_files(const struct house *h, enum room room, struct buf *out, struct err *e);
#define CHILD_FILES_MAX ((size_t)48 << 10)
void child_user(const struct house *h, enum wall_user user, uid_t *uid, gid_t *gid);

/* --- folders.c ------------------------------------------------------------------------ */

/* Makes data_dir, run, run/control, run/empty and log; takes the lock of the house. */
int folders_make(struct house *h, struct err *e);
/* A listening command socket run/control/NAME. */
int folders_command_socket(struct house *h, const char *name, int *fd, struct err *e);
/* The listening socket run/submit, to which every user of the machine may connect. */
int folders_submit_socket(struct house *h, int *fd, struct err *e);
/* Writes run/ports. */
int folders_write_ports(struct house *h, struct err *e);

/* --- listeners.c ------------------------------------------------------------------------ */

/* Opens what the settings say; what was opened before an error stays in the house. */
int listeners_open(struct house *h, struct err *e);
/* Hands all of them to a child that takes listeners. */
void listeners_give(struct house *h, struct child *c);
void listeners_close(struct house *h);

/* --- identity.c --------------------------------------------------------------------------- */

/* Where these settings say that certificate and key are; makes the self-signed pair when
 * they name none. */
int identity_find(struct house *h, const struct settings *s, struct err *e);
/* A new ticket key; the present one becomes the one before. */
int identity_renew_tickets(struct house *h);
/* Adds certificate, key and ticket keys as the files of a start message. */
int identity_put(const struct house *h, struct buf *out, struct err *e);
/* Makes the key of submission rights, for as long as master lives; adds it as a file of keeper's. */
int identity_make_right_key(struct house *h);
void identity_put_right_key(const struct house *h, struct buf *out);

/* --- tables.c: the table files of config_dir, for keeper ---------------------------------- */

/* Begins to watch them; ends with h->fibers. */
int tables_open(struct house *h, struct err *e);
void tables_close(struct house *h);
/* Hands them to a child that was just started; nothing unless it is keeper. */
void tables_begin(struct child *c);
/* Reads those of this folder and waits until keeper has taken them; on failure it keeps the
 * old ones.  Nothing while keeper is down: it gets them at its start. */
int co_tables_reload(struct house *h, const char *folder, struct err *e);

/* --- commands.c: the command socket of master, and reload ------------------------------ */

int commands_open(struct house *h, struct err *e);
void commands_close(struct house *h);
/* Reads the sources again; every room prepares, then all switch, or none does. */
int co_reload(struct house *h, struct err *e);
/* Sends every room what it has once more, with the files as they are now: renewed
 * certificates and ticket keys. */
int co_renew(struct house *h, struct err *e);

/* --- master.c --------------------------------------------------------------------------- */

/* A child became ready, or ended. */
void house_child_up(struct house *h, struct child *c);
void house_child_down(struct house *h);

#endif
