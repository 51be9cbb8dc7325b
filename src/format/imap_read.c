/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of IMAP commands: its states are drawn in the header. */
#include "format/imap_read.h"

#include <string.h>

enum read_state {
	IN_LINE,
	ANNOUNCED,
	COLLECT,
	OUTSIDE,
	DONE,
	DROP_LINE,
	DROP_LITERAL,
	LOST,
};

/* How much of "~{n+}" stands at the end of what was read of the line. */
enum mark {
	MARK_NONE,
	MARK_TILDE,
	MARK_OPEN,
	MARK_DIGITS,
	MARK_PLUS,
	MARK_CLOSED,
};

enum scanned {
	SCAN_GOES_ON,
	SCAN_LINE_END,
	SCAN_BARE_CR,
	SCAN_NUL,
};

#define KEPT_MEMORY 4096
#define OUT_OF_MEMORY "Out of memory"

void imap_read_init(struct imap_read *r, struct imap_read_limits limits)
{
	*r = (struct imap_read){0};
	buf_init(&r->text, 0);
	buf_init(&r->literals, IMAP_LITERALS_MAX * sizeof(struct imap_literal));
	imap_read_set_limits(r, limits);
}

void imap_read_free(struct imap_read *r)
{
	/* A login has passwords in it. */
	buf_wipe(&r->text);
	buf_free(&r->literals);
}

void imap_read_set_limits(struct imap_read *r, struct imap_read_limits limits)
{
	r->limits = limits;
	r->text.max = limits.line + limits.total;
	if (r->text.max < r->text.n)
		r->text.max = r->text.n;
}

void imap_read_raw(struct imap_read *r)
{
	r->raw = true;
}

static void reset_line(struct imap_read *r)
{
	r->mark = MARK_NONE;
	r->cr = false;
}

static void empty(struct buf *b)
{
	if (b->cap > KEPT_MEMORY)
		buf_free(b);
	else
		buf_clear(b);
}

void imap_read_next(struct imap_read *r)
{
	if (r->state == LOST)
		return;
	if (r->state == DONE)
		r->state = IN_LINE;
	if (r->state == IN_LINE)
		reset_line(r);
	empty(&r->text);
	empty(&r->literals);
	r->line_bytes = 0;
	r->raw = r->raw && r->state == DROP_LINE;
	r->fault = NULL;
}

static enum imap_read_event fault(struct imap_read *r, unsigned char state, const char *why)
{
	r->state = state;
	r->fault = why;
	r->dropped = 0;
	return state == LOST ? IMAP_READ_LOST : IMAP_READ_BAD;
}

static void add_digit(struct imap_read *r, char c)
{
	unsigned digit = (unsigned)(c - '0');

	if (r->number > ((uint64_t)INT64_MAX - digit) / 10)
		r->too_large = true;
	else
		r->number = r->number * 10 + digit;
}

/* Follows "~{n+}"; at is where c stands in the text. */
static void follow_mark(struct imap_read *r, char c, size_t at)
{
	unsigned char before = r->mark;

	r->mark = MARK_NONE;
	if (c == '~') {
		r->mark = MARK_TILDE;
	} else if (c == '{') {
		r->mark = MARK_OPEN;
		r->binary = before == MARK_TILDE;
		r->announced.at = r->binary ? at - 1 : at;
		r->number = 0;
		r->too_large = r->nonsync = false;
	} else if (ascii_is_digit(c) && (before == MARK_OPEN || before == MARK_DIGITS)) {
		r->mark = MARK_DIGITS;
		add_digit(r, c);
	} else if (c == '+' && before == MARK_DIGITS) {
		r->mark = MARK_PLUS;
		r->nonsync = true;
	} else if (c == '}' && (before == MARK_DIGITS || before == MARK_PLUS)) {
		r->mark = MARK_CLOSED;
	}
}

static enum scanned scan_byte(struct imap_read *r, char c, size_t at)
{
	bool after_cr = r->cr;

