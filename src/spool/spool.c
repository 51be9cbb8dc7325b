/* SPDX-License-Identifier: Apache-2.0 */
/* The spool room as a process: its core between the walls. */
#include "spool/spool.h"

#include "spool/core.h"

/* Appends of all gates and acts of all shards, each waiting for its group. */
#define HANDLERS_MAX 4096

/* DSN_EN and DSN_ZH_CN are the choices of `language` in their order. */
static void read_rules(const struct settings *s, struct queue_rules *rules)
{
	struct str host = settings_text(s, SET_HOSTNAME);

	queue_rules_defaults(rules);
	rules->relay_all = settings_relay(s, SET_RELAY_HOST) != NULL;
	rules->retry_first_ms = (int64_t)settings_number(s, SET_QUEUE_RETRY_FIRST);
	rules->retry_last_ms = (int64_t)settings_number(s, SET_QUEUE_RETRY_LAST);
	rules->lifetime_ms = (int64_t)settings_number(s, SET_QUEUE_LIFETIME);
	rules->bounce_lifetime_ms = (int64_t)settings_number(s, SET_BOUNCE_LIFETIME);
	rules->bounce_size = (size_t)settings_number(s, SET_BOUNCE_SIZE_LIMIT);
	rules->language = (enum dsn_language)settings_choice(s, SET_LANGUAGE);
	snprintf(rules->hostname, sizeof(rules->hostname), "%.*s", STR_ARG(host));
}

static int warm_up(struct role *role, void **state, struct err *e)
{
	struct spool_setup setup;

	spool_setup_defaults(&setup);
	setup.data_folder = role_data_folder(role);
	setup.fibers = role_fibers(role);
	read_rules(role_settings(role), &setup.queue);
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
	spool_set_relay(s, role_neighbour(role, ROOM_RELAY, 0));
	spool_set_keeper(s, role_neighbour(role, ROOM_KEEPER, 0));
	return co_spool_start(s, e);
}

static void neighbour_came(struct role *role, void *state, enum room room, unsigned index)
{
	if (room == ROOM_RELAY)
		spool_relay_came(state);
}

/* Letters that are on their way keep the times that they have. */
static int co_prepare(struct role *role, void *state, const struct settings *next, struct err *e)
{
	read_rules(next, &((struct spool *)state)->queue.next_rules);
	return 0;
}

static void co_switch(struct role *role, void *state)
{
	struct spool *s = state;

	s->queue.rules = s->queue.next_rules;
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
	.neighbour_came = neighbour_came,
	.co_prepare = co_prepare,
	.co_switch = co_switch,
	.co_stop = co_stop,
	.free_state = free_state,
};
