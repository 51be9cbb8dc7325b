/* SPDX-License-Identifier: Apache-2.0 */
/* Front and letter in a row (see sheet.h). */
#include "scan/sheet.h"

#include "base/sealed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int sheet_copy(struct sheet *s, struct str front, struct str letter, struct err *e)
{
	char *copy = malloc(front.n + letter.n + 1);

	*s = (struct sheet){.copy = copy};
	if (!copy)
		return err_set(e, ERR_MEMORY, "no memory for the letter");
	if (front.n)
		memcpy(copy, front.p, front.n);
	if (letter.n)
		memcpy(copy + front.n, letter.p, letter.n);
	s->bytes = (struct str){copy, front.n + letter.n};
	return 0;
}

/* Memory for both.  Where the letter begins, which is a page; NULL. */
static char *reserve(struct sheet *s, size_t front, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t head = (front + page - 1) / page * page;
	char *map = mmap(NULL, head + size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		return NULL;
	s->map = map;
	s->map_size = head + size;
	return map + head;
}

int sheet_map(struct sheet *s, struct str front, int file, uint64_t size, struct err *e)
{
	int code = sealed_check(file, size, e);

	*s = (struct sheet){0};
	if (code)
		return code;
	char *letter = reserve(s, front.n, (size_t)size);

	if (!letter)
		return err_errno(e, "cannot map a letter");
	/* Private, since a shared mapping of a sealed file might be made writable and is refused. */
	if (mmap(letter, (size_t)size, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0) == MAP_FAILED) {
		code = err_errno(e, "cannot map a letter");
		sheet_free(s);
		return code;
	}
	if (front.n)
		memcpy(letter - front.n, front.p, front.n);
	s->bytes = (struct str){letter - front.n, front.n + (size_t)size};
	return 0;
}

void sheet_free(struct sheet *s)
{
	free(s->copy);
	if (s->map)
		munmap(s->map, s->map_size);
	*s = (struct sheet){0};
}
