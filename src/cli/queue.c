/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of the running server (see queue.h). */
#include "cli/queue.h"

#include "base/clock.h"
#include "cli/ask.h"
#include "cli/options.h"
#include "cli/queue_list.h"
#include "net/messages.h"
#include "net/queue_actions.h"
#include "store/entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE_MS 60000
#define COPY_STEP 2048
#define LINE_SIZE 64

/* --- what is asked for ------------------------------------------------------------------------ */

static const struct verb_row {
	const char *word;
	enum queue_action action; /* QUEUE_ACTIONS: it changes nothing */
	bool wants_ids; /* without any it is refused */
	bool takes_all;
	const char *done; /* "Deleted: 2 messages" */
} verbs[QUEUE_VERBS] = {
	[QUEUE_VERB_LIST] = {"list", QUEUE_ACTIONS, false, false, NULL},
	[QUEUE_VERB_FLUSH] = {"flush", QUEUE_FLUSH, false, true, "Flushed"},
	[QUEUE_VERB_HOLD] = {"hold", QUEUE_HOLD, true, true, "Placed on hold"},
	[QUEUE_VERB_RELEASE] = {"release", QUEUE_RELEASE, true, true, "Released from hold"},
	[QUEUE_VERB_DELETE] = {"delete", QUEUE_DELETE, true, true, "Deleted"},
	[QUEUE_VERB_SHOW] = {"show", QUEUE_ACTIONS, true, false, NULL},
};

/* Other programs' names, and what their options ask for. */
static const struct name_row {
	const char *program, *option;
	enum queue_verb verb;
} names[] = {
	{"mailq", NULL, QUEUE_VERB_LIST},        {"postqueue", "-p", QUEUE_VERB_LIST},
	{"postqueue", "-f", QUEUE_VERB_FLUSH},   {"postqueue", "-i", QUEUE_VERB_FLUSH},
	{"postsuper", "-d", QUEUE_VERB_DELETE},  {"postsuper", "-h", QUEUE_VERB_HOLD},
	{"postsuper", "-H", QUEUE_VERB_RELEASE}, {"postsuper", "-r", QUEUE_VERB_FLUSH},
	{"postcat", "-q", QUEUE_VERB_SHOW},
};

#define NAMES (sizeof(names) / sizeof(names[0]))

/* As the list writes it: lower-case digits and the mark behind it are fine. */
static bool parse_id(struct str s, uint64_t *id)
{
	char digits[LETTER_ID_SIZE];

	if (s.n == LETTER_ID_SIZE && (s.p[s.n - 1] == '*' || s.p[s.n - 1] == '!'))
		s.n--;
	if (s.n != LETTER_ID_SIZE - 1)
		return false;
	for (size_t i = 0; i < s.n; i++)
		digits[i] = s.p[i] >= 'a' && s.p[i] <= 'f' ? (char)(s.p[i] - 'a' + 'A') : s.p[i];
	return letter_id_parse((struct str){digits, s.n}, id);
}

static int add_id(struct queue_order *order, struct str word, struct err *e)
{
	uint64_t id;

	if (!parse_id(word, &id))
		return err_set(e, ERR_INVALID, "'%.*s' is no queue ID", STR_ARG(word));
	if (order->count == QUEUE_IDS_MAX)
		return err_set(e, ERR_TOO_BIG, "more than %d queue IDs", QUEUE_IDS_MAX);
	if (!order->ids)
		order->ids = calloc(QUEUE_IDS_MAX, sizeof(order->ids[0]));
	if (!order->ids)
		return err_set(e, ERR_MEMORY, "no memory for queue IDs");
	order->ids[order->count++] = id;
	return 0;
}

static int add_word(struct queue_order *order, const char *word, struct err *e)
{
	if (strcmp(word, "ALL") == 0 && verbs[order->verb].takes_all)
		order->all = true;
	else if (strcmp(word, "-") == 0)
		order->from_stdin = true;
	else
		return add_id(order, str_of(word), e);
	return 0;
}

