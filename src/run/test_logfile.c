/* SPDX-License-Identifier: Apache-2.0 */
#include "run/logfile.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/test_temp.h"
#include "base/unit.h"
#include "run/log_syslog.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const struct log_origin gate = {"gate", 77, LOG_INFO};

/* A folder of its own; what is in it goes with it. */
static int set_up(void **state)
{
	char *folder = malloc(TEMP_NAME_MAX);

	*state = folder;
	return folder && mkdtemp(temp_name(folder, "test_logfile")) ? 0 : -1;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"mail.log", "mail.log.1", "log", "log.old", "socket"};
	char path[100];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", (char *)*state, names[i]);
		unlink(path);
	}
	int code = rmdir(*state);

	free(*state);
	return code;
}

static void check_file(const char *folder, const char *name, const char *tail)
{
	char path[100];
	struct buf text;
	struct err e;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	buf_init(&text, 4096);
	assert_int_equal(file_read(path, &text, &e), 0);
	/* 2026-01-02T03:04:05.123456+00:00 */
	assert_true(text.n > 32 && text.p[10] == 'T' && text.p[19] == '.' && text.p[29] == ':');
	assert_str(str_skip(buf_str(&text), 32), tail);
	buf_free(&text);
}

static void writes_a_file(void **state)
{
	char path[100], other[100];
	struct logfile l;
	struct err e;

	snprintf(path, sizeof(path), "%s/log", (char *)*state);
	snprintf(other, sizeof(other), "%s/log.old", (char *)*state);
	assert_int_equal(logfile_open(&l, path, *state, "mx.a.test", LOGFILE_TEXT, &e), 0);
	logfile_write(&l, &gate, STR("0000000000000001: from=<>"));
	check_file(*state, "log", " mx mailstead/gate[77]: 0000000000000001: from=<>\n");
	assert_int_equal(l.copy_fd, -1);

	/* renamed by somebody else: a new file under the old name */
	assert_int_equal(rename(path, other), 0);
	logfile_reopen(&l, false);
	logfile_write(&l, &(struct log_origin){"spool", 8, LOG_ERROR}, STR("no space"));
	logfile_close(&l);
	check_file(*state, "log", " mx mailstead/spool[8]: error: no space\n");
}

static off_t size_of(const char *folder, const char *name)
{
	char path[100];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return stat(path, &st) == 0 ? st.st_size : -1;
}

static void gathers_lines_for_a_file(void **state)
{
	char path[100];
	struct logfile l;
	struct err e;

	snprintf(path, sizeof(path), "%s/log", (char *)*state);
	assert_int_equal(logfile_open(&l, path, *state, "mx", LOGFILE_TEXT, &e), 0);
	logfile_add(&l, &gate, STR("one"));
	off_t line = (off_t)l.batch.n;

	logfile_add(&l, &gate, STR("two"));
	assert_int_equal(size_of(*state, "log"), 0);
	logfile_flush(&l);
	assert_int_equal(size_of(*state, "log"), 2 * line);
	logfile_flush(&l);
	assert_int_equal(size_of(*state, "log"), 2 * line);
	/* more than a batch holds; closing flushes the rest */
	for (int i = 0; i < 1000; i++)
		logfile_add(&l, &gate, STR("six"));
	assert_in_range(size_of(*state, "log"), LOGFILE_BATCH / 2, 1001 * line);
	logfile_close(&l);
	assert_int_equal(size_of(*state, "log"), 1002 * line);
	assert_int_equal(l.dropped, 0);
}

static void keeps_a_copy(void **state)
{
	struct logfile l;
	struct err e;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	assert_true(null >= 0);
	assert_int_equal(logfile_open(&l, "stderr", *state, "mx", LOGFILE_TEXT, &e), 0);
	l.fd = null;
	l.is_file = false;
	logfile_write(&l, &gate, STR("a"));
	logfile_close(&l);
	close(null);
	check_file(*state, "mail.log", " mx mailstead/gate[77]: a\n");
}

