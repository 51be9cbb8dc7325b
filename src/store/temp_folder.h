/* SPDX-License-Identifier: Apache-2.0 */
/* temp_folder: for tests, a folder of their own on the real disk. */
#ifndef STORE_TEMP_FOLDER_H
#define STORE_TEMP_FOLDER_H

#include "base/test_temp.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct temp_folder {
	char path[TEMP_NAME_MAX];
	int fd;
};

static inline int temp_folder_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static inline int temp_folder_make(struct temp_folder *t)
{
	if (!mkdtemp(temp_name(t->path, "test_folder")))
		return -1;
	t->fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return t->fd < 0 ? -1 : 0;
}

static inline void temp_folder_remove(struct temp_folder *t)
{
	close(t->fd);
	nftw(t->path, temp_folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
