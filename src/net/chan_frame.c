/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages under construction, and taking one off a socket (see chan.h).
 *
 * Any may hold a password or a key, so their bytes are overwritten when they go.
 */
#include "net/chan_frame.h"

#include "net/loop.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Most messages fit. */
#define FIRST_ROOM ((size_t)4096)

struct chan_frame *chan_frame_new(uint16_t type)
{
	struct chan_frame *f = calloc(1, sizeof(*f));

	/* Bounded by the credits of all channels: without it the role restarts. */
	if (!f)
		abort();
	buf_init(&f->bytes, CHAN_MESSAGE_MAX);
	/* Room for a password: growing leaves copies behind. */
	if (!buf_room(&f->bytes, FIRST_ROOM))
		abort();
	memset(f->bytes.p, 0, CHAN_HEADER);
	buf_grow(&f->bytes, CHAN_HEADER);
	le16_set(f->bytes.p, type);
	return f;
}

void chan_frame_free(struct chan_frame *f)
{
	for (unsigned i = 0; i < f->fd_count; i++)
		close(f->fds[i]);
	buf_wipe(&f->bytes);
	free(f);
}

void chan_frame_add_fd(struct chan_frame *f, int fd)
{
	int copy = f->fd_count < CHAN_FDS_MAX ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;

	if (copy < 0)
		f->failed = true;
	else
		f->fds[f->fd_count++] = copy;
}

void chan_frame_add_str(struct chan_frame *f, struct str s, size_t max)
{
	if (s.n > max)
		f->failed = true;
	else
		buf_put_str(&f->bytes, s);
}

bool chan_frame_ok(const struct chan_frame *f)
{
	return !f->failed && !buf_failed(&f->bytes);
}

void chan_frame_address(struct chan_frame *f, enum chan_kind kind, uint8_t status, uint32_t id,
			int64_t deadline)
{
	char *h = f->bytes.p;

	h[2] = (char)kind;
	h[3] = (char)status;
	le32_set(h + 4, id);
	le64_set(h + 8, (uint64_t)deadline);
}

/* The descriptors of one message, in a buffer that is aligned for them. */
union control {
	char bytes[CMSG_SPACE(sizeof(int) * CHAN_FDS_MAX)];
	struct cmsghdr align;
};

static void put_fds(struct msghdr *m, const struct chan_frame *f, union control *control)
{
	size_t n = sizeof(int) * f->fd_count;

	memset(control, 0, sizeof(*control));
	m->msg_control = control->bytes;
	m->msg_controllen = CMSG_SPACE(n);
	struct cmsghdr *c = CMSG_FIRSTHDR(m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), f->fds, n);
}

int chan_frames_send(int fd, const struct chan_frame *first)
{
	union control control[CHAN_BATCH];
	struct iovec iov[CHAN_BATCH];
	struct mmsghdr m[CHAN_BATCH] = {0};
	unsigned n = 0;

	for (const struct chan_frame *f = first; f && n < CHAN_BATCH; f = f->next, n++) {
		iov[n] = (struct iovec){f->bytes.p, f->bytes.n};
		m[n].msg_hdr = (struct msghdr){.msg_iov = &iov[n], .msg_iovlen = 1};
		if (f->fd_count)
			put_fds(&m[n].msg_hdr, f, &control[n]);
	}
	int sent = sendmmsg(fd, m, n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent > 0)
		return sent;
	/* ETOOMANYREFS: too many descriptors in flight; they leave as the neighbour reads. */
	if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ETOOMANYREFS)
		return ERR_BUSY;
	return ERR_CLOSED;
}

static void take_fds(struct msghdr *m, struct chan_parcel *p)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int fds[CHAN_FDS_MAX];

		if (n > CHAN_FDS_MAX)
			n = CHAN_FDS_MAX;
		memcpy(fds, CMSG_DATA(c), n * sizeof(int));
		for (size_t i = 0; i < n; i++) {
			if (p->fd_count < CHAN_FDS_MAX)
				p->fds[p->fd_count++] = fds[i];
			else
				close(fds[i]);
		}
	}
}

static int take_message(struct msghdr *m, size_t n, struct chan_parcel *p, struct chan_head *head)
{
	char *bytes = m->msg_iov->iov_base;

	*p = (struct chan_parcel){0};
	take_fds(m, p);
	if ((m->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || n < CHAN_HEADER) {
		chan_parcel_free(p);
		return ERR_INVALID;
	}
	p->bytes = malloc(n);
	if (!p->bytes)
		abort();
	memcpy(p->bytes, bytes, n);
	explicit_bzero(bytes, n);
	p->payload = (struct str){p->bytes + CHAN_HEADER, n - CHAN_HEADER};
	p->type = le16_get(p->bytes);
	p->id = le32_get(p->bytes + 4);
	p->deadline = (int64_t)le64_get(p->bytes + 8);
	head->kind = (uint8_t)p->bytes[2];
	head->status = (uint8_t)p->bytes[3];
	return ERR_OK;
}

static void drop_fds(struct msghdr *m)
{
	struct chan_parcel p = {0};

	take_fds(m, &p);
	chan_parcel_close(&p);
}

_Static_assert(LOOP_SCRATCH >= CHAN_BATCH * CHAN_MESSAGE_MAX, "a batch lies in the scratch memory");

int chan_frames_receive(int fd, bool wait, struct chan_arrival *out, unsigned max)
{
	union control control[CHAN_BATCH];
	struct iovec iov[CHAN_BATCH];
	struct mmsghdr m[CHAN_BATCH] = {0};
	int n, taken = 0;

	assert(max > 0 && max <= CHAN_BATCH);
	for (unsigned i = 0; i < max; i++) {
		iov[i] = (struct iovec){loop_scratch() + i * CHAN_MESSAGE_MAX, CHAN_MESSAGE_MAX};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i],
					       .msg_iovlen = 1,
					       .msg_control = control[i].bytes,
					       .msg_controllen = sizeof(control[i].bytes)};
	}
	/* ECONNRESET: the neighbour ended with messages of ours unread.  It is said once, before what
	 * it had sent, which is still there. */
	do
		n = recvmmsg(fd, m, max, MSG_CMSG_CLOEXEC | (wait ? MSG_WAITFORONE : MSG_DONTWAIT), NULL);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0 && errno == EAGAIN)
		return ERR_BUSY;
	/* An empty message is the end: what was said before it comes first, and nothing behind it. */
	for (; taken < n && m[taken].msg_len > 0; taken++)
		out[taken].code = take_message(&m[taken].msg_hdr, m[taken].msg_len, &out[taken].parcel,
					       &out[taken].head);
	for (int i = taken; i < n; i++)
		drop_fds(&m[i].msg_hdr);
	return taken > 0 ? taken : ERR_CLOSED;
}

void chan_parcel_close(struct chan_parcel *p)
{
	for (unsigned i = 0; i < p->fd_count; i++)
		close(p->fds[i]);
	p->fd_count = 0;
	if (p->bytes)
		explicit_bzero(p->bytes, CHAN_HEADER + p->payload.n);
	free(p->bytes);
	p->bytes = NULL;
	p->payload = (struct str){NULL, 0};
}

int chan_receive_first(int fd, struct chan_parcel *p)
{
	struct chan_arrival first;
	int n = chan_frames_receive(fd, true, &first, 1);

	if (n < 0)
		return n;
	*p = first.parcel;
	if (first.code == ERR_OK && first.head.kind == CHAN_NOTE)
		return ERR_OK;
	chan_parcel_close(p);
	return first.code ? first.code : ERR_INVALID;
}
