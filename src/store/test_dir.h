/* SPDX-License-Identifier: Apache-2.0 */
/* test_dir: a data folder for one test of the store, and copies of it that
 * stand for what a crash leaves. */
#ifndef STORE_TEST_DIR_H
#define STORE_TEST_DIR_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/test_temp.h"
#include "base/unit.h"

#define TEST_DIR_MAX TEMP_NAME_MAX

static inline void test_dir_make(char dir[TEST_DIR_MAX])
{
	assert_non_null(mkdtemp(temp_name(dir, "test_store")));
}

static inline int test_dir_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return remove(path);
}

static inline void test_dir_remove(const char *dir)
{
	nftw(dir, test_dir_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
