/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outlines of letters: from derived.db; what is missing there, damaged or of another parser is
 * asked of scan and kept.
 */
#include "mailbox/letter_outline.h"

#include "mailbox/shard_parts.h"
#include "net/loop.h"

#include <stdlib.h>

/* For the thread pool. */
struct outline_task {
	const char *data_path;
	struct str domain, user;
	struct derived *derived;
	const struct letter_reader *l;
	struct letter_outline *o;
	struct err err;
	int code;
};

static void outline_init(struct letter_outline *o)
{
	arena_init(&o->arena, OUTLINE_ARENA_MAX);
	buf_init(&o->bytes, OUTLINE_MAX);
}

static int decode(struct outline_task *t)
{
	struct letter_outline *o = t->o;

	return outline_decode(&o->outline, &o->arena, buf_str(&o->bytes), t->l->record.length, &t->err);
}

/* ERR_NOT_FOUND as well for one that is damaged or of another version: it is made again. */
static void find_in_pool(void *arg)
{
	struct outline_task *t = arg;

	t->code = t->derived ? 0 : derived_open(t->data_path, t->domain, t->user, &t->derived, &t->err);
	if (!t->code)
		t->code = derived_get(t->derived, t->l->row.letter, &t->o->bytes, &t->err);
	if (!t->code && (decode(t) != 0 || t->o->outline.parser != OUTLINE_PARSER))
		t->code = ERR_NOT_FOUND;
}

static int copy_letter(void *arg, int *file, struct err *e)
{
	return letter_copy(arg, file, e);
}

static void keep_in_pool(void *arg)
{
	struct outline_task *t = arg;
	struct outline_row row = {.letter = t->l->row.letter, .outline = buf_str(&t->o->bytes)};

	derived_put(t->derived, &row, 1, &t->err);
}

static int co_under_lock(struct account *a, struct outline_task *t, void (*fn)(void *))
{
	int code = co_account_lock(a);

	if (code)
		return err_set(&t->err, code, "the shard ends");
	t->derived = a->derived;
	co_run_blocking(fn, t);
	a->derived = t->derived;
	account_unlock(a);
	return t->code;
}

static int co_make(struct account *a, struct outline_task *t)
{
	const struct letter_reader *l = t->l;

	arena_reset(&t->o->arena);
	buf_clear(&t->o->bytes);
	int code = co_outline_of(&a->shard->outlines, l->row.letter, l->record.length, copy_letter,
				 (void *)(uintptr_t)l, &t->o->bytes, &t->err);

	return code ? code : decode(t);
}

static int co_outline(struct account *a, struct outline_task *t)
{
	int code = co_under_lock(a, t, find_in_pool);

	if (code == 0 || code == ERR_CANCELLED)
		return code;
	code = co_make(a, t);
	/* It can be made again, so a failure to keep it is none. */
	if (!code && t->derived)
		co_under_lock(a, t, keep_in_pool);
	return code;
}

int co_letter_outline(struct account *a, const struct letter_reader *l, struct letter_outline **out,
		      struct err *e)
{
	struct outline_task *t = calloc(1, sizeof(*t));
	struct letter_outline *o = calloc(1, sizeof(*o));
	int code = ERR_MEMORY;

	if (!t || !o) {
		free(o);
		o = NULL;
		err_set(e, code, "no memory for the outline of a letter");
	} else {
		outline_init(o);
		*t = (struct outline_task){.data_path = a->shard->data_path,
					   .domain = a->domain,
					   .user = a->user,
					   .l = l,
					   .o = o};
		code = co_outline(a, t);
		if (code)
			*e = t->err;
	}
	free(t);
	if (code)
		letter_outline_destroy(&o);
	*out = o;
	return code;
}

void letter_outline_destroy(struct letter_outline **o)
{
	struct letter_outline *old = *o;

	if (!old)
		return;
	arena_free(&old->arena);
	buf_free(&old->bytes);
	free(old);
	*o = NULL;
}
