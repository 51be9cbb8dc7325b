/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table files of config_dir: read by master, handed to keeper, watched.
 *
 *   look -> changed? -> still while it settles? -> read into memory files -> keeper takes
 *    ^                                                    |                  or refuses
 *    '--- inotify, or LOOK_MS later                       v a file is refused
 *         (mounted volumes tell nothing)            the old ones stay, one line in the log
 *
 * 1. A set is whole: all files are read anew and taken together.
 * 2. A set that was refused is not tried again before a file changes.
 * 3. The last good set is kept, so that a keeper that starts anew while the files are bad
 *    knows what the one before it knew.
 */
#include "master/house.h"

#include "base/clock.h"
#include "base/sealed.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* With settling and parsing a change is in use within two seconds of it. */
#define LOOK_MS 1500
/* Who writes a file in place is given this long between two writes, a few times. */
#define SETTLE_MS 50
#define SETTLE_LOOKS 6
#define TAKE_MS 15000
#define COPY_CHUNK ((size_t)64 << 10) /* at most LOOP_SCRATCH */

#define CHANGES \
	(IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR)

static struct child *find_keeper(struct house *h)
{
	for (size_t i = 0; i < h->child_count; i++)
		if (h->children[i].ops->room == ROOM_KEEPER)
			return &h->children[i];
	return NULL;
}

static const char *folder_of(const struct house *h)
{
	return settings_text(&h->settings, SET_CONFIG_DIR).p;
}

/* --- looking -------------------------------------------------------------------------- */

