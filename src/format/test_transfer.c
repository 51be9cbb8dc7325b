/* SPDX-License-Identifier: Apache-2.0 */
#include "format/transfer.h"
#include "base/unit.h"

/* Decodes in pieces of `step` bytes. */
static void assert_decodes(enum transfer_encoding encoding, struct str in, struct str want, bool malformed,
			   size_t step)
{
	struct transfer_decoder d;
	struct buf out;

	buf_init(&out, 100000);
	transfer_decoder_init(&d, encoding);
	for (struct str rest = in; rest.n; rest = str_skip(rest, step))
		transfer_decode(&d, str_head(rest, step), &out);
	transfer_decode_end(&d, &out);
	assert_int_equal(out.n, want.n);
	assert_true(str_eq(buf_str(&out), want));
	assert_int_equal(d.malformed, malformed);
	buf_free(&out);
}

static void decodes(void **state)
{
	static const struct {
		enum transfer_encoding encoding;
		struct str in, want;
		bool malformed;
	} table[] = {
		{TRANSFER_BASE64, STR_INIT("SGVsbG8="), STR_INIT("Hello"), false},
		{TRANSFER_BASE64, STR_INIT("SGVs\r\nbG8=\r\n"), STR_INIT("Hello"), false},
		{TRANSFER_BASE64, STR_INIT("AAECAw=="), STR_INIT("\0\1\2\3"), false},
		{TRANSFER_BASE64, STR_INIT("+/+/"), STR_INIT("\xFB\xFF\xBF"), false},
		/* no padding, padding in the middle, foreign bytes, a lonely sextet */
		{TRANSFER_BASE64, STR_INIT("SGVsbG8"), STR_INIT("Hello"), false},
		{TRANSFER_BASE64, STR_INIT("SGk=SGk="), STR_INIT("HiHi"), false},
		{TRANSFER_BASE64, STR_INIT("S*G\0k-="), STR_INIT("Hi"), true},
		{TRANSFER_BASE64, STR_INIT("SGkAS"), STR_INIT("Hi\0"), true},
		{TRANSFER_BASE64, STR_INIT(""), STR_INIT(""), false},
		{TRANSFER_QP, STR_INIT("a=3Db=c3=A9"), STR_INIT("a=b\xC3\xA9"), false},
		{TRANSFER_QP, STR_INIT("soft=\r\nbreak= \t\r\nend=\nx"), STR_INIT("softbreakendx"), false},
		{TRANSFER_QP, STR_INIT("blanks \t \r\nend  "), STR_INIT("blanks\r\nend"), false},
		{TRANSFER_QP, STR_INIT("kept =20\r\n a  b"), STR_INIT("kept  \r\n a  b"), false},
		{TRANSFER_QP, STR_INIT("end="), STR_INIT("end"), false},
		{TRANSFER_QP, STR_INIT("soft=\rx"), STR_INIT("softx"), false},
		{TRANSFER_QP, STR_INIT("no=escape =4"), STR_INIT("no=escape =4"), true},
		{TRANSFER_QP, STR_INIT("==41=4=41=4G"), STR_INIT("=A=4A=4G"), true},
		{TRANSFER_QP, STR_INIT("= x"), STR_INIT("= x"), true},
		{TRANSFER_QP, STR_INIT("\xE9raw\0"), STR_INIT("\xE9raw\0"), false},
		{TRANSFER_IDENTITY, STR_INIT("=41 \r\n"), STR_INIT("=41 \r\n"), false},
		{TRANSFER_UNKNOWN, STR_INIT("=41 \r\n"), STR_INIT("=41 \r\n"), false},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (size_t step = 1; step < 5; step++)
			assert_decodes(table[i].encoding, table[i].in, table[i].want, table[i].malformed,
				       step);
}

static void long_blanks_are_let_through(void **state)
{
	struct transfer_decoder d;
	struct buf out;

	buf_init(&out, 10000);
	transfer_decoder_init(&d, TRANSFER_QP);
	for (int i = 0; i < 5000; i++)
		transfer_decode(&d, STR(" "), &out);
	assert_true(out.n >= 5000 - TRANSFER_HOLD && out.n < 5000);
	transfer_decode(&d, STR("x"), &out);
	assert_int_equal(out.n, 5001);
	buf_free(&out);
}

static void names(void **state)
{
	assert_int_equal(transfer_of(STR("")), TRANSFER_IDENTITY);
	assert_int_equal(transfer_of(STR("8BIT")), TRANSFER_IDENTITY);
	assert_int_equal(transfer_of(STR("Base64")), TRANSFER_BASE64);
	assert_int_equal(transfer_of(STR("Quoted-Printable")), TRANSFER_QP);
	assert_int_equal(transfer_of(STR("x-uuencode")), TRANSFER_UNKNOWN);
}

static void encodes(void **state)
{
	static const struct {
		enum transfer_encoding encoding;
		struct str in;
		const char *want;
	} table[] = {
		{TRANSFER_BASE64, STR_INIT("Hello"), "SGVsbG8="},
		{TRANSFER_BASE64, STR_INIT("\0\1\2\3"), "AAECAw=="},
		{TRANSFER_BASE64, STR_INIT(""), ""},
		{TRANSFER_QP, STR_INIT("a=b\xC3\xA9\r\nc"), "a=3Db=C3=A9\r\nc"},
		{TRANSFER_QP, STR_INIT("end \r\nof \t"), "end=20\r\nof =09"},
		{TRANSFER_QP, STR_INIT("a b  c"), "a b  c"},
		{TRANSFER_QP, STR_INIT("bare\rcr\nlf\r\r\n\r"), "bare=0Dcr=0Alf=0D\r\n=0D"},
		{TRANSFER_QP, STR_INIT("x \r"), "x=20=0D"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct transfer_encoder e;
		struct buf out;

		buf_init(&out, 1000);
		transfer_encoder_init(&e, table[i].encoding);
		for (size_t at = 0; at < table[i].in.n; at++)
			transfer_encode(&e, str_head(str_skip(table[i].in, at), 1), &out);
		transfer_encode_end(&e, &out);
		assert_str(buf_str(&out), table[i].want);
		buf_free(&out);
	}
}

/* Whatever goes in comes back, in lines of at most 76. */
static void round_trip(enum transfer_encoding encoding, struct str in)
{
	struct transfer_encoder e;
	struct buf out;

	buf_init(&out, 4 * in.n + 100);
	transfer_encoder_init(&e, encoding);
	transfer_encode(&e, in, &out);
	transfer_encode_end(&e, &out);
	for (struct str rest = buf_str(&out); rest.n;)
		assert_true(str_cut(&rest, '\n').n <= 77);
	assert_decodes(encoding, buf_str(&out), in, false, 1000);
	buf_free(&out);
}

static void round_trips(void **state)
{
	char bytes[2000];
	uint32_t seed = 1;

	for (size_t i = 0; i < sizeof(bytes); i++) {
		seed = seed * 1103515245 + 12345;
		bytes[i] = i < 1000 ? (char)(seed >> 16) : " \t\r\n=a"[(seed >> 16) % 6];
	}
	for (size_t n = 0; n < sizeof(bytes); n += 37) {
		struct str in = {bytes + n, sizeof(bytes) - n};

		round_trip(TRANSFER_BASE64, in);
		round_trip(TRANSFER_QP, in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes),     cmocka_unit_test(long_blanks_are_let_through),
		cmocka_unit_test(names),       cmocka_unit_test(encodes),
		cmocka_unit_test(round_trips),
	};

	return cmocka_run_group_tests_name("transfer", tests, NULL, NULL);
}
