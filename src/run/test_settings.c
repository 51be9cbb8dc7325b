/* SPDX-License-Identifier: Apache-2.0 */
#include "run/settings.h"
#include "run/settings_machine.h"
#include "base/test_temp.h"
#include "base/unit.h"

#include <malloc.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include <valgrind/valgrind.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A configuration of the three sources; each list ends in NULL. */
struct fixture {
	char path[TEMP_NAME_MAX];
	struct settings s;
	struct err err;
	int rc;
};

static void write_file(char path[TEMP_NAME_MAX], const char *text)
{
	int fd = mkstemp(temp_name(path, "test_settings"));

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void load(struct fixture *f, const char *text, const char *const *environment,
		 const char *const *overrides)
{
	struct settings_sources from = {.file = f->path, .file_must_exist = true};

	write_file(f->path, text);
	from.environment = (char *const *)environment;
	from.overrides = overrides;
	while (overrides && overrides[from.override_count])
		from.override_count++;
	f->err = (struct err){0};
	f->rc = settings_load(&f->s, &from, &f->err);
	unlink(f->path);
}

static void load_text(struct fixture *f, const char *text)
{
	load(f, text, NULL, NULL);
}

static bool has_note(const struct fixture *f, const char *part)
{
	for (size_t i = 0; i < f->s.note_count; i++)
		if (str_find_str(f->s.notes[i].text, str_of(part)) != STR_NONE)
			return true;
	for (size_t i = 0; i < f->s.note_count; i++)
		print_error("note: %.*s\n", STR_ARG(f->s.notes[i].text));
	return false;
}

static void table_is_consistent(void **state)
{
	for (unsigned key = 0; key < SET_COUNT; key++) {
		const struct setting_row *row = &setting_rows[key];
		struct buf allowed;

		assert_non_null(row->name);
		assert_non_null(row->fallback);
		assert_int_equal(setting_find(str_of(row->name)), key);
		if (key > 0)
			assert_true(strcmp(setting_rows[key - 1].name, row->name) < 0);
		/* One sentence. */
		assert_non_null(row->meaning);
		assert_int_equal(row->meaning[strlen(row->meaning) - 1], '.');
		assert_true(strlen(row->meaning) > 10);
		/* An empty default needs words. */
		if (row->fallback[0] == 0 || row->computed != SETTING_FIXED)
			assert_non_null(row->fallback_says);
		/* Master has every key without a bit. */
		assert_false(row->rooms & ROOM_BIT(ROOM_MASTER));
		assert_true(row->rooms < ROOM_BIT(ROOM_COUNT));
		if (row->type == SETTING_CHOICE || row->type == SETTING_WORDS)
			assert_non_null(row->words);
		if (row->type == SETTING_NUMBER || row->type == SETTING_PATH || row->type == SETTING_TEXT)
			assert_true(row->max > 0);
		buf_init(&allowed, 1000);
		setting_allowed(row, &allowed);
		assert_false(buf_failed(&allowed));
		assert_true(allowed.n > 5);
		buf_free(&allowed);
	}
	/* The secrets and where they may go. */
	for (unsigned key = 0; key < SET_COUNT; key++)
		assert_int_equal(setting_rows[key].secret, key == SET_RELAY_PASSWORD);
	assert_int_equal(setting_rows[SET_RELAY_PASSWORD].rooms, ROOM_BIT(ROOM_RELAY));
	assert_int_equal(setting_rows[SET_TLS_KEY_FILE].rooms, 0);
}

/* The choices' words stand where the enums in the header say. */
static void choices_match_enums(void **state)
{
	static const struct {
		enum setting_key key;
		unsigned choice;
		const char *word;
	} rows[] = {
		{SET_BARE_LF, SETTING_BARE_LF_REFUSE, "refuse"},
		{SET_BARE_LF, SETTING_BARE_LF_NORMALISE, "normalise"},
		{SET_CONFINEMENT, SETTING_CONFINEMENT_FULL, "full"},
		{SET_CONFINEMENT, SETTING_CONFINEMENT_BEST, "best"},
		{SET_CONFINEMENT, SETTING_CONFINEMENT_OFF, "off"},
		{SET_LANGUAGE, SETTING_LANGUAGE_EN, "en"},
		{SET_LANGUAGE, SETTING_LANGUAGE_ZH_CN, "zh_CN"},
		{SET_LOG_FORMAT, SETTING_LOG_FORMAT_TEXT, "text"},
		{SET_LOG_FORMAT, SETTING_LOG_FORMAT_JSON, "json"},
		{SET_LOG_LEVEL, SETTING_LOG_ERROR, "error"},
		{SET_LOG_LEVEL, SETTING_LOG_WARN, "warn"},
		{SET_LOG_LEVEL, SETTING_LOG_INFO, "info"},
		{SET_LOG_LEVEL, SETTING_LOG_DEBUG, "debug"},
		{SET_QUOTA_REPLY, SETTING_QUOTA_552, "552"},
		{SET_QUOTA_REPLY, SETTING_QUOTA_452, "452"},
		{SET_RELAY_TLS, SETTING_RELAY_TLS_MAY, "may"},
		{SET_RELAY_TLS, SETTING_RELAY_TLS_ENCRYPT, "encrypt"},
		{SET_SASL_MECHANISMS, SETTING_SASL_PLAIN, "PLAIN"},
		{SET_SASL_MECHANISMS, SETTING_SASL_LOGIN, "LOGIN"},
		{SET_STACK_GUARD, SETTING_STACK_GUARD_AUTO, "auto"},
		{SET_STACK_GUARD, SETTING_STACK_GUARD_MPROTECT, "mprotect"},
	};
	size_t words = 0;

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(setting_rows[rows[i].key].words[rows[i].choice], rows[i].word);
	for (unsigned key = 0; key < SET_COUNT; key++)
		for (size_t i = 0; setting_rows[key].words && setting_rows[key].words[i]; i++)
			words += setting_rows[key].type != SETTING_PATH;
	assert_int_equal(words, COUNT(rows));
}

static void defaults(void **state)
{
	static const char *const environment[] = {"PATH=/bin", "LANG=zh_CN.UTF-8", NULL};
	struct fixture f;
	size_t count;

	load(&f, "", environment, NULL);
	assert_int_equal(f.rc, 0);
	assert_int_equal(f.s.note_count, 0);
	for (unsigned key = 0; key < SET_COUNT; key++) {
		assert_true(settings_has(&f.s, (enum setting_key)key));
		assert_true(settings_is_default(&f.s, (enum setting_key)key));
		assert_int_equal(settings_origin(&f.s, (enum setting_key)key).n, 0);
	}
	assert_int_equal(settings_number(&f.s, SET_MESSAGE_SIZE_LIMIT), 52428800);
	assert_int_equal(settings_number(&f.s, SET_DRAIN_TIME), 300000);
	assert_true(settings_bool(&f.s, SET_SPOOF_PROTECTION));
	assert_int_equal(settings_choice(&f.s, SET_CONFINEMENT), SETTING_CONFINEMENT_BEST);
	assert_int_equal(settings_choice(&f.s, SET_LANGUAGE), SETTING_LANGUAGE_ZH_CN);
	assert_non_null(settings_listeners(&f.s, SET_LISTEN_SMTP, &count));
	assert_int_equal(count, 1);
	settings_listeners(&f.s, SET_LISTEN_POP3, &count);
	assert_int_equal(count, 0);
	settings_networks(&f.s, SET_MYNETWORKS, &count);
	assert_int_equal(count, 0);
	assert_null(settings_relay(&f.s, SET_RELAY_HOST));
	assert_non_null(settings_resolver(&f.s, SET_RESOLVER));
	assert_in_range(settings_number(&f.s, SET_GATES), 1, 4);
	settings_free(&f.s);
}

static void machine(void **state)
{
	struct utsname names;
	struct buf b;

	assert_str(settings_nameserver(STR("# x\nsearch a\nnameserver\t192.0.2.1 \r\nnameserver ::1")),
		   "192.0.2.1");
	assert_str(settings_nameserver(STR("nameserver fe80::1%eth0\nnameserver ::1")), "::1");
	assert_str(settings_nameserver(STR("nameserver\nnameservers 192.0.2.1")), "");
	assert_str(settings_language(STR("zh_CN")), "zh_CN");
	assert_str(settings_language(STR("zh_TW.UTF-8")), "en");
	assert_str(settings_language(str_of(NULL)), "en");

	char *const environment[] = {(char *)"LANGUAGE=de", (char *)"LAN=x", (char *)"LANG",
				     (char *)"LANG=en_US", NULL};

	assert_str(settings_variable(environment, STR("LANG")), "en_US");
	assert_null(settings_variable(environment, STR("LC_ALL")).p);
	assert_int_equal(uname(&names), 0);
	buf_init(&b, 1000);
	settings_machine(SETTING_MACHINE_NAME, NULL, &b);
	assert_true(b.n == 0 || str_eq(buf_str(&b), str_of(names.nodename)));
	buf_free(&b);
}

static void precedence(void **state)
{
	static const char *const environment[] = {"MAILSTEAD_RELAY_PORT=2", "MAILSTEAD_GATES=2", NULL};
	static const char *const overrides[] = {"relay_port=3", "relay_port = 4", NULL};
	struct fixture f;

	load(&f, "relay_port = 1\ngates = 1\nshards = 1\n", environment, overrides);
	assert_int_equal(f.rc, 0);
	assert_int_equal(f.s.note_count, 0);
	assert_int_equal(settings_number(&f.s, SET_RELAY_PORT), 4);
	assert_str(settings_origin(&f.s, SET_RELAY_PORT), "-o relay_port");
	assert_int_equal(settings_number(&f.s, SET_GATES), 2);
	assert_str(settings_origin(&f.s, SET_GATES), "MAILSTEAD_GATES");
	assert_int_equal(settings_number(&f.s, SET_SHARDS), 1);
	assert_true(str_ends(settings_origin(&f.s, SET_SHARDS), STR(":3")));
	assert_false(settings_is_default(&f.s, SET_RELAY_PORT));
	assert_str(settings_default(&f.s, SET_RELAY_PORT), "25");
	settings_free(&f.s);
}

static void same_as_default(void **state)
{
	struct fixture f;

	load_text(&f, "message_size_limit = 50M\nlisten_pop3 =\nspoof_protection = 1\nlisten_smtp = :25 :26\n"
		      "drain_time = 300 # seconds\nhostname = other.example.org\n");
	assert_int_equal(f.rc, 0);
	assert_true(settings_is_default(&f.s, SET_MESSAGE_SIZE_LIMIT));
	assert_true(settings_is_default(&f.s, SET_LISTEN_POP3));
	assert_true(settings_is_default(&f.s, SET_SPOOF_PROTECTION));
	assert_true(settings_is_default(&f.s, SET_DRAIN_TIME));
	assert_false(settings_is_default(&f.s, SET_LISTEN_SMTP));
	assert_false(settings_is_default(&f.s, SET_HOSTNAME));
	settings_free(&f.s);
}

static void later_line_wins(void **state)
{
	struct fixture f;

	load_text(&f, "gates = 2\n\ngates = 3\n");
	assert_int_equal(f.rc, 0);
	assert_int_equal(settings_number(&f.s, SET_GATES), 3);
	assert_int_equal(f.s.note_count, 1);
	assert_true(f.s.notes[0].warning);
	assert_true(has_note(&f, ":3: gates replaces what "));
	assert_true(has_note(&f, ":1 said"));
	settings_free(&f.s);
}

/* Where '#' cannot stand in a value it begins a comment, elsewhere not. */
static void comments_behind_values(void **state)
{
	struct fixture f;

	load_text(&f, "gates = 2 # two\nrelay_user = a #b\nrelay_password = #c # d\nrecipient_delimiter = #\n"
		      "listen_smtp = :25 # all\n  :26 # more\n");
	assert_int_equal(f.rc, 0);
	assert_int_equal(settings_number(&f.s, SET_GATES), 2);
	assert_str(settings_text(&f.s, SET_RELAY_USER), "a #b");
	assert_str(settings_text(&f.s, SET_RELAY_PASSWORD), "#c # d");
	assert_str(settings_text(&f.s, SET_RECIPIENT_DELIMITER), "#");
	assert_str(settings_text(&f.s, SET_LISTEN_SMTP), ":25 :26");
	settings_free(&f.s);
}

static void sentences(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} rows[] = {
		{"hotsname = a.b", ":1: unknown setting 'hotsname'; did you mean 'hostname'?"},
		{"# x\nHostname = a.b", ":2: unknown setting 'Hostname'; did you mean 'hostname'?"},
		{"colour = red", ":1: unknown setting 'colour'; `mailstead config` lists all"},
		{"a\033b = x", "'a?b'"},
		{"relay_port = 70000", ":1: relay_port: '70000' is not a number from 1 to 65535"},
		{"log_level = inf",
		 ":1: log_level: 'inf' is not one of error, warn, info or debug; did you mean 'info'?"},
		{"log_level", ":1: 'log_level' is not of the form key = value"},
		{"  log_level = info", ":1: 'log_level = info' is indented, but there is no line before it"},
		{"= info", ":1: '= info' has no key before the ="},
		{"hostname_file = /etc/hostname",
		 "unknown setting 'hostname_file'; did you mean 'hostname'?"},
		{"hostname = \n", ":1: hostname: '' is not a host name such as mail.example.org"},
		{"tls_key_file = /k", ":1: tls_key_file is set, but tls_cert_file is not; they go together"},
		{"tls_cert_file = /c", ":1: tls_cert_file is set, but tls_key_file is not"},
		{"relay_user = u", ":1: relay_user is set, but relay_password is not"},
		{"gates = 4\nmemory_for_letters = 100M", ":2: memory_for_letters is too small"},
		{"gates = 1\nmessage_size_limit = 512M", ":2: memory_for_letters is too small"},
		{"gates = 64", "memory_for_letters is too small"},
		{"relay_password_file = secret", ":1: relay_password_file is not an absolute path"},
		{"relay_password_file = /nonexistent/s",
		 ":1: relay_password_file: cannot read /nonexistent/s: No such file or directory"},
		{"relay_password_file = /dev/null", ":1: relay_password_file: /dev/null is empty"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fixture f;

		load_text(&f, rows[i].text);
		assert_int_equal(f.rc, ERR_INVALID);
		assert_true(has_note(&f, rows[i].says));
		assert_non_null(strstr(f.err.text, rows[i].says));
		settings_free(&f.s);
	}
}

static void all_errors_are_found(void **state)
{
	static const char *const environment[] = {"MAILSTEAD_GATE=1", NULL};
	static const char *const overrides[] = {"shards", "shards=x", NULL};
	struct fixture f;
	struct buf many;

	load(&f, "gates = x\nok\nrelay_port = 25\nlog = here\n", environment, overrides);
	assert_int_equal(f.rc, ERR_INVALID);
	assert_int_equal(f.s.note_count, 6);
	assert_true(has_note(&f, ":1: gates: "));
	assert_true(has_note(&f, ":2: "));
	assert_true(has_note(&f, ":4: log: "));
	assert_true(has_note(&f, "MAILSTEAD_GATE: unknown setting 'gate'; did you mean 'gates'?"));
	assert_true(has_note(&f, "-o shards: is not of the form KEY=VALUE"));
	assert_true(has_note(&f, "-o shards: shards: 'x' is not a number from 1 to 64"));
	assert_non_null(strstr(f.err.text, ":1: gates: "));
	settings_free(&f.s);

	buf_init(&many, 10000);
	for (int i = 0; i < 100; i++)
		buf_add_z(&many, "x = y\n");
	buf_add_c(&many, 0);
	load_text(&f, many.p);
	assert_int_equal(f.rc, ERR_INVALID);
	assert_int_equal(f.s.note_count, SETTINGS_NOTES_MAX);
	buf_free(&many);
	settings_free(&f.s);
}

static void missing_files(void **state)
{
	struct settings_sources from = {.file = "/nonexistent/mailstead.conf"};
	struct settings s;
	struct err err = {0};

	assert_int_equal(settings_load(&s, &from, &err), 0);
	settings_free(&s);
	from.file_must_exist = true;
	assert_int_equal(settings_load(&s, &from, &err), ERR_INVALID);
	assert_string_equal(err.text, "cannot read /nonexistent/mailstead.conf: No such file or directory");
	settings_free(&s);
	/* There, but not a file: wrong also when none is asked for. */
	from = (struct settings_sources){.file = "/"};
	assert_int_equal(settings_load(&s, &from, &err), ERR_INVALID);
	settings_free(&s);
	from.file = NULL;
	assert_int_equal(settings_load(&s, &from, &err), 0);
	settings_free(&s);
	settings_free(&s);
}

/* An error in the middle of a file that is too large for the arena's ceiling
 * or the file's own: a sentence, no crash. */
static void large_files(void **state)
{
	struct fixture f;
	struct buf text;

	buf_init(&text, 1 << 20);
	while (text.n <= SETTINGS_FILE_MAX)
		buf_add_z(&text, "gates = 2\n");
	buf_add_c(&text, 0);
	load_text(&f, text.p);
	assert_int_equal(f.rc, ERR_INVALID);
	assert_non_null(strstr(f.err.text, "is larger than 262144 bytes"));
	settings_free(&f.s);

	buf_clear(&text);
	while (text.n < SETTINGS_FILE_MAX - 100)
		buf_add_z(&text, "mynetworks = ::1 ::1 ::1 ::1 ::1 ::1 ::1 ::1 ::1 ::1 ::1 ::1 ::1\n");
	buf_add_c(&text, 0);
	load_text(&f, text.p);
	assert_int_equal(f.rc, 0);
	settings_free(&f.s);
	buf_free(&text);
}

static void secret_files(void **state)
{
	char secret[64], line[200], variable[200];
	const char *environment[] = {variable, NULL, NULL};
	struct fixture f;

	write_file(secret, "p#w d\r\n\n");
	for (int doubled = 0; doubled < 2; doubled++) {
		snprintf(line, sizeof(line), "relay_user=u\nrelay_password_%sfile = %s\n", doubled ? "_" : "",
			 secret);
		load_text(&f, line);
		assert_int_equal(f.rc, 0);
		assert_str(settings_text(&f.s, SET_RELAY_PASSWORD), "p#w d");
		settings_free(&f.s);

		snprintf(variable, sizeof(variable), "MAILSTEAD_RELAY_PASSWORD_%sFILE=%s", doubled ? "_" : "",
			 secret);
		load(&f, "relay_user=u\nrelay_password = other", environment, NULL);
		assert_int_equal(f.rc, 0);
		assert_str(settings_text(&f.s, SET_RELAY_PASSWORD), "p#w d");
		settings_free(&f.s);
	}
	/* The variable itself beats the one that names a file, in either order. */
	environment[1] = "MAILSTEAD_RELAY_PASSWORD=direct";
	const char *turned[] = {environment[1], environment[0], NULL};
	const char *both[] = {environment[0], environment[1], NULL};

	for (int i = 0; i < 2; i++) {
		load(&f, "relay_user=u", i ? turned : both, NULL);
		assert_int_equal(f.rc, 0);
		assert_str(settings_text(&f.s, SET_RELAY_PASSWORD), "direct");
		assert_true(has_note(&f, "MAILSTEAD_RELAY_PASSWORD: relay_password replaces what "
					 "MAILSTEAD_RELAY_PASSWORD__FILE said"));
		settings_free(&f.s);
	}
	unlink(secret);
}

/* A secret's value is in no sentence. */
static void secrets_are_not_quoted(void **state)
{
	struct fixture f;
	struct buf text;

	buf_init(&text, 5000);
	buf_add_z(&text, "relay_password = ");
	for (int i = 0; i < 200; i++)
		buf_add_z(&text, "marked");
	buf_add_c(&text, 0);
	load_text(&f, text.p);
	assert_int_equal(f.rc, ERR_INVALID);
	assert_true(has_note(&f, ":1: relay_password: the value is not a text of at most 1024 bytes"));
	assert_null(strstr(f.err.text, "marked"));
	buf_free(&text);
	settings_free(&f.s);
}

static void foreign_variables(void **state)
{
	static const char *const environment[] = {"MAILSTEAD_SERVICE_HOST=10.0.0.1",
						  "MAILSTEAD_PORT=tcp://10.0.0.1:25",
						  "MAILSTEAD_PORT_25_TCP_ADDR=10.0.0.1",
						  "MAILSTEAD_NAME=/a/b",
						  "MAILSTEAD_ENV_X=1",
						  "MAILSTEADY=1",
						  "RELAY_PORT=9",
						  NULL};
	struct fixture f;

	load(&f, "", environment, NULL);
	assert_int_equal(f.rc, 0);
	assert_int_equal(f.s.note_count, 0);
	assert_int_equal(settings_number(&f.s, SET_RELAY_PORT), 25);
	settings_free(&f.s);
}

/* Each room gets its own keys and no other; the secret is in relay's bytes only. */
static void rooms(void **state)
{
	struct fixture f;

	load_text(&f, "relay_host = [smtp.example.org]:587\nrelay_user = u\nrelay_password = marked-secret\n"
		      "mynetworks = 10.0.0.0/8\nresolver = 192.0.2.53:5353\nsasl_mechanisms = LOGIN\n");
	assert_int_equal(f.rc, 0);
	for (unsigned room = ROOM_MASTER; room < ROOM_COUNT; room++) {
		struct settings got;
		struct buf sent;
		struct err err;
		unsigned count = 0;

		buf_init(&sent, SETTINGS_SENT_MAX);
		settings_put(&f.s, ROOM_BIT(room), &sent);
		assert_false(buf_failed(&sent));
		assert_int_equal(str_find_str(buf_str(&sent), STR("marked-secret")) != STR_NONE,
				 room == ROOM_RELAY);
		assert_int_equal(settings_get(&got, buf_str(&sent), &err), 0);
		buf_wipe(&sent);
		for (unsigned key = 0; key < SET_COUNT; key++) {
			bool has = settings_has(&got, (enum setting_key)key);

			assert_int_equal(has, (setting_rows[key].rooms & ROOM_BIT(room)) != 0);
			count += has;
			if (has)
				assert_true(str_eq(settings_text(&got, (enum setting_key)key),
						   settings_text(&f.s, (enum setting_key)key)));
		}
		assert_true(room == ROOM_MASTER ? count == 0 : count >= 4);
		if (room == ROOM_RELAY) {
			assert_int_equal(settings_relay(&got, SET_RELAY_HOST)->port, 587);
			assert_int_equal(settings_number(&got, SET_RELAY_PORT), 25);
		}
		if (room == ROOM_GATE)
			assert_int_equal(settings_number(&got, SET_SASL_MECHANISMS), 1 << SETTING_SASL_LOGIN);
		settings_free(&got);
	}
	settings_free(&f.s);
}

static void cut_messages(void **state)
{
	struct fixture f;
	struct settings got;
	struct buf sent;
	struct err err;

	load_text(&f, "");
	buf_init(&sent, SETTINGS_SENT_MAX);
	settings_put(&f.s, ROOM_BIT(ROOM_KEEPER), &sent);
	for (size_t n = 0; n < sent.n; n++) {
		assert_true(settings_get(&got, str_head(buf_str(&sent), n), &err) < 0);
		settings_free(&got);
	}
	buf_add_c(&sent, 0);
	assert_int_equal(settings_get(&got, buf_str(&sent), &err), ERR_INVALID);
	settings_free(&got);

	static const char *const bad[][2] = {{"no_such_key", "1"}, {"gates", "0"}, {"gates", "a"}};

	for (size_t i = 0; i < COUNT(bad); i++) {
		buf_clear(&sent);
		buf_put_u16(&sent, 1);
		buf_put_str(&sent, str_of(bad[i][0]));
		buf_put_str(&sent, str_of(bad[i][1]));
		assert_int_equal(settings_get(&got, buf_str(&sent), &err), ERR_INVALID);
		settings_free(&got);
	}
	buf_clear(&sent);
	buf_put_u16(&sent, 2);
	for (int i = 0; i < 2; i++) {
		buf_put_str(&sent, STR("gates"));
		buf_put_str(&sent, STR("1"));
	}
	assert_int_equal(settings_get(&got, buf_str(&sent), &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "sent twice"));
	settings_free(&got);
	/* Too small a buffer gets nothing. */
	buf_free(&sent);
	buf_init(&sent, 20);
	settings_put(&f.s, ROOM_BIT(ROOM_KEEPER), &sent);
	assert_true(buf_failed(&sent));
	assert_int_equal(sent.n, 0);
	buf_free(&sent);
	settings_free(&f.s);
}

#ifndef MAILSTEAD_SANITIZED
#define MARK_BYTES 200

/* The marked secret, byte by byte, so that looking for it makes no copy. */
static char mark(size_t i)
{
	return (char)('!' + (i * 37 + i * i * 11) % 90);
}

/* The allocator puts its own words over the first 16 bytes of what is freed. */
static bool is_mark(const char *p)
{
	for (size_t i = 16; i < MARK_BYTES; i++)
		if (p[i] != mark(i))
			return false;
	return true;
}

/* How often the mark stands in this process's heap, freed memory included. */
static unsigned marks_in_heap(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	unsigned found = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		uintptr_t start, end;

		if (!strstr(line, "[heap]") || sscanf(line, "%lx-%lx", &start, &end) != 2)
			continue;
		for (const char *p = (const char *)start; p + MARK_BYTES <= (const char *)end; p++)
			found += is_mark(p);
	}
	fclose(maps);
	return found;
}