static int64_t nanoseconds(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* -1 when there is none. */
static int open_folder(const char *folder)
{
	return open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void look(const char *folder, struct table_stamp stamps[TABLE_COUNT])
{
	int dir = open_folder(folder);
	struct stat st;

	for (size_t i = 0; i < TABLE_COUNT; i++) {
		stamps[i] = (struct table_stamp){0};
		if (dir >= 0 && fstatat(dir, table_file_name((enum table_file)i), &st, 0) == 0)
			stamps[i] = (struct table_stamp){.device = st.st_dev,
							 .inode = st.st_ino,
							 .size = (uint64_t)st.st_size,
							 .modified_ns = nanoseconds(st.st_mtim),
							 .changed_ns = nanoseconds(st.st_ctim)};
	}
	if (dir >= 0)
		close(dir);
}

static bool same(const struct table_stamp a[TABLE_COUNT], const struct table_stamp b[TABLE_COUNT])
{
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if (a[i].device != b[i].device || a[i].inode != b[i].inode || a[i].size != b[i].size ||
		    a[i].modified_ns != b[i].modified_ns || a[i].changed_ns != b[i].changed_ns)
			return false;
	return true;
}

/* --- reading --------------------------------------------------------------------------- */

static void close_set(int fds[TABLE_COUNT])
{
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

/* *fd is -1 when there is no such file (dir < 0: no folder).  A link is followed: mounted secrets are links. */
static int open_table(int dir, const char *name, int *fd, struct err *e)
{
	struct stat st;

	*fd = dir < 0 ? -1 : openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (*fd < 0)
		return dir < 0 || errno == ENOENT ? ERR_OK : err_errno(e, "cannot open %s", name);
	if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode))
		return ERR_OK;
	close(*fd);
	return err_set(e, ERR_INVALID, "%s is no regular file", name);
}

static int copy(int from, int to, const char *name, struct err *e)
{
	char *bytes = loop_scratch();
	size_t size = 0;
	ssize_t n;

	while ((n = read(from, bytes, COPY_CHUNK)) > 0 && write(to, bytes, (size_t)n) == n) {
		size += (size_t)n;
		if (size > TABLE_CONTENTS_MAX)
			break;
	}
	int code = n == 0 ? ERR_OK : err_errno(e, "cannot read %s", name);

	/* Password hashes were in it. */
	explicit_bzero(bytes, COPY_CHUNK);
	if (size > TABLE_CONTENTS_MAX)
		code = err_set(e, ERR_TOO_BIG, "%s is larger than %u MiB", name, TABLE_CONTENTS_MAX >> 20);
	return code;
}

static int read_table(int dir, const char *name, int *memory, struct err *e)
{
	int file;

	int code = sealed_open(name, memory, e);

	if (code)
		return code;
	code = open_table(dir, name, &file, e);
	if (code == ERR_OK && file >= 0) {
		code = copy(file, *memory, name, e);
		close(file);
	}
	return code ? code : sealed_seal(*memory, e);
}

/* A folder that is not there has no files. */
static int read_set(const char *folder, int fds[TABLE_COUNT], struct err *e)
{
	int dir = open_folder(folder);
	int code = dir >= 0 || errno == ENOENT ? ERR_OK : err_errno(e, "cannot open the folder");

	for (size_t i = 0; i < TABLE_COUNT; i++)
		fds[i] = -1;
	for (size_t i = 0; code == ERR_OK && i < TABLE_COUNT; i++)
		code = read_table(dir, table_file_name((enum table_file)i), &fds[i], e);
	if (dir >= 0)
		close(dir);
	if (code) {
		close_set(fds);
		err_prefix(e, "%s", folder);
	}
	return code;
}

/* --- handing over ------------------------------------------------------------------------ */

static int co_hand_over(struct child *c, const int fds[TABLE_COUNT], struct err *e)
{
	struct tables_question q = {.number = ++c->house->tables.number};
	struct tables_answer a;
	struct chan_parcel store;

	for (size_t i = 0; i < TABLE_COUNT; i++) {
		struct table_note m = {.number = q.number, .table = (uint8_t)i, .file = fds[i]};

		if (table_send(c->control, &m) != 0)
			return err_set(e, ERR_ROOM_GONE, "%s has ended", c->name);
	}
	int code = co_ask_tables(c->control, &q, deadline_in(TAKE_MS), &store, &a, e);

	if (code)
		return err_prefix(e, "%s", c->name);
	chan_parcel_free(&store);
	return ERR_OK;
}

static int co_enter(struct house_tables *t)
{
	int code = ERR_OK;

	while (t->busy && code == ERR_OK)
		code = co_sleep_until(deadline_in(10));
	if (code == ERR_OK)
		t->busy = true;
	return code;
}

/* The set was not judged: keeper has ended, or we are about to. */
static bool is_cut_short(int code)
{
	return code == ERR_ROOM_GONE || code == ERR_CLOSED || code == ERR_CANCELLED;
}

/* folder NULL: that of the settings, which may change while we wait. */
static int co_take_new(struct child *c, const char *folder, struct err *e)
{
	struct house_tables *t = &c->house->tables;
	const char *path = folder ? folder : folder_of(c->house);
	struct table_stamp stamps[TABLE_COUNT];
	int fds[TABLE_COUNT];

	/* Looked at first: a change while we read is seen by the next look. */
	look(path, stamps);
	int code = read_set(path, fds, e);

	if (code == ERR_OK)
		code = co_hand_over(c, fds, e);
	if (!is_cut_short(code))
		memcpy(t->seen, stamps, sizeof(stamps));
	if (code) {
		close_set(fds);
		return code;
	}
	close_set(t->good);
	memcpy(t->good, fds, sizeof(fds));
	return ERR_OK;
}

static int co_take(struct child *c, const char *folder, struct err *e)
{
	struct house_tables *t = &c->house->tables;

	if (co_enter(t) != ERR_OK)
		return err_set(e, ERR_CANCELLED, "the tables were given up");
	int code = co_take_new(c, folder, e);

	t->busy = false;
	return code;
}

int co_tables_reload(struct house *h, const char *folder, struct err *e)
{
	struct child *c = find_keeper(h);

	return c && c->state == CHILD_UP ? co_take(c, folder, e) : ERR_OK;
}

/* --- the start of keeper -------------------------------------------------------------------- */

static int co_take_old(struct child *c, struct err *e)
{
	struct house_tables *t = &c->house->tables;

	if (t->good[0] < 0)
		return e->code;
	log_line(LOG_ERROR, "the tables stay as they were: %s", e->text);
	if (co_enter(t) != ERR_OK)
		return err_set(e, ERR_CANCELLED, "the tables were given up");
	int code = co_hand_over(c, t->good, e);

	t->busy = false;
	return code;
}

static void first_tables_fiber(void *arg)
{
	struct child *c = arg;
	uint32_t epoch = c->epoch;
	struct err e;
	int code = co_take(c, NULL, &e);

	if (code && !is_cut_short(code))
		code = co_take_old(c, &e);
	if (code == ERR_OK || is_cut_short(code) || c->epoch != epoch || c->state != CHILD_STARTING)
		return;
	log_line(LOG_ERROR, "%s cannot start without its tables: %s", c->name, e.text);
	kill(c->pid, SIGKILL);
}

void tables_begin(struct child *c)
{
	struct house *h = c->house;

	if (c->ops->room != ROOM_KEEPER || h->probe)
		return;
	if (fiber_start(&h->fibers, first_tables_fiber, c) != 0)
		log_line(LOG_ERROR, "%s gets no tables: too much is going on", c->name);
}

/* --- watching --------------------------------------------------------------------------------- */

/* The folder may have become another one since. */
static void watch_folder(struct house *h)
{
	struct house_tables *t = &h->tables;

	if (t->changes.fd < 0)
		return;
	int watch = inotify_add_watch(t->changes.fd, folder_of(h), CHANGES);

	if (t->watch >= 0 && t->watch != watch)
		inotify_rm_watch(t->changes.fd, t->watch);
	t->watch = watch;
}

/* Until something in the folder changed, or it is time for a look anyway. */
static int co_wait_change(struct house *h)
{
	struct io *io = &h->tables.changes;

	if (io->fd < 0)
		return co_sleep_until(deadline_in(LOOK_MS));
	int code = co_wait_readable(io, deadline_in(LOOK_MS));

	while (code == ERR_OK && read(io->fd, loop_scratch(), LOOP_SCRATCH) > 0)
		;
	return code == ERR_TIMEOUT ? ERR_OK : code;
}

/* Half a file would make people unknown. */
static int co_settle(const struct house *h, struct table_stamp now[TABLE_COUNT])
{
	struct table_stamp before[TABLE_COUNT];
	int code = ERR_OK, looks = 0;

	do {
		memcpy(before, now, sizeof(before));
		code = co_sleep_until(deadline_in(SETTLE_MS));
		look(folder_of(h), now);
	} while (code == ERR_OK && ++looks < SETTLE_LOOKS && !same(now, before));
	return code;
}

/* ERR_CANCELLED: end.  All else is said and done with. */
static int co_look(struct house *h)
{
	struct table_stamp now[TABLE_COUNT];
	struct child *c = find_keeper(h);
	struct err e;

	if (!c || c->state != CHILD_UP)
		return ERR_OK;
	look(folder_of(h), now);
	if (same(now, h->tables.seen))
		return ERR_OK;
	int code = co_settle(h, now);

	if (code == ERR_OK)
		code = co_take(c, NULL, &e);
	if (code && !is_cut_short(code))
		log_line(LOG_ERROR, "the tables stay as they were: %s", e.text);
	return code == ERR_CANCELLED ? code : ERR_OK;
}

static void watch_fiber(void *arg)
{
	struct house *h = arg;

	do
		watch_folder(h);
	while (co_wait_change(h) == ERR_OK && co_look(h) == ERR_OK);
	io_close(&h->tables.changes);
}

int tables_open(struct house *h, struct err *e)
{
	struct house_tables *t = &h->tables;
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	*t = (struct house_tables){.changes.fd = -1, .watch = -1};
	for (size_t i = 0; i < TABLE_COUNT; i++)
		t->good[i] = -1;
	/* Where a system has no more of them, looks alone must do. */
	if (fd >= 0 && io_open(&t->changes, fd) != 0)
		t->changes.fd = -1;
	return fiber_start(&h->fibers, watch_fiber, h) == 0 ? ERR_OK : err_set(e, ERR_MEMORY, "no memory");
}

void tables_close(struct house *h)
{
	close_set(h->tables.good);
}
