/* SPDX-License-Identifier: Apache-2.0 */
/* Two ends of a channel in one process; what a neighbour must not do is sent raw. */
#include "net/chan.h"
#include "base/clock.h"
#include "base/unit.h"
#include "net/chan_frame.h"
#include "net/fiber.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char trace[4096];
static struct fiber_group outer, handlers, askers;
static struct chan *asking, *answering;
static unsigned served;

static void note(const char *what)
{
	size_t n = strlen(trace);

	snprintf(trace + n, sizeof(trace) - n, "%s ", what);
}

static void co_on_lookup(void *room, struct chan_parcel *p)
{
	struct lookup_question q;

	if (!lookup_take(p, &q))
		return;
	served++;
	if (str_eq(q.name, STR("slow")))
		co_sleep_until(deadline_in(50));
	if (str_eq(q.name, STR("never")))
		return;
	if (str_eq(q.name, STR("refused"))) {
		chan_refuse(p, ERR_DENIED, "not %.*s", STR_ARG(q.name));
		return;
	}
	struct lookup_answer a = {.rcode = (uint8_t)q.type, .canonical = q.name};

	lookup_answer(p, &a);
}

static void co_on_control(void *room, struct chan_parcel *p)
{
	struct control_note c;

	if (!control_take(p, &c))
		return;
	char got[10] = "";

	note(read(c.listener, got, sizeof(got) - 1) == 5 && strcmp(got, "hello") == 0 ? "fd" : "no-fd");
	close(c.listener);
}

static const struct chan_handler table[] = {
	{MSG_LOOKUP, co_on_lookup}, {MSG_CONTROL, co_on_control}, {0, NULL}};

static void connect_both(int *raw)
{
	int fds[2];

	socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
	if (raw)
		*raw = fds[0];
	else
		chan_attach(asking, fds[0], 1);
	chan_attach(answering, fds[1], 1);
}

static void run_main_fiber(fiber_fn *fn)
{
	struct chan_rules ask = {.window = 4, .longest_ms = 10000, .fibers = &askers};
	struct chan_rules answer = {.handlers = table, .fibers = &handlers, .longest_ms = 10000};

	trace[0] = 0;
	served = 0;
	loop_init();
	fiber_group_init(&outer, 1);
	fiber_group_init(&handlers, 100);
	fiber_group_init(&askers, 2000);
	asking = chan_new("resolver", &ask);
	answering = chan_new("gate/0", &answer);
	assert_int_equal(fiber_start(&outer, fn, NULL), 0);
	loop_run();
	chan_destroy(&asking);
	chan_destroy(&answering);
	loop_end();
}

static int co_look(const char *name, uint16_t type, int64_t ms, struct err *e)
{
	struct lookup_question q = {.name = str_of(name), .type = type};
	struct lookup_answer a;
	struct chan_parcel store;
	int code = co_ask_lookup(asking, &q, deadline_in(ms), &store, &a, e);

	if (code)
		return code;
	code = a.rcode == (uint8_t)type && str_eq(a.canonical, q.name) ? 0 : ERR_INVALID;
	chan_parcel_free(&store);
	return code;
}

static void co_end_main(void)
{
	fiber_group_cancel(&askers);
	co_group_join(&askers, NO_DEADLINE);
	fiber_group_cancel(&handlers);
	co_group_join(&handlers, NO_DEADLINE);
	loop_stop();
}

static void basics_main_fiber(void *arg)
{
	struct err e;

	connect_both(NULL);
	note(co_look("a.test", 7, 1000, &e) == 0 ? "answered" : e.text);
	note(co_look("refused", 7, 1000, &e) == ERR_DENIED ? e.text : "accepted");
	note(co_look("never", 7, 1000, &e) == ERR_BUSY ? e.text : "answered");
	note(co_look("slow", 7, 10, &e) == ERR_TIMEOUT ? e.text : "waited");
	/* the late answer is dropped and its slot used again */
	co_sleep_until(deadline_in(60));
	note(co_look("b.test", 8, 1000, &e) == 0 ? "again" : e.text);
	co_end_main();
}

static void questions_are_answered_refused_or_late(void **state)
{
	run_main_fiber(basics_main_fiber);
	assert_string_equal(
		trace, "answered not refused lookup was not finished resolver did not answer in time again ");
}

