/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 2047 encoded words. */
#include "format/words.h"

#include "base/err.h"
#include "format/charset.h"
#include "format/header_lex.h"
#include "format/transfer.h"

struct word {
	struct str charset;
	struct str text;
	bool base64;
};

/* Reads "=?charset*language?B?text?=" at the front; returns its length or 0. */
static size_t word_at(struct str s, struct word *out)
{
	struct str rest = str_skip(s, 2);
	struct str charset = str_cut(&rest, '?');
	struct str encoding = str_head(rest, 1);

	if (!str_starts(s, STR("=?")) || charset.n == 0 || !str_starts(str_skip(rest, 1), STR("?")))
		return 0;
	rest = str_skip(rest, 2);
	size_t n = str_find(rest, '?');

	out->base64 = str_eq_nocase(encoding, STR("B"));
	out->charset = str_cut(&charset, '*'); /* RFC 2231 section 5 */
	out->text = str_head(rest, n);
	rest = str_skip(rest, out->text.n);
	if (!str_starts(rest, STR("?=")) || (!out->base64 && !str_eq_nocase(encoding, STR("Q"))))
		return 0;
	return s.n - rest.n + 2;
}

static void add_b_decoded(struct str s, struct buf *out)
{
	struct transfer_decoder d;

	transfer_decoder_init(&d, TRANSFER_BASE64);
	transfer_decode(&d, s, out);
	transfer_decode_end(&d, out);
}

/* Bytes of neighbouring words in one charset, not yet converted. */
struct pending {
	const struct charset_fn *cs;
	struct str charset;
	struct buf bytes;
};

static void flush(struct pending *p, struct buf *out)
{
	if (p->bytes.n)
		charset_text(p->cs, p->charset, buf_str(&p->bytes), out);
	buf_clear(&p->bytes);
}

static void add_word(struct pending *p, const struct word *word, struct buf *out)
{
	if (!str_eq_nocase(p->charset, word->charset))
		flush(p, out);
	p->charset = word->charset;
	if (word->base64)
		add_b_decoded(word->text, &p->bytes);
	else
		/* The "Q" encoding (4.2) is not quite quoted-printable: no lines, "_" is a blank. */
		lex_add_unescaped(word->text, '=', '_', &p->bytes);
}

/* The length of an encoded word at the front that we can decode, or 0. */
static size_t known_word_at(struct str s, const struct charset_fn *cs, struct word *word, struct buf *out)
{
	size_t n = word_at(s, word);

	return n && charset_convert(cs, word->charset, STR(""), out) == 0 ? n : 0;
}

static size_t count_blanks(struct str s)
{
	size_t n = 0;

	while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t'))
		n++;
	return n;
}

void words_decode(struct str text, const struct charset_fn *cs, struct buf *out)
{
	struct pending p = {.cs = cs};
	struct word word;

	buf_init(&p.bytes, text.n);
	while (text.n) {
		/* Blanks count unless they stand between two encoded words. */
		struct str here = str_skip(text, p.bytes.n ? count_blanks(text) : 0);
		size_t n = known_word_at(here, cs, &word, out);

		if (n) {
			add_word(&p, &word, out);
			text = str_skip(here, n);
			continue;
		}
		flush(&p, out);
		size_t next = str_find_str(str_skip(text, 1), STR("=?"));
		struct str plain = str_head(text, next == STR_NONE ? text.n : next + 1);

		charset_text(cs, STR("utf-8"), plain, out);
		text = str_skip(text, plain.n);
	}
	flush(&p, out);
	buf_free(&p.bytes);
}
