/* SPDX-License-Identifier: Apache-2.0 */
/* Writing and dropping letters that have a file of their own. */
#include "store/letter_file.h"

#include <errno.h>
#include <fcntl.h>

/* "3F/000000000001E23F" as folder and name. */
struct names {
	char text[LETTER_NAME_SIZE];
	const char *folder;
	const char *file;
};

static void names_init(struct names *n, uint64_t id)
{
	letter_file_name(id, n->text);
	n->text[2] = '\0';
	n->folder = n->text;
	n->file = n->text + 3;
}

/* The folder, made when it is new.  Its name is synced each time: the run that
 * made it may have died before its sync. */
static int open_folder(const struct record_store *s, const struct names *n, int *fd, struct err *e)
{
	const struct sysio *io = s->io;

	if (io->mkdirat(io, s->letters_fd, n->folder, 0700) < 0 && errno != EEXIST)
		return err_errno(e, "cannot make the folder letters/%s", n->folder);
	if (io->fsync(io, s->letters_fd) < 0)
		return err_errno(e, "cannot sync the folder of letters");
	*fd = io->openat(io, s->letters_fd, n->folder, O_RDONLY | O_DIRECTORY, 0);
	return *fd < 0 ? err_errno(e, "cannot open the folder letters/%s", n->folder) : 0;
}

int letter_file_begin(struct letter_file *f, const struct record_store *s, uint64_t id, struct err *e)
{
	const struct sysio *io = s->io;
	struct names n;

	*f = (struct letter_file){.store = s, .id = id, .fd = -1, .dirfd = -1};
	names_init(&n, id);
	int rc = open_folder(s, &n, &f->dirfd, e);

	if (rc)
		return rc;
	if (io->unlinkat(io, f->dirfd, n.file) < 0 && errno != ENOENT)
		return err_errno(e, "cannot remove the remains of letter %s", n.file);
	f->fd = io->openat(io, f->dirfd, n.file, O_RDWR | O_CREAT | O_EXCL, 0600);
	return f->fd < 0 ? err_errno(e, "cannot make the file of letter %s", n.file) : 0;
}

int letter_file_add(struct letter_file *f, struct str bytes, struct err *e)
{
	struct iovec iov = {(void *)(uintptr_t)bytes.p, bytes.n};
	int rc = sysio_write(f->store->io, f->fd, &iov, 1, RECORD_HEADER + f->stored, e);

	f->crc = crc32c(f->crc, bytes.p, bytes.n);
	f->stored += bytes.n;
	return rc;
}

static void close_both(struct letter_file *f)
{
	const struct sysio *io = f->store->io;

	if (f->fd >= 0)
		io->close(io, f->fd);
	if (f->dirfd >= 0)
		io->close(io, f->dirfd);
	f->fd = f->dirfd = -1;
}

int letter_file_finish(struct letter_file *f, uint64_t length, enum transform transform, struct record *r,
		       struct err *e)
{
	const struct sysio *io = f->store->io;
	unsigned char head[RECORD_HEADER];
	struct iovec iov = {head, sizeof(head)};

	*r = (struct record){f->id, length, f->stored, f->crc, (uint8_t)transform};
	record_make(head, f->store->key, (struct place){0, 0}, r);
	int rc = sysio_write(io, f->fd, &iov, 1, 0, e);

	if (rc)
		return rc;
	if (io->fdatasync(io, f->fd) < 0 || io->fsync(io, f->dirfd) < 0)
		return err_errno(e, "cannot sync letter %016llX", (unsigned long long)f->id);
	close_both(f);
	return 0;
}

void letter_file_abort(struct letter_file *f)
{
	struct names n;

	if (f->dirfd >= 0) {
		names_init(&n, f->id);
		f->store->io->unlinkat(f->store->io, f->dirfd, n.file);
	}
	close_both(f);
}

int letter_file_drop(const struct record_store *s, uint64_t id, struct err *e)
{
	char name[LETTER_NAME_SIZE];

	letter_file_name(id, name);
	if (s->io->unlinkat(s->io, s->letters_fd, name) == 0)
		return 0;
	if (errno == ENOENT)
		return err_set(e, ERR_NOT_FOUND, "letter %s is gone", name);
	return err_errno(e, "cannot remove letter %s", name);
}