static void slow_asker_fiber(void *arg)
{
	struct err e;

	if (co_look("slow", 1, 5000, &e) == 0)
		(*(unsigned *)arg)++;
}

static void window_main_fiber(void *arg)
{
	unsigned good = 0;

	connect_both(NULL);
	for (int i = 0; i < 10; i++)
		fiber_start(&askers, slow_asker_fiber, &good);
	co_sleep_until(deadline_in(25));
	note(served == 4 ? "four-at-once" : "window-broken");
	co_group_join(&askers, NO_DEADLINE);
	note(good == 10 ? "all" : "lost");
	co_end_main();
}

static void credits_bound_the_open_questions(void **state)
{
	run_main_fiber(window_main_fiber);
	assert_string_equal(trace, "four-at-once all ");
}

static void reattach_fiber(void *arg)
{
	co_sleep_until(deadline_in(20));
	connect_both(NULL);
}

static void gone_main_fiber(void *arg)
{
	struct err e;
	int raw;

	connect_both(NULL);
	connect_both(&raw); /* the answering end is another one now: ours was closed */
	close(raw);
	fiber_start(&askers, reattach_fiber, NULL);
	/* asked of the dead neighbour, asked once more of the next */
	note(co_look("a.test", 9, 1000, &e) == 0 ? "asked-again" : e.text);
	co_group_join(&askers, NO_DEADLINE);
	co_end_main();
}

static void a_new_neighbour_is_asked_again(void **state)
{
	run_main_fiber(gone_main_fiber);
	assert_string_equal(trace, "asked-again ");
}

static void absent_main_fiber(void *arg)
{
	struct err e;

	note(co_look("a.test", 9, 10, &e) == ERR_TIMEOUT ? "nobody" : "somebody");
	co_end_main();
}

static void without_a_neighbour_the_deadline_holds(void **state)
{
	run_main_fiber(absent_main_fiber);
	assert_string_equal(trace, "nobody ");
}

static void fd_main_fiber(void *arg)
{
	int pipe_fds[2];

	connect_both(NULL);
	if (pipe(pipe_fds) != 0 || write(pipe_fds[1], "hello", 5) != 5)
		note("no-pipe");
	struct control_note c = {.listener = pipe_fds[0]};

	control_send(asking, &c);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	co_sleep_until(deadline_in(10));
	co_end_main();
}

static void descriptors_travel(void **state)
{
	run_main_fiber(fd_main_fiber);
	assert_string_equal(trace, "fd ");
}

static void send_raw(int fd, const char *bytes, size_t n)
{
	if (send(fd, bytes, n, MSG_NOSIGNAL) < 0)
		note("send-failed");
}

static void rude_main_fiber(void *arg)
{
	char answer[200];
	struct chan_frame *good = chan_frame_new(MSG_LOOKUP);
	int raw;

	connect_both(&raw);
	buf_put_str(&good->bytes, STR("a.test"));
	buf_put_u16(&good->bytes, 1);
	chan_frame_address(good, CHAN_QUESTION, 0, 5, deadline_in(1000));
	send_raw(raw, "x", 1); /* shorter than a header */
	send_raw(raw, good->bytes.p, CHAN_HEADER + 3); /* cut payload */
	co_sleep_until(deadline_in(10));
	ssize_t n = recv(raw, answer, sizeof(answer), 0);

	note(n > (ssize_t)CHAN_HEADER && answer[3] == -ERR_INVALID ? "cut-refused" : "cut-accepted");
	buf_add_c(&good->bytes, 'x'); /* one byte too many */
	send_raw(raw, good->bytes.p, good->bytes.n);
	co_sleep_until(deadline_in(10));
	n = recv(raw, answer, sizeof(answer), 0);
	note(n > 0 && answer[3] == -ERR_INVALID ? "long-refused" : "long-accepted");
	le16_set(good->bytes.p, MSG_RELOAD); /* nobody handles that here */
	send_raw(raw, good->bytes.p, good->bytes.n);
	le16_set(good->bytes.p, 60000);
	send_raw(raw, good->bytes.p, good->bytes.n);
	co_sleep_until(deadline_in(10));
	n = recv(raw, answer, sizeof(answer), 0);
	note(n > 0 && answer[3] == -ERR_DENIED ? "denied" : "served");
	note(recv(raw, answer, sizeof(answer), MSG_DONTWAIT) < 0 ? "unknown-dropped" : "unknown-served");
	note(served == 0 ? "never-reached" : "reached");
	chan_frame_free(good);
	close(raw);
	co_sleep_until(deadline_in(5));
	note(chan_attached(answering) ? "still" : "gone");
	co_end_main();
}

