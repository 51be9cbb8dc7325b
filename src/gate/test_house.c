/* SPDX-License-Identifier: Apache-2.0 */
/* Fake neighbours of the gate (see test_house.h). */
#include "gate/test_house.h"

#include "base/clock.h"
#include "base/sealed.h"
#include "format/header_edit.h"
#include "format/outline.h"
#include "format/received.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"
#include "net/scan_edits.h"
#include "net/verdicts.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define IDS_A_LEASE 3

static struct chan *keeper_end, *spool_end, *scan_end, *resolver_end;
static struct fiber_group handlers, mains;

/* --- keeper ------------------------------------------------------------------------------------ */

static const char *const people[] = {"postmaster",         "postmaster@ours.test",   "alice@ours.test",
				     "bob@ours.test",      "\"o'hara x\"@ours.test", "alice+tag@ours.test",
				     "\xD0\xB0@ours.test", "half@ours.test",         "root@mx.ours.test"};

static const struct {
	const char *address;
	uint8_t verdict;
} odd[] = {
	{"loop@ours.test", RECIPIENT_LOOP},
	{"many@ours.test", RECIPIENT_TOO_MANY},
	{"syntax@ours.test", RECIPIENT_BAD_SYNTAX},
	{"routed@ours.test", RECIPIENT_ROUTED},
	{"odd@ours.test", 99},
};

static uint8_t verdict_of(struct str address)
{
	for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++)
		if (str_eq_nocase(address, str_of(people[i])))
			return RECIPIENT_OK;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		if (str_eq_nocase(address, str_of(odd[i].address)))
			return odd[i].verdict;
	if (str_starts(address, STR("many-")) && str_ends(address, STR("@ours.test")))
		return RECIPIENT_OK;
	return str_ends_nocase(address, STR("@ours.test")) ? RECIPIENT_UNKNOWN : RECIPIENT_NOT_OURS;
}

static void put_target(struct buf *out, enum target_kind kind, struct str account, struct str as)
{
	buf_put_u8(out, (uint8_t)kind);
	buf_put_str(out, account);
	buf_put_str(out, as);
}

static void co_on_recipient(void *room, struct chan_parcel *p)
{
	struct recipient_question q;
	struct recipient_answer a = {0};
	struct buf targets;

	if (!recipient_take(p, &q))
		return;
	if (str_eq(q.address, STR("slow@ours.test")))
		return;
	buf_init(&targets, 4096);
	a.verdict = verdict_of(q.address);
	if (a.verdict == RECIPIENT_NOT_OURS)
		put_target(&targets, TARGET_REMOTE, q.address, q.address);
	else if (!str_eq(q.address, STR("many-none@ours.test")))
		put_target(&targets, TARGET_LOCAL, STR("box@ours.test"), q.address);
	if (str_eq(q.address, STR("many-torn@ours.test")))
		buf_put_u8(&targets, TARGET_LOCAL);
	if (str_eq(q.address, STR("half@ours.test")))
		put_target(&targets, TARGET_REMOTE, STR("x@else.test"), STR("x@else.test"));
	a.targets = buf_str(&targets);
	recipient_answer(p, &a);
	buf_free(&targets);
}

/* Everybody's password; of "busy" keeper cannot tell, of "silent" it does not. */
static const char password[] = "se cret";

static void co_on_login(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct login_question q;
	struct login_answer a = {.verdict = LOGIN_NO};

	if (!login_take(p, &q))
		return;
	h->logins++;
	if (str_eq(q.login, STR("silent@ours.test")))
		return;
	if (str_eq(q.login, STR("busy@ours.test")))
		a.verdict = LOGIN_LATER;
	else if (str_ends(q.login, STR("@ours.test")) && str_find(q.login, '*') == STR_NONE &&
		 str_eq(q.password, str_of(password)))
		a = (struct login_answer){
			.verdict = LOGIN_YES, .account = q.login, .right = str_head(q.login, 32)};
	login_answer(p, &a);
}

