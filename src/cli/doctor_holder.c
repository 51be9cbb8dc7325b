/* SPDX-License-Identifier: Apache-2.0 */
/* From a port to a process, by way of /proc (proc(5)). */
#include "cli/doctor_holder.h"

#include "base/err.h"
#include "base/file.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TABLE_MAX ((size_t)16 << 20)

static bool hex_value(struct str s, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (ascii_hex(s.p[i]) < 0)
			return false;
		*out = *out << 4 | (uint64_t)ascii_hex(s.p[i]);
	}
	return s.n > 0 && s.n <= 8;
}

/* `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode ...` */
static uint64_t inode_of(struct str line, uint16_t port)
{
	struct str fields[10];
	uint64_t value, inode;

	for (size_t i = 0; i < 10; i++)
		fields[i] = str_cut_word(&line);
	size_t colon = str_rfind(fields[1], ':');

	if (colon == STR_NONE || !hex_value(str_skip(fields[1], colon + 1), &value) || value != port)
		return 0;
	/* TCP_LISTEN */
	return str_eq(fields[3], STR("0A")) && str_to_u64(fields[9], &inode) ? inode : 0;
}

uint64_t doctor_listening_inode(struct str table, uint16_t port)
{
	uint64_t inode = 0;

	while (table.n && !inode)
		inode = inode_of(str_trim_line(str_cut(&table, '\n')), port);
	return inode;
}

static uint64_t find_inode(uint16_t port)
{
	static const char *const paths[] = {"/proc/net/tcp", "/proc/net/tcp6"};
	uint64_t inode = 0;
	struct buf table;
	struct err e;

	for (size_t i = 0; i < 2 && !inode; i++) {
		buf_init(&table, TABLE_MAX);
		if (file_read(paths[i], &table, &e) == 0)
			inode = doctor_listening_inode(buf_str(&table), port);
		buf_free(&table);
	}
	return inode;
}

static bool process_has(const char *pid, const char *wanted)
{
	char path[300], target[64];
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	DIR *all = opendir(path);

	for (const struct dirent *d; all && !found && (d = readdir(all));) {
		ssize_t n = readlinkat(dirfd(all), d->d_name, target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = 0;
		found = strcmp(target, wanted) == 0;
	}
	if (all)
		closedir(all);
	return found;
}

static void add_name(const char *pid, struct buf *out)
{
	struct buf name;
	char path[64];
	struct err e;

	buf_init(&name, 64);
	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	if (file_read(path, &name, &e) != 0)
		buf_clear(&name);
	buf_printf(out, "%.*s (process %s)", STR_ARG(str_trim_line(buf_str(&name))), pid);
	buf_free(&name);
}

bool doctor_find_holder(uint16_t port, struct buf *out)
{
	uint64_t inode = find_inode(port);
	char wanted[64];
	bool found = false;
	DIR *all = inode ? opendir("/proc") : NULL;

	snprintf(wanted, sizeof(wanted), "socket:[%llu]", (unsigned long long)inode);
	for (const struct dirent *d; all && !found && (d = readdir(all));) {
		found = ascii_is_digit(d->d_name[0]) && process_has(d->d_name, wanted);
		if (found)
			add_name(d->d_name, out);
	}
	if (all)
		closedir(all);
	return found;
}
