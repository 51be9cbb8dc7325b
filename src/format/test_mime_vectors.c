/* SPDX-License-Identifier: Apache-2.0 */
/* Letters of other projects (tests/vectors/mime-*), and where we read them otherwise. */
#include "format/header.h"
#include "format/mime.h"
#include "format/outline.h"
#include "base/unit.h"
#include "format/vectors.h"

#include <string.h>

/*
 * A tree as text: each part is "h" and its number of fields, then "[body]", "m("
 * its parts ")" or "r(" the letter inside ")".  Of bodies only what survives
 * XML in an unknown charset: no CR, no "?", no bytes above 126.
 */
static void add_body(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\r' && s.p[i] != '?' && s.p[i] > 0 && s.p[i] < 127)
			buf_add_c(out, s.p[i]);
}

static uint32_t real_fields(const struct mime *m, const struct mime_part *part)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < part->fields; i++)
		n += mime_field(m, part->first_field + i)->id != HEADER_JUNK;
	return n;
}

static void show_ours(struct str letter, struct buf *out)
{
	struct mime m;
	uint32_t open = MIME_NO_PARENT;

	assert_int_equal(mime_parse(&m, letter), 0);
	for (uint32_t i = 0; i <= mime_part_count(&m); i++) {
		uint32_t parent = i < mime_part_count(&m) ? mime_part(&m, i)->parent : MIME_NO_PARENT;

		for (; open != parent; open = mime_part(&m, open)->parent)
			if (mime_part(&m, open)->kind >= MIME_MULTIPART)
				buf_add_c(out, ')');
		if (i == mime_part_count(&m))
			break;
		const struct mime_part *part = mime_part(&m, i);

		buf_printf(out, "h%u", real_fields(&m, part));
		if (part->kind >= MIME_MULTIPART) {
			buf_add_z(out, part->kind == MIME_MULTIPART ? "m(" : "r(");
		} else {
			buf_add_c(out, '[');
			add_body(out, str_head(str_skip(letter, (size_t)part->body_start),
					       (size_t)(part->body_end - part->body_start)));
			buf_add_c(out, ']');
		}
		open = i;
	}
	mime_free(&m);
}

static void add_unescaped_body(struct buf *out, struct str s)
{
	static const struct {
		struct str entity;
		char c;
	} table[] = {{STR_INIT("&lt;"), '<'},
		     {STR_INIT("&gt;"), '>'},
		     {STR_INIT("&amp;"), '&'},
		     {STR_INIT("&quot;"), '"'}};

	while (s.n) {
		struct str head = str_head(s, 1);
		size_t n = 1;
		char c = s.p[0];

		for (size_t i = 0; i < 4; i++) {
			if (str_starts(s, table[i].entity)) {
				c = table[i].c;
				n = table[i].entity.n;
				head = (struct str){&c, 1};
			}
		}
		add_body(out, head);
		s = str_skip(s, n);
	}
}

/* The text up to the end tag, without the line end that the writer put behind
 * the start tag. */
static struct str cut_element(struct str *rest, struct str end)
{
	struct str text = str_head(*rest, str_find_str(*rest, end));

	*rest = str_skip(*rest, text.n + end.n);
	header_cut_line(rest);
	header_cut_line(&text);
	return text;
}

/* mime4j's events become the same text. */
static void show_xml(struct str xml, struct buf *out)
{
	size_t fields = 0, depth = 0;

	while (xml.n) {
		struct str tag = header_line_text(header_cut_line(&xml));

		if (str_eq(tag, STR("<field>"))) {
			cut_element(&xml, STR("</field>"));
			fields++;
		} else if (str_eq(tag, STR("<preamble>"))) {
			cut_element(&xml, STR("</preamble>"));
		} else if (str_eq(tag, STR("<epilogue>"))) {
			cut_element(&xml, STR("</epilogue>"));
		} else if (str_eq(tag, STR("<body>"))) {
			/* The first line end was taken with the tag. */
			struct str text = str_head(xml, str_find_str(xml, STR("</body>")));

			buf_add_c(out, '[');
			add_unescaped_body(out, text);
			buf_add_c(out, ']');
			xml = str_skip(xml, text.n);
			header_cut_line(&xml);
		} else if (str_eq(tag, STR("<header>"))) {
			fields = 0;
		} else if (str_eq(tag, STR("</header>"))) {
			buf_printf(out, "h%zu", fields);
		} else if (str_eq(tag, STR("<multipart>"))) {
			buf_add_z(out, "m(");
		} else if (str_eq(tag, STR("<message>"))) {
			if (depth++ > 0)
				buf_add_z(out, "r(");
		} else if (str_eq(tag, STR("</multipart>"))) {
			buf_add_c(out, ')');
		} else if (str_eq(tag, STR("</message>"))) {
			if (--depth > 0)
				buf_add_c(out, ')');
		}
	}
}

#define SHOWS_TEXT "mime4j has a multipart without parts; IMAP cannot say that, so its text is a part"
#define NOT_DECODED \
	"mime4j looks into an encoded message, which RFC 2046 5.2.1 forbids; ranges of the letter cannot"
