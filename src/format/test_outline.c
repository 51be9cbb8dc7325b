/* SPDX-License-Identifier: Apache-2.0 */
#include "format/outline.h"
#include "base/unit.h"
#include "format/charset.h"
#include "format/header.h"
#include "format/imap_outline.h"
#include "format/imap_wellformed.h"

#include <string.h>

#define MSG "Content-Type: message/rfc822\r\n\r\n"

/* Letters that use every kind of value. */
static const struct str letters[] = {
	STR_INIT(""),
	STR_INIT("no header at all"),
	STR_INIT("From: Joe <joe@x.test>\r\nTo: g: a@b, \"c d\"@e;, <@r:f@g>\r\nCc: h@i (j)\r\nBcc: "
		 "k@l\r\nSender: m@n\r\n"
		 "Reply-To: o@p\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nSubject: =?utf-8?Q?s=C3=A9?=\r\n"
		 "Message-ID: <1@x>\r\nIn-Reply-To: <0@x>\r\nContent-Type: text/html; charset=utf-8\r\n"
		 "Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>caf=C3=A9 &amp; more</p>\r\n"),
	STR_INIT("Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Language: en, "
		 "de\r\n\r\n--b\r\n\r\n"
		 "text\r\n--b\r\nContent-Type: image/png; name*0=a; name*1=b\r\nContent-Disposition: "
		 "attachment; "
		 "filename=\"x \\\"y\\\"\"\r\nContent-ID: <i@x>\r\nContent-Description: d\r\nContent-MD5: "
		 "bWQ1\r\n"
		 "Content-Location: http://x/\r\nContent-Language: fr\r\n\r\nAAAA\r\n--b\r\n" MSG
		 "From: in@side\r\nSubject: inner\r\n\r\nin\r\n--b--\r\n"),
	STR_INIT(MSG MSG "Subject: deep\r\n\r\nx"),
	STR_INIT("Content-Type: multipart/digest; boundary=d\n\n--d\n\nTo: undisclosed:;\n\none\n--d--\n"),
};

#define LETTERS (sizeof(letters) / sizeof(letters[0]))

struct built {
	struct arena a;
	struct outline o;
	struct buf bytes;
};

static void build(struct built *b, struct str letter)
{
	struct err e;

	arena_init(&b->a, OUTLINE_ARENA_MAX);
	buf_init(&b->bytes, OUTLINE_MAX);
	assert_int_equal(outline_build(&b->o, &b->a, letter, NULL), 0);
	assert_int_equal(outline_check(&b->o, letter.n, &e), 0);
	assert_int_equal(outline_encode(&b->o, &b->bytes), 0);
}

static void drop(struct built *b)
{
	buf_free(&b->bytes);
	arena_free(&b->a);
}

static int decode(struct built *b, struct str bytes, uint64_t length)
{
	struct err e;

	arena_init(&b->a, OUTLINE_ARENA_MAX);
	buf_init(&b->bytes, OUTLINE_MAX);
	return outline_decode(&b->o, &b->a, bytes, length, &e);
}

static void render_all(const struct outline *o, struct buf *out)
{
	imap_render_envelope(out, o->parts[0].envelope, true);
	imap_render_bodystructure(out, o, true);
	imap_render_body(out, o, false);
}

static void decodes_what_was_encoded(void **state)
{
	for (size_t i = 0; i < LETTERS; i++) {
		struct built b, again;
		struct buf one, two;

		build(&b, letters[i]);
		assert_int_equal(decode(&again, buf_str(&b.bytes), letters[i].n), 0);
		assert_true(outline_encoded_hash(buf_str(&b.bytes)) == le64_get(b.o.hash));
		assert_int_equal(outline_encode(&again.o, &again.bytes), 0);
		assert_true(str_eq(buf_str(&b.bytes), buf_str(&again.bytes)));
		buf_init(&one, 100000);
		buf_init(&two, 100000);
		render_all(&b.o, &one);
		render_all(&again.o, &two);
		assert_true(str_eq(buf_str(&one), buf_str(&two)));
		buf_free(&one);
		buf_free(&two);
		drop(&b);
		drop(&again);
	}
}

