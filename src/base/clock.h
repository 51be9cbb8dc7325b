/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock: the two clocks, and deadlines.
 *
 * Deadlines are absolute times of the monotonic clock in milliseconds, which
 * all processes of the machine share, so a deadline can travel in a message.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* A wait without a deadline: used only where the other side's end wakes us. */
#define NO_DEADLINE INT64_MAX

/* Milliseconds of the monotonic clock. */
int64_t clock_ms(void);
/* Microseconds of the monotonic clock, for measuring turns. */
int64_t clock_us(void);
/* Microseconds since 1970, UTC. */
int64_t clock_wall_us(void);
/* Reads the rules of local time from the system's files, which is possible only before a room's
 * walls; without it clock_zone() tries when it is first called. */
void clock_read_zone(void);
/* How many minutes local time was east of UTC at that moment. */
int clock_zone(int64_t wall_us);
/* The deadline that lies ms milliseconds ahead. */
int64_t deadline_in(int64_t ms);

#endif