/* Two files of 32 MiB and a line at most, whatever was written. */
static void copy_is_bounded(void **state)
{
	off_t half = 32 << 20;
	char text[2000];
	struct logfile l;
	struct err e;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	memset(text, 'x', sizeof(text));
	assert_true(null >= 0);
	assert_int_equal(logfile_open(&l, "", *state, "mx", LOGFILE_TEXT, &e), 0);
	l.fd = null;
	l.is_file = false;
	for (size_t written = 0; written < (size_t)half * 5 / 2; written += sizeof(text))
		logfile_write(&l, &gate, (struct str){text, sizeof(text)});
	logfile_close(&l);
	close(null);
	assert_in_range(size_of(*state, "mail.log.1"), half, half + 3000);
	assert_in_range(size_of(*state, "mail.log"), 1, half + 3000);
}

static void full_pipe_does_not_stop(void **state)
{
	char text[800], got[1200];
	struct logfile l;
	struct err e;
	int ends[2];

	memset(text, 'x', sizeof(text));
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(logfile_open(&l, "stderr", *state, "mx", LOGFILE_TEXT, &e), 0);
	l.fd = ends[1];
	l.is_file = false;
	for (int i = 0; i < 200; i++)
		logfile_write(&l, &gate, (struct str){text, sizeof(text)});
	unsigned long dropped = l.dropped;

	assert_in_range(dropped, 1, 199);
	while (read(ends[0], got, sizeof(got)) > 0)
		;
	logfile_write(&l, &gate, STR("after"));
	ssize_t n = read(ends[0], got, sizeof(got));
	struct str all = {got, n > 0 ? (size_t)n : 0};
	char want[80];

	snprintf(want, sizeof(want), "warning: %lu log lines did not fit and were left out\n", dropped);
	assert_true(str_find_str(all, str_of(want)) != STR_NONE);
	assert_true(str_ends(all, STR("]: after\n")));
	logfile_close(&l);
	close(ends[0]);
	close(ends[1]);
}

/* --- syslog ------------------------------------------------------------------------------------- */

static int listen_at(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static void check_datagram(int fd, const char *priority, const char *tail)
{
	char got[1000];
	ssize_t n = recv(fd, got, sizeof(got), 0);
	struct str line = {got, n > 0 ? (size_t)n : 0};

	assert_true(str_starts(line, str_of(priority)));
	/* Jan  2 03:04:05 */
	assert_str(str_skip(line, strlen(priority) + 15), tail);
}

static void speaks_syslog(void **state)
{
	static const struct {
		enum log_level level;
		const char *priority;
	} table[] = {{LOG_ERROR, "<19>"}, {LOG_WARNING, "<20>"}, {LOG_INFO, "<22>"}, {LOG_DEBUG, "<23>"}};
	char path[100];
	struct err e;
	int fd;

	snprintf(path, sizeof(path), "%s/socket", (char *)*state);
	assert_int_equal(log_syslog_open(path, &fd, &e), ERR_IO);
	int daemon = listen_at(path);

	assert_int_equal(log_syslog_open(path, &fd, &e), 0);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_true(log_syslog_send(fd, path, table[i].level, "gate", 5, STR("hello")));
		check_datagram(daemon, table[i].priority, " mailstead/gate[5]: hello");
	}
	/* gone, and back: not taken meanwhile, found again */
	close(daemon);
	assert_false(log_syslog_send(fd, path, LOG_INFO, "gate", 5, STR("lost")));
	unlink(path);
	daemon = listen_at(path);
	assert_true(log_syslog_send(fd, path, LOG_INFO, "gate", 5, STR("back")));
	check_datagram(daemon, "<22>", " mailstead/gate[5]: back");
	/* nobody reads: it does not wait */
	bool taken = true;

	for (int i = 0; i < 100000 && taken; i++)
		taken = log_syslog_send(fd, path, LOG_INFO, "gate", 5, STR("more"));
	assert_false(taken);
	close(daemon);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writes_a_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(gathers_lines_for_a_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keeps_a_copy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(copy_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full_pipe_does_not_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(speaks_syslog, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("logfile", tests, NULL, NULL);
}
