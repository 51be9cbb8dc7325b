/* SPDX-License-Identifier: Apache-2.0 */
/* A fake gate, and what of a role the room looks at (see test_gate.h). */
#include "scan/test_gate.h"

#include "base/clock.h"
#include "base/sealed.h"
#include "format/received.h"
#include "scan/scan.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct role {
	struct settings settings;
};

static struct role role;

/* Instead of the one in run/role.c, which needs a master. */
const struct settings *role_settings(const struct role *r)
{
	return &r->settings;
}

static void load(const char *limit)
{
	const char *const overrides[] = {"hostname=mx.ours.test", limit};
	struct settings_sources sources = {.overrides = overrides, .override_count = 2};
	struct err e;

	if (settings_load(&role.settings, &sources, &e) != 0)
		abort();
}

void *gate_room(void)
{
	void *state = NULL;
	struct err e;

	load("message_size_limit=24M");
	if (scan_room.warm_up(&role, &state, &e) != 0)
		abort();
	return state;
}

void co_gate_reload(void *state, const char *limit)
{
	settings_free(&role.settings);
	load(limit);
	scan_room.co_switch(&role, state);
}

void gate_room_end(void *state)
{
	scan_room.free_state(state);
	settings_free(&role.settings);
}

int gate_file(struct str bytes, bool sealed)
{
	struct err e;
	int fd;

	if (sealed)
		return sealed_make("letter", bytes, &fd, &e) == 0 ? fd : -1;
	fd = memfd_create("letter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd >= 0 && write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n ? fd : -1;
}

struct scan_question gate_question(uint64_t id, struct str letter)
{
	bool is_long = letter.n > INLINE_MAX;

	return (struct scan_question){
		.letter = id,
		.with = RECEIVED_ESMTP | RECEIVED_TLS,
		.received = INT64_C(1057049557) * 1000000,
		.helo = STR("client.example"),
		.client_ip = STR("192.0.2.1"),
		.tls = STR("TLSv1.3 with cipher X (256/256 bits)"),
		.recipient = STR("alice@ours.test"),
		.size = letter.n,
		.bytes = is_long ? (struct str){NULL, 0} : letter,
		.file = is_long ? gate_file(letter, true) : -1,
	};
}

int co_gate_ask(struct chan *c, const struct scan_question *q, struct scan_answer *a,
		struct chan_parcel *store, struct err *e)
{
	return co_ask_scan(c, q, deadline_in(60000), store, a, e);
}

int co_gate_try(struct chan *c, const struct scan_question *q, struct err *e)
{
	struct scan_answer a;
	struct chan_parcel store;
	int code = co_gate_ask(c, q, &a, &store, e);

	if (code)
		return code;
	if (a.wide >= 0)
		close(a.wide);
	chan_parcel_free(&store);
	return 0;
}
