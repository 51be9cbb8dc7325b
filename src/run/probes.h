/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probes: attempts at what the walls forbid.
 *
 * `mailstead probe-walls` starts each room once per probe; the room builds its
 * walls, makes the attempt and reports.  The test compares what came of it with
 * what the row of walls.c says.
 */
#ifndef RUN_PROBES_H
#define RUN_PROBES_H

#include "run/walls.h"

#include <stdbool.h>

/* What a result below 0 means; others are the errno, 0 success. */
#define PROBE_KILLED (-1)

unsigned probes_count(void);
const char *probes_name(unsigned probe);
/* Makes the attempt in this process; it may be the end of it.  folder: the room's data
 * folder, -1 when it has none. */
int probes_run(unsigned probe, int folder);
/* Whether the row lets the attempt succeed. */
bool probes_allowed(unsigned probe, const struct wall_row *row);

#endif
