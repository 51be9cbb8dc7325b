/* SPDX-License-Identifier: Apache-2.0 */
/* Messages open for reading (see letter.h). */
#include "mailbox/letter.h"

#include "base/sealed.h"
#include "mailbox/shard_parts.h"
#include "net/loop.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 65536

/* For the thread pool. */
struct open_task {
	struct index *index;
	int data_folder;
	uint32_t folder, uid;
	struct letter_reader *l;
	struct err err;
	int code;
};

static int open_record(struct letter_reader *l, struct err *e)
{
	struct record *r = &l->record;
	int code;

	l->at = (struct place){.volume = (uint32_t)(l->row.place >> 32), .offset = l->row.place & UINT32_MAX};
	code = record_open(&l->contents.store, l->row.letter, l->at, &l->fd, e);
	if (!code)
		code = record_head(&l->contents.store, l->fd, l->row.letter, l->at, r, e);
	if (!code && (r->transform != TRANSFORM_NONE || l->skip > r->length))
		code = err_set(e, ERR_CORRUPT, "letter %016llX is not stored in a form that is known here",
			       (unsigned long long)l->row.letter);
	return code;
}

static void open_in_pool(void *arg)
{
	struct open_task *t = arg;
	struct letter_reader *l = t->l;

	buf_clear(&l->head);
	t->code = index_message(t->index, t->folder, t->uid, &l->row, &l->skip, &l->head, &t->err);
	if (t->code)
		return;
	t->code = contents_open(&l->contents, t->data_folder, &t->err);
	if (!t->code)
		t->code = open_record(l, &t->err);
	/* Not the message is missing then, but its bytes. */
	if (t->code == ERR_NOT_FOUND)
		t->code = ERR_IO;
}

static int co_try(struct account *a, struct open_task *t)
{
	int code = co_account_lock(a);

	if (code)
		return err_set(&t->err, code, "the shard ends");
	t->index = a->index;
	co_run_blocking(open_in_pool, t);
	account_unlock(a);
	return t->code;
}

static struct letter_reader *reader_new(void)
{
	struct letter_reader *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	buf_init(&l->head, MESSAGE_HEAD_MAX);
	l->contents.store.volumes_fd = l->contents.store.letters_fd = l->fd = -1;
	return l;
}

int co_letter_open(struct account *a, uint32_t folder, uint32_t uid, struct letter_reader **out,
		   struct err *e)
{
	struct open_task *t = calloc(1, sizeof(*t));
	struct letter_reader *l = reader_new();
	int code = ERR_MEMORY;

	if (!t || !l)
		err_set(e, code, "no memory to read a letter");
	else {
		*t = (struct open_task){
			.data_folder = a->shard->data_folder, .folder = folder, .uid = uid, .l = l};
		code = co_try(a, t);
		/* What came a moment ago is not folded yet. */
		if (code == ERR_NOT_FOUND && a->unfolded && co_account_fold(a, &t->err) == 0)
			code = co_try(a, t);
		*e = t->err;
	}
	free(t);
	if (code)
		letter_close(&l);
	*out = l;
	return code;
}

void letter_close(struct letter_reader **l)
{
	struct letter_reader *old = *l;

	if (!old)
		return;
	if (old->fd >= 0)
		close(old->fd);
	contents_close(&old->contents);
	buf_free(&old->head);
	free(old);
	*l = NULL;
}

uint64_t letter_size(const struct letter_reader *l)
{
	return l->head.n + l->record.length - l->skip;
}

uint64_t letter_position(const struct letter_reader *l, uint64_t offset)
{
	return l->head.n + (offset > l->skip ? offset - l->skip : 0);
}

int letter_read(const struct letter_reader *l, uint64_t from, char *out, size_t n, struct err *e)
{
	size_t front = from < l->head.n ? l->head.n - (size_t)from : 0;

	if (front > n)
		front = n;
	if (front)
		memcpy(out, l->head.p + from, front);
	if (front == n)
		return 0;
	return record_read(&l->contents.store, l->fd, l->at, &l->record, from + front - l->head.n + l->skip,
			   out + front, n - front, 0, e);
}

/* Adds the letter to the file and checks its CRC over all of it. */
static int copy_bytes(const struct letter_reader *l, int file, char *chunk, struct err *e)
{
	const struct record *r = &l->record;
	uint32_t crc = 0;
	int code = 0;

	for (uint64_t done = 0; !code && done < r->stored;) {
		size_t n = r->stored - done < CHUNK ? (size_t)(r->stored - done) : CHUNK;

		code = record_read(&l->contents.store, l->fd, l->at, r, done, chunk, n, 0, e);
		if (!code)
			code = sealed_write(file, (struct str){chunk, n}, done, e);
		if (!code)
			crc = crc32c(crc, chunk, n);
		done += n;
	}
	if (!code && crc != r->crc)
		code = err_set(e, ERR_CORRUPT, "the bytes of letter %016llX are damaged",
			       (unsigned long long)r->id);
	return code ? code : sealed_seal(file, e);
}

int letter_copy(const struct letter_reader *l, int *file, struct err *e)
{
	char *chunk = malloc(CHUNK);
	int code = sealed_open("letter", file, e);

	if (!code)
		code = chunk ? copy_bytes(l, *file, chunk, e)
			     : err_set(e, ERR_MEMORY, "no memory to read a letter");
	free(chunk);
	if (code && *file >= 0) {
		close(*file);
		*file = -1;
	}
	return code;
}
