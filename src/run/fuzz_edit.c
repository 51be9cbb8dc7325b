/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_edit: edits of table files; the input is address, target, accounts and aliases, separated by NUL. */
#include "run/accounts_file.h"
#include "run/aliases_file.h"
#include "run/edit.h"
#include "run/table_lines.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)          \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static size_t count_valid(struct str contents)
{
	struct table_lines t = table_lines_of(contents);
	struct str line;
	size_t n = 0;

	while (table_lines_next(&t, &line))
		n++;
	return n;
}

static void edit_accounts(struct str accounts, struct str aliases, struct str address, struct buf *out)
{
	struct buf gone;
	struct err e;

	if (edit_account_add(accounts, aliases, address, STR("{PLAIN}x"), out, &e))
		return;
	buf_init(&gone, 1 << 20);
	CHECK(str_starts(buf_str(out), accounts));
	CHECK(count_valid(buf_str(out)) == count_valid(accounts) + 1);
	CHECK(edit_account_must_exist(buf_str(out), address, &e) == 0);
	CHECK(edit_account_add(buf_str(out), aliases, address, STR("{PLAIN}x"), &gone, &e) == ERR_EXISTS);
	CHECK(edit_account_del(buf_str(out), address, &gone, &e) == 0);
	CHECK(str_eq(str_head(buf_str(&gone), accounts.n), accounts) && gone.n <= accounts.n + 1);
	CHECK(edit_account_must_exist(buf_str(&gone), address, &e) == ERR_NOT_FOUND);
	buf_free(&gone);
}

static void edit_aliases(struct str accounts, struct str aliases, struct str key, struct str target,
			 struct buf *out)
{
	struct buf gone;
	struct err e;

	buf_clear(out);
	if (edit_alias_add(accounts, aliases, key, target, out, &e))
		return;
	buf_init(&gone, 1 << 20);
	CHECK(edit_alias_add(accounts, buf_str(out), key, target, &gone, &e) == ERR_EXISTS);
	buf_clear(&gone);
	CHECK(edit_alias_del(buf_str(out), key, target, &gone, &e) == 0);
	CHECK(gone.n < out->n);
	buf_clear(out);
	int rc = edit_alias_add(accounts, buf_str(&gone), key, target, out, &e);

	/* the line that had no other target is gone; a later one of the key may be broken */
	CHECK(rc == 0 || rc == ERR_INVALID);
	buf_clear(&gone);
	CHECK(rc || edit_aliases_forget(buf_str(out), target, &gone, &e) == 0);
	CHECK(rc || gone.n < out->n);
	buf_free(&gone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	struct str address = str_cut(&rest, 0), target = str_cut(&rest, 0), accounts = str_cut(&rest, 0);
	struct buf out;
	struct err e;

	buf_init(&out, 1 << 20);
	edit_accounts(accounts, rest, address, &out);
	edit_aliases(accounts, rest, address, target, &out);
	buf_clear(&out);
	CHECK(edit_account_list(accounts, rest, NULL, NULL, &out, &e) == 0 || e.code == ERR_TOO_BIG);
	buf_free(&out);
	return 0;
}