static void holds_the_values(void **state)
{
	struct built b;

	build(&b, letters[2]);
	const struct outline_envelope *env = b.o.parts[0].envelope;

	assert_int_equal(b.o.part_count, 1);
	assert_int_equal(b.o.field_count, 12);
	assert_int_equal(b.o.fields[0].id, HEADER_FROM);
	assert_str(env->subject, "=?utf-8?Q?s=C3=A9?=");
	assert_str(env->message_id, "<1@x>");
	assert_int_equal(env->lists[ENVELOPE_TO].count, 5);
	assert_str(env->lists[ENVELOPE_TO].last->route, "@r");
	assert_str(b.o.preview, "caf\xC3\xA9 & more");
	drop(&b);
}

static void first_field_counts_and_recipients_join(void **state)
{
	struct built b;

	build(&b, STR("Subject: a\nSubject: b\nTo: a@x\nTo: b@x\nFrom: c@x\nFrom: d@x\nContent-Disposition: "
		      "inline\n"
		      "Content-Disposition: attachment\nContent-Transfer-Encoding: 8bit (c)\nSender:\n\n"));
	const struct outline_envelope *env = b.o.parts[0].envelope;

	assert_str(env->subject, "a");
	assert_int_equal(env->lists[ENVELOPE_TO].count, 2);
	assert_int_equal(env->lists[ENVELOPE_FROM].count, 1);
	assert_str(b.o.parts[0].disposition, "inline");
	assert_str(b.o.parts[0].encoding, "8bit");
	assert_int_equal(env->lists[ENVELOPE_SENDER].count, 0);
	assert_null(env->date.p);
	drop(&b);
}

static void a_plain_letter_is_small(void **state)
{
	struct built b;
	struct buf letter;

	buf_init(&letter, 10000);
	buf_add_z(&letter, "Return-Path: <alice@example.org>\r\nReceived: from mail.example.org "
			   "(mail.example.org [192.0.2.1])\r\n"
			   "\tby mx.example.com with ESMTPS id 0123456789ABCDEF\r\n\tfor <bob@example.com>; "
			   "Mon, 1 Jan 2024 "
			   "10:00:00 +0000\r\nAuthentication-Results: mx.example.com; "
			   "spf=pass\r\nDKIM-Signature: v=1; a=rsa-sha256; "
			   "d=example.org; s=s1;\r\n\th=from:to:subject; bh=AAAA; b=BBBB\r\nDate: Mon, 1 Jan "
			   "2024 10:00:00 +0000\r\n"
			   "From: Alice Example <alice@example.org>\r\nTo: Bob Example "
			   "<bob@example.com>\r\nSubject: The minutes of our "
			   "last meeting\r\nMessage-ID: "
			   "<20240101100000.12345@mail.example.org>\r\nMIME-Version: 1.0\r\nContent-Type: "
			   "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nUser-Agent: "
			   "Example/1.0\r\n\r\n");
	while (letter.n < 4096)
		buf_add_z(&letter,
			  "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod.\r\n");
	build(&b, buf_str(&letter));
	assert_int_equal(b.o.preview.n, PREVIEW_CHARS);
	assert_in_range(b.bytes.n, 300, 520);
	drop(&b);
	buf_free(&letter);
}

static void previews(void **state)
{
	static const struct {
		struct str letter;
		const char *want;
	} table[] = {
		{STR_INIT("A: b\n\n  Hello,\r\n\r\n  world\t! \n"), "Hello, world !"},
		{STR_INIT("A: b\n\ncaf\xC3\xA9 \xFF\x01x"), "caf\xC3\xA9 \xEF\xBF\xBD x"},
		{STR_INIT("Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: "
			  "base64\n\n6Q=="),
		 "\xC3\xA9"},
		{STR_INIT("Content-Type: "
			  "text/html\n\n<html><head><title>t</title><style>x{}</style></head><!-- c > d -->"
			  "<body>a<br>b&nbsp;&lt;c&gt; 1 < 2 &bogus;<script>if (a<b)</script>"),
		 "a b <c> 1 < 2 &bogus;"},
		{STR_INIT("Content-Type: text/html\n\n<style>never closed"), ""},
		{STR_INIT("Content-Type: image/png\n\nxxx"), ""},
		{STR_INIT("Content-Type: text/plain\nContent-Disposition: attachment\n\nxxx"), ""},
		{STR_INIT("Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: "
			  "text/html\n\n<b>html\n--b\n"
			  "Content-Type: text/plain\n\nplain\n--b--"),
		 "plain"},
		{STR_INIT("Content-Type: text/plain; charset=x-unknown\n\nabc"), "abc"},
		{STR_INIT(""), ""},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct built b;

		build(&b, table[i].letter);
		assert_non_null(b.o.preview.p);
		assert_str(b.o.preview, table[i].want);
		drop(&b);
	}
}

