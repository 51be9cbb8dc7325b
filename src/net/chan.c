/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels (see chan.h).
 *
 *                 co_chan_ask                   answer arrives
 *   asker  ---> WAITING for a credit ---> OPEN ----------------> done
 *               and a neighbour            |  deadline: the slot stays taken until
 *                                          |  the late answer comes, and is dropped
 *                                          +-- neighbour gone: ERR_ROOM_GONE
 *
 * 1. An id names a slot and its use; an answer whose use is not the present one
 *    is late and dropped.
 * 2. A slot whose asker gave up is free again only when its answer arrived or
 *    the neighbour changed, so the neighbour never has more than `window` open.
 * 3. Reading never waits: a question starts a fiber or is refused with ERR_BUSY.
 * 4. Small messages go before large ones that the kernel has not taken yet, so an answer does
 *    not stand behind letters; each of the two kinds keeps its order.
 */
#include "net/chan.h"

#include "base/clock.h"
#include "net/chan_frame.h"
#include "net/fiber.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOT_BITS 12
#define LARGE ((size_t)8 << 10) /* a message with a letter or an outline */
#define LAST_BATCHES 32 /* more than a socket holds */

struct slot {
	uint32_t use;
	bool open; /* an answer is to come */
	struct fiber *asker; /* NULL: gave up */
	struct chan_parcel *answer;
};

struct waiter {
	struct waiter *next;
	struct fiber *fiber;
	bool called; /* a slot is meant for it */
};

struct chan_handle {
	uv_poll_t poll;
	struct chan *chan;
};

struct frame_queue {
	struct chan_frame *first, **end;
};

struct chan {
	char name[48];
	struct chan_rules rules;
	int fd;
	int64_t uid;
	uint32_t epoch;
	uint32_t generation;
	struct chan_handle *handle;
	int armed;
	struct frame_queue small, large;
	struct turn_task flush;
	struct slot *slots;
	struct waiter *waiters;
	unsigned serving; /* handlers that still have a parcel of ours */
	unsigned asking; /* fibers inside co_chan_ask */
	unsigned hint; /* where the last free slot was found */
	bool doomed;
};

static void chan_lost(struct chan *c);
static void read_last(struct chan *c);

const char *chan_name(const struct chan *c)
{
	return c->name;
}

uint32_t chan_epoch(const struct chan *c)
{
	return c->epoch;
}

int64_t chan_peer_uid(const struct chan *c)
{
	return c->uid;
}

bool chan_attached(const struct chan *c)
{
	return c->fd >= 0;
}

bool chan_sent_all(const struct chan *c)
{
	return !c->small.first && !c->large.first;
}

/* Those who wait for a credit get one in the order in which they came. */
static void call_next(struct chan *c)
{
	struct waiter *w = c->waiters;

	while (w && w->called)
		w = w->next;
	if (!w)
		return;
	w->called = true;
	fiber_wake(w->fiber, ERR_OK);
}

static void call_all(struct chan *c)
{
	for (unsigned i = 0; i < c->rules.window; i++)
		call_next(c);
}

static void on_ready(uv_poll_t *poll, int status, int events);

static void watch(struct chan *c, int events)
{
	if (c->armed == events || !c->handle)
		return;
	c->armed = events;
	uv_poll_start(&c->handle->poll, events, on_ready);
}

/* --- sending ------------------------------------------------------------------- */

static void queue_init(struct frame_queue *q)
{
	*q = (struct frame_queue){.end = &q->first};
}

static void queue_drop(struct frame_queue *q)
{
	while (q->first) {
		struct chan_frame *f = q->first;

		q->first = f->next;
		chan_frame_free(f);
	}
	queue_init(q);
}

/* 0: all of it is with the kernel. */
static int queue_send(struct frame_queue *q, int fd)
{
	while (q->first) {
		int sent = chan_frames_send(fd, q->first);

		if (sent < 0)
			return sent;
		for (; sent > 0; sent--) {
			struct chan_frame *f = q->first;

			q->first = f->next;
			chan_frame_free(f);
		}
	}
	queue_init(q);
	return ERR_OK;
}

