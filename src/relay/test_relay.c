/* SPDX-License-Identifier: Apache-2.0 */
/* The relay room itself, and a fake spool that asks it. */
#include "relay/relay.h"

#include "base/clock.h"
#include "base/sealed.h"
#include "base/unit.h"
#include "net/messages.h"
#include "relay/test_world.h"
#include "store/entry.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define LETTER "Subject: x\r\n\r\nhello\r\n"
#define TALK                                                                                  \
	"S 220 x\nC EHLO mx.ours.test\nS 250 x\nC MAIL FROM:<s@ours.test>\nS 250 ok\nC RCPT " \
	"TO:<a@b.test>\nS 250 ok\n"
#define GOOD TALK "C DATA\nS 354 go\nD\nS 250 2.0.0 queued\nC QUIT\nS 221 bye\nE\n"

/* What of a role the room looks at, instead of run/role.c, which needs a master. */
struct role {
	const struct settings *settings;
	struct chan *resolver;
};

const struct settings *role_settings(const struct role *r)
{
	return r->settings;
}

struct chan *role_neighbour(struct role *r, enum room room, unsigned index)
{
	return room == ROOM_RESOLVER && index == 0 ? r->resolver : NULL;
}

/* --- the room and spool ------------------------------------------------------------------------ */

struct house {
	void (*co_fn)(struct house *h);
	struct world *world;
	struct role role;
	void *room;
	struct fiber_group handlers, askers;
	struct chan *room_end, *spool;
	char failure[300];
	unsigned good; /* answers as they should be */
};

static void open_channel(struct house *h)
{
	struct chan_rules ask = {.window = 64, .longest_ms = 3600000, .fibers = &h->askers};
	struct chan_rules serve = {.handlers = relay_room.handlers,
				   .room = h->room,
				   .fibers = &h->handlers,
				   .longest_ms = 3600000};
	int fds[2];

	h->spool = chan_new("relay/0", &ask);
	h->room_end = chan_new("spool/0", &serve);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		abort();
	chan_attach(h->spool, fds[0], 1);
	chan_attach(h->room_end, fds[1], 1);
}

static void co_house(struct world *w, void *arg)
{
	struct house *h = arg;
	struct err e;

	h->world = w;
	h->role = (struct role){&w->loaded, w->resolver};
	fiber_group_init(&h->handlers, relay_room.handlers_max);
	fiber_group_init(&h->askers, 64);
	if (relay_room.warm_up(&h->role, &h->room, &e) != 0)
		abort();
	open_channel(h);
	h->co_fn(h);
	co_group_join(&h->askers, NO_DEADLINE);
	/* Their farewells, or what a stop leaves of them. */
	if (!h->failure[0])
		co_group_join(&h->handlers, deadline_in(5000));
	fiber_group_cancel(&h->handlers);
	co_group_join(&h->handlers, NO_DEADLINE);
	chan_destroy(&h->spool);
	chan_destroy(&h->room_end);
	relay_room.free_state(h->room);
}

static void run(struct world *w, struct house *h, void (*co_fn)(struct house *h))
{
	*h = (struct house){.co_fn = co_fn};
	world_run(w, co_house, h);
	if (w->failure[0] || h->failure[0])
		fail_msg("%s %s", w->failure, h->failure);
	world_free(w);
}

static void complain(struct house *h, const char *what, struct str got)
{
	if (!h->failure[0])
		snprintf(h->failure, sizeof(h->failure), "%s: \"%.*s\"", what, STR_ARG(str_head(got, 200)));
}

/* --- questions ------------------------------------------------------------------------------------ */

static void put_recipient(struct buf *out, uint32_t place, const char *address, const char *orcpt)
{
	buf_put_u32(out, place);
	buf_put_u8(out, 0);
	buf_put_str(out, str_of(address));
	buf_put_str(out, str_of(orcpt));
}

static struct relay_question usual_question(struct buf *recipients)
{
	struct relay_question q = {.letter = 7,
				   .domain = STR("b.test"),
				   .sender = STR("s@ours.test"),
				   .size = sizeof(LETTER) - 1};
	struct err e;

