/* SPDX-License-Identifier: Apache-2.0 */
/* The spool room as a process: its core between the walls. */
#include "spool/spool.h"

#include "spool/core.h"

/* Appends of all gates and acts of all shards, each waiting for its group. */
#define HANDLERS_MAX 4096

static int warm_up(struct role *role, void **state, struct err *e)
{
	struct spool_setup setup;

	spool_setup_defaults(&setup);
	setup.data_folder = role_data_folder(role);
	setup.fibers = role_fibers(role);
	setup.shards = (unsigned)settings_number(role_settings(role), SET_SHARDS);
	*state = spool_new(&setup);
	return 0;
}

static int co_start(struct role *role, void *state, struct err *e)
{
	struct spool *s = state;

	/* Known only behind the walls: the folder may have become the root. */
	s->setup.data_path = role_data_path(role);
	for (unsigned i = 0; i < s->setup.shards; i++)
		spool_set_shard(s, i, role_neighbour(role, ROOM_MAILBOX, i));
	spool_set_keeper(s, role_neighbour(role, ROOM_KEEPER, 0));
	return co_spool_start(s, e);
}

static void co_stop(struct role *role, void *state)
{
	co_spool_stop(state);
}

static void free_state(void *state)
{
	struct spool *s = state;

	spool_destroy(&s);
}

const struct room_ops spool_room = {
	.room = ROOM_SPOOL,
	.handlers = spool_handlers,
	.handlers_max = HANDLERS_MAX,
	.warm_up = warm_up,
	.co_start = co_start,
	.co_stop = co_stop,
	.free_state = free_state,
};
