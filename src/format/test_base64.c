/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/unit.h"
#include "format/base64.h"

/* RFC 4648 section 10, and bytes that use both special characters. */
static const struct {
	struct str plain;
	const char *coded;
} vectors[] = {
	{STR_INIT(""), ""},
	{STR_INIT("f"), "Zg=="},
	{STR_INIT("fo"), "Zm8="},
	{STR_INIT("foo"), "Zm9v"},
	{STR_INIT("foob"), "Zm9vYg=="},
	{STR_INIT("fooba"), "Zm9vYmE="},
	{STR_INIT("foobar"), "Zm9vYmFy"},
	{STR_INIT("\xFB\xFF\xFE"), "+//+"},
	{STR_INIT("\0\0\0\0"), "AAAAAA=="},
	{STR_INIT("Username:"), "VXNlcm5hbWU6"},
	{STR_INIT("Password:"), "UGFzc3dvcmQ6"},
};

static const char *const refused[] = {
	"Z",
	"Zg",
	"Zg=",
	"Zm9",
	"=",
	"==",
	"====",
	"A===",
	"Zg==Zg==",
	"Zm=v",
	"Zm9v=",
	"Zm 9v",
	"Zm9v\r\n",
	" Zm9",
	"Zm9v\n",
	"Zh==" /* bits behind the end */,
	"Zm9=" /* same */,
	"Zm-_",
	"*",
	"Zm9v====",
	"=Zm9",
	"Zm\x80v",
};

static void codes_both_ways(void **state)
{
	struct buf out;

	buf_init(&out, 100);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		buf_clear(&out);
		base64_encode(vectors[i].plain, &out);
		assert_str(buf_str(&out), vectors[i].coded);
		buf_clear(&out);
		assert_int_equal(base64_decode(str_of(vectors[i].coded), &out), 0);
		assert_true(str_eq(buf_str(&out), vectors[i].plain));
	}
	buf_free(&out);
}

static void refuses_every_other_spelling(void **state)
{
	struct buf out;

	buf_init(&out, 100);
	buf_add_z(&out, "kept");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (base64_decode(str_of(refused[i]), &out) != ERR_INVALID)
			fail_msg("accepted \"%s\"", refused[i]);
		assert_str(buf_str(&out), "kept");
	}
	assert_int_equal(base64_decode(STR("Zm9\0"), &out), ERR_INVALID);
	buf_free(&out);
}

static void stays_below_the_ceiling(void **state)
{
	struct buf out;

	buf_init(&out, 3);
	assert_int_equal(base64_decode(STR("Zm9v"), &out), 0);
	assert_int_equal(base64_decode(STR("Zm9v"), &out), ERR_TOO_BIG);
	buf_free(&out);

	buf_init(&out, 7);
	base64_encode(STR("foob"), &out);
	assert_true(buf_failed(&out));
	assert_int_equal(out.n, 0);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_both_ways),
		cmocka_unit_test(refuses_every_other_spelling),
		cmocka_unit_test(stays_below_the_ceiling),
	};

	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
