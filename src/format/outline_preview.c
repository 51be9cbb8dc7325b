/* SPDX-License-Identifier: Apache-2.0 */
/* The first words of a letter (RFC 8970), decoded. */
#include "format/outline.h"

#include "format/charset.h"
#include "format/transfer.h"

/* Encoded bytes of the body that are looked at: HTML may begin with much style. */
#define READ_MAX 65536
#define TEXT_MAX (4 * PREVIEW_CHARS)

static const struct outline_part *find_text(const struct outline *o, struct str subtype)
{
	for (uint32_t i = 0; i < o->part_count; i++) {
		const struct outline_part *part = &o->parts[i];

		if (part->at.kind == MIME_LEAF && str_eq_nocase(outline_type(part), STR("text")) &&
		    str_eq_nocase(outline_subtype(part), subtype) &&
		    !str_eq_nocase(part->disposition, STR("attachment")))
			return part;
	}
	return NULL;
}

/* Adds the beginning of the part's text as UTF-8. */
static void add_text(const struct outline_part *part, struct str letter, const struct charset_fn *cs,
		     struct buf *out)
{
	const struct header_param *charset = header_param_find(&part->params, STR("charset"));
	struct str body = str_head(str_skip(letter, (size_t)part->at.body_start),
				   (size_t)(part->at.body_end - part->at.body_start));
	struct transfer_decoder d;
	struct buf raw;

	buf_init(&raw, READ_MAX + TRANSFER_HOLD);
	transfer_decoder_init(&d, transfer_of(part->encoding));
	transfer_decode(&d, str_head(body, READ_MAX), &raw);
	transfer_decode_end(&d, &raw);
	charset_text(cs, charset ? charset->value : STR("utf-8"), buf_str(&raw), out);
	buf_free(&raw);
}

/* Takes what HTML does not show off the front of *rest: a tag, a comment, or an
 * element whose content is no text. Returns false when it begins with text. */
static bool skip_markup(struct str *rest)
{
	static const struct {
		struct str open, close;
	} hidden[] = {
		{STR_INIT("<!--"), STR_INIT("-->")},
		{STR_INIT("<style"), STR_INIT("</style")},
		{STR_INIT("<script"), STR_INIT("</script")},
		{STR_INIT("<title"), STR_INIT("</title")},
	};

	char second = rest->n > 1 ? rest->p[1] : 0;

	if (rest->p[0] != '<' || !(ascii_is_alpha(second) || second == '/' || second == '!' || second == '?'))
		return false;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		if (!str_starts_nocase(*rest, hidden[i].open))
			continue;
		while (rest->n && !str_starts_nocase(*rest, hidden[i].close))
			*rest = str_skip(*rest, 1);
	}
	str_cut(rest, '>');
	return true;
}

/* A named or numbered character; the commonest only. Returns its length or 0. */
static size_t entity_at(struct str s, struct str *text)
{
	static const struct {
		struct str entity, text;
	} table[] = {
		{STR_INIT("&nbsp;"), STR_INIT(" ")},  {STR_INIT("&amp;"), STR_INIT("&")},
		{STR_INIT("&lt;"), STR_INIT("<")},    {STR_INIT("&gt;"), STR_INIT(">")},
		{STR_INIT("&quot;"), STR_INIT("\"")}, {STR_INIT("&#39;"), STR_INIT("'")},
		{STR_INIT("&#160;"), STR_INIT(" ")},  {STR_INIT("&zwnj;"), STR_INIT("")},
		{STR_INIT("&#8203;"), STR_INIT("")},  {STR_INIT("&#847;"), STR_INIT("")},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (str_starts_nocase(s, table[i].entity)) {
			*text = table[i].text;
			return table[i].entity.n;
		}
	}
	return 0;
}

/* Turns tags into blanks and entities into characters. */
static void strip_html(struct str html, struct buf *out)
{
	while (html.n) {
		struct str text = str_head(html, 1);
		size_t n = entity_at(html, &text);

		if (skip_markup(&html)) {
			buf_add_c(out, ' ');
			continue;
		}
		buf_add_str(out, text);
		html = str_skip(html, n ? n : 1);
	}
}

/* Adds at most PREVIEW_CHARS characters, each run of white space as one blank.
 * `text` is valid UTF-8. */
static void add_squeezed(struct str text, struct buf *out)
{
	bool blank = false;
	size_t chars = 0;

	while (text.n) {
		size_t n = charset_utf8_length(text);

		if (text.p[0] == ' ' || str_starts(text, STR("\xC2\xA0"))) {
			blank = chars > 0;
		} else {
			chars += blank ? 2 : 1;
			if (chars > PREVIEW_CHARS)
				return;
			if (blank)
				buf_add_c(out, ' ');
			buf_add(out, text.p, n);
			blank = false;
		}
		text = str_skip(text, n);
	}
}

int outline_preview(struct outline *o, struct arena *a, struct str letter, const struct charset_fn *cs)
{
	const struct outline_part *plain = find_text(o, STR("plain"));
	const struct outline_part *html = plain ? NULL : find_text(o, STR("html"));
	struct buf text, shown, squeezed;

	/* A byte may become a character of three (U+FFFD), or four in a charset. */
	buf_init(&text, (size_t)4 * (READ_MAX + TRANSFER_HOLD));
	buf_init(&shown, (size_t)4 * (READ_MAX + TRANSFER_HOLD));
	buf_init(&squeezed, TEXT_MAX);
	if (plain || html)
		add_text(plain ? plain : html, letter, cs, &text);
	if (html)
		strip_html(buf_str(&text), &shown);
	add_squeezed(html ? buf_str(&shown) : buf_str(&text), &squeezed);
	struct str kept = arena_str(a, buf_str(&squeezed));

	o->preview = kept;
	buf_free(&text);
	buf_free(&shown);
	buf_free(&squeezed);
	return kept.p ? 0 : ERR_TOO_BIG;
}
