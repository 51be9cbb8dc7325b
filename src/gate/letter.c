/* SPDX-License-Identifier: Apache-2.0 */
/* Letters on their way in (see letter.h). */
#include "gate/letter.h"

#include "base/sealed.h"
#include "format/header_edit.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

_Static_assert(LETTER_HEAD_MAX == HEADER_CUTS_HEAD, "scan looks at what gate can cut");

void letter_begin(struct letter *l, struct letter_budget *budget, uint64_t max)
{
	*l = (struct letter){.budget = budget, .max = max, .file = -1};
	buf_init(&l->tail, LETTER_INLINE_MAX + LETTER_STEP_MAX);
}

static void drop_map(struct letter *l)
{
	if (l->map)
		munmap(l->map, l->map_size);
	l->map = NULL;
	l->map_size = 0;
}

void letter_end(struct letter *l)
{
	if (!l->budget)
		return;
	drop_map(l);
	if (l->file >= 0)
		close(l->file);
	buf_free(&l->tail);
	l->budget->used -= l->size;
	*l = (struct letter){.file = -1};
}

/* Memory goes back at once: the client may take its time to finish. */
static void give_up(struct letter *l, enum letter_fault fault)
{
	struct letter_budget *budget = l->budget;
	uint64_t max = l->max;

	letter_end(l);
	letter_begin(l, budget, max);
	l->fault = fault;
}

struct buf *letter_tail(struct letter *l)
{
	return l->fault ? NULL : &l->tail;
}

/* Moves the tail to the file. */
static void spill(struct letter *l)
{
	struct err e;

	if (l->file < 0)
		sealed_open("letter", &l->file, &e);
	if (l->file < 0 || sealed_write(l->file, buf_str(&l->tail), l->in_file, &e) != 0) {
		give_up(l, LETTER_NO_ROOM);
		return;
	}
	l->in_file += l->tail.n;
	buf_clear(&l->tail);
}

void letter_finish(struct letter *l)
{
	if (l->fault)
		return;
	if (buf_failed(&l->tail)) {
		give_up(l, LETTER_NO_ROOM);
		return;
	}
	uint64_t grown = l->in_file + l->tail.n - l->size;

	if (l->size + grown > l->max) {
		give_up(l, LETTER_TOO_BIG);
		return;
	}
	/* A reload may have made it smaller than what is used. */
	if (l->budget->used + grown > l->budget->max) {
		give_up(l, LETTER_NO_ROOM);
		return;
	}
	l->size += grown;
	l->budget->used += grown;
	if (l->tail.n > LETTER_INLINE_MAX)
		spill(l);
}

void letter_to_file(struct letter *l)
{
	struct err e;

	if (l->fault)
		return;
	spill(l);
	if (l->file >= 0 && sealed_seal(l->file, &e) != 0)
		give_up(l, LETTER_NO_ROOM);
}

void letter_seal(struct letter *l)
{
	if (l->file >= 0)
		letter_to_file(l);
}

int letter_file(const struct letter *l)
{
	return l->file;
}

struct str letter_bytes(const struct letter *l)
{
	return buf_str(&l->tail);
}

struct str letter_whole(struct letter *l)
{
	if (l->file < 0)
		return buf_str(&l->tail);
	if (!l->map && l->size > 0) {
		void *map = mmap(NULL, (size_t)l->size, PROT_READ, MAP_PRIVATE, l->file, 0);

		if (map == MAP_FAILED)
			return (struct str){NULL, 0};
		l->map = map;
		l->map_size = (size_t)l->size;
	}
	return (struct str){l->map, l->map_size};
}

struct str letter_head(struct letter *l)
{
	return str_head(letter_whole(l), LETTER_HEAD_MAX);
}

/* --- edits ----------------------------------------------------------------------------------------- */

/* Puts `head` in the place of the first n octets. */
static int behead_memory(struct letter *l, size_t n, struct str head, struct err *e)
{
	size_t rest = l->tail.n - n;

	if (head.n > n && !buf_room(&l->tail, head.n - n))
		return err_set(e, ERR_MEMORY, "no memory for the letter");
	memmove(l->tail.p + head.n, l->tail.p + n, rest);
	if (head.n)
		memcpy(l->tail.p, head.p, head.n);
	l->tail.n = head.n + rest;
	return 0;
}

/* The same in a new file. */
static int behead_file(struct letter *l, size_t n, struct str head, struct err *e)
{
	struct str whole = letter_whole(l);
	int file, code;

	if (whole.n != l->size)
		return err_set(e, ERR_MEMORY, "no memory to look at the letter");
	if ((code = sealed_open("letter", &file, e)) != 0)
		return code;
	code = sealed_write(file, head, 0, e);
	if (code == 0)
		code = sealed_write(file, str_skip(whole, n), head.n, e);
	drop_map(l);
	close(l->file);
	l->file = file;
	l->in_file += head.n - n;
	return code;
}

static int behead(struct letter *l, size_t n, struct str head, struct err *e)
{
	bool is_long = l->file >= 0;
	int code = is_long ? behead_file(l, n, head, e) : behead_memory(l, n, head, e);

	if (code)
		return code;
	l->size += head.n - n;
	l->budget->used += head.n - n;
	if (is_long || l->tail.n > LETTER_INLINE_MAX)
		letter_to_file(l);
	return l->fault ? err_set(e, ERR_MEMORY, "no memory for the letter") : 0;
}

int letter_edit(struct letter *l, struct str front, struct str cuts, struct err *e)
{
	struct str head = letter_head(l);
	struct header_cuts list;
	struct buf edited;
	int code = 0;

	if (l->fault)
		return err_set(e, ERR_MEMORY, "no memory for the letter");
	if (header_cuts_read(cuts, head, &list, e) != 0)
		return ERR_INVALID;
	buf_init(&edited, front.n + LETTER_HEAD_MAX);
	buf_add_str(&edited, front);
	size_t n = header_cuts_make(&list, head, &edited);

	if (buf_failed(&edited) || edited.n > 0 || n > 0)
		code = buf_failed(&edited) ? err_set(e, ERR_MEMORY, "no memory for the header")
					   : behead(l, n, buf_str(&edited), e);
	buf_free(&edited);
	if (code)
		give_up(l, LETTER_NO_ROOM);
	return code ? ERR_MEMORY : 0;
}
