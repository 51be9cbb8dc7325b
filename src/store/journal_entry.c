/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of the journal by its position. */
#include "store/journal.h"
#include "store/segment.h"
#include "store/segment_pool.h"

#include "store/entry.h"

#include <fcntl.h>

/* Reads the frame at `at` into b, header first.  The view begins at the frame, so
 * its checks are made over the position by hand. */
static int read_frame(const struct sysio *io, int fd, const struct check_key *key, uint64_t position,
		      struct buf *b, struct err *e)
{
	char head[FRAME_HEADER];
	int rc = sysio_read(io, fd, head, sizeof(head), position_offset(position), e);

	if (rc)
		return rc;
	uint32_t n = le32_get(head + 4);

	if (le64_get(head + 24) != check_of(key, CHECK_HEADER, position, head, 24) || head[8] != FRAME_DATA ||
	    n > ENTRY_MAX)
		return err_set(e, ERR_CORRUPT, "the journal has no entry at %016llX",
			       (unsigned long long)position);
	char *room = buf_room(b, n);

	if (!room)
		return err_set(e, ERR_TOO_BIG, "the entry at %016llX has %u bytes",
			       (unsigned long long)position, n);
	rc = sysio_read(io, fd, room, n, position_offset(position) + FRAME_HEADER, e);
	if (rc)
		return rc;
	if (le64_get(head + 16) != check_of(key, CHECK_PAYLOAD, position, room, n))
		return err_set(e, ERR_CORRUPT, "the entry at %016llX fails its check",
			       (unsigned long long)position);
	buf_grow(b, n);
	return 0;
}

int journal_read_entry(const struct sysio *io, int dirfd, const struct check_key *key, uint64_t position,
		       struct buf *payload, struct err *e)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(position_segment(position), name);
	int fd = io->openat(io, dirfd, name, O_RDONLY, 0);

	if (fd < 0)
		return err_errno(e, "cannot open the journal segment %s", name);
	int rc = read_frame(io, fd, key, position, payload, e);

	io->close(io, fd);
	return rc;
}
