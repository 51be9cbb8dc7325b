/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_files: the files of config_dir that say who is who.  Master reads them and
 * hands their contents over (the `table` message); keeper parses them.
 */
#ifndef RUN_TABLE_FILES_H
#define RUN_TABLE_FILES_H

#define REGEXP_FILE "postfix-regexp.cf"
#define LOCAL_ALIASES_FILE "postfix-aliases.cf"

/* Largest file that is read. */
#define TABLE_CONTENTS_MAX (16u << 20)

enum table_file { TABLE_ACCOUNTS, TABLE_VIRTUALS, TABLE_REGEXPS, TABLE_LOCALS, TABLE_COUNT };

/* The name without its folder. */
const char *table_file_name(enum table_file table);

#endif
