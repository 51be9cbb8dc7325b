/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that rooms may make (see syscalls.h).  The lists are names for
 * libseccomp; a name that this libseccomp does not know is left out, which
 * forbids it.
 */
#include "run/syscalls.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* Numbers from here on are calls newer than these lists. */
#define FIRST_UNKNOWN 451
#define LAST_UNKNOWN 512

/* Memory, time, threads that exist, descriptors that are open. */
static const char *const always[] = {"brk",
				     "clock_getres",
				     "clock_gettime",
				     "clock_nanosleep",
				     "close",
				     "close_range",
				     "dup",
				     "dup3",
				     "epoll_ctl",
				     "epoll_pwait",
				     "epoll_wait",
				     "eventfd2",
				     "exit",
				     "exit_group",
				     "fcntl",
				     "fdatasync",
				     "fstat",
				     "fsync",
				     "ftruncate",
				     "futex",
				     "getegid",
				     "geteuid",
				     "getgid",
				     "getpeername",
				     "getpid",
				     "getppid",
				     "getrandom",
				     "getrusage",
				     "getsockname",
				     "getsockopt",
				     "gettid",
				     "gettimeofday",
				     "getuid",
				     "ioctl",
				     "lseek",
				     "madvise",
				     "membarrier",
				     "memfd_create",
				     "mmap",
				     "mprotect",
				     "mremap",
				     "munmap",
				     "nanosleep",
				     "poll",
				     "ppoll",
				     "prctl",
				     "pread64",
				     "preadv",
				     "preadv2",
				     "pwrite64",
				     "pwritev",
				     "pwritev2",
				     "read",
				     "readv",
				     "recvfrom",
				     "recvmmsg",
				     "recvmsg",
				     "restart_syscall",
				     "rseq",
				     "rt_sigaction",
				     "rt_sigprocmask",
				     "rt_sigreturn",
				     "sched_getaffinity",
				     "sched_yield",
				     "sendmmsg",
				     "sendmsg",
				     "sendto",
				     "set_robust_list",
				     "setsockopt",
				     "shutdown",
				     "sigaltstack",
				     "sysinfo",
				     "tgkill",
				     "time",
				     "timerfd_create",
				     "timerfd_settime",
				     "uname",
				     "write",
				     "writev",
				     NULL};

static const char *const accepting[] = {"accept4", NULL};

static const char *const pairing[] = {"socketpair", NULL};

static const char *const networking[] = {"socket", "connect", "bind", NULL};

/* Paths below the data folder, which is the root. */
static const char *const filing[] = {
	"access", "faccessat",  "faccessat2", "fallocate",       "fadvise64", "fchmod",     "flock",
	"getcwd", "getdents64", "lstat",      "mkdir",           "mkdirat",   "newfstatat", "open",
	"openat", "readlink",   "rename",     "renameat",        "renameat2", "rmdir",      "stat",
	"statfs", "fstatfs",    "statx",      "sync_file_range", "unlink",    "unlinkat",   "utimensat",
	"umask",  "getdents",   "fchown",     "lchown",          "chmod",     "linkat",     NULL};

/* Nobody here has a use for these: an attempt is an attack, and ends the process. */
static const char *const deadly[] = {"ptrace",
				     "process_vm_readv",
				     "process_vm_writev",
				     "pidfd_getfd",
				     "keyctl",
				     "add_key",
				     "request_key",
				     "bpf",
				     "io_uring_setup",
				     "io_uring_enter",
				     "io_uring_register",
				     "mount",
				     "umount2",
				     "unshare",
				     "setns",
				     "pivot_root",
				     "init_module",
				     "finit_module",
				     "delete_module",
				     "kexec_load",
				     "kexec_file_load",
				     "userfaultfd",
				     "perf_event_open",
				     "open_by_handle_at",
				     "swapon",
				     "reboot",
				     NULL};

/* Master starts programs, the rooms do not. */
static const char *const executing[] = {"execve", "execveat", NULL};

static int add(scmp_filter_ctx ctx, uint32_t action, const char *const *names)
{
	for (; *names; names++) {
		int number = seccomp_syscall_resolve_name(*names);

		if (number == __NR_SCMP_ERROR)
			continue;
		if (seccomp_rule_add(ctx, action, number, 0) != 0)
			return ERR_IO;
	}
	return 0;
}

static int add_unknown(scmp_filter_ctx ctx)
{
	int code = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (int number = FIRST_UNKNOWN; code == 0 && number <= LAST_UNKNOWN; number++)
		code = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), number, 0);
	return code;
}

static int load(scmp_filter_ctx ctx)
{
	if (seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1) != 0 ||
	    seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) != 0)
		return ERR_IO;
	return seccomp_load(ctx) == 0 ? 0 : ERR_IO;
}

static int add_row(scmp_filter_ctx ctx, const struct wall_row *row)
{
	int code = add(ctx, SCMP_ACT_ALLOW, always);

	if (code == 0 && row->accepts)
		code = add(ctx, SCMP_ACT_ALLOW, accepting);
	if (code == 0 && row->pairs)
		code = add(ctx, SCMP_ACT_ALLOW, pairing);
	if (code == 0)
		code = add(ctx, row->sockets ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS, networking);
	if (code == 0 && row->files == WALL_FILES_DATA)
		code = add(ctx, SCMP_ACT_ALLOW, filing);
	if (code == 0)
		code = add(ctx, SCMP_ACT_KILL_PROCESS, deadly);
	if (code == 0)
		code = add(ctx, SCMP_ACT_KILL_PROCESS, executing);
	/* stat of an open descriptor is newfstatat with an empty path in newer libraries. */
	if (code == 0 && row->files != WALL_FILES_DATA)
		code = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
					SCMP_A3(SCMP_CMP_MASKED_EQ, 0x1000, 0x1000));
	return code ? code : add_unknown(ctx);
}

int syscalls_allow(const struct wall_row *row, struct err *e)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int code = ctx ? add_row(ctx, row) : ERR_MEMORY;

	if (code == 0)
		code = load(ctx);
	seccomp_release(ctx);
	return code ? err_set(e, ERR_DENIED, "cannot limit the system calls with seccomp") : 0;
}

int syscalls_forbid_for_master(struct err *e)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int code = ctx ? add(ctx, SCMP_ACT_KILL_PROCESS, deadly) : ERR_MEMORY;

	if (code == 0)
		code = load(ctx);
	seccomp_release(ctx);
	return code ? err_set(e, ERR_DENIED, "cannot limit master's system calls with seccomp") : 0;
}
