/* SPDX-License-Identifier: Apache-2.0 */
/* test_command: runs a command in a child, with input, and keeps what it says. */
#ifndef CLI_TEST_COMMAND_H
#define CLI_TEST_COMMAND_H

#include "base/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What it read and wrote, each with a NUL behind it. */
struct command_talk {
	const char *input;
	char *out, *err; /* err NULL: both go to out */
	size_t out_size, err_size;
};

static inline void command_read(int fd, char *text, size_t size)
{
	size_t n = 0;
	ssize_t got;

	while (n + 1 < size && (got = read(fd, text + n, size - n - 1)) > 0)
		n += (size_t)got;
	text[n] = 0;
	close(fd);
}

/* The exit status, or -1 when it did not exit. */
static inline int command_run(int (*command)(void *arg), void *arg, struct command_talk *talk)
{
	int in[2], out[2], err[2], status;

	assert_true(pipe(in) == 0 && pipe(out) == 0 && pipe(err) == 0);
	fflush(NULL);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(talk->err ? err[1] : out[1], STDERR_FILENO);
		close(in[1]);
		int code = command(arg);

		fflush(NULL);
		_exit(code);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	assert_int_equal(write(in[1], talk->input, strlen(talk->input)), strlen(talk->input));
	close(in[1]);
	command_read(out[0], talk->out, talk->out_size);
	if (talk->err)
		command_read(err[0], talk->err, talk->err_size);
	else
		close(err[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
