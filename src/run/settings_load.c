/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading: defaults, file, environment, -o, in this order; each later source
 * replaces what an earlier one said.  Every value is checked where it stands,
 * also one that is replaced later.
 */
#include "run/settings.h"

#include "base/file.h"
#include "run/settings_file.h"
#include "run/settings_machine.h"
#include "run/settings_value.h"

#define ARENA_MAX (8 * 1024 * 1024)
#define NOTE_MAX 1024
#define ENV_PREFIX STR("MAILSTEAD_")
/* Longer names of keys and variables are not ours. */
#define NAME_BYTES 64
/* How much of an unknown name an error quotes. */
#define QUOTED 80

struct loader {
	struct settings *s;
	const struct settings_sources *from;
	struct err *err; /* the first error */
	int rc;
	enum setting_source source; /* being read */
	struct str where; /* "FILE:LINE" or the like; lives in the arena */
};

static void no_memory(struct loader *l)
{
	l->rc = err_set(l->err, ERR_MEMORY, "out of memory while reading the configuration");
}

/* What came from a file may hold anything; a terminal shall not see it. */
static void defuse(struct buf *b)
{
	for (size_t i = 0; i < b->n; i++)
		if ((unsigned char)b->p[i] < 0x20 || b->p[i] == 0x7F)
			b->p[i] = '?';
}

__attribute__((format(printf, 3, 4))) static void note(struct loader *l, bool warning, const char *fmt, ...)
{
	struct buf text;
	va_list ap;

	buf_init(&text, NOTE_MAX);
	if (l->where.n)
		buf_printf(&text, "%.*s: ", STR_ARG(str_head(l->where, NOTE_MAX / 2)));
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	defuse(&text);
	if (!warning && l->rc == 0)
		l->rc = err_set(l->err, ERR_INVALID, "%.*s", STR_ARG(buf_str(&text)));
	if (l->s->note_count < SETTINGS_NOTES_MAX) {
		struct str copy = arena_str(&l->s->arena, buf_str(&text));

		if (copy.p)
			l->s->notes[l->s->note_count++] = (struct settings_note){warning, copy};
		else
			no_memory(l);
	}
	buf_free(&text);
}

__attribute__((format(printf, 2, 3))) static void set_where(struct loader *l, const char *fmt, ...)
{
	struct buf text;
	va_list ap;

	buf_init(&text, SETTING_VALUE_MAX);
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	l->where = arena_str(&l->s->arena, buf_str(&text));
	if (!l->where.p)
		no_memory(l);
	buf_free(&text);
}

static void assign(struct loader *l, enum setting_key key, struct str text)
{
	struct setting_value *value = &l->s->values[key];
	struct setting_value fresh = *value;
	struct err err;
	int rc = setting_parse(&setting_rows[key], text, &l->s->arena, &fresh, &err);

	if (rc == ERR_MEMORY)
		no_memory(l);
	else if (rc < 0)
		note(l, false, "%s: %s", setting_rows[key].name, err.text);
	if (rc < 0)
		return;
	/* -o repeated is how one adds to a command line: no warning. */
	if (value->held && value->source == l->source && l->source != SOURCE_OVERRIDE)
		note(l, true, "%s replaces what %.*s said", setting_rows[key].name, STR_ARG(value->origin));
	fresh.source = l->source;
	fresh.origin = l->where;
	fresh.held = true;
	*value = fresh;
}

/* The value is what the file at that path holds, without line ends behind it. */
static void assign_from_file(struct loader *l, enum setting_key key, struct str path)
{
	char *z = arena_z(&l->s->arena, path);
	struct buf text;
	struct err err;

	if (!z) {
		no_memory(l);
		return;
	}
	/* One more than a value, so that setting_parse says what is too long. */
	buf_init(&text, SETTING_VALUE_MAX + 2);
	if (z[0] != '/' || strlen(z) != path.n) {
		note(l, false, "%s_file is not an absolute path", setting_rows[key].name);
	} else if (file_read(z, &text, &err) < 0) {
		note(l, false, "%s_file: %s", setting_rows[key].name, err.text);
	} else {
		struct str value = buf_str(&text);

		while (value.n && (value.p[value.n - 1] == '\n' || value.p[value.n - 1] == '\r'))
			value.n--;
		if (value.n)
			assign(l, key, value);
		else
			note(l, false, "%s_file: %s is empty", setting_rows[key].name, z);
	}
	buf_wipe(&text);
}