static void co_on_sender(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct sender_question q;
	struct sender_answer a = {.verdict = SENDER_OK};

	if (!sender_take(p, &q))
		return;
	h->senders++;
	if (str_eq(q.sender, STR("slow@ours.test")))
		return;
	if (h->rights_end || !str_eq(q.right, str_head(q.account, 32)))
		a.verdict = SENDER_NO_RIGHT;
	else if (q.sender.n > 0 && !str_eq_nocase(q.sender, q.account))
		a.verdict = SENDER_NOT_OWNED;
	sender_answer(p, &a);
}

static void co_on_connect(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct connect_question q;
	struct connect_answer a = {0};

	if (!connect_take(p, &q))
		return;
	uint8_t last = q.address.n ? (uint8_t)q.address.p[q.address.n - 1] : 0;

	if (last == 98)
		co_sleep_until(deadline_in(10 * h->config.limits.connect_ms));
	a.verdict = last == 99;
	h->came += a.verdict == 0;
	connect_answer(p, &a);
}

static void co_on_left(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct left_note m;

	if (left_take(p, &m))
		h->left++;
}

/* --- scan ---------------------------------------------------------------------------------------- */

static void attach_scan(struct house *h);

/* Whether it ends instead of answering. */
static bool ends(struct house *h, const struct scan_question *q)
{
	struct scanning_note note = {.letter = q->letter};

	switch (h->scan) {
	case HOUSE_SCAN_DIES_ONCE:
		h->scan = HOUSE_SCAN_GOOD;
		return true;
	case HOUSE_SCAN_DIES_BESIDE:
		if (h->scans == 2)
			h->scan = HOUSE_SCAN_GOOD;
		return true;
	case HOUSE_SCAN_OTHERS_POISON:
		note.letter++;
		if (h->scans == 2)
			h->scan = HOUSE_SCAN_GOOD;
		break;
	case HOUSE_SCAN_POISON:
		break;
	default:
		return false;
	}
	/* One that is not alone is not spoken of, but may be by one who was taken over. */
	scanning_send(scan_end, &note);
	return true;
}

static void write_front(const struct scan_question *q, struct buf *out)
{
	char id[20];
	int n = snprintf(id, sizeof(id), "%016llX", (unsigned long long)q->letter);
	struct received r = {
		.helo = q->helo,
		.client_name = q->client_name,
		.client_ip = q->client_ip,
		.tls = q->tls,
		.user = q->user,
		.by = STR("mx.ours.test"),
		.protocol = received_protocol(q->with),
		.id = {id, (size_t)n},
		.rcpt = q->recipient,
		.date = {.us = q->received},
	};

	received_write(&r, out);
}

static void answer_scan(struct house *h, struct chan_parcel *p, struct str letter, size_t front,
			struct str cuts)
{
	struct str seen = h->scan == HOUSE_SCAN_LIES ? str_head(letter, letter.n - 1) : letter;
	struct outline o;
	struct arena arena;
	struct buf bytes;
	struct err e;

	arena_init(&arena, OUTLINE_ARENA_MAX);
	buf_init(&bytes, OUTLINE_MAX);
	if (outline_build(&o, &arena, seen, NULL) != 0 || outline_encode(&o, &bytes) != 0)
		abort();
	struct scan_answer a = {.front = str_head(letter, front),
				.cuts = cuts,
				.outline_size = (uint32_t)bytes.n,
				.outline = buf_str(&bytes),
				.wide = -1};

	if (h->scan == HOUSE_SCAN_WIDE || bytes.n > 49152) {
		a.outline = (struct str){NULL, 0};
		if (sealed_make("outline", buf_str(&bytes), &a.wide, &e) != 0)
			abort();
	}
	if (h->scan == HOUSE_SCAN_WIDE_OPEN) {
		a.outline = (struct str){NULL, 0};
		a.wide = memfd_create("outline", MFD_CLOEXEC);
		if (write(a.wide, bytes.p, bytes.n) != (ssize_t)bytes.n)
			abort();
	}
	scan_answer(p, &a);
	if (a.wide >= 0)
		close(a.wide);
	buf_free(&bytes);
	arena_free(&arena);
}

