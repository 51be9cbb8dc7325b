/* SPDX-License-Identifier: Apache-2.0 */
/* Letters on their way in (see letter.h). */
#include "gate/letter.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
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

/* 0, or -1 when there is no memory. */
static int front_in_memory(struct letter *l, struct str front)
{
	size_t n = l->tail.n;

	if (!buf_room(&l->tail, front.n))
		return -1;
	memmove(l->tail.p + front.n, l->tail.p, n);
	memcpy(l->tail.p, front.p, front.n);
	buf_grow(&l->tail, front.n);
	return 0;
}

static int front_in_file(struct letter *l, struct str front)
{
	struct str whole = letter_whole(l);
	int file = whole.n == l->size ? memfd_create("letter", MFD_CLOEXEC | MFD_ALLOW_SEALING) : -1;

	if (file < 0)
		return -1;
	bool good = write_all(file, front, 0) && write_all(file, whole, front.n);

	if (l->map)
		munmap(l->map, l->map_size);
	l->map = NULL;
	l->map_size = 0;
	close(l->file);
	l->file = file;
	l->in_file += front.n;
	return good ? 0 : -1;
}

void letter_put_front(struct letter *l, struct str front)
{
	if (l->fault || front.n == 0)
		return;
	bool is_long = l->file >= 0;

	if ((is_long ? front_in_file(l, front) : front_in_memory(l, front)) != 0) {
		give_up(l, LETTER_NO_ROOM);
		return;
	}
	l->size += front.n;
	l->budget->used += front.n;
	if (is_long || l->tail.n > LETTER_INLINE_MAX)
		letter_to_file(l);
}
