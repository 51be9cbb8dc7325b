/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a letter in the log (see trace.h). */
#include "cli/trace.h"

#include "base/nummap.h"
#include "cli/options.h"
#include "cli/trace_line.h"
#include "format/log_text.h"
#include "run/logfile.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* What is longer is cut in pieces, and only the first is looked at (master writes at
 * most 3000 bytes). */
#define LINE_SIZE 3500
#define LETTERS_MAX 100000
#define OUTPUT_MAX ((size_t)256 << 20)

struct letter {
	uint64_t id;
	struct buf lines;
};

struct trace {
	bool by_id;
	uint64_t id;
	struct str address; /* as the log escapes it */
	char paths[2][PATH_MAX + 3]; /* the older first */
	struct nummap known; /* struct letter by id */
	struct letter *letters; /* in the order they came; room for LETTERS_MAX */
	size_t count;
	struct buf others; /* lines of no letter */
	size_t kept; /* bytes of all lines */
	bool too_much;
};

/* --- what belongs to the answer ------------------------------------------------------------- */

static void add_letter(struct trace *t, uint64_t id)
{
	if (nummap_get(&t->known, id))
		return;
	if (t->count == LETTERS_MAX) {
		t->too_much = true;
		return;
	}
	struct letter *l = &t->letters[t->count++];

	l->id = id;
	buf_init(&l->lines, OUTPUT_MAX);
	nummap_put(&t->known, id, l);
}

/* The first time through the log: which letters. */
static void look(struct trace *t, struct str line, struct str text)
{
	uint64_t id;

	if (!t->by_id && trace_text_id(text, &id) && trace_text_names(text, t->address))
		add_letter(t, id);
}

static void keep_line(struct trace *t, struct buf *where, struct str line)
{
	if (t->kept + line.n > OUTPUT_MAX) {
		t->too_much = true;
		return;
	}
	t->kept += line.n;
	buf_add_str(where, line);
}

/* The second time: their lines. */
static void keep(struct trace *t, struct str line, struct str text)
{
	uint64_t id;
	bool has_id = trace_text_id(text, &id);
	struct letter *l = has_id ? nummap_get(&t->known, id) : NULL;

	if (l)
		keep_line(t, &l->lines, line);
	else if (t->by_id ? trace_text_mentions(text, t->id) : trace_text_names(text, t->address))
		keep_line(t, t->by_id ? &t->letters[0].lines : &t->others, line);
}

/* --- the files -------------------------------------------------------------------------------- */

static void read_lines(struct trace *t, FILE *f,
		       void (*take)(struct trace *t, struct str line, struct str text))
{
	char line[LINE_SIZE];
	struct buf scratch;
	bool begins = true;

	buf_init(&scratch, sizeof(line));
	while (fgets(line, sizeof(line), f)) {
		struct str all = str_of(line);
		bool ends = str_ends(all, STR("\n"));

		/* An unfinished last line will be read another time. */
		if (begins && (ends || all.n + 1 == sizeof(line)))
			take(t, all, trace_line_text(str_trim_line(all), &scratch));
		begins = ends;
	}
	buf_free(&scratch);
}

/* EXIT_FAILED when there is not even the present file. */
static int read_files(struct trace *t, void (*take)(struct trace *t, struct str line, struct str text),
		      FILE *errors)
{
	struct err e;

	for (size_t i = 0; i < 2; i++) {
		FILE *f = fopen(t->paths[i], "re");

		if (f) {
			read_lines(t, f, take);
			fclose(f);
		} else if (i == 1 || errno != ENOENT) {
			err_errno(&e, "cannot read the log %s", t->paths[i]);
			fprintf(errors, "mailstead: %s\n", e.text);
			return EXIT_FAILED;
		}
	}
	return EXIT_DONE;
}

static void find_paths(struct trace *t, const struct settings *s)
{
	const char *log = settings_text(s, SET_LOG).p;

	if (log[0] == '/')
		snprintf(t->paths[1], sizeof(t->paths[1]), "%s", log);
	else
		snprintf(t->paths[1], sizeof(t->paths[1]), "%s/log/" LOGFILE_COPY,
			 settings_text(s, SET_DATA_DIR).p);
	snprintf(t->paths[0], sizeof(t->paths[0]), "%s.1", t->paths[1]);
}

/* --- the answer ---------------------------------------------------------------------------------- */

static void print_group(const struct buf *lines, const char **between, FILE *out)
{
	if (lines->n == 0)
		return;
	fputs(*between, out);
	fwrite(lines->p, 1, lines->n, out);
	*between = "\n";
}

static int print(const struct trace *t, const char *asked, FILE *out, FILE *errors)
{
	const char *between = "";

	for (size_t i = 0; i < t->count; i++)
		print_group(&t->letters[i].lines, &between, out);
	print_group(&t->others, &between, out);
	if (t->too_much)
		fprintf(errors, "mailstead: there is more than is shown; ask for one letter\n");
	if (t->kept > 0)
		return EXIT_DONE;
	fprintf(errors, "mailstead: the log knows nothing of %s\n", asked);
	return EXIT_FAILED;
}

static int run(struct trace *t, const char *asked, FILE *out, FILE *errors)
{
	int status = read_files(t, look, errors);

	if (t->by_id)
		add_letter(t, t->id);
	if (status == EXIT_DONE)
		status = read_files(t, keep, errors);
	return status == EXIT_DONE ? print(t, asked, out, errors) : status;
}

static void forget(struct trace *t)
{
	for (size_t i = 0; i < t->count; i++)
		buf_free(&t->letters[i].lines);
	buf_free(&t->others);
	nummap_free(&t->known);
	free(t->letters);
	free(t);
}

/* <a@b> and a@b are the same; <> is the null sender. */
static bool is_address(struct str *asked)
{
	if (str_eq(*asked, STR("<>"))) {
		*asked = STR("");
		return true;
	}
	if (str_starts(*asked, STR("<")) && str_ends(*asked, STR(">")))
		*asked = str_head(str_skip(*asked, 1), asked->n - 2);
	return str_find(*asked, '@') != STR_NONE;
}

int cmd_trace(int argc, char **argv, const struct settings *s, FILE *out, FILE *errors)
{
	struct str asked = str_of(argc == 2 ? argv[1] : "");
	struct buf escaped;
	uint64_t id = 0;
	bool by_id = trace_id_parse(asked, &id);

	if (!by_id && !is_address(&asked)) {
		fprintf(errors, "usage: mailstead trace ID|ADDRESS\n");
		return EXIT_USAGE;
	}
	struct trace *t = calloc(1, sizeof(*t));

	if (t)
		t->letters = calloc(LETTERS_MAX, sizeof(*t->letters));
	if (!t || !t->letters) {
		free(t);
		fprintf(errors, "mailstead: no memory\n");
		return EXIT_FAILED;
	}
	buf_init(&escaped, LINE_SIZE);
	log_text_add(&escaped, asked, LINE_SIZE / 2);
	buf_init(&t->others, OUTPUT_MAX);
	t->by_id = by_id;
	t->id = id;
	t->address = buf_str(&escaped);
	find_paths(t, s);
	int status = run(t, argv[1], out, errors);

	forget(t);
	buf_free(&escaped);
	return status;
}
