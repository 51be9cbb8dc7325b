/* SPDX-License-Identifier: Apache-2.0 */
/* Charsets to UTF-8: three built in, the others by iconv from a table opened early. */
#include "format/charset.h"

#include "base/err.h"

#include <errno.h>
#include <string.h>
#include <unistr.h>

#define REPLACEMENT "\xEF\xBF\xBD"
#define NOT_OPEN ((iconv_t)-1)

size_t charset_utf8_length(struct str s)
{
	ucs4_t c;
	int n = s.n ? u8_mbtoucr(&c, (const uint8_t *)s.p, s.n) : 0;

	return n > 0 ? (size_t)n : 0;
}

void charset_add_utf8(struct str in, struct buf *out)
{
	while (in.n) {
		size_t n = charset_utf8_length(in);

		if (n)
			buf_add(out, in.p, n);
		else
			buf_add_z(out, REPLACEMENT);
		in = str_skip(in, n ? n : 1);
	}
}

static void add_latin1(struct str in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];

		if (c >= 0x80)
			buf_add_c(out, (char)(0xC0 | c >> 6));
		buf_add_c(out, (char)(c < 0x80 ? c : 0x80 | (c & 0x3F)));
	}
}

static const struct {
	struct str name;
	void (*add)(struct str in, struct buf *out);
} builtin[] = {
	/* 8-bit bytes under the label US-ASCII are UTF-8 more often than noise. */
	{STR_INIT("us-ascii"), charset_add_utf8}, {STR_INIT("ascii"), charset_add_utf8},
	{STR_INIT("utf-8"), charset_add_utf8},    {STR_INIT("utf8"), charset_add_utf8},
	{STR_INIT("iso-8859-1"), add_latin1},     {STR_INIT("latin1"), add_latin1},
};

int charset_convert(const struct charset_fn *fn, struct str charset, struct str in, struct buf *out)
{
	for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++) {
		if (str_eq_nocase(builtin[i].name, charset)) {
			builtin[i].add(in, out);
			return 0;
		}
	}
	return fn ? fn->convert(fn->ctx, charset, in, out) : ERR_NOT_FOUND;
}

void charset_text(const struct charset_fn *fn, struct str charset, struct str in, struct buf *out)
{
	size_t from = out->n;

	if (charset_convert(fn, charset, in, out))
		charset_add_utf8(in, out);
	for (size_t i = from; i < out->n; i++)
		if ((unsigned char)out->p[i] < 0x20 || out->p[i] == 0x7F)
			out->p[i] = ' ';
}

/* What iconv calls them. Where mail says one charset and means a larger one
 * (WHATWG Encoding 4.2), the larger one is opened. */
static const char *const opened[] = {
	"ISO-8859-2",   "ISO-8859-3",   "ISO-8859-4",   "ISO-8859-5",   "ISO-8859-6",    "ISO-8859-7",
	"ISO-8859-8",   "WINDOWS-1254", "ISO-8859-10",  "ISO-8859-11",  "ISO-8859-13",   "ISO-8859-14",
	"ISO-8859-15",  "ISO-8859-16",  "WINDOWS-1250", "WINDOWS-1251", "WINDOWS-1252",  "WINDOWS-1253",
	"WINDOWS-1255", "WINDOWS-1256", "WINDOWS-1257", "WINDOWS-1258", "KOI8-R",        "KOI8-U",
	"GB18030",      "BIG5-HKSCS",   "EUC-JP",       "CP932",        "ISO-2022-JP-2", "CP949",
	"ISO-2022-KR",  "TIS-620",      "MACINTOSH",    "IBM850",       "IBM866",        "UTF-7",
	"UTF-16",       "UTF-16LE",     "UTF-16BE",
};

#define OPENED (sizeof(opened) / sizeof(opened[0]))
_Static_assert(OPENED <= CHARSETS_MAX, "struct charsets has room for the table");

static const struct {
	struct str alias;
	struct str name;
} aliases[] = {
	{STR_INIT("iso-8859-9"), STR_INIT("WINDOWS-1254")},
	{STR_INIT("iso-8859-8-i"), STR_INIT("ISO-8859-8")},
	{STR_INIT("latin2"), STR_INIT("ISO-8859-2")},
	{STR_INIT("latin-9"), STR_INIT("ISO-8859-15")},
	{STR_INIT("cp1250"), STR_INIT("WINDOWS-1250")},
	{STR_INIT("cp1251"), STR_INIT("WINDOWS-1251")},
	{STR_INIT("cp1252"), STR_INIT("WINDOWS-1252")},
	{STR_INIT("x-cp1252"), STR_INIT("WINDOWS-1252")},
	{STR_INIT("cp1254"), STR_INIT("WINDOWS-1254")},
	{STR_INIT("gb2312"), STR_INIT("GB18030")},
	{STR_INIT("x-gbk"), STR_INIT("GB18030")},
	{STR_INIT("gbk"), STR_INIT("GB18030")},
	{STR_INIT("cp936"), STR_INIT("GB18030")},
	{STR_INIT("big5"), STR_INIT("BIG5-HKSCS")},
	{STR_INIT("shift_jis"), STR_INIT("CP932")},
	{STR_INIT("shift-jis"), STR_INIT("CP932")},
	{STR_INIT("x-sjis"), STR_INIT("CP932")},
	{STR_INIT("windows-31j"), STR_INIT("CP932")},
	{STR_INIT("iso-2022-jp"), STR_INIT("ISO-2022-JP-2")},
	{STR_INIT("euc-kr"), STR_INIT("CP949")},
	{STR_INIT("ks_c_5601-1987"), STR_INIT("CP949")},
	{STR_INIT("windows-949"), STR_INIT("CP949")},
	{STR_INIT("windows-874"), STR_INIT("TIS-620")},
	{STR_INIT("cp850"), STR_INIT("IBM850")},
	{STR_INIT("cp866"), STR_INIT("IBM866")},
	{STR_INIT("unicode-1-1-utf-7"), STR_INIT("UTF-7")},
};

