/* SPDX-License-Identifier: Apache-2.0 */
/*
 * warnings: what a table file says that was not taken, line by line.
 *
 * A bad line costs that line, never the table; a person reads the sentences in
 * the log.  At most WARNINGS_MAX are kept, all are counted.
 */
#ifndef KEEPER_WARNINGS_H
#define KEEPER_WARNINGS_H

#include "base/arena.h"

#define WARNINGS_MAX 100

struct warning {
	const struct warning *next;
	const char *file; /* its usual name, without folder */
	size_t line;
	const char *text;
};

struct warnings {
	const struct warning *first; /* in the order of the lines */
	struct warning *last;
	size_t n; /* also those that were not kept */
};

/* Kept in the arena; dropped (but counted) when that is full. */
__attribute__((format(printf, 5, 6))) void warnings_add(struct warnings *w, struct arena *a, const char *file,
							size_t line, const char *fmt, ...);

#endif
