/* SPDX-License-Identifier: Apache-2.0 */
/* What `setup` asks of master and the mailbox shards (see setup_server.h). */
#include "cli/setup_server.h"

#include "base/clock.h"
#include "cli/ask.h"
#include "cli/options.h"
#include "cli/reload.h"
#include "net/messages.h"
#include "store/shards.h"

#include <stdio.h>

/* A shard may have to end sessions, and wait for its clock. */
#define REMOVE_MS 115000
#define USAGE_MS 30000

/* One question to the shard of an account. */
struct errand {
	struct str address;
	uint64_t bytes;
	bool had;
	int code; /* when it was asked */
	struct err *e;
};

static bool runs(void *arg)
{
	return ask_is_served(arg, "master");
}

static int reload(void *arg)
{
	return reload_if_served(arg) == EXIT_DONE ? 0 : ERR_BUSY;
}

/* 0 or a negative code. */
static int ask_shard(const struct settings *s, int (*co_fn)(struct chan *c, void *arg), struct errand *errand)
{
	unsigned shards = (unsigned)settings_number(s, SET_SHARDS);
	char room[32];

	errand->code = err_set(errand->e, ERR_ROOM_GONE, "the server cannot be asked");
	snprintf(room, sizeof(room), "mailbox.%u", shard_of(errand->address, shards));
	ask_room(s, room, co_fn, errand);
	return errand->code;
}

static int co_usage(struct chan *c, void *arg)
{
	struct errand *errand = arg;
	struct usage_question q = {.account = errand->address};
	struct usage_answer a;
	struct chan_parcel store;

	errand->code = co_ask_usage(c, &q, deadline_in(USAGE_MS), &store, &a, errand->e);
	if (errand->code)
		return EXIT_FAILED;
	errand->bytes = a.bytes;
	chan_parcel_free(&store);
	return EXIT_DONE;
}

static int usage(void *arg, struct str address, uint64_t *bytes)
{
	struct err e;
	struct errand errand = {.address = address, .e = &e};
	int code = ask_shard(arg, co_usage, &errand);

	*bytes = errand.bytes;
	return code;
}

static int co_remove(struct chan *c, void *arg)
{
	struct errand *errand = arg;
	struct remove_account_question q = {.account = errand->address};
	struct remove_account_answer a;
	struct chan_parcel store;

	errand->code = co_ask_remove_account(c, &q, deadline_in(REMOVE_MS), &store, &a, errand->e);
	if (errand->code)
		return EXIT_FAILED;
	errand->had = a.had;
	chan_parcel_free(&store);
	return EXIT_DONE;
}

static int remove_account(void *arg, struct str address, bool *had, struct err *e)
{
	struct errand errand = {.address = address, .e = e};
	int code = ask_shard(arg, co_remove, &errand);

	*had = errand.had;
	return code;
}

void setup_server_init(struct setup_server *server, const struct settings *s)
{
	*server = (struct setup_server){
		/* Nobody writes there. */
		.arg = (void *)(uintptr_t)s,
		.data_dir = settings_text(s, SET_DATA_DIR).p,
		.runs = runs,
		.usage = usage,
		.reload = reload,
		.remove = remove_account,
	};
}
