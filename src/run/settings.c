/* SPDX-License-Identifier: Apache-2.0 */
/* The checked set: getters, and what a room is sent of it. */
#include "run/settings.h"

#include "run/settings_value.h"

#include <assert.h>

/* A room's set: its values, their lists, and slack. */
#define ROOM_ARENA_MAX (1024 * 1024)
#define NAME_MAX_BYTES 64

void settings_free(struct settings *s)
{
	arena_wipe(&s->arena);
	s->values = NULL;
	s->notes = NULL;
	s->note_count = 0;
}

bool settings_has(const struct settings *s, enum setting_key key)
{
	return s->values && key < SET_COUNT && s->values[key].held;
}

static const struct setting_value *held(const struct settings *s, enum setting_key key)
{
	assert(settings_has(s, key));
	return &s->values[key];
}

static const struct setting_value *held_as(const struct settings *s, enum setting_key key,
					   enum setting_type type)
{
	assert(key < SET_COUNT && setting_rows[key].type == type);
	return held(s, key);
}

struct str settings_text(const struct settings *s, enum setting_key key)
{
	return held(s, key)->text;
}

uint64_t settings_number(const struct settings *s, enum setting_key key)
{
	const struct setting_value *value = held(s, key);
	enum setting_type type = setting_rows[key].type;

	assert(type == SETTING_NUMBER || type == SETTING_BYTES || type == SETTING_DURATION ||
	       type == SETTING_WORDS);
	return value->number;
}

bool settings_bool(const struct settings *s, enum setting_key key)
{
	return held_as(s, key, SETTING_BOOLEAN)->number != 0;
}

unsigned settings_choice(const struct settings *s, enum setting_key key)
{
	return (unsigned)held_as(s, key, SETTING_CHOICE)->number;
}

const struct listener_addr *settings_listeners(const struct settings *s, enum setting_key key, size_t *count)
{
	const struct setting_value *value = held_as(s, key, SETTING_LISTENERS);

	*count = value->count;
	return value->list;
}

const struct network *settings_networks(const struct settings *s, enum setting_key key, size_t *count)
{
	const struct setting_value *value = held_as(s, key, SETTING_NETWORKS);

	*count = value->count;
	return value->list;
}

const struct sockaddr_storage *settings_resolver(const struct settings *s, enum setting_key key)
{
	return held_as(s, key, SETTING_RESOLVER)->list;
}

const struct relay_addr *settings_relay(const struct settings *s, enum setting_key key)
{
	return held_as(s, key, SETTING_RELAY)->list;
}

struct str settings_default(const struct settings *s, enum setting_key key)
{
	return held(s, key)->fallback;
}

struct str settings_origin(const struct settings *s, enum setting_key key)
{
	return held(s, key)->origin;
}

/* Whether the number alone tells two values of the type apart. */
static bool is_numeric(enum setting_type type)
{
	return type == SETTING_NUMBER || type == SETTING_BYTES || type == SETTING_DURATION ||
	       type == SETTING_BOOLEAN || type == SETTING_CHOICE || type == SETTING_WORDS;
}

bool settings_is_default(const struct settings *s, enum setting_key key)
{
	const struct setting_value *value = held(s, key);
	struct setting_value other = {0};
	struct arena scratch;
	struct err err;

	if (str_eq(value->text, value->fallback))
		return true;
	arena_init(&scratch, ROOM_ARENA_MAX);
	bool same = setting_parse(&setting_rows[key], value->fallback, &scratch, &other, &err) == 0;

	if (is_numeric(setting_rows[key].type))
		same = same && other.number == value->number;
	else
		same = same && setting_rows[key].type == SETTING_LISTENERS && other.count == 0 &&
		       value->count == 0;
	arena_free(&scratch);
	return same;
}

static void put_value(const struct settings *s, enum setting_key key, struct buf *out)
{
	buf_put_str(out, str_of(setting_rows[key].name));
	buf_put_str(out, settings_text(s, key));
}

void settings_put(const struct settings *s, unsigned room_bit, struct buf *out)
{
	/* All at once: growing would leave copies of a secret behind. */
	size_t need = 2;
	unsigned count = 0;

	for (unsigned key = 0; key < SET_COUNT; key++) {
		if (setting_rows[key].rooms & room_bit) {
			need += 8 + strlen(setting_rows[key].name) + held(s, key)->text.n;
			count++;
		}
	}
	if (!buf_room(out, need))
		return;
	buf_put_u16(out, (uint16_t)count);
	for (unsigned key = 0; key < SET_COUNT; key++)
		if (setting_rows[key].rooms & room_bit)
			put_value(s, key, out);
}

static int get_value(struct settings *s, struct reader *r, struct err *err)
{
	struct str name = read_str(r, NAME_MAX_BYTES);
	struct str text = read_str(r, SETTING_VALUE_MAX);

	if (r->failed)
		return err_set(err, ERR_INVALID, "settings are cut short");
	enum setting_key key = setting_find(name);

	if (key == SET_COUNT || s->values[key].held)
		return err_set(err, ERR_INVALID, "setting '%.*s' is unknown or sent twice", STR_ARG(name));
	int rc = setting_parse(&setting_rows[key], text, &s->arena, &s->values[key], err);

	if (rc < 0)
		return err_prefix(err, "%s", setting_rows[key].name);
	s->values[key].held = true;
	return 0;
}

int settings_get(struct settings *s, struct str sent, struct err *err)
{
	struct reader r = reader_of(sent);
	unsigned count = read_u16(&r);

	*s = (struct settings){0};
	arena_init(&s->arena, ROOM_ARENA_MAX);
	s->values = arena_calloc(&s->arena, SET_COUNT, sizeof(*s->values));
	if (!s->values)
		return err_set(err, ERR_MEMORY, "out of memory");
	for (; count > 0; count--) {
		int rc = get_value(s, &r, err);

		if (rc < 0)
			return rc;
	}
	if (!reader_done(&r))
		return err_set(err, ERR_INVALID, "settings are cut short or too long");
	return 0;
}
