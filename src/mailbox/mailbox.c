/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mailbox room: a shard in a process of its own.
 *
 * It is ready at once and waits for spool in a fiber: neighbours are heard of only
 * when the start is over, and spool may be on its way up again itself.
 */
#include "mailbox/mailbox.h"

#include "base/clock.h"
#include "mailbox/contents.h"
#include "mailbox/imap.h"
#include "mailbox/outlines.h"
#include "mailbox/shard.h"
#include "net/loop.h"
#include "store/lock.h"

#include <stdio.h>
#include <stdlib.h>

#define HANDLERS_MAX 256
/* How long the process before may take to go. */
#define LOCK_MS 5000
/* Less than a role may take to stop. */
#define STOP_MS 20000

static int warm_up(struct role *role, void **state, struct err *e)
{
	/* The library reads its own configuration at its first hash. */
	int code = contents_warm_up(e);

	if (code)
		return code;
	*state = shard_new();
	return *state ? 0 : err_set(e, ERR_MEMORY, "no memory for the shard");
}

/* --- one writer of the shard's accounts ------------------------------------------------------ */

struct lock_job {
	int folder;
	char name[32];
	int fd, code;
	struct err e;
};

static void take_lock(void *arg)
{
	struct lock_job *j = arg;

	j->code = store_lock(j->folder, j->name, LOCK_MS, &j->fd, &j->e);
}

/* The descriptor is the process's: the lock ends with it. */
static int co_take_lock(struct role *role, struct err *e)
{
	struct lock_job *j = calloc(1, sizeof(*j));

	if (!j)
		return err_set(e, ERR_MEMORY, "no memory for the lock");
	j->folder = role_data_folder(role);
	snprintf(j->name, sizeof(j->name), "lock.mailbox.%u", role_index(role));
	co_run_blocking(take_lock, j);
	int code = j->code;

	if (code)
		*e = j->e;
	free(j);
	return code;
}

/* --- life ------------------------------------------------------------------------------------- */

static uint64_t message_max(const struct role *role)
{
	return settings_number(role_settings(role), SET_MESSAGE_SIZE_LIMIT);
}

static void co_switch(struct role *role, void *state)
{
	shard_set_message_max(state, message_max(role));
}

static int co_start(struct role *role, void *state, struct err *e)
{
	int code = co_take_lock(role, e);

	if (code)
		return code;
	const char *path = role_data_path(role);
	const struct shard_options options = {
		.spool = role_neighbour(role, ROOM_SPOOL, 0),
		.scans = role_scans(role),
		.message_max = message_max(role),
		.data_path = *path ? path : "/",
		.data_folder = role_data_folder(role),
		.co_imap = co_imap_session,
		.index = role_index(role),
		.shards = (unsigned)settings_number(role_settings(role), SET_SHARDS)};

	return shard_start(state, &options, e);
}

static void neighbour_came(struct role *role, void *state, enum room room, unsigned index)
{
	if (room == ROOM_SPOOL)
		shard_spool_came(state);
}

static void co_stop(struct role *role, void *state)
{
	co_shard_stop(state, deadline_in(STOP_MS));
	co_shard_end(state);
}

static void free_state(void *state)
{
	struct shard *s = state;

	shard_destroy(&s);
}

const struct room_ops mailbox_room = {
	.room = ROOM_MAILBOX,
	.handlers = shard_handlers,
	.handlers_max = HANDLERS_MAX,
	.warm_up = warm_up,
	.co_start = co_start,
	.neighbour_came = neighbour_came,
	.co_switch = co_switch,
	.co_stop = co_stop,
	.free_state = free_state,
};