static void previews_end_at_200_characters(void **state)
{
	struct buf letter;
	struct built b;

	buf_init(&letter, 10000);
	for (int i = 0; i < 300; i++)
		buf_add_z(&letter, "\xE2\x82\xAC");
	build(&b, buf_str(&letter));
	assert_int_equal(b.o.preview.n, 3 * PREVIEW_CHARS);
	drop(&b);
	/* no blank as the last character */
	buf_clear(&letter);
	buf_add_z(&letter, "\n");
	for (int i = 0; i < 199; i++)
		buf_add_c(&letter, 'x');
	buf_add_z(&letter, " y");
	build(&b, buf_str(&letter));
	assert_int_equal(b.o.preview.n, 199);
	drop(&b);
	buf_free(&letter);
}

static void opaque_outlines(void **state)
{
	static const struct {
		struct str letter;
		size_t body;
	} table[] = {
		{STR_INIT("A: b\r\n\r\nbody\r\n\r\n"), 8},
		{STR_INIT("A: b\n\nbody"), 6},
		{STR_INIT("\r\nbody"), 2},
		{STR_INIT("A: b\r\nnothing empty"), 0},
		{STR_INIT("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n"), 43},
		{STR_INIT(""), 0},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct built b, again;
		struct err e;

		arena_init(&b.a, 10000);
		buf_init(&b.bytes, 10000);
		assert_int_equal(outline_opaque(&b.o, &b.a, table[i].letter), 0);
		assert_int_equal(outline_check(&b.o, table[i].letter.n, &e), 0);
		assert_int_equal(b.o.parts[0].at.body_start, table[i].body);
		assert_true(b.o.opaque);
		assert_null(b.o.preview.p);
		assert_int_equal(outline_encode(&b.o, &b.bytes), 0);
		assert_int_equal(decode(&again, buf_str(&b.bytes), table[i].letter.n), 0);
		assert_true(again.o.opaque);
		drop(&b);
		drop(&again);
	}
}

