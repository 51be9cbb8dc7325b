/* SPDX-License-Identifier: Apache-2.0 */
/* Collecting warnings about lines. */
#include "keeper/warnings.h"

#include <stdarg.h>
#include <stdio.h>

void warnings_add(struct warnings *w, struct arena *a, const char *file, size_t line, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	if (w->n++ >= WARNINGS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct warning *warning = arena_alloc(a, sizeof(*warning));
	const char *copy = arena_z(a, str_of(text));

	if (!warning || !copy)
		return;
	*warning = (struct warning){.file = file, .line = line, .text = copy};
	if (w->last)
		w->last->next = warning;
	else
		w->first = warning;
	w->last = warning;
}
