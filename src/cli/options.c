/* SPDX-License-Identifier: Apache-2.0 */
/* The options that all commands share. */
#include "cli/options.h"

static int add_override(struct options *o, const char *text, struct err *err)
{
	if (!strchr(text, '=') || text[0] == '=')
		return err_set(err, ERR_INVALID, "-o wants KEY=VALUE, not '%s'", text);
	if (o->override_count == OPTIONS_OVERRIDES_MAX)
		return err_set(err, ERR_INVALID, "more than %d options -o", OPTIONS_OVERRIDES_MAX);
	o->overrides[o->override_count++] = text;
	return 0;
}

static int set_file(struct options *o, const char *file, struct err *err)
{
	if (file[0] == 0)
		return err_set(err, ERR_INVALID, "-c wants a file's name");
	if (o->file)
		return err_set(err, ERR_INVALID, "-c stands twice");
	o->file = file;
	return 0;
}

/* The option's value, attached or in the next argument; *used counts both. */
static const char *value_of(int left, char **argv, int *used)
{
	*used = argv[0][2] ? 1 : 2;
	if (argv[0][2])
		return argv[0] + 2;
	return left > 1 ? argv[1] : NULL;
}

static bool is_ours(const char *arg)
{
	if (arg[0] != '-' || (arg[1] != 'c' && arg[1] != 'o'))
		return false;
	/* Attached: -cFILE could be another command's option; -oK=V could not. */
	return arg[2] == 0 || (arg[1] == 'o' && strchr(arg, '='));
}

/* Takes what stands first in argv; *used is how many arguments it has, 0 when
 * it is the command's. */
static int take_one(struct options *o, int left, char **argv, int *used, struct err *err)
{
	*used = 0;
	if (!is_ours(argv[0]))
		return 0;
	const char *value = value_of(left, argv, used);

	if (!value)
		return err_set(err, ERR_INVALID, "%s wants %s behind it", argv[0],
			       argv[0][1] == 'c' ? "a file's name" : "KEY=VALUE");
	return argv[0][1] == 'c' ? set_file(o, value, err) : add_override(o, value, err);
}

int options_take(struct options *o, int argc, char **argv, struct err *err)
{
	bool ended = false;
	int kept = 0;

	*o = (struct options){.argv = argv};
	for (int i = 1; i < argc;) {
		int used = 0;
		int rc;

		ended = ended || strcmp(argv[i], "--") == 0;
		rc = ended ? 0 : take_one(o, argc - i, argv + i, &used, err);
		if (rc < 0)
			return rc;
		if (used == 0)
			argv[kept++] = argv[i++];
		else
			i += used;
	}
	if (argc > 0)
		argv[kept] = NULL;
	o->argc = kept;
	return 0;
}

int options_load(const struct options *o, char *const *environment, struct settings *s, FILE *errors)
{
	struct settings_sources from = {
		.file = o->file ? o->file : SETTINGS_FILE,
		.file_must_exist = o->file != NULL,
		.overrides = o->overrides,
		.override_count = o->override_count,
		.environment = environment,
	};
	struct err err;
	int rc = settings_load(s, &from, &err);

	for (size_t i = 0; i < s->note_count; i++)
		fprintf(errors, "mailstead: %s%.*s\n", s->notes[i].warning ? "warning: " : "",
			STR_ARG(s->notes[i].text));
	/* Out of memory has no note. */
	if (rc == ERR_MEMORY)
		fprintf(errors, "mailstead: %s\n", err.text);
	return rc < 0 ? EXIT_FAILED : EXIT_DONE;
}
