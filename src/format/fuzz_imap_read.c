/* SPDX-License-Identifier: Apache-2.0 */
/* However the bytes are cut, the reader of IMAP commands tells the same. */
#include "format/imap_read.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct session {
	struct imap_read read;
	struct buf seen;
	unsigned policy;
};

static void note_command(struct session *s)
{
	struct imap_text t = imap_read_text(&s->read);
	size_t end = 0;

	for (size_t i = 0; i < t.literal_count; i++) {
		const struct imap_literal *l = &t.literals[i];

		if (l->at < end || l->at >= l->data || l->data > t.bytes.n)
			abort();
		end = l->data + (l->outside ? 0 : (size_t)l->size);
		if (end > t.bytes.n)
			abort();
		buf_put_u64(&s->seen, l->at);
	}
	buf_put_str(&s->seen, t.bytes);
}

static void decide(struct session *s)
{
	unsigned what = s->policy % 3;

	s->policy = s->policy / 3 + 7;
	if (what == 0)
		imap_read_outside(&s->read);
	else if (what == 1 || imap_read_accept(&s->read))
		imap_read_refuse(&s->read);
}

static void note(struct session *s, enum imap_read_event e)
{
	if (e != IMAP_READ_DATA)
		buf_put_u8(&s->seen, (uint8_t)e);
	if (e == IMAP_READ_LITERAL) {
		decide(s);
	} else if (e == IMAP_READ_DATA) {
		buf_add_str(&s->seen, imap_read_chunk(&s->read));
	} else {
		if (e == IMAP_READ_COMMAND)
			note_command(s);
		else
			buf_add_z(&s->seen, imap_read_fault(&s->read));
		imap_read_next(&s->read);
	}
}

/* True when the reader is lost. */
static bool feed(struct session *s, struct str in)
{
	enum imap_read_event e;

	while ((e = imap_read_feed(&s->read, &in)) != IMAP_READ_MORE) {
		note(s, e);
		if (e == IMAP_READ_LOST)
			return true;
	}
	if (in.n)
		abort();
	return false;
}

static void run(struct session *s, struct str in, unsigned policy, size_t step)
{
	bool lost = false;

	*s = (struct session){.policy = policy};
	imap_read_init(&s->read, (struct imap_read_limits){.line = 200, .literal = 50, .total = 80});
	buf_init(&s->seen, 1 << 20);
	for (; in.n && !lost; in = str_skip(in, step))
		lost = feed(s, str_head(in, step));
	imap_read_free(&s->read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct str in = {(const char *)data + 2, size - 2};
	struct session whole, pieces;

	run(&whole, in, data[0], size);
	run(&pieces, in, data[0], data[1] % 7 + 1u);
	if (!str_eq(buf_str(&whole.seen), buf_str(&pieces.seen)))
		abort();
	buf_free(&whole.seen);
	buf_free(&pieces.seen);
	return 0;
}
