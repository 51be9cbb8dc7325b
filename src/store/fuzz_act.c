/* SPDX-License-Identifier: Apache-2.0 */
/* Act bodies: what is read is written back byte for byte, and whatever fits a
 * ledger leaves it in order. */
#include "store/ledger.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* An account with two folders that have a few UIDs. */
static void prepare(struct ledger *l)
{
	struct change c[] = {
		{.kind = CHANGE_FOLDER_CREATE, .create = {1, 1, 10, 0, false, STR("INBOX")}},
		{.kind = CHANGE_FOLDER_CREATE, .create = {2, 2, 10, 0, false, STR("A")}},
	};
	struct err err;

	ledger_init(l);
	must(ledger_apply(l, &(struct act_body){1, c, 2}, &err) == 0);
}

static void check(const struct ledger *l)
{
	for (size_t i = 0; i < l->n; i++) {
		must(folder_name_valid(l->folders[i].name));
		must(ledger_find(l, l->folders[i].name) == &l->folders[i]);
		must(l->folders[i].id < l->next_folder && l->folders[i].uidnext);
		must(i == 0 || l->folders[i - 1].id < l->folders[i].id);
	}
	for (size_t i = 0; i < l->keyword_count; i++)
		must(ledger_keyword(l, l->keywords[i]) == i);
	must(ledger_find(l, STR("INBOX")) != NULL);
}

static void apply(const struct act_body *act)
{
	struct ledger l;
	struct err err;

	prepare(&l);
	size_t folders = l.n;
	int rc = ledger_apply(&l, act, &err);

	must(l.serial == (rc ? 1 : 2));
	must(!rc || (l.n == folders && l.keyword_count == 0 && l.subscribed == 0));
	check(&l);
	ledger_free(&l);
}

/* A place that is said later is the only thing that changes. */
static void say_place(struct str body, struct arena *arena)
{
	char *copy = malloc(body.n + 1);
	struct act_body act;
	struct err err;

	must(copy != NULL);
	memcpy(copy, body.p, body.n);
	if (act_body_set_place(copy, body.n, 7, &err) == 0 &&
	    act_body_get((struct str){copy, body.n}, 2, arena, &act, &err) == 0)
		must(act.n == 1 && act.changes[0].kind == CHANGE_ADD && act.changes[0].add.place == 7 &&
		     act_body_set_place(copy, body.n, 8, &err) != 0);
	else
		must(act_body_get(body, 2, arena, &act, &err) != 0 || memcmp(copy, body.p, body.n) == 0);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str body = {(const char *)data, size};
	struct arena arena;
	struct act_body act;
	struct err err;
	struct buf b;

	arena_init(&arena, ACT_ARENA_MAX);
	if (size > 0)
		say_place(body, &arena);
	arena_reset(&arena);
	if (act_body_get(body, 2, &arena, &act, &err) == 0) {
		buf_init(&b, ACT_BYTES_MAX);
		must(act_body_put(&b, &act, &err) == 0 && str_eq(buf_str(&b), body));
		buf_free(&b);
		apply(&act);
	}
	arena_free(&arena);
	return 0;
}
