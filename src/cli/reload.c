/* SPDX-License-Identifier: Apache-2.0 */
/* Asking master to reload (see reload.h). */
#include "cli/reload.h"

#include "base/clock.h"
#include "cli/ask.h"
#include "cli/options.h"
#include "net/messages.h"

#include <stdio.h>
#include <string.h>

#define DEADLINE_MS 60000

static int co_ask(struct chan *c, void *arg)
{
	struct reload_question q = {0};
	struct reload_answer a;
	struct chan_parcel store;
	struct err e;

	(void)arg;
	if (co_ask_reload(c, &q, deadline_in(DEADLINE_MS), &store, &a, &e) != 0) {
		fprintf(stderr, "mailstead: %s\n", e.text);
		return EXIT_FAILED;
	}
	chan_parcel_free(&store);
	return EXIT_DONE;
}

int cmd_reload(int argc, char **argv, const struct settings *s)
{
	if (argc > 2 || (argc == 2 && strcmp(argv[1], "--wait") != 0)) {
		fprintf(stderr, "usage: mailstead reload [--wait]\n");
		return EXIT_USAGE;
	}
	return ask_room(s, "master", co_ask, NULL);
}

int reload_if_served(const struct settings *s)
{
	return ask_is_served(s, "master") ? ask_room(s, "master", co_ask, NULL) : EXIT_DONE;
}
