/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the mailbox shards for an INBOX (see inbox.h). */
#include "cli/inbox.h"

#include "base/clock.h"
#include "cli/ask.h"
#include "cli/options.h"
#include "net/messages.h"

#include <stdio.h>

#define DEADLINE_MS 30000
#define SHA256_SIZE 32

static uint32_t print_page(struct str letters)
{
	struct reader r = reader_of(letters);
	uint32_t uid = 0;

	while (!r.failed && r.rest.n > 0) {
		uid = read_u32(&r);
		uint64_t letter = read_u64(&r);
		struct str digest = read_bytes(&r, SHA256_SIZE);

		printf("%u %016llX ", uid, (unsigned long long)letter);
		for (size_t i = 0; i < digest.n; i++)
			printf("%02x", (unsigned char)digest.p[i]);
		printf("\n");
	}
	return uid;
}

static int co_ask(struct chan *c, void *arg)
{
	struct inbox_question q = {.account = str_of(arg)};
	struct inbox_answer a = {0};

	while (!a.last) {
		struct chan_parcel store;
		struct err e;
		int code = co_ask_inbox(c, &q, deadline_in(DEADLINE_MS), &store, &a, &e);

		/* Another shard's account, or one without any mail yet. */
		if (code == ERR_NOT_FOUND)
			return EXIT_DONE;
		if (code) {
			fprintf(stderr, "mailstead: %s\n", e.text);
			return EXIT_FAILED;
		}
		q.after = print_page(a.letters);
		chan_parcel_free(&store);
	}
	return EXIT_DONE;
}

int cmd_inbox(int argc, char **argv, const struct settings *s)
{
	int status = EXIT_DONE;

	if (argc != 2) {
		fprintf(stderr, "usage: mailstead --inbox ADDRESS\n");
		return EXIT_USAGE;
	}
	for (unsigned k = 0; status == EXIT_DONE && k < settings_number(s, SET_SHARDS); k++) {
		char room[32];

		snprintf(room, sizeof(room), "mailbox.%u", k);
		status = ask_room(s, room, co_ask, argv[1]);
	}
	return status;
}
