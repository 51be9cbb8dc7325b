/* SPDX-License-Identifier: Apache-2.0 */
/* The lock that keeps a second writer out. */
#include "store/lock.h"

#include "base/clock.h"
#include "base/unit.h"
#include "store/temp_folder.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static void second_writer_waits_and_is_refused(void **state)
{
	struct temp_folder t;
	int first, second;
	struct err e;

	assert_int_equal(temp_folder_make(&t), 0);
	assert_int_equal(store_lock(t.fd, "lock", 0, &first, &e), 0);
	int64_t began = clock_ms();

	assert_int_equal(store_lock(t.fd, "lock", 60, &second, &e), ERR_BUSY);
	assert_true(clock_ms() - began >= 60);
	/* A copy of the descriptor holds the lock on. */
	int copy = dup(first);

	close(first);
	assert_int_equal(store_lock(t.fd, "lock", 0, &second, &e), ERR_BUSY);
	close(copy);
	assert_int_equal(store_lock(t.fd, "lock", 0, &second, &e), 0);
	close(second);
	assert_int_equal(store_lock(t.fd, "no/such", 0, &second, &e), ERR_IO);
	temp_folder_remove(&t);
}

/* The new writer gets it when the old one dies, however. */
static void ends_with_its_process(void **state)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	struct temp_folder t;
	struct err e;
	int ready[2], fd, status;
	char byte;

	assert_int_equal(temp_folder_make(&t), 0);
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();

	if (child == 0) {
		if (store_lock(t.fd, "lock", 0, &fd, &e) == 0 && write(ready[1], "x", 1) == 1)
			nanosleep(&pause, NULL);
		raise(SIGKILL);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(store_lock(t.fd, "lock", 0, &fd, &e), ERR_BUSY);
	assert_int_equal(store_lock(t.fd, "lock", 5000, &fd, &e), 0);
	close(fd);
	waitpid(child, &status, 0);
	close(ready[0]);
	close(ready[1]);
	temp_folder_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(second_writer_waits_and_is_refused),
		cmocka_unit_test(ends_with_its_process),
	};

	return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
