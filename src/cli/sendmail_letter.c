/* SPDX-License-Identifier: Apache-2.0 */
/* From a letter and a command line to an envelope. */
#include "cli/sendmail_letter.h"

#include "format/address.h"
#include "format/base64.h"
#include "format/header.h"
#include "format/header_addr.h"

#include <string.h>

/* Of an encoded word's 75 characters (RFC 2047 2) the charset and base64 leave this. */
#define ENCODED_BYTES 45
#define LIST_MAX ((size_t)2 << 20) /* bytes of one list of addresses */

/* --- the end of the letter ------------------------------------------------------------- */

static bool is_dot(struct str line)
{
	return str_eq(line, STR(".")) || str_eq(line, STR(".\r"));
}

bool sendmail_end_found(struct sendmail_end *end, struct buf *letter, bool last)
{
	struct str all = buf_str(letter), line;
	size_t at;

	while ((at = str_find(str_skip(all, end->searched), '\n')) != STR_NONE) {
		end->searched += at + 1;
		line = (struct str){all.p + end->line, end->searched - 1 - end->line};
		if (is_dot(line)) {
			buf_truncate(letter, end->line);
			return true;
		}
		end->line = end->searched;
	}
	end->searched = all.n;
	if (!last || !is_dot(str_skip(all, end->line)))
		return false;
	buf_truncate(letter, end->line);
	return true;
}

/* --- addresses ----------------------------------------------------------------------- */

int sendmail_recipients_init(struct sendmail_recipients *r)
{
	*r = (struct sendmail_recipients){0};
	arena_init(&r->arena,
		   (size_t)SENDMAIL_RECIPIENTS_MAX * (SENDMAIL_ADDRESS_MAX + 2 * sizeof(struct str)));
	r->address = arena_calloc(&r->arena, SENDMAIL_RECIPIENTS_MAX, sizeof(struct str));
	return r->address ? 0 : ERR_MEMORY;
}

void sendmail_recipients_free(struct sendmail_recipients *r)
{
	arena_free(&r->arena);
	*r = (struct sendmail_recipients){0};
}

/* What could end the command early or make two of it has no place in an address. */
static bool is_speakable(struct str address)
{
	for (size_t i = 0; i < address.n; i++)
		if ((unsigned char)address.p[i] < ' ' || address.p[i] == 0x7F)
			return false;
	return address.n > 0;
}

/* <> would end the path of MAIL and RCPT; the domain has no quotes to hide it in. */
static int write_address(const struct header_addr *a, struct buf *out, struct err *e)
{
	if (a->mailbox.n == 0 || str_find(a->host, '>') != STR_NONE || str_find(a->host, ' ') != STR_NONE)
		return err_set(e, ERR_INVALID, "'%.*s@%.*s' is no address", STR_ARG(a->mailbox),
			       STR_ARG(a->host));
	address_write(a->mailbox, a->host, out);
	if (buf_failed(out))
		return err_set(e, ERR_TOO_BIG, "the address '%.*s...' is too long",
			       STR_ARG(str_head(a->mailbox, 100)));
	return is_speakable(buf_str(out))
		       ? 0
		       : err_set(e, ERR_INVALID, "an address has a control character in it");
}

static int add_one(struct sendmail_recipients *r, struct str address, struct err *e)
{
	for (size_t i = 0; i < r->count; i++)
		if (str_eq(r->address[i], address))
			return 0;
	if (r->count == SENDMAIL_RECIPIENTS_MAX)
		return err_set(e, ERR_TOO_BIG, "more than %d recipients", SENDMAIL_RECIPIENTS_MAX);
	r->address[r->count] = arena_str(&r->arena, address);
	if (!r->address[r->count].p)
		return err_set(e, ERR_MEMORY, "no memory");
	r->count++;
	return 0;
}

/* Parsed addresses take more room than their text: names, and a node each. */
static size_t room_for(struct str list)
{
	return (list.n < LIST_MAX ? list.n : LIST_MAX) * 64 + 4096;
}

static int add_list(struct sendmail_recipients *r, const struct header_addrs *list, struct err *e)
{
	struct buf address;
	int code = 0;

	buf_init(&address, SENDMAIL_ADDRESS_MAX);
	for (const struct header_addr *a = list->first; a && code == 0; a = a->next) {
		buf_clear(&address);
		if (a->kind != ADDR_MAILBOX)
			continue;
		code = write_address(a, &address, e);
		if (code == 0)
			code = add_one(r, buf_str(&address), e);
	}
	buf_free(&address);
	return code;
}