/* Letters whose outline would be too large, or whose values fill the arena. */
static void too_much_becomes_opaque(void **state)
{
	static const struct {
		const char *head, *unit;
	} table[] = {
		{"Subject: ", "0123456789"},
		{"To: ", "aaaaaaaaaa@bbbbbbbbbbb,"},
		{"To: ", "a,"},
		{"Content-Type: text/plain", ";a=1"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct built b;
		struct buf letter;

		buf_init(&letter, 1 << 22);
		buf_add_z(&letter, table[i].head);
		while (letter.n < 2000000)
			buf_add_z(&letter, table[i].unit);
		buf_add_z(&letter, "\n\nbody\n");
		build(&b, buf_str(&letter));
		assert_true(b.o.opaque);
		assert_int_equal(b.o.parts[0].at.body_end - b.o.parts[0].at.body_start, 5);
		drop(&b);
		buf_free(&letter);
	}
}

static void the_largest_outlines_come_back(void **state)
{
	struct buf letter;

	buf_init(&letter, 1 << 22);
	for (size_t n = 100000; n < 400000; n += 20000) {
		struct built b, again;

		buf_clear(&letter);
		buf_add_z(&letter, "To: ");
		for (size_t i = 0; i < n / 2; i++)
			buf_add_z(&letter, "a,");
		buf_add_z(&letter, "\n\nbody\n");
		build(&b, buf_str(&letter));
		assert_int_equal(decode(&again, buf_str(&b.bytes), letter.n), 0);
		drop(&b);
		drop(&again);
	}
	buf_free(&letter);
}

static void the_hash_is_of_what_imap_calls_immutable(void **state)
{
	struct built b, c;
	uint8_t hash[OUTLINE_HASH];

	build(&b, letters[3]);
	assert_int_equal(outline_hash(&b.o, hash), 0);
	assert_memory_equal(hash, b.o.hash, OUTLINE_HASH);
	b.o.parser++;
	b.o.preview = STR("other");
	b.o.fields[0].id = HEADER_OTHER;
	assert_int_equal(outline_hash(&b.o, hash), 0);
	assert_memory_equal(hash, b.o.hash, OUTLINE_HASH);
	b.o.parts[0].envelope->subject = STR("other");
	assert_int_equal(outline_hash(&b.o, hash), 0);
	assert_memory_not_equal(hash, b.o.hash, OUTLINE_HASH);
	build(&c, STR("x"));
	memcpy(hash, c.o.hash, OUTLINE_HASH);
	c.o.parts[0].at.body_end++;
	assert_int_equal(outline_hash(&c.o, c.o.hash), 0);
	assert_memory_not_equal(hash, c.o.hash, OUTLINE_HASH);
	drop(&b);
	drop(&c);
}

/* Whatever the check accepts renders to one well-formed value and reads inside
 * the letter. */
static void assert_harmless(const struct outline *o, uint64_t length)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	for (uint32_t i = 0; i < o->part_count; i++) {
		const struct mime_part *at = &o->parts[i].at;

		assert_true(at->header_start <= at->body_start && at->body_start <= at->body_end);
		assert_true(at->body_end <= length);
		if (!o->parts[i].envelope)
			continue;
		buf_clear(&out);
		imap_render_envelope(&out, o->parts[i].envelope, false);
		assert_true(imap_wellformed(buf_str(&out)));
	}
	buf_clear(&out);
	imap_render_bodystructure(&out, o, true);
	assert_true(imap_wellformed(buf_str(&out)));
	buf_free(&out);
}

static void no_corrupt_byte_does_harm(void **state)
{
	size_t accepted = 0, refused = 0;

	for (size_t i = 0; i < LETTERS; i++) {
		struct built b;

		build(&b, letters[i]);
		for (size_t at = 0; at < b.bytes.n; at++) {
			char original = b.bytes.p[at];

			for (int value = 0; value < 256; value++) {
				struct built c;

				b.bytes.p[at] = (char)value;
				if (decode(&c, buf_str(&b.bytes), letters[i].n) == 0) {
					assert_harmless(&c.o, letters[i].n);
					accepted++;
				} else {
					refused++;
				}
				drop(&c);
			}
			b.bytes.p[at] = original;
		}
		drop(&b);
	}
	assert_true(accepted > 1000 && refused > 1000);
}

static void truncated_or_longer_is_refused(void **state)
{
	struct built b, c;

	build(&b, letters[3]);
	for (size_t n = 0; n < b.bytes.n; n++) {
		assert_int_equal(decode(&c, str_head(buf_str(&b.bytes), n), letters[3].n), ERR_CORRUPT);
		drop(&c);
	}
	buf_add_c(&b.bytes, 0);
	assert_int_equal(decode(&c, buf_str(&b.bytes), letters[3].n), ERR_CORRUPT);
	drop(&c);
	buf_truncate(&b.bytes, b.bytes.n - 1);
	assert_int_equal(decode(&c, buf_str(&b.bytes), letters[3].n + 1), ERR_CORRUPT);
	drop(&c);
	drop(&b);
}

