/* SPDX-License-Identifier: Apache-2.0 */
/* Ending connections (see linger.h). */
#include "gate/linger.h"

#include "base/clock.h"
#include "net/fiber.h"

#include <sys/socket.h>

void co_linger(struct stream *stream, int64_t wait_ms)
{
	int64_t deadline = deadline_in(wait_ms);

	if (co_stream_flush(stream, deadline) != 0)
		return;
	stream_tls_end(stream);
	shutdown(stream->io.fd, SHUT_WR);
	do
		stream_discard_input(stream);
	while (co_stream_fill(stream, deadline) == 0 && co_yield () == 0);
}
