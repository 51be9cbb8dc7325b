/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_sasl: names that come out obey their rules; what a client builds of them reads the same. */
#include "format/base64.h"
#include "format/sasl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		must((s.p[i] >= 'a' && s.p[i] <= 'z') || ascii_is_digit(s.p[i]) ||
		     str_find(STR(".-_@"), s.p[i]) != STR_NONE);
}

static void check_round_trip(const struct sasl_login *l)
{
	struct buf coded, message;
	struct sasl_login again;

	buf_init(&coded, SASL_RESPONSE_MAX);
	buf_init(&message, SASL_RESPONSE_MAX);
	must(sasl_build_plain(sasl_user(l), l->password, &coded) == 0);
	must(base64_decode(buf_str(&coded), &message) == 0);
	must(sasl_parse_plain(buf_str(&message), &again) == 0);
	must(str_eq(sasl_user(l), sasl_user(&again)) && again.master_n == 0);
	must(str_eq(l->password, again.password));
	buf_free(&coded);
	buf_free(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};
	struct sasl_login l;

	if (sasl_parse_plain(in, &l) == 0) {
		must(l.user_n > 0 && l.password.n > 0 && l.password.n <= SASL_PASSWORD_MAX);
		check_name(sasl_user(&l));
		check_name(sasl_master(&l));
		check_round_trip(&l);
	}
	if (sasl_parse_login(in, &l) == 0) {
		must(l.user_n > 0);
		check_name(sasl_user(&l));
		check_name(sasl_master(&l));
	}
	return 0;
}