void charsets_open(struct charsets *c)
{
	c->missing = 0;
	for (size_t i = 0; i < OPENED; i++) {
		c->handles[i] = iconv_open("UTF-8", opened[i]);
		c->missing += c->handles[i] == NOT_OPEN;
	}
}

void charsets_close(struct charsets *c)
{
	for (size_t i = 0; i < OPENED; i++) {
		if (c->handles[i] != NOT_OPEN)
			iconv_close(c->handles[i]);
		c->handles[i] = NOT_OPEN;
	}
}

static iconv_t find_handle(const struct charsets *c, struct str charset)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (str_eq_nocase(aliases[i].alias, charset))
			charset = aliases[i].name;
	for (size_t i = 0; i < OPENED; i++)
		if (str_eq_nocase(str_of(opened[i]), charset))
			return c->handles[i];
	return NOT_OPEN;
}

#define CHUNK 1024
/* No character needs more; with less room left, iconv stopped for want of it. */
#define CHARACTER_MAX 16

/* Converts from *p what fits a chunk; with p == NULL what the converter holds back
 * until it knows whether a combining character follows. True when it stopped at
 * a byte that it cannot read. */
static bool convert_chunk(iconv_t handle, char **p, size_t *left, struct buf *out)
{
	char chunk[CHUNK];
	char *to = chunk;
	size_t room = sizeof(chunk);
	size_t rc = iconv(handle, p, left, &to, &room);

	buf_add(out, chunk, sizeof(chunk) - room);
	return rc == (size_t)-1 && room > CHARACTER_MAX;
}

/* Each byte that iconv cannot read becomes U+FFFD. */
static int convert(void *ctx, struct str charset, struct str in, struct buf *out)
{
	iconv_t handle = find_handle(ctx, charset);
	char *p = (char *)in.p;
	size_t left = in.n;

	if (handle == NOT_OPEN)
		return ERR_NOT_FOUND;
	iconv(handle, NULL, NULL, NULL, NULL);
	while (left && !buf_failed(out)) {
		if (!convert_chunk(handle, &p, &left, out))
			continue;
		buf_add_z(out, REPLACEMENT);
		p++;
		left--;
	}
	convert_chunk(handle, NULL, NULL, out);
	return 0;
}

struct charset_fn charsets_fn(struct charsets *c)
{
	return (struct charset_fn){convert, c};
}

/* --- streams ------------------------------------------------------------------------------ */

static void add_bytes(struct str in, struct buf *out)
{
	buf_add_str(out, in);
}

void charset_stream_begin(struct charset_stream *s, struct charsets *c, struct str charset)
{
	*s = (struct charset_stream){.add = add_bytes, .handle = NOT_OPEN};
	for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++) {
		if (!str_eq_nocase(builtin[i].name, charset))
			continue;
		/* What is not valid UTF-8 is compared as it is. */
		if (builtin[i].add == add_latin1)
			s->add = add_latin1;
		return;
	}
	if (c)
		s->handle = find_handle(c, charset);
	if (s->handle == NOT_OPEN)
		return;
	s->add = NULL;
	iconv(s->handle, NULL, NULL, NULL, NULL);
}

/* How much of `in` is a character that may become whole yet. */
static size_t convert_piece(iconv_t handle, struct str in, struct buf *out)
{
	char *p = (char *)in.p;
	size_t left = in.n;

	while (left && !buf_failed(out)) {
		errno = 0;
		if (!convert_chunk(handle, &p, &left, out))
			continue;
		if (errno == EINVAL && left < CHARSET_TORN_MAX)
			return left;
		buf_add_z(out, REPLACEMENT);
		p++;
		left--;
	}
	return 0;
}

/* Completes the torn character byte by byte: no piece is copied for it. */
static struct str mend(struct charset_stream *s, struct str piece, struct buf *out)
{
	while (s->torn_n && piece.n) {
		s->torn[s->torn_n++] = piece.p[0];
		piece = str_skip(piece, 1);
		size_t left = convert_piece(s->handle, (struct str){s->torn, s->torn_n}, out);

		memmove(s->torn, s->torn + s->torn_n - left, left);
		s->torn_n = left;
	}
	return piece;
}

void charset_stream_add(struct charset_stream *s, struct str piece, struct buf *out)
{
	if (s->add) {
		s->add(piece, out);
		return;
	}
	piece = mend(s, piece, out);
	s->torn_n = piece.n ? convert_piece(s->handle, piece, out) : s->torn_n;
	if (piece.n)
		memcpy(s->torn, piece.p + piece.n - s->torn_n, s->torn_n);
}

void charset_stream_end(struct charset_stream *s, struct buf *out)
{
	if (s->add)
		return;
	for (; s->torn_n; s->torn_n--)
		buf_add_z(out, REPLACEMENT);
	convert_chunk(s->handle, NULL, NULL, out);
}