	r->cr = c == '\r';
	if (c == '\n') {
		r->line_end = after_cr ? 2 : 1;
		return SCAN_LINE_END;
	}
	if (after_cr) {
		r->mark = MARK_NONE;
		follow_mark(r, c, at);
		return SCAN_BARE_CR;
	}
	if (c == '\0') {
		r->mark = MARK_NONE;
		return SCAN_NUL;
	}
	if (!r->cr)
		follow_mark(r, c, at);
	return SCAN_GOES_ON;
}

/* A literal in a command that is dropped: only a non-synchronising one comes. */
static enum imap_read_event drop_marked(struct imap_read *r, const char *why)
{
	if (!r->nonsync) {
		r->state = why ? DONE : IN_LINE;
	} else if (r->too_large) {
		return fault(r, LOST, "The literal is too large");
	} else {
		r->left = r->number;
		r->state = r->left ? DROP_LITERAL : DROP_LINE;
	}
	reset_line(r);
	return why ? fault(r, r->state, why) : IMAP_READ_MORE;
}

/* The line in the text ended with a marker. */
static enum imap_read_event announce(struct imap_read *r)
{
	if (r->too_large)
		return drop_marked(r, "The literal is too large");
	char *row = buf_room(&r->literals, sizeof(struct imap_literal));

	if (!row)
		return drop_marked(r, "Too many literals");
	r->announced.data = r->text.n;
	r->announced.size = r->number;
	r->announced.binary = r->binary;
	r->announced.nonsync = r->nonsync;
	r->announced.outside = true;
	/* A row behind the table's end, for imap_read_text() until it is decided. */
	memcpy(row, &r->announced, sizeof(r->announced));
	r->state = ANNOUNCED;
	reset_line(r);
	return IMAP_READ_LITERAL;
}

static enum imap_read_event end_line(struct imap_read *r)
{
	if (r->mark == MARK_CLOSED && !r->raw)
		return buf_failed(&r->text) ? drop_marked(r, OUT_OF_MEMORY) : announce(r);
	if (buf_failed(&r->text))
		return fault(r, DONE, OUT_OF_MEMORY);
	buf_truncate(&r->text, r->text.n - r->line_end);
	r->state = DONE;
	return IMAP_READ_COMMAND;
}

/* New limits may be below what is used already. */
static size_t left_of(size_t limit, size_t used)
{
	return limit > used ? limit - used : 0;
}

static enum imap_read_event take_line(struct imap_read *r, struct str *in)
{
	size_t room = left_of(r->limits.line, r->line_bytes);
	struct str piece = str_head(*in, room);
	enum scanned s = SCAN_GOES_ON;
	size_t i = 0;

	while (i < piece.n && s == SCAN_GOES_ON) {
		s = scan_byte(r, piece.p[i], r->text.n + i);
		i++;
	}
	*in = str_skip(*in, i);
	buf_add(&r->text, piece.p, i);
	r->line_bytes += i;
	switch (s) {
	case SCAN_LINE_END:
		return end_line(r);
	case SCAN_NUL:
		return fault(r, DROP_LINE, "NUL in the command");
	case SCAN_BARE_CR:
		return fault(r, DROP_LINE, "CR without LF in the command");
	case SCAN_GOES_ON:
		break;
	}
	if (buf_failed(&r->text))
		return fault(r, DROP_LINE, OUT_OF_MEMORY);
	return i == room ? fault(r, DROP_LINE, "The command is too long") : IMAP_READ_MORE;
}

static enum imap_read_event drop_line(struct imap_read *r, struct str *in)
{
	enum scanned s = SCAN_GOES_ON;
	size_t i = 0;

	while (i < in->n && s != SCAN_LINE_END)
		s = scan_byte(r, in->p[i++], 1);
	*in = str_skip(*in, i);
	r->dropped += i;
	if (s != SCAN_LINE_END)
		return IMAP_READ_MORE;
	if (r->mark == MARK_CLOSED && !r->raw)
		return drop_marked(r, NULL);
	r->state = IN_LINE;
	r->raw = false;
	reset_line(r);
	return IMAP_READ_MORE;
}

