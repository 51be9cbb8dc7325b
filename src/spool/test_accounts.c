/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts by address and id, and the places of their acts. */
#include "spool/accounts.h"

#include "base/unit.h"

#include <stdio.h>

static const struct check_key key = {{9}};

static void accounts_are_found(void **state)
{
	struct accounts a;
	struct account *account;
	char address[40];

	accounts_init(&a, &key);
	for (uint32_t id = 1; id <= 300; id++) {
		snprintf(address, sizeof(address), "User%u@Example.test", id);
		assert_int_equal(a.next_id, id);
		accounts_add(&a, id, str_of(address), 0);
	}
	account = accounts_by_address(&a, STR("uSER123@example.TEST"));
	assert_int_equal(account->id, 123);
	assert_str(account_address(account), "user123@example.test");
	assert_ptr_equal(accounts_get(&a, 123), account);
	accounts_remove(&a, account);
	assert_null(accounts_by_address(&a, STR("user123@example.test")));
	assert_null(accounts_get(&a, 123));
	assert_null(accounts_by_address(&a, STR("user1234@example.test")));
	/* Its id is not given to another. */
	assert_int_equal(a.next_id, 301);
	accounts_free(&a);
}

static void act_places(void **state)
{
	struct accounts a;

	accounts_init(&a, &key);
	struct account *account = accounts_add(&a, 1, STR("anna@example.test"), 10);

	assert_int_equal(account_durable(account), 10);
	assert_true(account_first_needed(account) == UINT64_MAX);
	for (uint64_t i = 0; i < 9; i++)
		account_add_act(account, (struct act_ref){1000 + i * 100, 50, 0});
	assert_int_equal(account_durable(account), 19);
	assert_null(account_act(account, 10));
	assert_int_equal(account_act(account, 11)->position, 1000);
	assert_int_equal(account_act(account, 19)->position, 1800);
	assert_null(account_act(account, 20));
	assert_int_equal(account_first_needed(account), 1000);
	account->folded = 14;
	assert_int_equal(account_first_needed(account), 1400);
	account_forget_acts(account, 1350);
	assert_null(account_act(account, 14));
	assert_int_equal(account_act(account, 15)->position, 1400);
	assert_int_equal(account_durable(account), 19);
	account->folded = 19;
	assert_true(account_first_needed(account) == UINT64_MAX);
	account_forget_acts(account, 5000);
	assert_int_equal(account_durable(account), 19);
	account_add_act(account, (struct act_ref){2000, 50, 0});
	assert_int_equal(account_act(account, 20)->position, 2000);
	assert_int_equal(account_first_needed(account), 2000);
	accounts_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accounts_are_found),
		cmocka_unit_test(act_places),
	};

	return cmocka_run_group_tests_name("accounts", tests, NULL, NULL);
}
