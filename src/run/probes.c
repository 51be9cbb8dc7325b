/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts at what the walls forbid, one table (see probes.h). */
#include "run/probes.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static int result(long code)
{
	return code < 0 ? errno : 0;
}

static int read_system_file(int folder)
{
	return result(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int read_device(int folder)
{
	return result(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

static int create_file(int folder)
{
	int fd = openat(folder >= 0 ? folder : AT_FDCWD, "probe.tmp", O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	unlinkat(folder >= 0 ? folder : AT_FDCWD, "probe.tmp", 0);
	return 0;
}

static int make_socket(int folder)
{
	return result(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int make_pair(int folder)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return errno;
	close(fds[0]);
	close(fds[1]);
	return 0;
}

static int run_program(int folder)
{
	char *const argv[] = {(char[]){"true"}, NULL};

	return result(execve("/bin/true", argv, NULL));
}

static int start_process(int folder)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return result(pid);
}

static int trace_master(int folder)
{
	return result(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));
}

static int read_master_memory(int folder)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {(void *)&result, 1};

	return result(process_vm_readv(getppid(), &here, 1, &there, 1, 0));
}

static int signal_master(int folder)
{
	return result(kill(getppid(), 0));
}

static int become_root(int folder)
{
	return result(setresuid(0, 0, 0));
}

static int mount_folder(int folder)
{
	return result(mount("none", "/", "tmpfs", 0, NULL));
}

static int leave_namespace(int folder)
{
	return result(unshare(CLONE_NEWUSER));
}

static bool never(const struct wall_row *row)
{
	(void)row;
	return false;
}

static bool with_data(const struct wall_row *row)
{
	return row->files == WALL_FILES_DATA;
}

static bool with_sockets(const struct wall_row *row)
{
	return row->sockets;
}

static bool with_pairs(const struct wall_row *row)
{
	return row->pairs;
}

static const struct {
	const char *name;
	int (*run)(int folder);
	bool (*allowed)(const struct wall_row *row);
} probes[] = {
	{"read-system-file", read_system_file, never}, {"read-device", read_device, never},
	{"create-file", create_file, with_data},       {"make-socket", make_socket, with_sockets},
	{"run-program", run_program, never},           {"start-process", start_process, never},
	{"trace-master", trace_master, never},         {"read-master-memory", read_master_memory, never},
	{"signal-master", signal_master, never},       {"become-root", become_root, never},
	{"mount-folder", mount_folder, never},         {"leave-namespace", leave_namespace, never},
	{"make-pair", make_pair, with_pairs},
};

unsigned probes_count(void)
{
	return sizeof(probes) / sizeof(probes[0]);
}

const char *probes_name(unsigned probe)
{
	return probes[probe].name;
}

int probes_run(unsigned probe, int folder)
{
	return probe < probes_count() ? probes[probe].run(folder) : EINVAL;
}

bool probes_allowed(unsigned probe, const struct wall_row *row)
{
	return probes[probe].allowed(row);
}