int sendmail_recipients_add(struct sendmail_recipients *r, struct str list, struct err *e)
{
	struct header_addrs addrs = {0};
	struct arena scratch;

	arena_init(&scratch, room_for(list));
	int code = header_addr_parse(list, &scratch, &addrs);

	code = code ? err_set(e, code, "the list of addresses is too long") : add_list(r, &addrs, e);
	arena_free(&scratch);
	return code;
}

int sendmail_sender(const char *text, struct buf *out, struct err *e)
{
	struct str trimmed = str_trim(str_of(text));
	struct sendmail_recipients one;

	if (trimmed.n == 0 || str_eq(trimmed, STR("<>")))
		return 0;
	int code = sendmail_recipients_init(&one);

	code = code ? err_set(e, code, "no memory") : sendmail_recipients_add(&one, trimmed, e);
	if (code == 0 && one.count != 1)
		code = err_set(e, ERR_INVALID, "'%s' is not one address", text);
	if (code == 0)
		buf_add_str(out, one.address[0]);
	sendmail_recipients_free(&one);
	return code;
}

/* --- the header ------------------------------------------------------------------------ */

static bool is_resent(enum header_id id)
{
	return id == HEADER_RESENT_TO || id == HEADER_RESENT_CC || id == HEADER_RESENT_BCC;
}

static bool is_sent(enum header_id id)
{
	return id == HEADER_TO || id == HEADER_CC || id == HEADER_BCC;
}

static bool is_blind(enum header_id id)
{
	return id == HEADER_BCC || id == HEADER_RESENT_BCC;
}

/* What one look at all fields tells. */
struct survey {
	bool resent;
	bool from;
	struct str rest; /* behind the last field */
	bool parted; /* by an empty line */
};

static struct survey look_at(struct str letter)
{
	struct header_scan scan = header_scan_of(letter);
	struct survey s = {.rest = letter};
	struct header_field f;

	while (header_next(&scan, &f)) {
		s.resent = s.resent || is_resent(f.id);
		s.from = s.from || f.id == HEADER_FROM;
		s.rest = str_skip(s.rest, f.raw.n);
	}
	s.parted = scan.rest.n < s.rest.n;
	return s;
}

static int take_field(const struct header_field *f, bool resent, struct sendmail_recipients *collect,
		      struct buf *out, struct err *e)
{
	bool names_recipients = collect && (resent ? is_resent(f->id) : is_sent(f->id));

	if (!collect || !is_blind(f->id))
		buf_add_str(out, f->raw);
	return names_recipients ? sendmail_recipients_add(collect, f->value, e) : 0;
}

int sendmail_header_make(struct str letter, struct sendmail_recipients *collect, struct sendmail_header *h,
			 struct err *e)
{
	struct survey s = look_at(letter);
	struct header_scan scan = header_scan_of(letter);
	struct header_field f;
	int code = 0;

	*h = (struct sendmail_header){.rest = s.rest, .has_from = s.from};
	/* A line end that is missing, and an empty line. */
	buf_init(&h->front, letter.n - s.rest.n + 2);
	while (code == 0 && header_next(&scan, &f))
		code = take_field(&f, s.resent, collect, &h->front, e);
	if (h->front.n && h->front.p[h->front.n - 1] != '\n')
		buf_add_c(&h->front, '\n');
	if (!s.parted)
		buf_add_c(&h->front, '\n');
	if (code == 0 && buf_failed(&h->front))
		code = err_set(e, ERR_MEMORY, "no memory");
	return code;
}

void sendmail_header_free(struct sendmail_header *h)
{
	buf_free(&h->front);
}

static bool is_ascii_text(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] == 0x7F)
			return false;
	return true;
}

static void add_quoted(struct str s, struct buf *out)
{
	buf_add_c(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_add_c(out, '\\');
		buf_add_c(out, s.p[i]);
	}
	buf_add_c(out, '"');
}

/* How much of s one encoded word takes without dividing a character. */
static size_t word_length(struct str s)
{
	size_t n = s.n < ENCODED_BYTES ? s.n : ENCODED_BYTES;

	while (n > 1 && n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80)
		n--;
	return n;
}

/* RFC 2047: words of at most 75 characters, each on a line of its own. */
static void add_encoded(struct str s, struct buf *out)
{
	const char *between = "";

	while (s.n) {
		size_t n = word_length(s);

		buf_printf(out, "%s=?UTF-8?B?", between);
		base64_encode(str_head(s, n), out);
		buf_add_z(out, "?=");
		s = str_skip(s, n);
		between = "\n ";
	}
}

void sendmail_from_field(struct str name, struct str address, struct buf *out)
{
	buf_add_z(out, "From: ");
	if (is_ascii_text(name))
		add_quoted(name, out);
	else
		add_encoded(name, out);
	buf_printf(out, " <%.*s>\n", STR_ARG(address));
}
