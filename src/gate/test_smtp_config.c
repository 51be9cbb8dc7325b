/* SPDX-License-Identifier: Apache-2.0 */
/* What sessions see of the settings. */
#include "gate/smtp_config.h"
#include "base/unit.h"

#include <arpa/inet.h>
#include <string.h>

static int load(const char *const *overrides, size_t count, struct smtp_config **c, struct err *e)
{
	struct settings_sources from = {.overrides = overrides, .override_count = count};
	struct settings s, sent;
	struct buf bytes;

	/* By way of what master sends, so that a key the gate does not get would abort. */
	assert_int_equal(settings_load(&s, &from, e), 0);
	buf_init(&bytes, SETTINGS_SENT_MAX);
	settings_put(&s, ROOM_BIT(ROOM_GATE), &bytes);
	assert_int_equal(settings_get(&sent, buf_str(&bytes), e), 0);
	int code = smtp_config_new(&sent, STR(""), STR(""), STR(""), c, e);

	settings_free(&s);
	settings_free(&sent);
	buf_free(&bytes);
	return code;
}

static void settings_become_limits(void **state)
{
	static const char *const overrides[] = {"hostname=mx.ours.test", "gates=4", "memory_for_letters=64M",
						"message_size_limit=1M", "bare_lf=normalise"};
	struct smtp_config *c, *second;
	struct err e;

	assert_int_equal(load(overrides, 5, &c, &e), 0);
	assert_string_equal(c->hostname, "mx.ours.test");
	assert_int_equal(c->memory, 16 << 20);
	assert_int_equal(c->size_limit, 1 << 20);
	assert_int_equal(c->bare, SMTP_BARE_NORMALISE);
	assert_null(c->tls);
	assert_int_equal(c->limits.recipients, 1000);
	second = smtp_config_take(c);
	smtp_config_drop(&c);
	assert_null(c);
	assert_string_equal(second->hostname, "mx.ours.test");
	smtp_config_drop(&second);
	smtp_config_drop(&second);
	assert_int_equal(load(overrides, 1, &c, &e), 0);
	assert_int_equal(c->bare, SMTP_BARE_REFUSE);
	smtp_config_drop(&c);
}

static void own_networks_are_told_by_their_bits(void **state)
{
	static const char *const overrides[] = {
		"mynetworks=10.0.0.0/8 192.0.2.128/25 198.51.100.7/32 [2001:db8::]/33 [::1]/128"};
	static const struct {
		const char *address;
		bool ours;
	} rows[] = {
		{"10.0.0.0", true},
		{"10.255.255.255", true},
		{"11.0.0.0", false},
		{"9.255.255.255", false},
		{"192.0.2.128", true},
		{"192.0.2.255", true},
		{"192.0.2.127", false},
		{"192.0.3.128", false},
		{"198.51.100.7", true},
		{"198.51.100.6", false},
		{"2001:db8:7fff:ffff::1", true},
		{"2001:db8:8000::", false},
		{"::1", true},
		{"::2", false},
		{"::a00:1", false},
	};
	struct smtp_config *c;
	struct err e;

	assert_int_equal(load(overrides, 1, &c, &e), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool v6 = strchr(rows[i].address, ':');
		unsigned char address[16];

		assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, rows[i].address, address), 1);
		assert_int_equal(smtp_config_trusts(c, address, v6 ? 16 : 4), rows[i].ours);
	}
	/* A client without a network address is nobody's. */
	assert_false(smtp_config_trusts(c, (const unsigned char *)"", 0));
	smtp_config_drop(&c);
}

static void the_networks_of_all_hold_everybody(void **state)
{
	static const char *const overrides[] = {"mynetworks=0.0.0.0/0"};
	struct smtp_config *c;
	struct err e;

	assert_int_equal(load(overrides, 1, &c, &e), 0);
	assert_true(smtp_config_trusts(c, (const unsigned char *)"\xC0\0\2\1", 4));
	assert_false(smtp_config_trusts(c, (const unsigned char *)"\xC0\0\2\1............", 16));
	smtp_config_drop(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_become_limits),
		cmocka_unit_test(own_networks_are_told_by_their_bits),
		cmocka_unit_test(the_networks_of_all_hold_everybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