	buf_init(recipients, 60000);
	put_recipient(recipients, 41, "a@b.test", "");
	q.recipients = buf_str(recipients);
	if (sealed_make("letter", STR(LETTER), &q.file, &e) != 0)
		abort();
	return q;
}

static int co_ask(struct house *h, const struct relay_question *q, struct buf *outcomes, struct err *e)
{
	struct chan_parcel store;
	struct relay_answer a;
	int code = co_ask_relay(h->spool, q, deadline_in(60000), &store, &a, e);

	if (code)
		return code;
	buf_add_str(outcomes, a.outcomes);
	chan_parcel_free(&store);
	return 0;
}

static void check_outcome(struct house *h, struct reader *r, uint32_t place, const char *text)
{
	uint32_t got_place = read_u32(r);
	uint8_t result = read_u8(r);
	struct str status = read_str(r, 20), mta = read_str(r, 400), got = read_str(r, 500);

	if (r->failed || got_place != place || result != OUTCOME_SENT || !str_eq(status, STR("2.0.0")) ||
	    !str_starts(mta, STR("mx1.b.test[127.0.0.1]:")) || !str_eq(got, str_of(text)))
		complain(h, "outcome", got);
	else
		h->good++;
}

/* fiber */
static void ask_usual(void *arg)
{
	struct house *h = arg;
	struct buf recipients, outcomes;
	struct relay_question q = usual_question(&recipients);
	struct err e;

	buf_init(&outcomes, 80000);
	if (co_ask(h, &q, &outcomes, &e) != 0)
		complain(h, "refused", str_of(e.text));
	else {
		struct reader r = reader_of(buf_str(&outcomes));

		check_outcome(h, &r, 41, "250 2.0.0 queued");
		if (!reader_done(&r))
			complain(h, "too much", r.rest);
	}
	close(q.file);
	buf_free(&recipients);
	buf_free(&outcomes);
}

static void co_one(struct house *h)
{
	ask_usual(h);
}

static void a_question_is_answered(void **state)
{
	struct world w = {.peers = {{"127.0.0.1", {GOOD}}}};
	struct house h;

	run(&w, &h, co_one);
	assert_int_equal(h.good, 1);
}

/* --- what is no question ----------------------------------------------------------------------------- */

struct wrong {
	const char *name;
	void (*spoil)(struct relay_question *q, struct buf *recipients);
};

static void again(struct relay_question *q, struct buf *recipients, const char *address, const char *orcpt)
{
	buf_clear(recipients);
	put_recipient(recipients, 0, address, orcpt);
	q->recipients = buf_str(recipients);
}

static void no_recipients(struct relay_question *q, struct buf *recipients)
{
	q->recipients = STR("");
}

static void torn_recipients(struct relay_question *q, struct buf *recipients)
{
	q->recipients.n--;
}

static void too_many(struct relay_question *q, struct buf *recipients)
{
	for (int i = 0; i < 100; i++)
		put_recipient(recipients, 0, "a@b.test", "");
	q->recipients = buf_str(recipients);
}

static void line_end_in_recipient(struct relay_question *q, struct buf *recipients)
{
	again(q, recipients, "a@b.test>\r\nDATA", "");
}

static void second_word_in_recipient(struct relay_question *q, struct buf *recipients)
{
	again(q, recipients, "a@b.test> NOTIFY=NEVER", "");
}

static void empty_recipient(struct relay_question *q, struct buf *recipients)
{
	again(q, recipients, "", "");
}

static void line_end_in_orcpt(struct relay_question *q, struct buf *recipients)
{
	again(q, recipients, "a@b.test", "rfc822;x\r\ny");
}

static void word_in_orcpt(struct relay_question *q, struct buf *recipients)
{
	again(q, recipients, "a@b.test", "x SIZE=1;y");
}

static void line_end_in_sender(struct relay_question *q, struct buf *recipients)
{
	q->sender = STR("s@ours.test\n");
}

static void quote_in_sender(struct relay_question *q, struct buf *recipients)
{
	q->sender = STR("\"s@ours.test");
}

