/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of modified UTF-7. */
#include "format/imap_utf7.h"

#include "base/err.h"
#include "base/unit.h"

#include <string.h>

static const struct {
	const char *utf7, *utf8;
} pairs[] = {
	{"", ""},
	{"INBOX", "INBOX"},
	{"~ +,/\"\\", "~ +,/\"\\"},
	{"&-", "&"},
	{"A&-B", "A&B"},
	{"&-&-", "&&"},
	/* RFC 3501 section 5.1.3 */
	{"~peter/mail/&U,BTFw-/&ZeVnLIqe-",
	 "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
	{"&U,BTF2XlZyyKng-", "\xe5\x8f\xb0\xe5\x8c\x97\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
	{"Entw&APw-rfe", "Entw\xc3\xbcrfe"},
	{"&AOQ-&-&AOQ-", "\xc3\xa4&\xc3\xa4"},
	{"&AOQA9gD8-", "\xc3\xa4\xc3\xb6\xc3\xbc"},
	{"&AOQA9g-", "\xc3\xa4\xc3\xb6"},
	{"&2D3eAA-", "\xf0\x9f\x98\x80"},
	{"&2D3eANg93gA-", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80"},
	{"&2D3eAADk-x", "\xf0\x9f\x98\x80\xc3\xa4x"},
	{"&AH8-", "\x7f"},
	{"&AAk-", "\t"},
	{"&,,8-", "\xef\xbf\xbf"},
};

static void converts(void **state)
{
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		buf_clear(&b);
		assert_int_equal(imap_utf7_decode(str_of(pairs[i].utf7), &b), 0);
		assert_str(buf_str(&b), pairs[i].utf8);
		buf_clear(&b);
		assert_int_equal(imap_utf7_encode(str_of(pairs[i].utf8), &b), 0);
		assert_str(buf_str(&b), pairs[i].utf7);
	}
	buf_free(&b);
}

static const char *const bad[] = {
	"&",
	"a&",
	"&AOQ",
	"&AOQ/",
	"&Jjo!", /* no end, RFC 3501's own example */
	"&U,BTFw-&ZeVnLIqe-", /* a superfluous shift, RFC 3501's own example */
	"&AGE-",
	"&AOQAYQ-",
	"&ACY-",
	"&AH4-",
	"&ACA-", /* encoded printable ASCII */
	"&A-",
	"&AO-",
	"&AOQA-",
	"&AOQAA-", /* not whole units */
	"&AOR-",
	"&AOT-",
	"&AOQA9h-", /* bits left over */
	"&AOQ=-",
	"&AO/k-",
	"&AO Q-",
	"&A\xc3\xa4-", /* not of the alphabet */
	"&2D0-",
	"&3gA-",
	"&2D0AQQ-",
	"&2D3YPQ-",
	"&2D3YPd4A-",
	"&3gDYPQ-", /* lone surrogates */
	"\xc3\xa4",
	"\x7f",
	"\t",
	"a\r",
	"\xff", /* not direct */
};

static void refuses(void **state)
{
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_clear(&b);
		buf_add_z(&b, "kept");
		if (imap_utf7_decode(str_of(bad[i]), &b) != ERR_INVALID)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_str(buf_str(&b), "kept");
	}
	buf_clear(&b);
	assert_int_equal(imap_utf7_decode(STR("a\0b"), &b), ERR_INVALID);
	buf_free(&b);
}

static void refuses_bad_utf8(void **state)
{
	static const char *const rows[] = {"\xff",         "\xc3",         "a\xc3z",
					   "\xc0\x80",     "\xed\xa0\x80", "\xf4\x90\x80\x80",
					   "\xc3\xa4\x80", "\xe5\x8f"};
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_clear(&b);
		assert_int_equal(imap_utf7_encode(str_of(rows[i]), &b), ERR_INVALID);
		assert_int_equal(b.n, 0);
	}
	buf_free(&b);
}

static void has_a_ceiling(void **state)
{
	struct buf b;

	buf_init(&b, 4);
	assert_int_equal(imap_utf7_decode(STR("abcd"), &b), 0);
	buf_clear(&b);
	assert_int_equal(imap_utf7_decode(STR("abcde"), &b), ERR_TOO_BIG);
	assert_int_equal(b.n, 0);
	buf_clear(&b);
	assert_int_equal(imap_utf7_encode(STR("\xc3\xa4"), &b), ERR_TOO_BIG);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(converts),
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_bad_utf8),
		cmocka_unit_test(has_a_ceiling),
	};

	return cmocka_run_group_tests_name("imap_utf7", tests, NULL, NULL);
}