/* A secret leaves no copy behind: neither from the configuration file nor from
 * a file of its own, nor on its way to a room. */
static void secrets_are_wiped(void **state)
{
	char text[400] = "relay_user = u\nrelay_password = ";
	size_t n = strlen(text);
	char secret[64], line[200];
	struct fixture f;

	/* Its heap is elsewhere, and it minds looking at freed memory. */
	if (RUNNING_ON_VALGRIND)
		skip();
	/* Freed memory shall show what stood in it. */
	mallopt(M_PERTURB, 0);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	for (size_t i = 0; i < MARK_BYTES; i++)
		text[n + i] = mark(i);
	write_file(secret, text + n);
	snprintf(line, sizeof(line), "relay_user = u\nrelay_password_file = %s\n", secret);
	for (int own_file = 0; own_file < 2; own_file++) {
		struct settings got;
		struct buf sent;

		load(&f, own_file ? line : text, NULL, NULL);
		assert_int_equal(f.rc, 0);
		assert_true(marks_in_heap() == 1);
		buf_init(&sent, SETTINGS_SENT_MAX);
		settings_put(&f.s, ROOM_BIT(ROOM_RELAY), &sent);
		assert_int_equal(settings_get(&got, buf_str(&sent), &f.err), 0);
		assert_true(marks_in_heap() == 3);
		buf_wipe(&sent);
		settings_free(&got);
		settings_free(&f.s);
		assert_int_equal(marks_in_heap(), 0);
	}
	unlink(secret);
}
#endif