static void malformed_messages_are_refused(void **state)
{
	log_set_level(LOG_ERROR);
	run_main_fiber(rude_main_fiber);
	assert_string_equal(trace, "cut-refused long-refused denied unknown-dropped never-reached gone ");
}

static void flood_main_fiber(void *arg)
{
	struct chan_frame *q = chan_frame_new(MSG_LOOKUP);
	char answer[200];
	unsigned busy = 0, sent = 0;
	int raw;

	connect_both(&raw);
	buf_put_str(&q->bytes, STR("slow"));
	buf_put_u16(&q->bytes, 1);
	chan_frame_address(q, CHAN_QUESTION, 0, 5, deadline_in(1000));
	for (; sent < 150 && send(raw, q->bytes.p, q->bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT) > 0; sent++)
		if (sent % 20 == 19)
			co_yield ();
	co_sleep_until(deadline_in(10));
	while (recv(raw, answer, sizeof(answer), MSG_DONTWAIT) > 0)
		busy += answer[3] == -ERR_BUSY;
	note(sent > 100 && busy == sent - 100 && served == 100 ? "bounded" : "flooded");
	chan_frame_free(q);
	close(raw);
	co_end_main();
}

static void a_flood_is_refused_above_the_ceiling(void **state)
{
	run_main_fiber(flood_main_fiber);
	assert_string_equal(trace, "bounded ");
}

static void say_raw(int fd, const char *name)
{
	struct chan_frame *f = chan_frame_new(MSG_LOOKUP);

	chan_frame_add_str(f, str_of(name), 1024);
	buf_put_u16(&f->bytes, 1);
	chan_frame_address(f, CHAN_QUESTION, 0, 1, deadline_in(1000));
	assert_int_equal(chan_frames_send(fd, f), 1);
	chan_frame_free(f);
}

/* Its end is seen by sending to it, by reading, or by reading with messages that it left unread. */
static void last_words_main_fiber(void *arg)
{
	struct left_note left = {.address = STR("addr")};

	for (int way = 0; way < 3; way++) {
		int raw;

		served = 0;
		connect_both(&raw);
		if (way == 2) {
			left_send(answering, &left);
			co_sleep_until(deadline_in(5));
		}
		for (int i = 0; i < 3; i++)
			say_raw(raw, "last");
		close(raw);
		if (way == 0)
			left_send(answering, &left);
		co_sleep_until(deadline_in(20));
		assert_false(chan_attached(answering));
		assert_int_equal(served, 3);
	}
	co_end_main();
}

static void last_words_are_heard(void **state)
{
	run_main_fiber(last_words_main_fiber);
}

