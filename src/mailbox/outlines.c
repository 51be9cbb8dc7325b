/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to scan (see outlines.h). */
#include "mailbox/outlines.h"

#include "base/clock.h"
#include "format/outline.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* All tries of one letter; no more than the channel allows. */
#define ASK_MS 60000

struct outline_ask {
	struct outline_ask *next;
	struct scan_ask ask;
	uint64_t letter, size;
	int file;
	struct buf bytes; /* the answer */
	/* Of those who share it. */
	unsigned refs;
	bool done;
	int code;
	struct err err;
	struct waiters finished;
};

/* --- what scan said --------------------------------------------------------------------------- */

static int take_wide(struct outline_ask *a, const struct outline_answer *said, struct err *e)
{
	uint32_t n = said->outline_size;
	char *p = buf_room(&a->bytes, n);

	if (!p)
		return err_set(e, ERR_MEMORY, "no memory for an outline");
	if (pread(said->wide, p, n, 0) != (ssize_t)n)
		return err_errno(e, "cannot read the outline's memory file");
	buf_grow(&a->bytes, n);
	return 0;
}

static int take_answer(struct outline_ask *a, const struct outline_answer *said, struct err *e)
{
	int code = scan_outline_check(said->outline, said->wide, said->outline_size, a->size, e);

	buf_clear(&a->bytes);
	if (code)
		return code;
	if (said->wide >= 0)
		return take_wide(a, said, e);
	buf_add_str(&a->bytes, said->outline);
	return buf_failed(&a->bytes) ? err_set(e, ERR_MEMORY, "no memory for an outline") : 0;
}

/* --- the poison letter ------------------------------------------------------------------------- */

static void opaque_in_pool(void *arg)
{
	struct outline_ask *a = arg;
	void *map = mmap(NULL, (size_t)a->size, PROT_READ, MAP_PRIVATE, a->file, 0);

	buf_clear(&a->bytes);
	a->code = map == MAP_FAILED ? ERR_MEMORY
				    : outline_encode_opaque((struct str){map, (size_t)a->size}, &a->bytes);
	if (map != MAP_FAILED)
		munmap(map, (size_t)a->size);
}

static int co_opaque(struct outline_ask *a, const char *why, struct err *e)
{
	log_line(LOG_WARNING, "%016llX: %s: shown as plain text, not looked into",
		 (unsigned long long)a->letter, why);
	co_run_blocking(opaque_in_pool, a);
	return a->code ? err_set(e, a->code, "no memory for the outline of letter %016llX",
				 (unsigned long long)a->letter)
		       : 0;
}

/* --- asking --------------------------------------------------------------------------------------- */

static int co_ask_once(struct scan_ask *ask, struct chan *scan, bool alone, int64_t deadline, struct err *e)
{
	struct outline_ask *a = (struct outline_ask *)((char *)ask - offsetof(struct outline_ask, ask));
	struct outline_question q = {.letter = a->letter, .alone = alone, .size = a->size, .file = a->file};
	struct outline_answer said;
	struct chan_parcel store;
	char why[sizeof(e->text) + 32];
	int code = co_ask_outline(scan, &q, deadline, &store, &said, e);

	if (code)
		return code;
	code = take_answer(a, &said, e);
	if (said.wide >= 0)
		close(said.wide);
	chan_parcel_free(&store);
	if (code != ERR_CORRUPT && code != ERR_INVALID)
		return code;
	snprintf(why, sizeof(why), "scan gave a wrong outline (%s)", e->text);
	return co_opaque(a, why, e);
}

static int co_ask(struct outlines *o, struct outline_ask *a, struct err *e)
{
	a->ask = (struct scan_ask){.letter = a->letter, .co_once = co_ask_once};
	int code = co_scan_ask(&o->scans, &a->ask, deadline_in(ASK_MS), e);

	return code == SCAN_POISON ? co_opaque(a, "scan ended twice at this letter", e) : code;
}

static void ask_begin(struct outlines *o, struct outline_ask *a)
{
	buf_init(&a->bytes, OUTLINE_MAX);
	a->next = o->asks;
	o->asks = a;
}

static void ask_end(struct outlines *o, struct outline_ask *a)
{
	struct outline_ask **at = &o->asks;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
}

int co_outline_ask(struct outlines *o, uint64_t letter, uint64_t size, int file, struct buf *out,
		   struct err *e)
{
	struct outline_ask *a = calloc(1, sizeof(*a));