/* The key of a name; *in_file when the name is the X_file or X__file of a secret. */
static enum setting_key find_key(struct str name, bool *in_file)
{
	static const struct str suffixes[] = {STR_INIT("__file"), STR_INIT("_file")};
	enum setting_key key = setting_find(name);

	*in_file = false;
	for (size_t i = 0; key == SET_COUNT && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (!str_ends(name, suffixes[i]))
			continue;
		key = setting_find(str_head(name, name.n - suffixes[i].n));
		if (key != SET_COUNT && !setting_rows[key].secret)
			key = SET_COUNT;
		*in_file = key != SET_COUNT;
	}
	return key;
}

static void note_unknown(struct loader *l, struct str name)
{
	struct str near = setting_nearest(name);

	name = str_head(name, QUOTED);
	if (near.n)
		note(l, false, "unknown setting '%.*s'; did you mean '%.*s'?", STR_ARG(name), STR_ARG(near));
	else
		note(l, false, "unknown setting '%.*s'; `mailstead config` lists all", STR_ARG(name));
}

static void assign_named(struct loader *l, struct str name, struct str text)
{
	bool in_file;
	enum setting_key key = find_key(name, &in_file);

	if (key == SET_COUNT)
		note_unknown(l, name);
	else if (in_file)
		assign_from_file(l, key, text);
	else
		assign(l, key, text);
}

static void load_defaults(struct loader *l)
{
	struct buf text;

	buf_init(&text, SETTING_VALUE_MAX);
	for (unsigned key = 0; key < SET_COUNT && l->rc == 0; key++) {
		struct setting_value *value = &l->s->values[key];

		buf_clear(&text);
		settings_machine(setting_rows[key].computed, l->from->environment, &text);
		if (text.n == 0)
			buf_add_z(&text, setting_rows[key].fallback);
		assign(l, key, buf_str(&text));
		value->fallback = value->text;
	}
	buf_free(&text);
}

static void load_line(struct loader *l, const struct settings_line *line)
{
	bool in_file;
	enum setting_key key = find_key(line->key, &in_file);
	bool comments = key == SET_COUNT || (!in_file && !setting_may_hold_hash(setting_rows[key].type));
	struct buf value;

	set_where(l, "%s:%u", l->from->file, line->line);
	if (line->wrong) {
		note(l, false, "'%.*s' %s", STR_ARG(str_head(line->key, QUOTED)), line->wrong);
		return;
	}
	buf_init(&value, line->raw.n);
	if (line->raw.n && !buf_room(&value, line->raw.n)) {
		no_memory(l);
		return;
	}
	settings_join(line->raw, comments, &value);
	assign_named(l, line->key, buf_str(&value));
	buf_wipe(&value);
}

static void load_file(struct loader *l)
{
	struct settings_reader reader;
	struct settings_line line;
	struct buf text;
	struct err err;

	if (!l->from->file)
		return;
	l->source = SOURCE_FILE;
	buf_init(&text, SETTINGS_FILE_MAX);
	int rc = file_read(l->from->file, &text, &err);

	if (rc < 0 && (rc != ERR_NOT_FOUND || l->from->file_must_exist))
		note(l, false, "%s", err.text);
	if (rc == 0) {
		settings_reader_init(&reader, buf_str(&text));
		while (l->rc != ERR_MEMORY && settings_reader_next(&reader, &line))
			load_line(l, &line);
	}
	buf_wipe(&text);
	l->where = STR("");
}

/* A service called "mailstead" makes Kubernetes and old Docker links put these
 * into the environment of every container; they are no settings. */
static bool is_service_link(struct str name)
{
	static const struct str starts[] = {STR_INIT("SERVICE_"), STR_INIT("PORT_"), STR_INIT("ENV_")};
	bool link = str_eq(name, STR("PORT")) || str_eq(name, STR("NAME"));

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		link |= str_starts(name, starts[i]);
	return link;
}