static void binary_body(struct relay_question *q, struct buf *recipients)
{
	q->body = 2;
}

static void unknown_ret(struct relay_question *q, struct buf *recipients)
{
	q->ret = 3;
}

static void empty_letter(struct relay_question *q, struct buf *recipients)
{
	q->size = 0;
}

static void other_size(struct relay_question *q, struct buf *recipients)
{
	q->size++;
}

static void unsealed(struct relay_question *q, struct buf *recipients)
{
	close(q->file);
	q->file = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (ftruncate(q->file, (off_t)q->size) != 0)
		abort();
}

static const struct wrong wrongs[] = {
	{"no recipients", no_recipients},
	{"torn recipients", torn_recipients},
	{"too many", too_many},
	{"line end in recipient", line_end_in_recipient},
	{"word in recipient", second_word_in_recipient},
	{"empty recipient", empty_recipient},
	{"line end in ORCPT", line_end_in_orcpt},
	{"word in ORCPT", word_in_orcpt},
	{"line end in sender", line_end_in_sender},
	{"quote in sender", quote_in_sender},
	{"binary", binary_body},
	{"ret", unknown_ret},
	{"empty letter", empty_letter},
	{"other size", other_size},
	{"unsealed", unsealed},
};

static void co_wrong(struct house *h)
{
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		struct buf recipients, outcomes;
		struct relay_question q = usual_question(&recipients);
		struct err e;

		buf_init(&outcomes, 80000);
		wrongs[i].spoil(&q, &recipients);
		int code = co_ask(h, &q, &outcomes, &e);

		if (code != ERR_INVALID && code != ERR_TOO_BIG)
			complain(h, "taken", str_of(wrongs[i].name));
		close(q.file);
		buf_free(&recipients);
		buf_free(&outcomes);
	}
}

static void what_is_no_question_is_refused(void **state)
{
	struct world w = {.peers = {{"127.0.0.1", {NULL}}}};
	struct house h;

	run(&w, &h, co_wrong);
}

/* --- side by side ---------------------------------------------------------------------------------------- */

static void co_hold(struct world *w)
{
	/* Until the others are through. */
	while (w->connections < 4 || w->servers.count > 1)
		co_yield ();
}

static void co_four(struct house *h)
{
	for (int i = 0; i < 4; i++)
		if (fiber_start(&h->askers, ask_usual, h) != 0)
			abort();
}

static void a_slow_server_delays_its_own_letters_only(void **state)
{
	struct world w = {.peers = {{"127.0.0.1", {"K\n" GOOD, GOOD, GOOD, GOOD}}}, .co_hook = co_hold};
	struct house h;

	run(&w, &h, co_four);
	assert_int_equal(h.good, 4);
}

/* The names are long, the replies too: the answer has room for a hundred of them. */
static void co_hundred(struct house *h)
{
	struct buf recipients, outcomes;
	struct relay_question q = usual_question(&recipients);
	struct err e;
	unsigned n = 0;

	buf_clear(&recipients);
	buf_init(&outcomes, 80000);
	for (uint32_t i = 0; i < 100; i++)
		put_recipient(&recipients, i, "a@b.test", "");
	q.recipients = buf_str(&recipients);
	if (co_ask(h, &q, &outcomes, &e) != 0)
		complain(h, "refused", str_of(e.text));
	for (struct reader r = reader_of(buf_str(&outcomes)); !r.failed && r.rest.n > 0; n++) {
		read_u32(&r);
		read_u8(&r);
		read_str(&r, 20);
		read_str(&r, 400);
		struct str text = read_str(&r, 500);

		if (r.failed || text.n < 380)
			complain(h, "text", text);
	}
	h->good = n;
	close(q.file);
	buf_free(&recipients);
	buf_free(&outcomes);
}

#define LABEL "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
#define LONG_NAME LABEL LABEL LABEL LABEL "b.test"

