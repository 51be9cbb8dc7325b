/* SPDX-License-Identifier: Apache-2.0 */
/* test_temp: names of the temporary files and folders of tests. */
#ifndef BASE_TEST_TEMP_H
#define BASE_TEST_TEMP_H

#include <stdio.h>
#include <stdlib.h>

/* Short enough that a socket in such a folder has a name too (108 bytes). */
#define TEMP_NAME_MAX 64

/* The template for mkdtemp(3) and mkstemp(3), which replace its last six letters: in the folder that
 * TMPDIR names, which whoever runs the tests empties; else, also when that is a long one, in /tmp. */
static inline char *temp_name(char out[TEMP_NAME_MAX], const char *name)
{
	static const char any[] = "XXXXXX";
	const char *folder = getenv("TMPDIR");

	if (!folder || snprintf(out, TEMP_NAME_MAX, "%s/%s.%s", folder, name, any) >= TEMP_NAME_MAX)
		snprintf(out, TEMP_NAME_MAX, "/tmp/%s.%s", name, any);
	return out;
}

#endif
