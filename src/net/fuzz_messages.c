/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_messages: a datagram is refused, or is what encoding it again gives, descriptors included. */
#include "net/messages_again.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The frame that would be sent for the datagram. */
static struct chan_frame *frame_of(const uint8_t *data, size_t size, unsigned fds)
{
	struct chan_frame *f = chan_frame_new(0);

	f->bytes.n = 0;
	buf_add_str(&f->bytes, (struct str){(const char *)data, size});
	for (unsigned i = 0; i < fds; i++)
		chan_frame_add_fd(f, STDIN_FILENO);
	return f;
}

static void check_again(struct chan_parcel *p, const struct chan_head *head)
{
	unsigned fds = p->fd_count;

	for (const struct message_again *m = messages_again; m->type; m++) {
		if (m->type != p->type || m->kind != head->kind)
			continue;
		struct chan_frame *f = m->again(p);

		if (!f)
			return;
		if (!chan_frame_ok(f) || f->fd_count != fds || f->bytes.n != CHAN_HEADER + p->payload.n ||
		    memcmp(f->bytes.p + CHAN_HEADER, p->payload.p, p->payload.n) != 0)
			abort();
		chan_frame_free(f);
	}
}

/* The first octet: how many descriptors go along. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chan_arrival got;
	int pair[2];

	if (size < 2 || size > CHAN_MESSAGE_MAX)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		abort();
	struct chan_frame *f = frame_of(data + 1, size - 1, data[0] % (CHAN_FDS_MAX + 1));

	if (chan_frames_send(pair[0], f) == 1 && chan_frames_receive(pair[1], false, &got, 1) == 1 &&
	    got.code == ERR_OK) {
		check_again(&got.parcel, &got.head);
		chan_parcel_close(&got.parcel);
	}
	chan_frame_free(f);
	close(pair[0]);
	close(pair[1]);
	return 0;
}
