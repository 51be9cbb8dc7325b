/* SPDX-License-Identifier: Apache-2.0 */
/* Letters on their way into the store (see incoming.h). */
#include "spool/incoming.h"

#include "base/sealed.h"
#include "net/loop.h"
#include "spool/core.h"
#include "store/letter_file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define READ_STEP ((size_t)256 << 10)

/* --- claim and id --------------------------------------------------------------------------- */

int incoming_claim(struct incoming *in, struct spool *s, const void *who, uint64_t id, uint64_t size,
		   struct err *e)
{
	*in = (struct incoming){.spool = s, .who = who, .id = id, .size = size};
	if (size > s->setup.bytes_max || s->in_flight > s->setup.bytes_max - size)
		return err_set(e, ERR_BUSY, "too many bytes of letters are under way");
	if (nummap_get(&s->claimed, id))
		return err_set(e, ERR_BUSY, "this letter is being stored already");
	nummap_put(&s->claimed, id, in);
	s->in_flight += size;
	return 0;
}

void incoming_end(struct incoming *in)
{
	nummap_remove(&in->spool->claimed, in->id);
	in->spool->in_flight -= in->size;
	free(in->memory);
	in->memory = NULL;
}

int incoming_check_lease(const struct incoming *in, struct err *e)
{
	return leases_look(&in->spool->leases, in->who, in->id) == LEASE_WRONG
		       ? err_set(e, ERR_DENIED, "this letter id is not leased to who uses it, or in use")
		       : 0;
}

int co_incoming_check_id(const struct incoming *in, struct err *e)
{
	struct spool *s = in->spool;
	struct kept_letter *k;

	if (leases_look(&s->leases, in->who, in->id) != LEASE_OLD)
		return incoming_check_lease(in, e);
	int code = co_letter_fetch(s, in->id, &k, e);

	if (code == 0)
		letters_unpin(&s->letters, k);
	return code == ERR_NOT_FOUND ? 0 : code ? code : err_set(e, ERR_EXISTS, "this letter id is in use");
}

/* --- bytes ------------------------------------------------------------------------------------ */

void incoming_take(struct incoming *in, struct str bytes)
{
	in->bytes = bytes;
	in->crc = crc32c(0, bytes.p, bytes.n);
}

void incoming_describe(const struct incoming *in, struct letter *l)
{
	l->length = l->stored = in->size;
	l->crc = in->crc;
	l->transform = TRANSFORM_NONE;
}

static int read_part(int file, char *p, size_t n, uint64_t at, struct err *e)
{
	while (n > 0) {
		ssize_t got = pread(file, p, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_errno(e, "cannot read the letter's memory file");
		p += got;
		n -= (size_t)got;
		at += (uint64_t)got;
	}
	return 0;
}

/* A large letter on its way to a file of its own, in the pool. */
struct file_job {
	const struct record_store *store;
	int file;
	uint64_t id, size;
	struct record record;
	int code;
	struct err e;
};

static int copy_file(struct file_job *j, struct letter_file *to, char *step)
{
	int code = letter_file_begin(to, j->store, j->id, &j->e);

	for (uint64_t at = 0; code == 0 && at < j->size;) {
		size_t n = j->size - at < READ_STEP ? (size_t)(j->size - at) : READ_STEP;

		code = read_part(j->file, step, n, at, &j->e);
		if (code == 0)
			code = letter_file_add(to, (struct str){step, n}, &j->e);
		at += n;
	}
	return code ? code : letter_file_finish(to, j->size, TRANSFORM_NONE, &j->record, &j->e);
}

static void store_file(void *arg)
{
	struct file_job *j = arg;
	struct letter_file to = {.fd = -1, .dirfd = -1};
	char *step = malloc(READ_STEP);

	j->code = step ? copy_file(j, &to, step) : err_set(&j->e, ERR_MEMORY, "no memory for a letter");
	if (j->code && step)
		letter_file_abort(&to);
	free(step);
}

static void drop_file(void *arg)
{
	struct file_job *j = arg;
	struct err gone; /* a file without entry is nobody's letter: it may as well stay */

	letter_file_drop(j->store, j->id, &gone);
}

static void co_in_lane(struct spool *s, void (*fn)(void *), struct file_job *j)
{
	co_lane_enter(&s->lane);
	co_run_blocking(fn, j);
	lane_leave(&s->lane);
}

static int co_read_large(struct incoming *in, int file, struct err *e)
{
	struct file_job *j = calloc(1, sizeof(*j));

	if (!j)
		return err_set(e, ERR_MEMORY, "no memory for a letter");
	*j = (struct file_job){.store = &in->spool->store, .file = file, .id = in->id, .size = in->size};
	co_in_lane(in->spool, store_file, j);
	int code = j->code;

	if (code)
		*e = j->e;
	in->own_file = code == 0;
	in->crc = j->record.crc;
	free(j);
	return code;
}

static int read_small(struct incoming *in, int file, struct err *e)
{
	in->memory = malloc((size_t)in->size + 1);
	int code = in->memory ? read_part(file, in->memory, (size_t)in->size, 0, e)
			      : err_set(e, ERR_MEMORY, "no memory for a letter");

	if (code == 0)
		incoming_take(in, (struct str){in->memory, (size_t)in->size});
	return code;
}

int co_incoming_read(struct incoming *in, int file, struct err *e)
{
	return in->size < LETTER_OWN_FILE ? read_small(in, file, e) : co_read_large(in, file, e);
}

void co_incoming_drop(struct incoming *in)
{
	struct file_job *j = in->own_file ? calloc(1, sizeof(*j)) : NULL;

	/* Without memory the file stays, and is nobody's letter. */
	if (!j)
		return;
	*j = (struct file_job){.store = &in->spool->store, .id = in->id};
	co_in_lane(in->spool, drop_file, j);
	free(j);
	in->own_file = false;
}

/* --- its outline -------------------------------------------------------------------------------- */

static int map_outline(struct incoming_outline *o, uint32_t size, int wide, struct err *e)
{
	int code = sealed_check(wide, size, e);

	if (code)
		return code;
	void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, wide, 0);

	if (map == MAP_FAILED)
		return err_errno(e, "cannot read the outline's memory file");
	*o = (struct incoming_outline){{map, size}, map, size};
	return 0;
}

int incoming_outline_take(struct incoming_outline *o, struct str bytes, uint32_t size, int wide,
			  struct err *e)
{
	bool fits = wide < 0 ? bytes.n == size : bytes.n == 0 && size > 0 && size <= ENTRY_OUTLINE_MAX;
	int code = 0;

	*o = (struct incoming_outline){.bytes = bytes};
	if (!fits)
		code = err_set(e, ERR_INVALID, "the outline has another size");
	else if (wide >= 0)
		code = map_outline(o, size, wide, e);
	if (wide >= 0)
		close(wide);
	return code;
}

void incoming_outline_free(struct incoming_outline *o)
{
	if (o->map)
		munmap(o->map, o->map_n);
	*o = (struct incoming_outline){0};
}
