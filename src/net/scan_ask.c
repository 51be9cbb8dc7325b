/* SPDX-License-Identifier: Apache-2.0 */
/* Asking scan (see scan_ask.h). */
#include "net/scan_ask.h"

#include "base/clock.h"
#include "base/sealed.h"
#include "format/outline.h"

#include <sys/mman.h>

/* Letters are spread by their ids; a scan that is there goes before one that is not. */
static struct chan *choose(const struct scans *scans, uint64_t letter)
{
	unsigned n = scans->count, first = (unsigned)(letter % n);

	for (unsigned i = 0; i < n; i++)
		if (chan_attached(scans->list[(first + i) % n]))
			return scans->list[(first + i) % n];
	return scans->list[first];
}

static int co_once(const struct scans *scans, struct scan_ask *ask, bool alone, int64_t deadline,
		   struct err *e)
{
	struct chan *scan = choose(scans, ask->letter);

	ask->begun = false;
	ask->alone = alone ? scan : NULL;
	int code = ask->co_once(ask, scan, alone, deadline, e);

	ask->alone = NULL;
	return code;
}

int co_scan_ask(const struct scans *scans, struct scan_ask *ask, int64_t deadline, struct err *e)
{
	int code = scans->count ? co_once(scans, ask, false, deadline, e)
				: err_set(e, ERR_BUSY, "there is nobody to look into the letter");

	while (code == ERR_ROOM_GONE && clock_ms() < deadline) {
		code = co_once(scans, ask, true, deadline, e);
		if (code == ERR_ROOM_GONE && ask->begun)
			return SCAN_POISON;
	}
	return code;
}

void scan_ask_begins(struct scan_ask *ask, const struct chan *scan, uint64_t letter)
{
	if (ask->letter == letter && ask->alone == scan)
		ask->begun = true;
}

/* --- outlines ------------------------------------------------------------------------------- */

static int check(struct str bytes, uint64_t length, struct err *e)
{
	struct outline o;
	struct arena arena;

	arena_init(&arena, OUTLINE_ARENA_MAX);
	int code = outline_decode(&o, &arena, bytes, length, e);

	arena_free(&arena);
	return code;
}

int scan_outline_check(struct str bytes, int wide, uint32_t size, uint64_t length, struct err *e)
{
	if (wide < 0)
		return check(bytes, length, e);
	int code = size == 0 || size > OUTLINE_MAX ? err_set(e, ERR_INVALID, "no outline has that size")
						   : sealed_check(wide, size, e);

	if (code)
		return code;
	void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, wide, 0);

	if (map == MAP_FAILED)
		return err_errno(e, "cannot read the outline's memory file");
	code = check((struct str){map, size}, length, e);
	munmap(map, size);
	return code;
}
