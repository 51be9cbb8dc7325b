/* SPDX-License-Identifier: Apache-2.0 */
/* Connections over real sockets, also when there are too many of them. */
#include "gate/doorway.h"
#include "base/clock.h"
#include "base/unit.h"
#include "gate/test_script.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS 40

static struct fiber_group listeners;
static char failure[600];

static int listen_on(struct sockaddr_in *at)
{
	socklen_t n = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0 || bind(fd, (struct sockaddr *)at, sizeof(*at)) != 0 || listen(fd, 100) != 0 ||
	    getsockname(fd, (struct sockaddr *)at, &n) != 0)
		abort();
	return fd;
}

static int connect_to(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)at, sizeof(*at)) != 0)
		abort();
	return fd;
}

static void co_first_line(struct stream *client, const char *want)
{
	struct script script = {0};

	co_play_on(client, &script, want);
	if (script.failure[0])
		snprintf(failure, sizeof(failure), "%s", script.failure);
}

static void co_end(struct doorway *d)
{
	fiber_group_cancel(&listeners);
	co_group_join(&listeners, NO_DEADLINE);
	doorway_free(d);
}

static void co_fill(struct house *h, void *arg)
{
	static struct stream clients[CLIENTS];
	struct sockaddr_in at;
	struct doorway d;

	struct smtp_door door = {&h->service, smtp_kind_of(SERVICE_SMTP)};

	doorway_init(&d);
	fiber_group_init(&listeners, 2);
	h->service.fibers.max = CLIENTS - 1;
	if (doorway_open(&d, &listeners, listen_on(&at), &smtp_doorway, &door) != 0)
		abort();
	for (int i = 0; i < CLIENTS; i++)
		stream_open(&clients[i], connect_to(&at));
	for (int i = 0; i < CLIENTS - 1; i++)
		co_first_line(&clients[i], "S 220 mx.ours.test ESMTP*\n");
	co_first_line(&clients[CLIENTS - 1], "S 421 4.7.0 mx.ours.test Error: too many connections\nE\n");
	/* One goes, and there is room for another. */
	co_first_line(&clients[0], "C QUIT\nS 221*\nE\n");
	stream_close(&clients[0]);
	while (h->service.fibers.count == CLIENTS - 1)
		co_sleep_until(deadline_in(1));
	stream_open(&clients[0], connect_to(&at));
	co_first_line(&clients[0], "S 220*\n");
	for (int i = 0; i < CLIENTS; i++)
		stream_close(&clients[i]);
	co_house_quiet(h);
	co_end(&d);
}

static void there_is_an_end_to_sessions(void **state)
{
	static struct house h;

	house_init(&h);
	house_run(&h, co_fill, NULL);
	assert_string_equal(failure, "");
	house_free(&h);
}

/* All descriptors up to the limit are taken: the reserve alone is left. */
static unsigned take_all(int *fds, unsigned max)
{
	unsigned n = 0;

	while (n < max && (fds[n] = dup(STDIN_FILENO)) >= 0)
		n++;
	return n;
}

static void co_starve(struct house *h, void *arg)
{
	struct rlimit old, low;
	struct sockaddr_in at;
	struct stream first, second;
	struct doorway d;
	struct smtp_door door = {&h->service, smtp_kind_of(SERVICE_SMTP)};
	int fds[256];

	doorway_init(&d);
	fiber_group_init(&listeners, 2);
	if (doorway_open(&d, &listeners, listen_on(&at), &smtp_doorway, &door) != 0)
		abort();
	stream_open(&first, connect_to(&at));
	co_first_line(&first, "S 220*\n");
	int client = connect_to(&at);

	getrlimit(RLIMIT_NOFILE, &old);
	low = (struct rlimit){.rlim_cur = (rlim_t)client + 20, .rlim_max = old.rlim_max};
	setrlimit(RLIMIT_NOFILE, &low);
	unsigned taken = take_all(fds, 256);

	stream_open(&second, client);
	co_first_line(&second, "S 421 4.7.0 mx.ours.test Error: too many connections\nE\n");
	co_first_line(&first, "C NOOP\nS 250*\n");
	while (taken > 0)
		close(fds[--taken]);
	setrlimit(RLIMIT_NOFILE, &old);
	stream_close(&second);
	stream_open(&second, connect_to(&at));
	co_first_line(&second, "S 220*\n");
	stream_close(&first);
	stream_close(&second);
	co_house_quiet(h);
	co_end(&d);
}

static void without_descriptors_clients_hear_421(void **state)
{
	static struct house h;

	house_init(&h);
	house_run(&h, co_starve, NULL);
	assert_string_equal(failure, "");
	assert_true(house_logged(&h, "no descriptors are left: a connection was refused\n"));
	house_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_an_end_to_sessions),
		cmocka_unit_test(without_descriptors_clients_hear_421),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