#define NO_LOSS "mime4j drops text lines before an empty line when they cannot be fields; they are body"
#define LOST_FOLD \
	"a line without colon between two fields is a fold that lost its blank; mime4j ends the header"
#define NO_BLANK "a boundary may not end with a blank (RFC 2046 5.1.1), so it is not part of the boundary"

/* Where we differ from mime4j (and 008 of the RFCs' messages), and why. */
static const struct {
	const char *name, *why;
} deviations[] = {
	{"missing-boundary", SHOWS_TEXT},
	{"missing-inner-boundary", SHOWS_TEXT},
	{"missing-inner-start-boundary", SHOWS_TEXT},
	{"multipartnopart", SHOWS_TEXT},
	{"badbound", SHOWS_TEXT},
	{"base64encoded-rfc822message", NOT_DECODED},
	{"base64encoded-rfc822message-nested", NOT_DECODED},
	{"bad-newlines-multiple-parts-base64", NOT_DECODED},
	{"multi-2gifs-base64", NOT_DECODED},
	{"malformedHeader-noheader", NO_LOSS},
	{"malformedHeaderStartsBody-noheader", NO_LOSS},
	{"basic-plain-with-bad-header-separator", NO_LOSS},
	{"hdr-fakeout", NO_LOSS},
	{"malformedHeaderStartsBody-nocrlfcrlf", LOST_FOLD},
	{"008", NOT_DECODED},
	{"weird-boundary", NO_BLANK},
	{"very-long-boundary", NO_BLANK},
	{"very-very-long-boundary", NO_BLANK},
};

static size_t found_deviations;

static bool is_deviation(const char *name)
{
	for (size_t i = 0; i < sizeof(deviations) / sizeof(deviations[0]); i++)
		if (strcmp(deviations[i].name, name) == 0)
			return true;
	return false;
}

static void compare_with_mime4j(const char *dir, const char *name)
{
	struct buf letter, xml, ours, theirs;

	assert_true(vectors_read(&letter, dir, name, ".msg"));
	assert_true(vectors_read(&xml, dir, name, ".xml"));
	buf_init(&ours, 1 << 20);
	buf_init(&theirs, 1 << 20);
	show_ours(buf_str(&letter), &ours);
	show_xml(buf_str(&xml), &theirs);
	if (str_eq(buf_str(&ours), buf_str(&theirs)) == is_deviation(name)) {
		print_error("%s:\n ours:   %.*s\n theirs: %.*s\n", name, (int)(ours.n < 300 ? ours.n : 300),
			    ours.p, (int)(theirs.n < 300 ? theirs.n : 300), theirs.p);
		fail();
	}
	found_deviations += is_deviation(name);
	buf_free(&letter);
	buf_free(&xml);
	buf_free(&ours);
	buf_free(&theirs);
}

static void mime4j(void **state)
{
	found_deviations = 0;
	assert_int_equal(vectors_each("mime-mime4j/testmsgs", ".msg", compare_with_mime4j), 32);
	assert_int_equal(vectors_each("mime-mime4j/mimetools-testmsgs", ".msg", compare_with_mime4j), 48);
	assert_int_equal(found_deviations, sizeof(deviations) / sizeof(deviations[0]) - 1);
}

/* "depth kind type fields" a part, from the messages in the RFCs. */
static void compare_with_rfc(const char *dir, const char *name)
{
	static const char *const kinds[] = {"leaf", "opaque", "multipart", "message"};
	struct buf letter, want, got;
	uint32_t depth[100];
	struct outline o;
	struct arena a;

	assert_true(vectors_read(&letter, dir, name, ".eml"));
	assert_true(vectors_read(&want, dir, name, ".expect"));
	buf_init(&got, 100000);
	arena_init(&a, OUTLINE_ARENA_MAX);
	assert_int_equal(outline_build(&o, &a, buf_str(&letter), NULL), 0);
	for (uint32_t i = 0; i < o.part_count; i++) {
		const struct outline_part *part = &o.parts[i];

		depth[i] = i ? depth[part->at.parent] + 1 : 0;
		buf_printf(&got, "%u %s ", depth[i], kinds[part->at.kind]);
		if (part->type.p)
			buf_printf(&got, "%.*s/%.*s", STR_ARG(part->type), STR_ARG(part->subtype));
		else
			buf_add_c(&got, '-');
		buf_printf(&got, " %u\n", part->at.fields);
	}
	for (size_t i = 0; i < got.n; i++)
		got.p[i] = ascii_lower(got.p[i]);
	if (str_eq(buf_str(&got), buf_str(&want)) == is_deviation(name)) {
		print_error("%s: got\n%.*swant\n%.*s", name, STR_ARG(got), STR_ARG(want));
		fail();
	}
	buf_free(&letter);
	buf_free(&want);
	buf_free(&got);
	arena_free(&a);
}

static void rfc_messages(void **state)
{
	assert_int_equal(vectors_each("mime-rfc", ".eml", compare_with_rfc), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mime4j),
		cmocka_unit_test(rfc_messages),
	};

	return cmocka_run_group_tests_name("mime_vectors", tests, NULL, NULL);
}