static void send_queue(void *arg)
{
	struct chan *c = arg;

	if (c->fd < 0)
		return;
	int code = queue_send(&c->small, c->fd);

	if (code == ERR_OK)
		code = queue_send(&c->large, c->fd);
	if (code == ERR_CLOSED)
		read_last(c);
	else
		watch(c, code == ERR_BUSY ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

static void enqueue(struct chan *c, struct chan_frame *f)
{
	struct frame_queue *q = f->bytes.n > LARGE ? &c->large : &c->small;

	f->next = NULL;
	*q->end = f;
	q->end = &f->next;
	loop_defer(&c->flush);
}

int chan_send_note(struct chan *c, struct chan_frame *f)
{
	if (!chan_frame_ok(f) || c->fd < 0) {
		int code = c->fd < 0 ? ERR_ROOM_GONE : ERR_TOO_BIG;

		chan_frame_free(f);
		return code;
	}
	chan_frame_address(f, CHAN_NOTE, 0, 0, 0);
	enqueue(c, f);
	return ERR_OK;
}

bool chan_asker_lives(const struct chan_parcel *p)
{
	return p->chan->fd >= 0 && p->chan->generation == p->generation;
}

static void send_back(struct chan_parcel *p, struct chan_frame *f, uint8_t status)
{
	struct chan *c = p->chan;

	assert(!p->answered);
	p->answered = true;
	if (!msg_is_question(p->type) || !chan_asker_lives(p)) {
		chan_frame_free(f);
		return;
	}
	chan_frame_address(f, CHAN_ANSWER, status, p->id, 0);
	enqueue(c, f);
}

void chan_refuse(struct chan_parcel *p, int code, const char *fmt, ...)
{
	struct chan_frame *f = chan_frame_new(p->type);
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&f->bytes, fmt, ap);
	va_end(ap);
	send_back(p, f, (uint8_t)-code);
}

void chan_send_answer(struct chan_parcel *p, struct chan_frame *f)
{
	if (chan_frame_ok(f)) {
		send_back(p, f, 0);
		return;
	}
	chan_frame_free(f);
	chan_refuse(p, ERR_TOO_BIG, "the answer to %s is too large for a message", msg_name(p->type));
}

/* --- serving --------------------------------------------------------------------- */

static void chan_release(struct chan *c)
{
	if (!c->doomed || c->serving > 0 || c->asking > 0)
		return;
	free(c->slots);
	free(c);
}

void chan_parcel_free(struct chan_parcel *p)
{
	chan_parcel_close(p);
}

struct service {
	struct chan_parcel parcel;
	chan_handler_fn *co_fn;
};

static void end_service(struct service *s)
{
	struct chan *c = s->parcel.chan;

	if (!s->parcel.answered && msg_is_question(s->parcel.type))
		chan_refuse(&s->parcel, ERR_BUSY, "%s was not finished", msg_name(s->parcel.type));
	chan_parcel_close(&s->parcel);
	free(s);
	c->serving--;
	chan_release(c);
}

static void serve_fiber(void *arg)
{
	struct service *s = arg;

	s->co_fn(s->parcel.chan->rules.room, &s->parcel);
	end_service(s);
}

static chan_handler_fn *handler_of(const struct chan *c, uint16_t type)
{
	for (const struct chan_handler *h = c->rules.handlers; h && h->type; h++)
		if (h->type == type)
			return h->co_fn;
	return NULL;
}

static void serve(struct chan *c, struct chan_parcel *p)
{
	struct service *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->parcel = *p;
	s->co_fn = handler_of(c, p->type);
	c->serving++;
	int64_t latest = deadline_in(c->rules.longest_ms);

	if (s->parcel.deadline > latest)
		s->parcel.deadline = latest;
	if (!s->co_fn)
		chan_refuse(&s->parcel, ERR_DENIED, "%s may not be asked here", msg_name(p->type));
	else if (fiber_start(c->rules.fibers, serve_fiber, s) == ERR_OK)
		return;
	else
		chan_refuse(&s->parcel, ERR_BUSY, "too many questions at once");
	end_service(s);
}

/* --- receiving --------------------------------------------------------------------- */

static void take_answer(struct chan *c, struct chan_parcel *p)
{
	uint32_t place = p->id & ((1u << SLOT_BITS) - 1);
	struct slot *s = place < c->rules.window ? &c->slots[place] : NULL;

	if (!s || !s->open || s->use != p->id >> SLOT_BITS) {
		chan_parcel_close(p);
		return;
	}
	s->open = false;
	if (s->asker) {
		*s->answer = *p;
		fiber_wake(s->asker, ERR_OK);
		s->asker = NULL;
	} else
		chan_parcel_close(p);
	call_next(c);
}

static void take(struct chan *c, struct chan_parcel *p, const struct chan_head *head)
{
	bool question = msg_is_question(p->type);

	p->chan = c;
	p->generation = c->generation;
	p->status = head->status;
	if (head->kind == CHAN_ANSWER)
		take_answer(c, p);
	else if ((head->kind == CHAN_QUESTION && question) || (head->kind == CHAN_NOTE && !question))
		serve(c, p);
	else
		chan_parcel_close(p);
}

/* One batch, then the loop gets a look at others. */
static void read_some(struct chan *c)
{
	struct chan_arrival all[CHAN_BATCH];
	int n = chan_frames_receive(c->fd, false, all, CHAN_BATCH);

	if (n == ERR_CLOSED)
		chan_lost(c);
	/* None of these ends the channel: fibers run later. */
	for (int i = 0; i < n; i++)
		if (all[i].code == ERR_OK)
			take(c, &all[i].parcel, &all[i].head);
		else
			log_line(LOG_WARNING, "%s sent a message of a wrong size", c->name);
}

/* The neighbour takes no more.  What it said before its end counts all the same: answers, and
 * notes that tell why it ended. */
static void read_last(struct chan *c)
{
	uint32_t generation = c->generation;

	for (int i = 0; i < LAST_BATCHES && c->generation == generation && c->fd >= 0; i++)
		read_some(c);
	if (c->generation == generation && c->fd >= 0)
		chan_lost(c);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct chan *c = ((struct chan_handle *)poll->data)->chan;

	if (!c)
		return;
	if (status < 0 || (events & UV_READABLE))
		read_some(c);
	/* What was read may have ended the channel. */
	if (((struct chan_handle *)poll->data)->chan && (events & UV_WRITABLE))
		send_queue(c);
}

/* --- asking -------------------------------------------------------------------------- */

static struct slot *free_slot(struct chan *c)
{
	for (unsigned i = 0; c->fd >= 0 && i < c->rules.window; i++) {
		unsigned place = (c->hint + i) % c->rules.window;

		if (!c->slots[place].open && !c->slots[place].asker) {
			c->hint = place;
			return &c->slots[place];
		}
	}
	return NULL;
}

static void leave_queue(struct chan *c, struct waiter *self)
{
	struct waiter **at = &c->waiters;

	while (*at != self)
		at = &(*at)->next;
	*at = self->next;
}

/* Waits for a neighbour and a credit, behind those who wait already. */
static int co_wait_slot(struct chan *c, int64_t deadline, struct slot **slot)
{
	struct waiter self = {.fiber = fiber_self()}, **end = &c->waiters;
	int code = ERR_OK;

	*slot = c->waiters ? NULL : free_slot(c);
	if (*slot)
		return ERR_OK;
	while (*end)
		end = &(*end)->next;
	*end = &self;
	while (!*slot && !c->doomed && code == ERR_OK) {
		self.called = false;
		code = co_park(deadline);
		if (code == ERR_OK)
			*slot = free_slot(c);
	}
	leave_queue(c, &self);
	/* What was meant for us is the next one's. */
	if (!*slot && self.called)
		call_next(c);
	return *slot ? ERR_OK : c->doomed ? ERR_CLOSED : code;
}

static int co_ask_once(struct chan *c, struct chan_frame *f, int64_t deadline, struct chan_parcel *store)
{
	struct slot *s;
	int code = co_wait_slot(c, deadline, &s);

	if (code) {
		chan_frame_free(f);
		return code;
	}
	s->use = (s->use + 1) & (UINT32_MAX >> SLOT_BITS);
	s->open = true;
	s->asker = fiber_self();
	s->answer = store;
	chan_frame_address(f, CHAN_QUESTION, 0, s->use << SLOT_BITS | (uint32_t)(s - c->slots), deadline);
	enqueue(c, f);
	code = co_park(deadline);
	if (code == ERR_OK)
		return code;
	/* The answer may have come in the same turn, and the slot may be another's. */
	if (s->asker == fiber_self())
		s->asker = NULL;
	chan_parcel_close(store);
	return code;
}

static struct chan_frame *frame_copy(const struct chan_frame *f)
{
	struct chan_frame *copy = chan_frame_new(le16_get(f->bytes.p));

	buf_clear(&copy->bytes);
	buf_add_str(&copy->bytes, buf_str(&f->bytes));
	return copy;
}

static int explain(const struct chan *c, int code, struct err *e)
{
	if (code == ERR_TIMEOUT)
		return err_set(e, code, "%s did not answer in time", c->name);
	if (code == ERR_ROOM_GONE)
		return err_set(e, code, "%s ended before it answered", c->name);
	if (code == ERR_CANCELLED)
		return err_set(e, code, "the question to %s was given up", c->name);
	return err_set(e, code, "the channel to %s is closed", c->name);
}

static int co_ask_twice(struct chan *c, struct chan_frame *f, bool again, int64_t deadline,
			struct chan_parcel *store)
{
	struct chan_frame *second = again && f->fd_count == 0 ? frame_copy(f) : NULL;
	int code = co_ask_once(c, f, deadline, store);

	if (code == ERR_ROOM_GONE && second) {
		code = co_ask_once(c, second, deadline, store);
		second = NULL;
	}
	if (second)
		chan_frame_free(second);
	return code;
}

int co_chan_ask(struct chan *c, struct chan_frame *f, bool again, int64_t deadline, struct chan_parcel *store,
		struct err *e)
{
	int64_t latest = deadline_in(c->rules.longest_ms);

	*store = (struct chan_parcel){0};
	if (!chan_frame_ok(f)) {
		chan_frame_free(f);
		return err_set(e, ERR_TOO_BIG, "the question to %s is too large", c->name);
	}
	c->asking++;
	int code = co_ask_twice(c, f, again, deadline < latest ? deadline : latest, store);

	if (code)
		explain(c, code, e);
	else if (store->status) {
		/* Only our own fiber is told so that it was cancelled. */
		code = store->status == -ERR_CANCELLED ? ERR_BUSY : -(int)store->status;
		err_set(e, code, "%.*s", STR_ARG(store->payload));
		chan_parcel_close(store);
	}
	c->asking--;
	chan_release(c);
	return code;
}

/* --- life -------------------------------------------------------------------------------- */

struct chan *chan_new(const char *name, const struct chan_rules *rules)
{
	struct chan *c = calloc(1, sizeof(*c));

	assert(rules->window < 1u << SLOT_BITS);
	if (!c)
		abort();
	c->slots = calloc(rules->window + 1, sizeof(*c->slots));
	if (!c->slots)
		abort();
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->rules = *rules;
	c->fd = -1;
	c->uid = -1;
	queue_init(&c->small);
	queue_init(&c->large);
	c->flush = (struct turn_task){.fn = send_queue, .arg = c};
	return c;
}

static void handle_closed(uv_handle_t *h)
{
	free(h->data);
}

static void detach(struct chan *c)
{
	if (c->fd < 0)
		return;
	uv_poll_stop(&c->handle->poll);
	c->handle->chan = NULL;
	uv_close((uv_handle_t *)&c->handle->poll, handle_closed);
	c->handle = NULL;
	close(c->fd);
	c->fd = -1;
	c->armed = 0;
	c->generation++;
	queue_drop(&c->small);
	queue_drop(&c->large);
	for (unsigned i = 0; i < c->rules.window; i++) {
		struct slot *s = &c->slots[i];

		s->open = false;
		if (s->asker)
			fiber_wake(s->asker, c->doomed ? ERR_CLOSED : ERR_ROOM_GONE);
		s->asker = NULL;
	}
}

static void chan_lost(struct chan *c)
{
	detach(c);
	if (c->rules.gone)
		c->rules.gone(c->rules.room, c);
}

int chan_attach(struct chan *c, int fd, uint32_t epoch)
{
	struct chan_handle *h = calloc(1, sizeof(*h));
	struct ucred who;
	socklen_t n = sizeof(who);

	if (c->fd >= 0)
		chan_lost(c);
	if (!h || uv_poll_init(loop_uv(), &h->poll, fd) != 0) {
		free(h);
		close(fd);
		return ERR_IO;
	}
	h->poll.data = h;
	h->chan = c;
	c->handle = h;
	c->fd = fd;
	c->epoch = epoch;
	c->uid = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 ? (int64_t)who.uid : -1;
	watch(c, UV_READABLE);
	call_all(c);
	return ERR_OK;
}

void chan_destroy(struct chan **cp)
{
	struct chan *c = *cp;

	if (!c)
		return;
	*cp = NULL;
	c->doomed = true;
	c->rules.gone = NULL;
	detach(c);
	for (struct waiter *w = c->waiters; w; w = w->next)
		fiber_wake(w->fiber, ERR_OK);
	if (c->flush.queued)
		loop_undefer(&c->flush);
	chan_release(c);
}