static bool aborts(const struct settings *s, void (*ask)(const struct settings *))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		/* The assertion's own words are not the test's. */
		close(2);
		signal(SIGABRT, SIG_DFL);
		ask(s);
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void ask_password(const struct settings *s)
{
	settings_text(s, SET_RELAY_PASSWORD);
}

static void ask_networks(const struct settings *s)
{
	settings_text(s, SET_MYNETWORKS);
}

static void ask_wrong_type(const struct settings *s)
{
	settings_bool(s, SET_MYNETWORKS);
}

static void wrong_questions_abort(void **state)
{
	struct fixture f;
	struct settings got;
	struct buf sent;

	load_text(&f, "");
	buf_init(&sent, SETTINGS_SENT_MAX);
	settings_put(&f.s, ROOM_BIT(ROOM_KEEPER), &sent);
	assert_int_equal(settings_get(&got, buf_str(&sent), &f.err), 0);
	assert_true(aborts(&got, ask_password));
	assert_true(aborts(&got, ask_wrong_type));
	assert_false(aborts(&got, ask_networks));
	settings_free(&got);
	buf_free(&sent);
	settings_free(&f.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_consistent),
		cmocka_unit_test(choices_match_enums),
		cmocka_unit_test(defaults),
		cmocka_unit_test(machine),
		cmocka_unit_test(precedence),
		cmocka_unit_test(same_as_default),
		cmocka_unit_test(later_line_wins),
		cmocka_unit_test(comments_behind_values),
		cmocka_unit_test(sentences),
		cmocka_unit_test(all_errors_are_found),
		cmocka_unit_test(missing_files),
		cmocka_unit_test(large_files),
		cmocka_unit_test(secret_files),
		cmocka_unit_test(secrets_are_not_quoted),
		cmocka_unit_test(foreign_variables),
		cmocka_unit_test(rooms),
		cmocka_unit_test(cut_messages),
#ifndef MAILSTEAD_SANITIZED
		cmocka_unit_test(secrets_are_wiped),
#endif
		cmocka_unit_test(wrong_questions_abort),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
