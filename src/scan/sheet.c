/* SPDX-License-Identifier: Apache-2.0 */
/* A letter and room in front of it (see sheet.h). */
#include "scan/sheet.h"

#include "base/sealed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int sheet_copy(struct sheet *s, struct str letter, struct err *e)
{
	char *copy = malloc(SHEET_ROOM + letter.n);

	*s = (struct sheet){.copy = copy};
	if (!copy)
		return err_set(e, ERR_MEMORY, "no memory for the letter");
	s->letter = copy + SHEET_ROOM;
	if (letter.n)
		memcpy(s->letter, letter.p, letter.n);
	s->bytes = (struct str){s->letter, letter.n};
	return 0;
}

/* Addresses for both.  Where the letter begins, which is a page; NULL. */
static char *reserve(struct sheet *s, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t head = (SHEET_ROOM + page - 1) / page * page;
	char *map = mmap(NULL, head + size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		return NULL;
	s->map = map;
	s->map_size = head + size;
	return map + head;
}

int sheet_map(struct sheet *s, int file, uint64_t size, struct err *e)
{
	int code = sealed_check(file, size, e);

	*s = (struct sheet){0};
	if (code)
		return code;
	s->letter = reserve(s, (size_t)size);
	if (!s->letter)
		return err_errno(e, "cannot map a letter");
	/* Private, since a shared mapping of a sealed file might be made writable and is refused. */
	if (mmap(s->letter, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
		 file, 0) == MAP_FAILED) {
		code = err_errno(e, "cannot map a letter");
		sheet_free(s);
		return code;
	}
	s->bytes = (struct str){s->letter, (size_t)size};
	return 0;
}

int sheet_behead(struct sheet *s, size_t n, struct str head, struct err *e)
{
	char *begin = s->letter + n;

	if (head.n > n + SHEET_ROOM)
		return err_set(e, ERR_TOO_BIG, "the fields in front are too long");
	begin -= head.n;
	if (head.n)
		memcpy(begin, head.p, head.n);
	s->bytes = (struct str){begin, head.n + s->bytes.n - n};
	return 0;
}

void sheet_free(struct sheet *s)
{
	free(s->copy);
	if (s->map)
		munmap(s->map, s->map_size);
	*s = (struct sheet){0};
}
