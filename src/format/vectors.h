/* SPDX-License-Identifier: Apache-2.0 */
/* vectors: how tests read the files of tests/vectors. */
#ifndef FORMAT_VECTORS_H
#define FORMAT_VECTORS_H

#include "base/buf.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

/* Meson compiles and runs in the build folder, from which __FILE__ is relative. */
static inline void vectors_path(char *path, size_t size, const char *dir, const char *name,
				const char *suffix)
{
	struct str here = str_of(__FILE__);

	snprintf(path, size, "%.*s/../../tests/vectors/%s/%s%s", (int)str_rfind(here, '/'), here.p, dir, name,
		 suffix);
}

/* The whole file; false when it cannot be read. buf_free() it. */
static inline bool vectors_read(struct buf *out, const char *dir, const char *name, const char *suffix)
{
	char path[1000], piece[1024];
	size_t n;

	vectors_path(path, sizeof(path), dir, name, suffix);
	buf_init(out, 1 << 20);
	FILE *f = fopen(path, "rb");

	if (!f)
		return false;
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		buf_add(out, piece, n);
	fclose(f);
	return !buf_failed(out);
}

/* Calls each with the names of the files that end in suffix, without it; returns
 * how many there were. */
static inline size_t vectors_each(const char *dir, const char *suffix,
				  void (*each)(const char *dir, const char *name))
{
	char path[1000], name[256];
	size_t count = 0;

	vectors_path(path, sizeof(path), dir, "", "");
	DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d));) {
		struct str file = str_of(e->d_name);

		if (!str_ends(file, str_of(suffix)))
			continue;
		file.n -= str_of(suffix).n;
		snprintf(name, sizeof(name), "%.*s", STR_ARG(file));
		each(dir, name);
		count++;
	}
	if (d)
		closedir(d);
	return count;
}

/* Takes a C-escaped text (\n \r \t \\ \xHH) and adds the bytes. */
static inline void vectors_unescape(struct str s, struct buf *out)
{
	static const struct {
		char name, byte;
	} table[] = {{'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'\\', '\\'}};

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\\' && i + 3 < s.n && s.p[i + 1] == 'x') {
			c = (char)(ascii_hex(s.p[i + 2]) << 4 | ascii_hex(s.p[i + 3]));
			i += 3;
		} else if (c == '\\' && i + 1 < s.n) {
			i++;
			for (size_t k = 0; k < 4; k++)
				if (table[k].name == s.p[i])
					c = table[k].byte;
		}
		buf_add_c(out, c);
	}
}

#endif
