/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes each type's parser, and what a room makes of settings it is sent. */
#include "run/settings_value.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool true_thing)
{
	if (!true_thing)
		abort();
}

static void check_value(const struct setting_row *row, const struct setting_value *value)
{
	switch (row->type) {
	case SETTING_NUMBER:
	case SETTING_BYTES:
	case SETTING_DURATION:
		must(value->number >= row->min && value->number <= row->max);
		break;
	case SETTING_LISTENERS:
		must(value->count <= SETTING_LISTENERS_MAX);
		break;
	case SETTING_NETWORKS:
		must(value->count <= SETTING_NETWORKS_MAX);
		break;
	default:
		must(value->count <= 1);
	}
	must(value->count == 0 || value->list);
	must(value->text.n <= SETTING_VALUE_MAX && strlen(value->text.p) == value->text.n);
}

static void one_value(const struct setting_row *row, struct str text)
{
	struct setting_value value = {0}, again = {0};
	struct arena arena;
	struct err err = {0};

	arena_init(&arena, 1 << 20);
	int rc = setting_parse(row, text, &arena, &value, &err);

	must(rc == 0 || (rc == ERR_INVALID && err.text[0]));
	if (rc == 0) {
		check_value(row, &value);
		/* What is accepted is accepted again, and means the same. */
		must(setting_parse(row, value.text, &arena, &again, &err) == 0);
		must(str_eq(value.text, again.text) && value.number == again.number);
		must(value.count == again.count);
	}
	arena_free(&arena);
}

static void one_room(struct str sent)
{
	struct settings s;
	struct err err = {0};
	int rc = settings_get(&s, sent, &err);

	must(rc == 0 || err.text[0]);
	for (unsigned key = 0; rc == 0 && key < SET_COUNT; key++)
		if (settings_has(&s, (enum setting_key)key))
			check_value(&setting_rows[key], &s.values[key]);
	settings_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};

	one_room(text);
	if (size > 0)
		one_value(&setting_rows[data[0] % SET_COUNT], str_skip(text, 1));
	return 0;
}
