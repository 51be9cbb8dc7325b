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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str body = {(const char *)data, size};
	struct arena arena;
	struct act_body act;
	struct err err;
	struct buf b;

	arena_init(&arena, ACT_ARENA_MAX);
	if (act_body_get(body, 2, &arena, &act, &err) == 0) {
		buf_init(&b, ACT_BYTES_MAX);
		must(act_body_put(&b, &act, &err) == 0 && str_eq(buf_str(&b), body));
		buf_free(&b);
		apply(&act);
	}
	arena_free(&arena);
	return 0;
}
