/* SPDX-License-Identifier: Apache-2.0 */
/* The command that shows settings. */
#include "cli/config.h"

#include "cli/options.h"

/* Written before "#" and a blank are counted. */
#define LINE_WIDTH 78

/* One sentence as comment lines. */
static void print_comment(const char *text, FILE *out)
{
	struct str rest = str_of(text);
	size_t column = 0;

	while (rest.n) {
		struct str word = str_cut_word(&rest);

		if (column > 0 && column + 1 + word.n > LINE_WIDTH) {
			fputc('\n', out);
			column = 0;
		}
		fprintf(out, "%s%.*s", column ? " " : "# ", STR_ARG(word));
		column += word.n + 1;
	}
	fputc('\n', out);
}

static void print_default(const struct settings *s, enum setting_key key, FILE *out)
{
	const struct setting_row *row = &setting_rows[key];
	struct str text = settings_default(s, key);

	if (!row->fallback_says)
		fprintf(out, "#   default: %.*s\n", STR_ARG(text));
	else if (text.n == 0)
		fprintf(out, "#   default: %s\n", row->fallback_says);
	else
		fprintf(out, "#   default: %s (here %.*s)\n", row->fallback_says, STR_ARG(text));
}

static void print_setting(const struct settings *s, enum setting_key key, FILE *out)
{
	const struct setting_row *row = &setting_rows[key];
	struct str value = settings_text(s, key);
	struct str origin = settings_origin(s, key);

	if (row->secret && value.n)
		value = STR("********");
	print_comment(row->meaning, out);
	print_default(s, key, out);
	if (origin.n)
		fprintf(out, "#   set by: %.*s\n", STR_ARG(origin));
	fprintf(out, "%s =%s%.*s\n", row->name, value.n ? " " : "", STR_ARG(value));
}

static int refuse_key(const char *name, FILE *errors)
{
	struct str near = setting_nearest(str_of(name));

	fprintf(errors, "mailstead: unknown setting '%s'", name);
	if (near.n)
		fprintf(errors, "; did you mean '%.*s'?\n", STR_ARG(near));
	else
		fputs("; `mailstead config` lists all\n", errors);
	return EXIT_USAGE;
}

/* Marks what is asked for; EXIT_USAGE where it is no setting or option. */
static int mark(int argc, char **argv, bool wanted[SET_COUNT], bool *only_changed, FILE *errors)
{
	bool any = false;
	bool ended = false;

	for (int i = 1; i < argc; i++) {
		enum setting_key key = setting_find(str_of(argv[i]));

		if (!ended && strcmp(argv[i], "--") == 0) {
			ended = true;
		} else if (!ended && strcmp(argv[i], "-n") == 0) {
			*only_changed = true;
		} else if (!ended && argv[i][0] == '-') {
			fprintf(errors,
				"mailstead: config knows no option '%s'; usage: mailstead config [-n] "
				"[KEY...]\n",
				argv[i]);
			return EXIT_USAGE;
		} else if (key == SET_COUNT) {
			return refuse_key(argv[i], errors);
		} else {
			wanted[key] = any = true;
		}
	}
	for (unsigned key = 0; key < SET_COUNT && !any; key++)
		wanted[key] = true;
	return EXIT_DONE;
}

int cmd_config(int argc, char **argv, const struct settings *s, FILE *out, FILE *errors)
{
	bool wanted[SET_COUNT] = {false};
	bool only_changed = false;
	const char *between = "";
	int status = mark(argc, argv, wanted, &only_changed, errors);

	if (status != EXIT_DONE)
		return status;
	for (unsigned i = 0; i < SET_COUNT; i++) {
		enum setting_key key = (enum setting_key)i;

		if (!wanted[key] || (only_changed && settings_is_default(s, key)))
			continue;
		fputs(between, out);
		print_setting(s, key, out);
		between = "\n";
	}
	if (fflush(out) == EOF || ferror(out)) {
		fputs("mailstead: cannot write the settings\n", errors);
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

void config_write_file(const struct settings *s, FILE *out)
{
	fputs("# Configuration of mailstead.  What stands behind a # has its default; remove the # and\n"
	      "# change it, then `mailstead reload`.\n",
	      out);
	for (unsigned i = 0; i < SET_COUNT; i++) {
		enum setting_key key = (enum setting_key)i;
		bool set = str_starts(settings_origin(s, key), STR("-o "));
		struct str value = set ? settings_text(s, key) : settings_default(s, key);

		fputc('\n', out);
		print_comment(setting_rows[key].meaning, out);
		print_default(s, key, out);
		fprintf(out, "%s%s =%s%.*s\n", set ? "" : "#", setting_rows[key].name, value.n ? " " : "",
			STR_ARG(value));
	}
}