/* Takes what has come of the literal; behind it the line goes on. */
static struct str take_literal(struct imap_read *r, struct str *in, unsigned char behind)
{
	struct str piece = str_head(*in, r->left < in->n ? (size_t)r->left : in->n);

	*in = str_skip(*in, piece.n);
	r->left -= piece.n;
	if (r->left == 0)
		r->state = behind;
	return piece;
}

static enum imap_read_event collect(struct imap_read *r, struct str *in)
{
	buf_add_str(&r->text, take_literal(r, in, IN_LINE));
	if (buf_failed(&r->text))
		return fault(r, r->left ? DROP_LITERAL : DROP_LINE, OUT_OF_MEMORY);
	return IMAP_READ_MORE;
}

/* One step from a state that takes bytes. */
static enum imap_read_event step(struct imap_read *r, struct str *in)
{
	switch ((enum read_state)r->state) {
	case IN_LINE:
		return take_line(r, in);
	case COLLECT:
		return collect(r, in);
	case OUTSIDE:
		r->chunk = take_literal(r, in, IN_LINE);
		return IMAP_READ_DATA;
	case DROP_LINE:
		return drop_line(r, in);
	case DROP_LITERAL:
		r->dropped += take_literal(r, in, DROP_LINE).n;
		return IMAP_READ_MORE;
	case ANNOUNCED:
		return IMAP_READ_LITERAL;
	case DONE:
	case LOST:
		break;
	}
	return r->state == LOST ? IMAP_READ_LOST : IMAP_READ_COMMAND;
}

enum imap_read_event imap_read_feed(struct imap_read *r, struct str *in)
{
	enum imap_read_event e = IMAP_READ_MORE;

	if (r->fault)
		return r->state == LOST ? IMAP_READ_LOST : IMAP_READ_BAD;
	while (in->n && e == IMAP_READ_MORE)
		e = step(r, in);
	return e;
}

const struct imap_literal *imap_read_announced(const struct imap_read *r)
{
	return &r->announced;
}

/* Room for the row was made when the literal was announced. */
static void expect_literal(struct imap_read *r, unsigned char state)
{
	buf_add(&r->literals, &r->announced, sizeof(r->announced));
	r->left = r->announced.size;
	r->state = r->left ? state : IN_LINE;
}

int imap_read_accept(struct imap_read *r)
{
	size_t collected = r->text.n - r->line_bytes;

	if (r->announced.size > r->limits.literal || r->announced.size > left_of(r->limits.total, collected))
		return ERR_TOO_BIG;
	r->announced.outside = false;
	expect_literal(r, COLLECT);
	return 0;
}

void imap_read_outside(struct imap_read *r)
{
	expect_literal(r, OUTSIDE);
}

void imap_read_refuse(struct imap_read *r)
{
	r->left = r->announced.size;
	r->dropped = 0;
	if (!r->announced.nonsync)
		r->state = IN_LINE;
	else
		r->state = r->left ? DROP_LITERAL : DROP_LINE;
	imap_read_next(r);
}

struct str imap_read_chunk(const struct imap_read *r)
{
	return r->chunk;
}

uint64_t imap_read_left(const struct imap_read *r)
{
	return r->left;
}

struct imap_text imap_read_text(const struct imap_read *r)
{
	return (struct imap_text){
		.bytes = buf_str(&r->text),
		.literals = (const struct imap_literal *)(const void *)r->literals.p,
		.literal_count = r->literals.n / sizeof(struct imap_literal) + (r->state == ANNOUNCED),
	};
}

const char *imap_read_fault(const struct imap_read *r)
{
	return r->fault;
}

uint64_t imap_read_dropped(const struct imap_read *r)
{
	return r->dropped;
}
