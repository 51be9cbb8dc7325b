/* SPDX-License-Identifier: Apache-2.0 */
/* Messages on their way in (see upload.h). */
#include "mailbox/upload.h"

#include "base/buf.h"
#include "base/sealed.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes that are looked at in one go; they may double. */
#define PIECE ((size_t)32 << 10)

/* The first budget without so much room; NULL: all have it. */
static struct upload_budget *lacking(struct upload_budget *b, uint64_t n)
{
	while (b && b->max - b->used >= n)
		b = b->of;
	return b;
}

static int co_room(struct upload_budget *b, uint64_t announced, int64_t deadline)
{
	struct upload_budget *full;
	int code = 0;

	while (!code && (full = lacking(b, announced)) != NULL)
		code = announced > full->max ? ERR_TOO_BIG : co_waiters_park(&full->room, deadline);
	return code;
}

int co_upload_new(struct upload_budget *b, uint64_t announced, int64_t deadline, struct upload **out,
		  struct err *e)
{
	int code = co_room(b, announced, deadline);

	if (code)
		return err_set(e, code, "no room for the message");
	struct upload *u = calloc(1, sizeof(*u));

	if (!u)
		return err_set(e, ERR_MEMORY, "no memory for the message");
	*u = (struct upload){.budget = b, .refs = 1};
	code = sealed_open("letter", &u->file, e);
	if (code) {
		free(u);
		return code;
	}
	u->reserved = announced;
	for (; b; b = b->of)
		b->used += announced;
	*out = u;
	return 0;
}

static void add_lines(struct upload *u, struct str bytes, struct buf *out)
{
	while (bytes.n > 0) {
		size_t lf = str_find(bytes, '\n');
		struct str line = lf == STR_NONE ? bytes : str_head(bytes, lf);

		if (line.n > 0)
			u->after_cr = line.p[line.n - 1] == '\r';
		buf_add_str(out, line);
		bytes = str_skip(bytes, line.n);
		if (lf == STR_NONE)
			continue;
		buf_add_z(out, u->after_cr ? "\n" : "\r\n");
		u->after_cr = false;
		bytes = str_skip(bytes, 1);
	}
}

static int add_piece(struct upload *u, struct str bytes, struct err *e)
{
	struct buf out;

	if (str_find(bytes, '\0') != STR_NONE)
		return err_set(e, ERR_INVALID, "Message contains NUL.");
	buf_init(&out, 2 * PIECE);
	add_lines(u, bytes, &out);
	int code = buf_failed(&out) ? err_set(e, ERR_MEMORY, "no memory for the message")
				    : sealed_write(u->file, buf_str(&out), u->size, e);

	u->size += out.n;
	buf_free(&out);
	return code;
}

void upload_add(struct upload *u, struct str bytes)
{
	while (u->fault.code == 0 && bytes.n > 0) {
		struct str piece = str_head(bytes, PIECE);

		add_piece(u, piece, &u->fault);
		bytes = str_skip(bytes, piece.n);
	}
}

int upload_finish(struct upload *u, struct err *e)
{
	if (u->fault.code == 0)
		return sealed_seal(u->file, e);
	*e = u->fault;
	return e->code;
}

struct upload *upload_hold(struct upload *u)
{
	u->refs++;
	return u;
}

void upload_release(struct upload **at)
{
	struct upload *u = *at;

	*at = NULL;
	if (!u || --u->refs > 0)
		return;
	close(u->file);
	for (struct upload_budget *b = u->budget; b; b = b->of) {
		b->used -= u->reserved;
		waiters_wake(&b->room);
	}
	free(u);
}
