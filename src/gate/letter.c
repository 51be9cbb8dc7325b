/* SPDX-License-Identifier: Apache-2.0 */
/* Letters on their way in (see letter.h). */
#include "gate/letter.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

void letter_begin(struct letter *l, struct letter_budget *budget, uint64_t max)
{
	*l = (struct letter){.budget = budget, .max = max, .file = -1};
	buf_init(&l->tail, LETTER_INLINE_MAX + LETTER_STEP_MAX);
}

void letter_end(struct letter *l)
{
	if (!l->budget)
		return;
	if (l->map)
		munmap(l->map, l->map_size);
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

static bool write_all(int fd, struct str bytes, uint64_t at)
{
	while (bytes.n > 0) {
		ssize_t n = pwrite(fd, bytes.p, bytes.n, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += (uint64_t)n;
		bytes = str_skip(bytes, (size_t)n);
	}
	return true;
}

/* Moves the tail to the file. */
static void spill(struct letter *l)
{
	if (l->file < 0)
		l->file = memfd_create("letter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (l->file < 0 || !write_all(l->file, buf_str(&l->tail), l->in_file)) {
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
	if (l->fault)
		return;
	spill(l);
	if (l->file >= 0 &&
	    fcntl(l->file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
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

struct str letter_head(struct letter *l)
{
	if (l->file < 0)
		return str_head(buf_str(&l->tail), LETTER_HEAD_MAX);
	if (!l->map) {
		size_t n = l->size < LETTER_HEAD_MAX ? (size_t)l->size : LETTER_HEAD_MAX;
		void *map = mmap(NULL, n, PROT_READ, MAP_PRIVATE, l->file, 0);

		if (map == MAP_FAILED)
			return (struct str){NULL, 0};
		l->map = map;
		l->map_size = n;
	}
	return (struct str){l->map, l->map_size};
}
