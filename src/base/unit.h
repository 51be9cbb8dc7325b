/* SPDX-License-Identifier: Apache-2.0 */
/* unit: what every cmocka test file includes, and comparisons of our own types. */
#ifndef BASE_UNIT_H
#define BASE_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

#define assert_str(got, want) assert_str_at((got), str_of(want), __FILE__, __LINE__)

static inline void assert_str_at(struct str got, struct str want, const char *file, int line)
{
	if (!str_eq(got, want)) {
		print_error("got \"%.*s\", want \"%.*s\"\n", STR_ARG(got), STR_ARG(want));
		_fail(file, line);
	}
}

#endif
