/* SPDX-License-Identifier: Apache-2.0 */
/* The system flags' names. */
#include "format/imap_flag.h"

static const struct str names[IMAP_FLAG_COUNT] = {
	STR_INIT("\\Answered"), STR_INIT("\\Flagged"), STR_INIT("\\Deleted"),
	STR_INIT("\\Seen"),     STR_INIT("\\Draft"),   STR_INIT("\\Recent"),
};

struct str imap_flag_name(unsigned i)
{
	return names[i];
}

unsigned imap_flag_of(struct str name)
{
	for (unsigned i = 0; i < IMAP_FLAG_COUNT; i++)
		if (str_eq_nocase(names[i], name))
			return 1u << i;
	return 0;
}