static void sections(void **state)
{
	static const struct str letter =
		STR_INIT("Subject: s\n" /* 11 */
			 "Content-Type: multipart/mixed; boundary=b\n\n" /* 54 */
			 "--b\n\none\n" /* 1: header 58, body 59..62 */
			 "--b\n" /* 67 */
			 "Content-Type: message/rfc822\n\n" /* 97 */
			 "Subject: in\n\ninner\n" /* 2: 97..115, header 97..110 */
			 "--b\n" /* 120 */
			 "Content-Type: message/rfc822\n\n" /* 150 */
			 "Content-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--c--\n--b--\n");
	static const struct {
		uint32_t path[4];
		size_t n;
		enum outline_section section;
		const char *want; /* NULL: not found */
	} table[] = {
		{{0}, 0, SECTION_BODY, NULL}, /* the whole letter, below */
		{{0}, 0, SECTION_HEADER, "Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n"},
		{{0}, 0, SECTION_MIME, NULL},
		{{1}, 1, SECTION_BODY, "one"},
		{{1}, 1, SECTION_MIME, "\n"},
		{{1}, 1, SECTION_HEADER, NULL},
		{{1}, 1, SECTION_TEXT, NULL},
		{{1, 1}, 2, SECTION_BODY, NULL},
		{{2}, 1, SECTION_BODY, "Subject: in\n\ninner"},
		{{2}, 1, SECTION_MIME, "Content-Type: message/rfc822\n\n"},
		{{2}, 1, SECTION_HEADER, "Subject: in\n\n"},
		{{2}, 1, SECTION_TEXT, "inner"},
		{{2, 1}, 2, SECTION_BODY, "inner"},
		{{2, 1}, 2, SECTION_MIME, "Subject: in\n\n"},
		{{2, 2}, 2, SECTION_BODY, NULL},
		{{2, 1, 1}, 3, SECTION_BODY, NULL},
		{{3, 1}, 2, SECTION_BODY, "x"},
		{{3}, 1, SECTION_TEXT, "--c\n\nx\n--c--"},
		{{3, 2}, 2, SECTION_BODY, NULL},
		{{4}, 1, SECTION_BODY, NULL},
		{{0}, 1, SECTION_BODY, NULL},
		{{3, 0}, 2, SECTION_BODY, NULL},
	};
	struct outline_range r;
	struct built b;
	uint32_t part;

	build(&b, letter);
	for (size_t i = 1; i < sizeof(table) / sizeof(table[0]); i++) {
		int rc = outline_section(&b.o, table[i].path, table[i].n, table[i].section, &r, &part);

		assert_int_equal(rc, table[i].want ? 0 : ERR_NOT_FOUND);
		if (table[i].want)
			assert_str(str_head(str_skip(letter, (size_t)r.start), (size_t)(r.end - r.start)),
				   table[i].want);
	}
	assert_int_equal(outline_section(&b.o, NULL, 0, SECTION_BODY, &r, &part), 0);
	assert_true(r.start == 0 && r.end == letter.n);
	drop(&b);
	/* what is no multipart is its own part 1 */
	build(&b, STR("A: b\n\ntext"));
	assert_int_equal(outline_section(&b.o, (uint32_t[]){1}, 1, SECTION_BODY, &r, &part), 0);
	assert_true(r.start == 6 && r.end == 10 && part == 0);
	assert_int_equal(outline_section(&b.o, (uint32_t[]){1, 1}, 2, SECTION_BODY, &r, &part),
			 ERR_NOT_FOUND);
	assert_int_equal(outline_section(&b.o, (uint32_t[]){2}, 1, SECTION_BODY, &r, &part), ERR_NOT_FOUND);
	drop(&b);
	build(&b, STR(MSG "A: b\n\ntext"));
	assert_int_equal(outline_section(&b.o, (uint32_t[]){1, 1}, 2, SECTION_BODY, &r, &part), 0);
	assert_int_equal(part, 1);
	assert_int_equal(outline_section(&b.o, (uint32_t[]){1}, 1, SECTION_HEADER, &r, &part), 0);
	assert_int_equal(r.end - r.start, 6);
	drop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_what_was_encoded),
		cmocka_unit_test(holds_the_values),
		cmocka_unit_test(first_field_counts_and_recipients_join),
		cmocka_unit_test(a_plain_letter_is_small),
		cmocka_unit_test(previews),
		cmocka_unit_test(previews_end_at_200_characters),
		cmocka_unit_test(opaque_outlines),
		cmocka_unit_test(too_much_becomes_opaque),
		cmocka_unit_test(the_largest_outlines_come_back),
		cmocka_unit_test(the_hash_is_of_what_imap_calls_immutable),
		cmocka_unit_test(no_corrupt_byte_does_harm),
		cmocka_unit_test(truncated_or_longer_is_refused),
		cmocka_unit_test(sections),
	};

	return cmocka_run_group_tests_name("outline", tests, NULL, NULL);
}