static unsigned open_fds(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* A message with descriptors behind the empty one that ends the channel. */
static void behind_the_end_main_fiber(void *arg)
{
	struct chan_frame *f = chan_frame_new(MSG_CONTROL);
	unsigned before = open_fds();
	int raw;

	connect_both(&raw);
	chan_frame_add_fd(f, STDIN_FILENO);
	chan_frame_address(f, CHAN_NOTE, 0, 0, 0);
	say_raw(raw, "first");
	send_raw(raw, "", 0);
	assert_int_equal(chan_frames_send(raw, f), 1);
	co_sleep_until(deadline_in(20));
	note(served == 1 ? "heard" : "lost");
	chan_frame_free(f);
	close(raw);
	co_sleep_until(deadline_in(5));
	note(open_fds() == before ? "closed" : "leaked");
	co_end_main();
}

static void descriptors_behind_the_end_are_closed(void **state)
{
	run_main_fiber(behind_the_end_main_fiber);
	assert_string_equal(trace, "heard closed ");
}

/* The neighbour does not read, so most of the large ones wait here when the small one comes. */
static void small_first_main_fiber(void *arg)
{
	static char settings[60000], got[CHAN_MESSAGE_MAX];
	struct start_note large = {.settings = {settings, sizeof(settings)}};
	struct left_note left = {.address = STR("addr")};
	uint64_t expected = 0;
	unsigned before = 0;
	bool came = false;
	ssize_t n;
	int raw;

	connect_both(&raw);
	for (; large.build < 30; large.build++)
		start_send(answering, &large);
	co_yield ();
	left_send(answering, &left);
	note(chan_sent_all(answering) ? "sent" : "waiting");
	while (!came || expected < 30) {
		n = recv(raw, got, sizeof(got), MSG_DONTWAIT);
		if (n < 0 && co_sleep_until(deadline_in(1)) == 0)
			continue;
		if (le16_get(got) == MSG_LEFT) {
			came = true;
			before = (unsigned)expected;
		} else if (le64_get(got + CHAN_HEADER) == expected)
			expected++;
		else
			note("disorder");
	}
	note(before < 20 ? "small-first" : "small-last");
	close(raw);
	co_end_main();
}

static void small_messages_do_not_wait_behind_large_ones(void **state)
{
	run_main_fiber(small_first_main_fiber);
	assert_string_equal(trace, "waiting small-first ");
}

/* Notes without a payload but for their number, in a list. */
static struct chan_frame *make_frames(unsigned count)
{
	struct chan_frame *first = NULL;

	while (count-- > 0) {
		struct chan_frame *f = chan_frame_new(MSG_LEFT);

		chan_frame_address(f, CHAN_NOTE, 0, count, 0);
		f->next = first;
		first = f;
	}
	return first;
}

static struct chan_frame *free_frames(struct chan_frame *first, int count)
{
	while (first && count-- > 0) {
		struct chan_frame *next = first->next;

		chan_frame_free(first);
		first = next;
	}
	return first;
}

static void expect_arrivals(const struct chan_arrival *got, int count, unsigned first_id)
{
	for (int i = 0; i < count; i++) {
		struct chan_parcel p = got[i].parcel;

		assert_int_equal(got[i].code, 0);
		assert_int_equal(p.id, first_id + (unsigned)i);
		assert_int_equal(got[i].head.kind, CHAN_NOTE);
		chan_parcel_close(&p);
	}
}

static void many_messages_take_one_call(void **state)
{
	struct chan_arrival got[CHAN_BATCH];
	struct chan_frame *list = make_frames(CHAN_BATCH + 3);
	int fds[2];

	socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
	chan_frame_add_fd(list->next, fds[0]);
	assert_int_equal(chan_frames_receive(fds[1], false, got, CHAN_BATCH), ERR_BUSY);
	assert_int_equal(chan_frames_send(fds[0], list), CHAN_BATCH);
	list = free_frames(list, CHAN_BATCH);
	assert_int_equal(chan_frames_send(fds[0], list), 3);
	free_frames(list, 3);
	assert_int_equal(send(fds[0], "short", 5, 0), 5);
	close(fds[0]);

	assert_int_equal(chan_frames_receive(fds[1], false, got, CHAN_BATCH), CHAN_BATCH);
	assert_int_equal(got[0].parcel.fd_count, 0);
	assert_int_equal(got[1].parcel.fd_count, 1);
	expect_arrivals(got, CHAN_BATCH, 0);
	/* What came before the end is heard before it. */
	assert_int_equal(chan_frames_receive(fds[1], false, got, CHAN_BATCH), 4);
	expect_arrivals(got, 3, CHAN_BATCH);
	assert_int_equal(got[3].code, ERR_INVALID);
	assert_int_equal(chan_frames_receive(fds[1], false, got, CHAN_BATCH), ERR_CLOSED);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_are_answered_refused_or_late),
		cmocka_unit_test(credits_bound_the_open_questions),
		cmocka_unit_test(a_new_neighbour_is_asked_again),
		cmocka_unit_test(without_a_neighbour_the_deadline_holds),
		cmocka_unit_test(descriptors_travel),
		cmocka_unit_test(malformed_messages_are_refused),
		cmocka_unit_test(a_flood_is_refused_above_the_ceiling),
		cmocka_unit_test(last_words_are_heard),
		cmocka_unit_test(descriptors_behind_the_end_are_closed),
		cmocka_unit_test(small_messages_do_not_wait_behind_large_ones),
		cmocka_unit_test(many_messages_take_one_call),
	};

	return cmocka_run_group_tests_name("chan", tests, NULL, NULL);
}
