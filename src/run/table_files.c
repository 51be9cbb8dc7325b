/* SPDX-License-Identifier: Apache-2.0 */
/* Names of table files. */
#include "run/table_files.h"

#include "run/accounts_file.h"
#include "run/aliases_file.h"

static const char *const names[TABLE_COUNT] = {
	[TABLE_ACCOUNTS] = ACCOUNTS_FILE,
	[TABLE_VIRTUALS] = ALIASES_FILE,
	[TABLE_REGEXPS] = REGEXP_FILE,
	[TABLE_LOCALS] = LOCAL_ALIASES_FILE,
};

const char *table_file_name(enum table_file table)
{
	return names[table];
}
