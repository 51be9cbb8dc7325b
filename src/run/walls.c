/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building the walls of a room (see walls.h; docs/architecture.md 1 and 2).
 *
 * 1. Landlock binds only the thread that asks and those it starts later, so it
 *    comes before any other thread.
 * 2. PDEATHSIG is cleared by a change of user, so it comes after it, and the
 *    parent is looked at once more: it may have died in between.
 * 3. With confinement off the user is still changed when master is root.
 */
#include "run/walls.h"

#include "run/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct wall_row rows[ROOM_COUNT] = {
	[ROOM_MASTER] = {WALL_USER_ROOT, WALL_FILES_ALL, true, false, false, 0, 0,
			 "starts and watches the rooms, opens files and sockets for them, parses nothing "
			 "from a peer"},
	[ROOM_GATE] = {WALL_USER_NET, WALL_FILES_NONE, false, true, true, 0, 0,
		       "talks to clients on sockets that master opened"},
	[ROOM_KEEPER] = {WALL_USER_ID, WALL_FILES_NONE, false, true, false, 2, 10,
			 "knows who is who and hashes passwords"},
	[ROOM_SCAN] = {WALL_USER_NET, WALL_FILES_NONE, false, true, false, 0, 0,
		       "parses letters, in a room without doors"},
	[ROOM_RESOLVER] = {WALL_USER_NET, WALL_FILES_NONE, true, true, false, 0, 0,
			   "asks name servers, sees no file and no letter"},
	[ROOM_SPOOL] = {WALL_USER_STORE, WALL_FILES_DATA, false, true, false, 3, 0,
			"writes volumes and the journal"},
	[ROOM_MAILBOX] = {WALL_USER_STORE, WALL_FILES_DATA, false, true, false, 3, 0,
			  "keeps the accounts' indexes"},
	[ROOM_RELAY] = {WALL_USER_NET, WALL_FILES_NONE, true, true, false, 0, 0,
			"sends letters to other servers"},
};

const struct wall_row *walls_of(enum room room)
{
	return &rows[room];
}

const char *walls_names(unsigned walls, char *out, size_t size)
{
	snprintf(out, size, "%s%s%s%s", walls & WALL_USER ? "user " : "", walls & WALL_ROOT ? "root " : "",
		 walls & WALL_LANDLOCK ? "landlock " : "", walls & WALL_SECCOMP ? "seccomp " : "");
	return out;
}

/* --- limits ------------------------------------------------------------------------ */

static bool kept(int fd, const int *keep, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (keep[i] == fd)
			return true;
	return false;
}

void walls_close_others(const int *keep, size_t n)
{
	int top = 3;

	for (size_t i = 0; i < n; i++)
		if (keep[i] > top)
			top = keep[i];
	for (int fd = 4; fd <= top; fd++)
		if (!kept(fd, keep, n))
			close(fd);
	close_range((unsigned)top + 1, ~0u, 0);
}

static void set_limits(void)
{
	struct rlimit none = {0, 0}, files;

	setrlimit(RLIMIT_CORE, &none);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	/* Without it every fiber's stack costs a huge page. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	mallopt(M_ARENA_MAX, 1);
}

/* --- root and user ---------------------------------------------------------------- */

static int change_root(const struct walls_plan *plan, unsigned *built, struct err *e)
{
	if (plan->level == CONFINEMENT_OFF || rows[plan->room].files == WALL_FILES_ALL)
		return 0;
	if (fchdir(plan->root_fd) == 0 && chroot(".") == 0) {
		*built |= WALL_ROOT;
		return 0;
	}
	return plan->level == CONFINEMENT_FULL ? err_errno(e, "cannot change the root folder") : 0;
}

static int change_user(const struct walls_plan *plan, unsigned *built, struct err *e)
{
	if (plan->uid == geteuid())
		return plan->level == CONFINEMENT_FULL && rows[plan->room].user != WALL_USER_ROOT
			       ? err_set(e, ERR_DENIED, "only root can give the rooms users of their own")
			       : 0;
	gid_t group = plan->gid;

	/* Into `group` itself and no other. */
	if (syscall(SYS_setgroups, 0, NULL) != 0 || setresgid(group, group, group) != 0 ||
	    setresuid(plan->uid, plan->uid, plan->uid) != 0)
		return err_errno(e, "cannot become user %d, group %d", (int)plan->uid, (int)group);
	*built |= WALL_USER;
	return 0;
}

static int die_with_master(const struct walls_plan *plan, struct err *e)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return getppid() == plan->master ? 0 : err_set(e, ERR_CLOSED, "master has ended");
}