static void the_longest_answer_fits(void **state)
{
	static const struct world_record records[] = {
		{"b.test", 15, "10 " LONG_NAME}, {LONG_NAME, 1, "127.0.0.1"}, {NULL, 0, NULL}};
	struct buf script;
	struct house h;

	buf_init(&script, 100000);
	buf_add_z(&script, "S 220 x\nC EHLO mx.ours.test\nS 250 x\nC MAIL FROM:<s@ours.test>\nS 550 ");
	for (int i = 0; i < 600; i++)
		buf_add_c(&script, 'y');
	buf_add_z(&script, "\nC QUIT\nS 221 x\nE\n");
	buf_add_c(&script, 0);
	struct world w = {.records = records, .peers = {{"127.0.0.1", {script.p}}}};

	run(&w, &h, co_hundred);
	assert_int_equal(h.good, 100);
	buf_free(&script);
}

/* --- ends ------------------------------------------------------------------------------------------------- */

static struct house *dying; /* for the hook, which knows the world only */

static void co_spool_dies(struct world *w)
{
	chan_destroy(&dying->spool);
	while (chan_attached(dying->room_end))
		co_yield ();
}

/* fiber */
static void ask_in_vain(void *arg)
{
	struct house *h = arg;
	struct buf recipients, outcomes;
	struct relay_question q = usual_question(&recipients);
	struct err e;

	buf_init(&outcomes, 80000);
	if (co_ask(h, &q, &outcomes, &e) == 0)
		complain(h, "answered", STR(""));
	close(q.file);
	buf_free(&recipients);
	buf_free(&outcomes);
}

static void co_ask_and_die(struct house *h)
{
	dying = h;
	if (fiber_start(&h->askers, ask_in_vain, h) != 0)
		abort();
}

/* Spool will offer the letter again: this copy must not arrive. */
static void when_spool_dies_the_letter_is_not_finished(void **state)
{
	struct world w = {.peers = {{"127.0.0.1", {TALK "C DATA\nK\nS 354 go\nE\n"}}},
			  .co_hook = co_spool_dies};
	struct house h;

	run(&w, &h, co_ask_and_die);
}

static void co_stop_room(struct world *w)
{
	fiber_group_cancel(&dying->handlers);
}

static void a_stop_ends_deliveries_where_they_are(void **state)
{
	struct world w = {.peers = {{"127.0.0.1", {TALK "K\nW\n"}}}, .co_hook = co_stop_room};
	struct house h;

	run(&w, &h, co_ask_and_die);
}

/* --- reload -------------------------------------------------------------------------------------------------- */

static void co_reload(struct house *h)
{
	const char *overrides[] = {"hostname=other.ours.test", NULL};
	char port[32];
	struct settings_sources sources = {.overrides = overrides, .override_count = 2};
	struct settings next;
	struct err e;

	snprintf(port, sizeof(port), "relay_port=%u", h->world->port);
	overrides[1] = port;
	if (settings_load(&next, &sources, &e) != 0 ||
	    relay_room.co_prepare(&h->role, h->room, &next, &e) != 0)
		abort();
	/* Prepared twice, as after a reload that another room refused. */
	if (relay_room.co_prepare(&h->role, h->room, &next, &e) != 0)
		abort();
	relay_room.co_switch(&h->role, h->room);
	settings_free(&next);
	ask_usual(h);
}

static void new_settings_are_for_the_next_letter(void **state)
{
	struct world w = {
		.peers = {{"127.0.0.1",
			   {"S 220 x\nC EHLO other.ours.test\nS 250 x\nC MAIL FROM:<s@ours.test>\nS 250 ok\n"
			    "C RCPT TO:<a@b.test>\nS 250 ok\nC DATA\nS 354 go\nD\nS 250 2.0.0 queued\nC "
			    "QUIT\nS 221 bye\nE\n"}}}};
	struct house h;

	run(&w, &h, co_reload);
	assert_int_equal(h.good, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_answered),
		cmocka_unit_test(what_is_no_question_is_refused),
		cmocka_unit_test(a_slow_server_delays_its_own_letters_only),
		cmocka_unit_test(the_longest_answer_fits),
		cmocka_unit_test(when_spool_dies_the_letter_is_not_finished),
		cmocka_unit_test(a_stop_ends_deliveries_where_they_are),
		cmocka_unit_test(new_settings_are_for_the_next_letter),
	};

	return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