static void load_variable(struct loader *l, struct str variable, bool files)
{
	struct str text = variable;
	struct str name = str_skip(str_cut(&text, '='), ENV_PREFIX.n);
	char lower[NAME_BYTES];
	bool in_file;

	name = str_head(name, sizeof(lower));
	for (size_t i = 0; i < name.n; i++)
		lower[i] = ascii_lower(name.p[i]);
	bool unknown = find_key((struct str){lower, name.n}, &in_file) == SET_COUNT;

	if (in_file != files || (unknown && is_service_link(name)))
		return;
	set_where(l, "%.*s%.*s", STR_ARG(ENV_PREFIX), STR_ARG(name));
	assign_named(l, (struct str){lower, name.n}, text);
}

/* The variables that name files first, so that X beats X_FILE in whatever order
 * the environment has them. */
static void load_environment(struct loader *l)
{
	l->source = SOURCE_ENVIRONMENT;
	for (int files = 1; files >= 0; files--)
		for (char *const *v = l->from->environment; v && *v && l->rc != ERR_MEMORY; v++)
			if (str_starts(str_of(*v), ENV_PREFIX))
				load_variable(l, str_of(*v), files);
	l->where = STR("");
}

static void load_overrides(struct loader *l)
{
	l->source = SOURCE_OVERRIDE;
	for (size_t i = 0; i < l->from->override_count && l->rc != ERR_MEMORY; i++) {
		struct str text = str_of(l->from->overrides[i]);
		bool whole = str_find(text, '=') != STR_NONE;
		struct str name = str_trim(str_cut(&text, '='));

		set_where(l, "-o %.*s", STR_ARG(str_head(name, QUOTED)));
		if (whole)
			assign_named(l, name, text);
		else
			note(l, false, "is not of the form KEY=VALUE");
	}
	l->where = STR("");
}

/* Settings that make sense only together. */
static void check_pairs(struct loader *l)
{
	static const enum setting_key pairs[][2] = {
		{SET_TLS_CERT_FILE, SET_TLS_KEY_FILE},
		{SET_RELAY_USER, SET_RELAY_PASSWORD},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		bool first = settings_text(l->s, pairs[i][0]).n > 0;
		bool second = settings_text(l->s, pairs[i][1]).n > 0;
		enum setting_key set = pairs[i][first ? 0 : 1];

		if (first == second)
			continue;
		l->where = settings_origin(l->s, set);
		note(l, false, "%s is set, but %s is not; they go together", setting_rows[set].name,
		     setting_rows[pairs[i][first ? 1 : 0]].name);
	}
}

/* A gate whose share cannot hold the largest message would never take one. */
static void check_memory(struct loader *l)
{
	uint64_t gates = settings_number(l->s, SET_GATES);
	uint64_t size = settings_number(l->s, SET_MESSAGE_SIZE_LIMIT);
	struct str origin = settings_origin(l->s, SET_MEMORY_FOR_LETTERS);

	if (settings_number(l->s, SET_MEMORY_FOR_LETTERS) / gates >= size)
		return;
	l->where = origin.n ? origin : settings_origin(l->s, SET_MESSAGE_SIZE_LIMIT);
	note(l, false,
	     "memory_for_letters is too small: each of the gates needs message_size_limit of it, %llu bytes "
	     "together",
	     (unsigned long long)gates * size);
}

int settings_load(struct settings *s, const struct settings_sources *from, struct err *err)
{
	struct loader l = {.s = s, .from = from, .err = err};

	*s = (struct settings){0};
	arena_init(&s->arena, ARENA_MAX);
	s->values = arena_calloc(&s->arena, SET_COUNT, sizeof(*s->values));
	s->notes = arena_calloc(&s->arena, SETTINGS_NOTES_MAX, sizeof(*s->notes));
	if (!s->values || !s->notes)
		no_memory(&l);
	if (l.rc == 0)
		load_defaults(&l);
	if (l.rc == 0) {
		load_file(&l);
		load_environment(&l);
		load_overrides(&l);
	}
	if (l.rc == 0) {
		check_pairs(&l);
		check_memory(&l);
	}
	return l.rc;
}