/* --- Landlock ------------------------------------------------------------------------ */

/* All that a ruleset of the kernel's version can forbid. */
static uint64_t landlock_rights(long version)
{
	uint64_t rights = (1ULL << 13) - 1;

	if (version >= 2)
		rights |= 1ULL << 13; /* REFER */
	if (version >= 3)
		rights |= 1ULL << 14; /* TRUNCATE */
	if (version >= 5)
		rights |= 1ULL << 15; /* IOCTL_DEV */
	return rights;
}

static int allow_below(int ruleset, int fd, uint64_t rights)
{
	struct landlock_path_beneath_attr below = {.allowed_access = rights, .parent_fd = fd};

	return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &below, 0);
}

static bool landlock(const struct walls_plan *plan)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attr = {.handled_access_fs = landlock_rights(version)};
	bool ok;

	if (version < 1)
		return false;
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (ruleset < 0)
		return false;
	ok = rows[plan->room].files != WALL_FILES_DATA ||
	     allow_below(ruleset, plan->root_fd,
			 attr.handled_access_fs & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE) == 0;
	ok = ok && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	close(ruleset);
	return ok;
}

static int enter_landlock(const struct walls_plan *plan, unsigned *built, struct err *e)
{
	if (plan->level == CONFINEMENT_OFF)
		return 0;
	if (landlock(plan)) {
		*built |= WALL_LANDLOCK;
		return 0;
	}
	return plan->level == CONFINEMENT_FULL ? err_errno(e, "cannot confine files with Landlock") : 0;
}

int walls_enter(const struct walls_plan *plan, unsigned *built, struct err *e)
{
	int code;

	*built = 0;
	set_limits();
	if ((code = change_root(plan, built, e)) || (code = change_user(plan, built, e)) ||
	    (code = die_with_master(plan, e)))
		return code;
	/* The leak checker of sanitizer builds attaches to its own process. */
	prctl(PR_SET_DUMPABLE, plan->level == CONFINEMENT_OFF, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_errno(e, "cannot give up gaining rights");
	code = enter_landlock(plan, built, e);
	close(plan->root_fd);
	return code;
}

int walls_seal(const struct walls_plan *plan, unsigned *built, struct err *e)
{
	if (plan->level == CONFINEMENT_OFF)
		return 0;
	int code = syscalls_allow(&rows[plan->room], e);

	if (code == 0)
		*built |= WALL_SECCOMP;
	return plan->level == CONFINEMENT_FULL ? code : 0;
}

/* --- master -------------------------------------------------------------------------------- */

static const int master_caps[] = {CAP_SETUID,          CAP_SETGID, CAP_SYS_CHROOT, CAP_NET_BIND_SERVICE,
				  CAP_DAC_READ_SEARCH, CAP_CHOWN,  CAP_KILL,       CAP_SYS_RESOURCE};

static int drop_capabilities(struct err *e)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	uint64_t wanted = 0;

	for (size_t i = 0; i < sizeof(master_caps) / sizeof(master_caps[0]); i++)
		wanted |= 1ULL << master_caps[i];
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (!(wanted >> cap & 1))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (syscall(SYS_capget, &head, data) != 0)
		return err_errno(e, "cannot read the capabilities");
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(wanted >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &head, data) == 0 ? 0 : err_errno(e, "cannot give capabilities up");
}

int walls_master(enum confinement level, struct err *e)
{
	int code = 0;

	if (level == CONFINEMENT_OFF)
		return 0;
	if (geteuid() == 0)
		code = drop_capabilities(e);
	if (code == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		code = err_errno(e, "cannot give up gaining rights");
	if (code == 0)
		code = syscalls_forbid_for_master(e);
	return level == CONFINEMENT_FULL ? code : 0;
}