/* The letter's octets, wherever they lie. */
static void read_letter(const struct scan_question *q, struct buf *letter)
{
	struct err e;
	char *room_for_it;

	buf_init(letter, (size_t)64 << 20);
	buf_add_str(letter, q->bytes);
	if (q->file < 0)
		return;
	room_for_it = buf_room(letter, q->size);
	if (sealed_check(q->file, q->size, &e) != 0 || !room_for_it ||
	    pread(q->file, room_for_it, q->size, 0) != (ssize_t)q->size)
		abort();
	buf_grow(letter, q->size);
}

static void look_into(struct house *h, struct chan_parcel *p, const struct scan_question *q)
{
	struct header_missing missing = {.id = STR("1"), .host = STR("mx.ours.test")};
	static struct header_edit edit;
	struct buf letter, whole, cuts;

	if (q->edits & SCAN_ADD_FROM)
		missing.sender = q->sender;
	read_letter(q, &letter);
	if (letter.n != q->size)
		abort();
	buf_init(&whole, (size_t)64 << 20);
	buf_init(&cuts, 4096);
	header_edit_read(buf_str(&letter), q->edits & SCAN_PRIVACY, &edit);
	write_front(q, &whole);
	header_edit_write(&edit, q->edits & SCAN_ADD_MISSING ? &missing : NULL, &whole);
	size_t front = whole.n;
	size_t done = header_cuts_make(&edit.cuts, str_head(buf_str(&letter), HEADER_CUTS_HEAD), &whole);

	buf_add_str(&whole, str_skip(buf_str(&letter), done));
	if (h->scan == HOUSE_SCAN_CUTS_TEXT)
		edit.cuts = (struct header_cuts){.count = 1, .cut = {{(uint32_t)letter.n - 6, 6}}};
	header_cuts_write(&edit.cuts, &cuts);
	answer_scan(h, p, buf_str(&whole), front, buf_str(&cuts));
	buf_free(&letter);
	buf_free(&whole);
	buf_free(&cuts);
}

static void co_on_scan(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct scan_question q;

	if (!scan_take(p, &q))
		return;
	h->scans++;
	h->alone += q.alone;
	if (h->scan == HOUSE_SCAN_TOO_BIG)
		chan_refuse(p, ERR_TOO_BIG, "too large a letter");
	else if (h->scan == HOUSE_SCAN_BUSY)
		chan_refuse(p, ERR_BUSY, "too many letters");
	else if (h->scan == HOUSE_SCAN_SILENT)
		co_sleep_until(NO_DEADLINE);
	else if (ends(h, &q)) {
		/* The note is with the kernel then. */
		co_sleep_until(deadline_in(2));
		attach_scan(h);
	} else
		look_into(h, p, &q);
	if (q.file >= 0)
		close(q.file);
}

/* What role.c and gate.c do with it. */
static void co_on_scanning(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct scanning_note m;

	if (scanning_take(p, &m))
		smtp_scan_begins(&h->service, p->chan, m.letter);
}

/* --- spool --------------------------------------------------------------------------------------- */

static void co_on_account(void *room, struct chan_parcel *p)
{
	struct account_question q;
	struct account_answer a = {.account = 7};

	(void)room;
	if (account_take(p, &q))
		account_answer(p, &a);
}

static void co_on_lease(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct lease_question q;
	static uint64_t next = 0xABC0;

	if (!lease_take(p, &q))
		return;
	if (h->spool == HOUSE_SPOOL_NO_IDS) {
		chan_refuse(p, ERR_FULL, "no ids");
		return;
	}
	struct lease_answer a = {.first = next, .count = IDS_A_LEASE};

	next += IDS_A_LEASE;
	lease_answer(p, &a);
}