static int check_order(const struct queue_order *order, struct err *e)
{
	const struct verb_row *verb = &verbs[order->verb];
	bool some = order->count > 0 || order->from_stdin;

	if (verb->wants_ids && !some && !order->all)
		return err_set(e, ERR_INVALID, "%s wants a queue ID%s", verb->word,
			       verb->takes_all ? " or ALL" : "");
	if (order->verb == QUEUE_VERB_LIST && some)
		return err_set(e, ERR_INVALID, "list takes no queue IDs; show does");
	return 0;
}

int queue_order_take(struct queue_order *order, int argc, char **argv, struct err *e)
{
	unsigned verb = 0;
	int code = 0;

	*order = (struct queue_order){0};
	while (argc > 1 && verb < QUEUE_VERBS && strcmp(argv[1], verbs[verb].word) != 0)
		verb++;
	if (verb == QUEUE_VERBS)
		return err_set(e, ERR_INVALID, "'%s' is none of list, flush, hold, release, delete and show",
			       argv[1]);
	order->verb = (enum queue_verb)verb;
	for (int i = 2; code == 0 && i < argc; i++)
		code = add_word(order, argv[i], e);
	return code ? code : check_order(order, e);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Takes one argument: an option, with an id attached or not, or an id. */
static int take_argument(struct queue_order *order, const char *program, const char *arg, bool *known,
			 struct err *e)
{
	for (size_t i = 0; i < NAMES; i++) {
		const struct name_row *row = &names[i];

		if (strcmp(program, row->program) != 0 || !row->option || strncmp(arg, row->option, 2) != 0)
			continue;
		if (*known && order->verb != row->verb)
			return err_set(e, ERR_INVALID, "one thing at a time: %s and %s",
				       verbs[order->verb].word, verbs[row->verb].word);
		order->verb = row->verb;
		*known = true;
		return arg[2] ? add_word(order, arg + 2, e) : 0;
	}
	if (arg[0] == '-' && arg[1])
		return err_set(e, ERR_INVALID, "%s has no option %s here", program, arg);
	return add_word(order, arg, e);
}

int queue_order_by_name(struct queue_order *order, int argc, char **argv, struct err *e)
{
	const char *program = base_name(argv[0]);
	bool known = strcmp(program, "mailq") == 0;
	int code = 0;

	*order = (struct queue_order){0};
	for (int i = 1; code == 0 && i < argc; i++)
		code = take_argument(order, program, argv[i], &known, e);
	if (code == 0 && !known)
		code = err_set(e, ERR_INVALID, "%s wants an option that says what to do", program);
	return code ? code : check_order(order, e);
}

void queue_order_free(struct queue_order *order)
{
	free(order->ids);
	*order = (struct queue_order){0};
}

static int read_ids(struct queue_order *order, FILE *in, struct err *e)
{
	char line[LINE_SIZE];
	int code = 0;

	while (code == 0 && fgets(line, sizeof(line), in)) {
		struct str word = str_trim_line(str_of(line));

		if (word.n > 0)
			code = add_id(order, word, e);
	}
	return code;
}

/* --- asking ----------------------------------------------------------------------------------------- */

static int fail(const struct err *e)
{
	fprintf(stderr, "mailstead: %s\n", e->text);
	return EXIT_FAILED;
}

static int co_list(struct chan *c)
{
	struct queue_totals totals = {0};
	struct queue_answer a = {0};
	struct chan_parcel store;
	struct err e;

	while (!a.last) {
		struct queue_question q = {.after = totals.last};
		uint64_t before = totals.letters;

		if (co_ask_queue(c, &q, deadline_in(DEADLINE_MS), &store, &a, &e) != 0)
			return fail(&e);
		bool good = queue_list_page(a.letters, &totals, stdout);

		chan_parcel_free(&store);
		if (!good || (!a.last && totals.letters == before)) {
			err_set(&e, ERR_INVALID, "what the server answered cannot be read");
			return fail(&e);
		}
	}
	queue_list_end(&totals, stdout);
	return EXIT_DONE;
}

static void print_file(int file)
{
	char step[COPY_STEP];
	off_t at = 0;

	for (ssize_t n; (n = pread(file, step, sizeof(step), at)) > 0; at += n)
		fwrite(step, 1, (size_t)n, stdout);
}

static int co_show(struct chan *c, uint64_t id)
{
	struct queue_question q = {.id = id};
	struct queue_letter_question ql = {.id = id};
	struct queue_letter_answer letter;
	struct queue_answer a;
	struct chan_parcel store, letter_store;
	struct err e;

	if (co_ask_queue_letter(c, &ql, deadline_in(DEADLINE_MS), &letter_store, &letter, &e) != 0)
		return fail(&e);
	chan_parcel_free(&letter_store);
	printf("*** ENVELOPE RECORDS %016llX ***\n", (unsigned long long)id);
	if (co_ask_queue(c, &q, deadline_in(DEADLINE_MS), &store, &a, &e) == 0) {
		if (!queue_show_entry(a.letters, stdout))
			printf("message_size: %llu\nnobody is waited for\n", (unsigned long long)letter.size);
		chan_parcel_free(&store);
	}
	printf("*** MESSAGE CONTENTS %016llX ***\n", (unsigned long long)id);
	print_file(letter.file);
	printf("*** MESSAGE FILE END %016llX ***\n", (unsigned long long)id);
	close(letter.file);
	return EXIT_DONE;
}

static int co_change(struct chan *c, enum queue_action action, uint64_t id, uint32_t *count)
{
	struct queue_change_question q = {(uint8_t)action, id};
	struct queue_change_answer a;
	struct chan_parcel store;
	struct err e;

	if (co_ask_queue_change(c, &q, deadline_in(DEADLINE_MS), &store, &a, &e) != 0)
		return fail(&e);
	*count += a.count;
	if (id && a.count == 0)
		fprintf(stderr, "mailstead: %016llX: there is nothing to do\n", (unsigned long long)id);
	chan_parcel_free(&store);
	return id && a.count == 0 ? EXIT_FAILED : EXIT_DONE;
}

static int co_change_all(struct chan *c, const struct queue_order *order)
{
	const struct verb_row *verb = &verbs[order->verb];
	bool all = order->all || (order->count == 0 && !order->from_stdin);
	uint32_t count = 0;
	int status = all ? co_change(c, verb->action, 0, &count) : EXIT_DONE;

	for (size_t i = 0; !all && i < order->count; i++) {
		int one = co_change(c, verb->action, order->ids[i], &count);

		status = one ? one : status;
	}
	if (count > 0 || status == EXIT_DONE)
		fprintf(stderr, "mailstead: %s: %u message%s\n", verb->done, count, count == 1 ? "" : "s");
	return status;
}

static int co_do(struct chan *c, void *arg)
{
	const struct queue_order *order = arg;
	int status = EXIT_DONE;

	if (order->verb == QUEUE_VERB_LIST)
		return co_list(c);
	if (order->verb != QUEUE_VERB_SHOW)
		return co_change_all(c, order);
	for (size_t i = 0; status == EXIT_DONE && i < order->count; i++)
		status = co_show(c, order->ids[i]);
	return status;
}

static int carry_out(struct queue_order *order, int code, struct err *e, const struct settings *s)
{
	int status = EXIT_USAGE;

	if (code == 0 && order->from_stdin)
		code = read_ids(order, stdin, e);
	if (code)
		fprintf(stderr, "mailstead: %s\n", e->text);
	else
		status = ask_room(s, "spool", co_do, order);
	queue_order_free(order);
	return status;
}

int cmd_queue(int argc, char **argv, const struct settings *s)
{
	struct queue_order order;
	struct err e;
	int code = queue_order_take(&order, argc, argv, &e);

	return carry_out(&order, code, &e, s);
}

int cmd_queue_by_name(int argc, char **argv, const struct settings *s)
{
	struct queue_order order;
	struct err e;
	int code = queue_order_by_name(&order, argc, argv, &e);

	return carry_out(&order, code, &e, s);
}
