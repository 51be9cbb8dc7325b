/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the clocks. */
#include "base/clock.h"

#include <time.h>

int64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_ms(void)
{
	return clock_us() / 1000;
}

int64_t clock_wall_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void clock_read_zone(void)
{
	tzset();
}

int clock_zone(int64_t wall_us)
{
	time_t seconds = (time_t)(wall_us / 1000000);
	struct tm tm;

	return localtime_r(&seconds, &tm) ? (int)(tm.tm_gmtoff / 60) : 0;
}

int64_t deadline_in(int64_t ms)
{
	int64_t at;

	return __builtin_add_overflow(clock_ms(), ms, &at) ? NO_DEADLINE : at;
}