static struct house_letter *letter_of(struct house *h, struct str ticket)
{
	for (unsigned i = 0; i < h->letters; i++)
		if (memcmp(h->letter[i].ticket, ticket.p, 16) == 0)
			return &h->letter[i];
	struct house_letter *l = &h->letter[h->letters < HOUSE_LETTERS_MAX ? h->letters : 0];

	buf_free(&l->bytes);
	arena_free(&l->arena);
	h->letters++;
	memcpy(l->ticket, ticket.p, 16);
	buf_init(&l->bytes, (size_t)64 << 20);
	arena_init(&l->arena, 1 << 20);
	return l;
}

static struct house_letter *store(struct house *h, struct str ticket, uint64_t id, struct str right,
				  struct str envelope)
{
	struct reader r = reader_of(envelope);
	struct house_letter *l = ticket.n == 16 ? letter_of(h, ticket) : NULL;

	if (!l)
		abort();
	l->id = id;
	memset(l->right, 0, sizeof(l->right));
	if (right.n > 0)
		memcpy(l->right, right.p, right.n);
	char *copy = arena_z(&l->arena, envelope);

	r.rest.p = copy;
	envelope_get(&r, &l->arena, &l->envelope);
	if (!reader_done(&r))
		abort();
	return l;
}

/* The outline must be one of this letter. */
static void look_at_outline(struct house_letter *l, struct str outline, uint32_t size, int wide)
{
	struct outline o;
	struct arena arena;
	struct err e;
	void *map = NULL;

	l->wide = wide >= 0;
	if (l->wide) {
		map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, wide, 0);
		if (outline.n > 0 || sealed_check(wide, size, &e) != 0 || map == MAP_FAILED)
			abort();
		close(wide);
		outline = (struct str){map, size};
	}
	arena_init(&arena, OUTLINE_ARENA_MAX);
	if (outline.n != size || outline_decode(&o, &arena, outline, l->bytes.n, &e) != 0)
		abort();
	l->opaque = o.opaque;
	arena_free(&arena);
	if (map)
		munmap(map, size);
}

/* Whether the answer is another than yes. */
static bool co_otherwise(struct house *h, struct chan_parcel *p)
{
	h->appends++;
	switch (h->spool) {
	case HOUSE_SPOOL_FULL:
		chan_refuse(p, ERR_FULL, "the disk is full");
		return true;
	case HOUSE_SPOOL_IO:
		chan_refuse(p, ERR_IO, "the disk is broken");
		return true;
	case HOUSE_SPOOL_DENIES:
		chan_refuse(p, ERR_DENIED, "no right to send as that");
		return true;
	case HOUSE_SPOOL_SILENT:
		co_sleep_until(NO_DEADLINE);
		return true;
	case HOUSE_SPOOL_DIES_ONCE:
		h->spool = HOUSE_SPOOL_GOOD;
		/* It had stored the letter, and could not say so. */
		house_attach(h);
		return true;
	default:
		return false;
	}
}

static void co_on_append(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct append_question q;
	struct append_answer a = {0};

	if (!append_take(p, &q))
		return;
	if (h->spool == HOUSE_SPOOL_DIES_ONCE || h->spool == HOUSE_SPOOL_GOOD) {
		struct house_letter *l = store(h, q.ticket, q.letter, q.right, q.envelope);

		buf_clear(&l->bytes);
		buf_add_str(&l->bytes, q.bytes);
		l->sealed_file = false;
		look_at_outline(l, q.outline, q.outline_size, q.wide);
	} else if (q.wide >= 0)
		close(q.wide);
	if (!co_otherwise(h, p))
		append_answer(p, &a);
}

