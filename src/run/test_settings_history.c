/* SPDX-License-Identifier: Apache-2.0 */
/* The table against docs/settings-history.txt: a key or a default that changes is recorded there. */
#include "run/settings.h"
#include "base/file.h"
#include "base/unit.h"

struct entry {
	struct str key;
	struct str fallback;
};

struct history {
	struct entry entries[SET_COUNT * 2];
	size_t count;
};

static struct entry *find(struct history *h, struct str key)
{
	for (size_t i = 0; i < h->count; i++)
		if (str_eq(h->entries[i].key, key))
			return &h->entries[i];
	return NULL;
}

/* Applies one line; false when it breaks the form or what stands above it. */
static bool apply(struct history *h, struct str line)
{
	struct str version = str_cut_word(&line);
	struct str what = str_cut_word(&line);
	struct str key = str_cut_word(&line);
	struct str text = str_eq(line, STR("-")) ? STR("") : line;
	struct entry *old = find(h, key);

	if (version.n == 0 || key.n == 0)
		return false;
	if (str_eq(what, STR("added"))) {
		if (old || line.n == 0 || h->count == SET_COUNT * 2)
			return false;
		h->entries[h->count++] = (struct entry){key, text};
		return true;
	}
	if (!old)
		return false;
	if (str_eq(what, STR("default")))
		old->fallback = text;
	else if (str_eq(what, STR("renamed")))
		old->key = line;
	else if (str_eq(what, STR("removed")))
		*old = h->entries[--h->count];
	else
		return false;
	return line.n > 0 || str_eq(what, STR("removed"));
}

static bool apply_all(struct history *h, struct str text)
{
	while (text.n) {
		struct str line = str_trim_line(str_cut(&text, '\n'));

		if (line.n > 0 && line.p[0] != '#' && !apply(h, line)) {
			print_error("bad line: %.*s\n", STR_ARG(line));
			return false;
		}
	}
	return true;
}

static void table_is_recorded(void **state)
{
	struct history h = {.count = 0};
	struct buf text;
	struct err err = {0};

	buf_init(&text, 1 << 20);
	assert_int_equal(file_read(*state, &text, &err), 0);
	assert_true(apply_all(&h, buf_str(&text)));
	for (unsigned key = 0; key < SET_COUNT; key++) {
		const struct entry *entry = find(&h, str_of(setting_rows[key].name));

		if (!entry)
			print_error("%s is not recorded\n", setting_rows[key].name);
		assert_non_null(entry);
		assert_str(entry->fallback, setting_rows[key].fallback);
	}
	assert_int_equal(h.count, SET_COUNT);
	buf_free(&text);
}

static void forms(void **state)
{
	struct history h = {.count = 0};

	assert_true(
		apply_all(&h, STR("# x\n\n0.1 added a -\n0.1 added b c d\n0.2 default a 5\n0.3 renamed a e\n"
				  "0.4 removed b\n")));
	assert_int_equal(h.count, 1);
	assert_str(h.entries[0].key, "e");
	assert_str(h.entries[0].fallback, "5");
	assert_false(apply(&h, STR("0.5 added e 1")));
	assert_false(apply(&h, STR("0.5 added f")));
	assert_false(apply(&h, STR("0.5 default a 1")));
	assert_false(apply(&h, STR("0.5 renamed e")));
	assert_false(apply(&h, STR("0.5 changed e 1")));
	assert_false(apply(&h, STR("0.5")));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(table_is_recorded, argc > 1 ? argv[1] : NULL),
		cmocka_unit_test(forms),
	};

	return cmocka_run_group_tests_name("settings_history", tests, NULL, NULL);
}