	if (!a)
		return err_set(e, ERR_MEMORY, "no memory for an outline");
	*a = (struct outline_ask){.letter = letter, .size = size, .file = file};
	ask_begin(o, a);
	int code = co_ask(o, a, e);

	ask_end(o, a);
	if (!code)
		buf_add_str(out, buf_str(&a->bytes));
	buf_free(&a->bytes);
	free(a);
	return code || !buf_failed(out) ? code : err_set(e, ERR_MEMORY, "no memory for an outline");
}

void outlines_begun(struct outlines *o, const struct chan *scan, uint64_t letter)
{
	for (struct outline_ask *a = o->asks; a; a = a->next)
		scan_ask_begins(&a->ask, scan, letter);
}

/* --- stored letters, shared ---------------------------------------------------------------------- */

struct source_task {
	outline_source_fn *source;
	void *arg;
	int file, code;
	struct err err;
};

static void source_in_pool(void *arg)
{
	struct source_task *t = arg;

	t->code = t->source(t->arg, &t->file, &t->err);
}

static int co_copy(struct outline_ask *a, outline_source_fn *source, void *arg)
{
	struct source_task *t = calloc(1, sizeof(*t));

	if (!t)
		return err_set(&a->err, ERR_MEMORY, "no memory for an outline");
	*t = (struct source_task){.source = source, .arg = arg, .file = -1};
	co_run_blocking(source_in_pool, t);
	int code = t->code;

	a->file = t->file;
	if (code)
		a->err = t->err;
	free(t);
	return code;
}

static int co_lead(struct outlines *o, struct outline_ask *a, outline_source_fn *source, void *arg)
{
	int code = 0;

	while (!code && o->copies >= OUTLINE_COPIES_MAX)
		code = co_waiters_park(&o->room, NO_DEADLINE);
	if (code)
		return err_set(&a->err, code, "the shard ends");
	o->copies++;
	code = co_copy(a, source, arg);
	if (!code)
		code = co_ask(o, a, &a->err);
	if (a->file >= 0)
		close(a->file);
	o->copies--;
	waiters_wake(&o->room);
	return code;
}

static void share_release(struct outline_ask *a)
{
	if (--a->refs > 0)
		return;
	buf_free(&a->bytes);
	free(a);
}

static struct outline_ask *find_shared(const struct outlines *o, uint64_t letter)
{
	struct outline_ask *a = o->asks;

	/* Whoever leads takes it out of the list before it can be freed. */
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	while (a && (a->letter != letter || a->refs == 0))
		a = a->next;
	return a;
}

static struct outline_ask *co_share(struct outlines *o, uint64_t letter, uint64_t size,
				    outline_source_fn *source, void *arg, struct err *e)
{
	struct outline_ask *a = calloc(1, sizeof(*a));

	if (!a) {
		err_set(e, ERR_MEMORY, "no memory for an outline");
		return NULL;
	}
	*a = (struct outline_ask){.letter = letter, .size = size, .file = -1, .refs = 1};
	ask_begin(o, a);
	a->code = co_lead(o, a, source, arg);
	ask_end(o, a);
	a->done = true;
	waiters_wake(&a->finished);
	return a;
}

static int co_follow(struct outline_ask *a, struct err *e)
{
	int code = 0;

	while (!code && !a->done)
		code = co_waiters_park(&a->finished, NO_DEADLINE);
	return code ? err_set(e, code, "the shard ends") : 0;
}

int co_outline_of(struct outlines *o, uint64_t letter, uint64_t size, outline_source_fn *source, void *arg,
		  struct buf *out, struct err *e)
{
	for (;;) {
		struct outline_ask *a = find_shared(o, letter);
		bool leads = !a;
		int code = 0;

		if (leads)
			a = co_share(o, letter, size, source, arg, e);
		else {
			a->refs++;
			code = co_follow(a, e);
		}
		if (!a)
			return ERR_MEMORY;
		bool again = !code && !leads && a->code == ERR_CANCELLED;

		if (!code && a->code)
			*e = a->err;
		else if (!code)
			buf_add_str(out, buf_str(&a->bytes));
		code = code ? code : a->code;
		share_release(a);
		/* Who asked for us has gone: the next one asks himself. */
		if (!again)
			return code || !buf_failed(out) ? code
							: err_set(e, ERR_MEMORY, "no memory for an outline");
	}
}