static void co_on_append_file(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct append_file_question q;
	struct append_file_answer a = {0};
	struct stat st;

	if (!append_file_take(p, &q))
		return;
	struct house_letter *l = store(h, q.ticket, q.letter, q.right, q.envelope);

	l->sealed_file =
		fcntl(q.file, F_GET_SEALS) == (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	buf_clear(&l->bytes);
	if (fstat(q.file, &st) != 0 || (uint64_t)st.st_size != q.size)
		abort();
	char *room_for_it = buf_room(&l->bytes, q.size);

	if (!room_for_it || pread(q.file, room_for_it, q.size, 0) != (ssize_t)q.size)
		abort();
	buf_grow(&l->bytes, q.size);
	close(q.file);
	look_at_outline(l, q.outline, q.outline_size, q.wide);
	if (!co_otherwise(h, p))
		append_file_answer(p, &a);
}

/* --- resolver ------------------------------------------------------------------------------------- */

/* Names that are not in the table do not exist. */
static void co_on_lookup(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct lookup_question q;
	struct lookup_answer a = {.rcode = 3};
	struct buf records;

	if (!lookup_take(p, &q))
		return;
	h->lookups++;
	if (h->dns_silent) {
		co_sleep_until(p->deadline);
		return;
	}
	buf_init(&records, 1000);
	for (const struct house_record *r = h->dns; r->name; r++) {
		if (!str_eq(str_of(r->name), q.name))
			continue;
		a.rcode = r->rcode;
		for (unsigned i = 0; r->type == q.type && i < r->count; i++) {
			buf_put_u16(&records, (uint16_t)r->data.n);
			buf_add_str(&records, r->data);
		}
	}
	a.records = buf_str(&records);
	lookup_answer(p, &a);
	buf_free(&records);
}

/* --- the house ------------------------------------------------------------------------------------- */

static const struct chan_handler keeper_handlers[] = {
	{MSG_RECIPIENT, co_on_recipient}, {MSG_CONNECT, co_on_connect}, {MSG_LEFT, co_on_left},
	{MSG_LOGIN, co_on_login},         {MSG_SENDER, co_on_sender},   {0, NULL}};
static const struct chan_handler spool_handlers[] = {{MSG_LEASE, co_on_lease},
						     {MSG_ACCOUNT, co_on_account},
						     {MSG_APPEND, co_on_append},
						     {MSG_APPEND_FILE, co_on_append_file},
						     {0, NULL}};

static const struct chan_handler scan_handlers[] = {{MSG_SCAN, co_on_scan}, {0, NULL}};
static const struct chan_handler resolver_handlers[] = {{MSG_LOOKUP, co_on_lookup}, {0, NULL}};
static const struct chan_handler gate_handlers[] = {{MSG_SCANNING, co_on_scanning}, {0, NULL}};

static void attach(struct chan *asking, struct chan *answering)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		abort();
	chan_attach(asking, fds[0], 1);
	chan_attach(answering, fds[1], 1);
}

static void attach_scan(struct house *h)
{
	attach(h->service.scans.list[0], scan_end);
}

void house_attach(struct house *h)
{
	attach(h->service.keeper, keeper_end);
	attach(h->service.spool, spool_end);
	attach_scan(h);
	if (h->dns)
		attach(h->service.resolver, resolver_end);
}

static void open_channels(struct house *h)
{
	struct chan_rules ask = {.window = 64, .longest_ms = 120000, .fibers = &handlers};
	struct chan_rules answer = {.room = h, .fibers = &handlers, .longest_ms = 120000};

	h->desk.keeper = h->service.keeper = chan_new("keeper", &ask);
	h->service.spool = chan_new("spool", &ask);
	h->service.resolver = h->dns ? chan_new("resolver", &ask) : NULL;
	ask.handlers = gate_handlers;
	ask.room = h;
	h->service.scans.list[0] = chan_new("scan/0", &ask);
	h->service.scans.count = 1;
	answer.handlers = keeper_handlers;
	keeper_end = chan_new("gate/0", &answer);
	answer.handlers = spool_handlers;
	spool_end = chan_new("gate/0", &answer);
	answer.handlers = scan_handlers;
	scan_end = chan_new("gate/0", &answer);
	answer.handlers = resolver_handlers;
	resolver_end = chan_new("gate/0", &answer);
}

