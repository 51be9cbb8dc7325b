/* SPDX-License-Identifier: Apache-2.0 */
/* queue: `mailstead queue`, and mailq, postqueue, postsuper and postcat. */
#ifndef CLI_QUEUE_H
#define CLI_QUEUE_H

#include "base/err.h"
#include "run/settings.h"

enum queue_verb {
	QUEUE_VERB_LIST,
	QUEUE_VERB_FLUSH,
	QUEUE_VERB_HOLD,
	QUEUE_VERB_RELEASE,
	QUEUE_VERB_DELETE,
	QUEUE_VERB_SHOW,
	QUEUE_VERBS
};

#define QUEUE_IDS_MAX 10000

/* What is to be done, and to which letters. */
struct queue_order {
	enum queue_verb verb;
	bool all;
	bool from_stdin; /* more ids stand there, one a line */
	uint64_t *ids;
	size_t count;
};

/* argv[0] is the command's word.  ERR_INVALID with a sentence.  queue_order_free in any
 * case. */
int queue_order_take(struct queue_order *order, int argc, char **argv, struct err *e);
/* The same for a program of one of the names; argv[0] is its path. */
int queue_order_by_name(struct queue_order *order, int argc, char **argv, struct err *e);
void queue_order_free(struct queue_order *order);

int cmd_queue(int argc, char **argv, const struct settings *s);
int cmd_queue_by_name(int argc, char **argv, const struct settings *s);

#endif