static void close_channels(struct house *h)
{
	chan_destroy(&h->service.keeper);
	chan_destroy(&h->service.spool);
	chan_destroy(&keeper_end);
	chan_destroy(&spool_end);
	chan_destroy(&h->service.scans.list[0]);
	chan_destroy(&scan_end);
	chan_destroy(&h->service.resolver);
	chan_destroy(&resolver_end);
}

void house_detach(struct house *h)
{
	close_channels(h);
	open_channels(h);
}

static void take_log(void *arg, enum log_level level, const char *line, size_t n)
{
	struct house *h = arg;

	if (h->log_n + n + 1 < sizeof(h->log)) {
		memcpy(h->log + h->log_n, line, n);
		h->log_n += n;
		h->log[h->log_n++] = '\n';
		h->log[h->log_n] = 0;
	}
}

bool house_logged(const struct house *h, const char *text)
{
	return str_find_str((struct str){h->log, h->log_n}, str_of(text)) != STR_NONE;
}

void house_init(struct house *h)
{
	*h = (struct house){.kind = *smtp_kind_of(SERVICE_SMTP)};
	h->config = (struct smtp_config){.users = 1,
					 .hostname = "mx.ours.test",
					 .size_limit = 1000000,
					 .memory = 4000000,
					 .bare = SMTP_BARE_REFUSE,
					 .limits = smtp_limits_default};
	h->config.limits.slow_ms = 1;
	h->config.limits.connect_ms = 20;
	h->config.limits.linger_ms = 200;
}

void house_free(struct house *h)
{
	for (unsigned i = 0; i < HOUSE_LETTERS_MAX; i++) {
		buf_free(&h->letter[i].bytes);
		arena_free(&h->letter[i].arena);
	}
}

void co_house_quiet(struct house *h)
{
	while (h->service.fibers.count > 0)
		co_sleep_until(deadline_in(1));
	/* Notes to keeper are still on their way. */
	co_sleep_until(deadline_in(2));
}

int house_connect(struct house *h, const char *ip)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_un none = {.sun_family = AF_UNIX};
	const void *peer = &v4;
	int fds[2];

	if (strcmp(ip, "local") == 0)
		peer = &none;
	else if (inet_pton(AF_INET, ip, &v4.sin_addr) != 1) {
		if (inet_pton(AF_INET6, ip, &v6.sin6_addr) != 1)
			abort();
		peer = &v6;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0 ||
	    smtp_session_start(&h->service, &h->kind, fds[0], peer) != 0)
		abort();
	return fds[1];
}

struct main_call {
	struct house *h;
	void (*co_fn)(struct house *h, void *arg);
	void *arg;
};

static void main_fiber(void *arg)
{
	struct main_call *call = arg;

	call->co_fn(call->h, call->arg);
	co_smtp_sessions_end(&call->h->service, deadline_in(1000));
	close_channels(call->h);
	fiber_group_cancel(&handlers);
	co_group_join(&handlers, NO_DEADLINE);
	loop_stop();
}

void house_run(struct house *h, void (*co_fn)(struct house *h, void *arg), void *arg)
{
	struct main_call call = {h, co_fn, arg};

	log_open_function(take_log, h, LOG_INFO);
	loop_init();
	fiber_group_init(&handlers, 200);
	fiber_group_init(&mains, 1);
	fiber_group_init(&h->service.fibers, 100);
	fiber_group_init(&h->service.namers, 100);
	h->service.config = &h->config;
	h->service.desk = &h->desk;
	h->desk.most = AUTH_DESK_MOST;
	h->desk.wait_ms = h->config.limits.ask_ms;
	h->service.budget.max = h->config.memory;
	struct err e;

	if (account_ids_init(&h->service.accounts, &e) != 0)
		abort();
	open_channels(h);
	house_attach(h);
	if (fiber_start(&mains, main_fiber, &call) != 0)
		abort();
	loop_run();
	loop_end();
	account_ids_free(&h->service.accounts);
	log_close();
	/* What a letter took has come back, and so have the settings. */
	if (h->service.budget.used != 0 || h->desk.asked != 0 || h->config.users != 1)
		abort();
}
