/* SPDX-License-Identifier: Apache-2.0 */
/* A house with a fake spool and a real shard (see fake_spool.h). */
#include "mailbox/fake_spool.h"

#include "base/clock.h"
#include "base/sealed.h"
#include "base/unit.h"
#include "format/outline.h"
#include "net/loop.h"
#include "net/messages.h"
#include "store/secret.h"
#include "store/volume.h"

#include <openssl/evp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define RECEIVED_US 1700000000000000
#define ADDRESS_SIZE 64

/* --- spool ----------------------------------------------------------------------------------- */

static size_t acts_of(const struct house *h, uint32_t account)
{
	size_t n = 0;

	for (size_t i = 0; i < h->act_count; i++)
		n += h->acts[i].account == account;
	return n;
}

/* 0: new; 1: known; or what the refusal says. */
static int judge(const struct house *h, const struct act *act)
{
	if (act->epoch != h->epoch)
		return ERR_DENIED;
	if (act->serial <= acts_of(h, act->account))
		return 1;
	if (act->serial != acts_of(h, act->account) + 1)
		return ERR_INVALID;
	for (size_t i = 0; i < h->act_count; i++)
		if (act->settle_count && h->acts[i].settle.letter == act->settles[0].letter &&
		    h->acts[i].settle.recipient == act->settles[0].recipient)
			return ERR_EXISTS;
	return act->settle_count && act->settles[0].letter == h->refuse_letter ? h->refuse_code : 0;
}

static void write_act(struct house *h, const struct act *act, struct place place)
{
	struct fake_act *f = &h->acts[h->act_count++];

	assert_true(h->act_count < FAKE_ACTS_MAX);
	*f = (struct fake_act){.account = act->account, .serial = act->serial, .place = place};
	if (act->settle_count)
		f->settle = act->settles[0];
	for (uint32_t i = 0; i < act->hold_count; i++) {
		assert_in_range(act->holds[i], 1, FAKE_LETTERS_MAX - 1);
		h->held[act->holds[i]][act->account] = true;
	}
	buf_init(&f->body, 1 << 20);
	buf_add_str(&f->body, act->body);
}

/* Until what stands at `at` in the journal is durable; false: spool died before. */
static bool co_durable(struct house *h, size_t at)
{
	unsigned life = h->life;

	do
		co_sleep_until(deadline_in(h->sync_ms));
	while (h->stuck && h->life == life);
	if (h->life != life)
		return false;
	/* Nothing is durable before what stands in front of it. */
	for (size_t i = 0; i <= at && i < h->act_count; i++)
		h->acts[i].durable = true;
	return true;
}

static void take_act(struct str entry, struct arena *arena, struct part *part)
{
	struct reader r = reader_of(entry);

	arena_init(arena, 1 << 20);
	assert_int_equal(entry_next(&r, arena, part), 1);
	assert_int_equal(part->kind, PART_ACT);
	assert_int_equal(r.rest.n, 0);
}

static void co_on_act(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct act_question q;
	struct act_answer done = {0};
	struct arena arena;
	struct part part;

	assert_true(act_take(p, &q));
	take_act(q.entry, &arena, &part);
	int code = judge(h, &part.act);
	size_t at = h->act_count;

	if (code == 0)
		write_act(h, &part.act, (struct place){0});
	arena_free(&arena);
	if (code < 0)
		chan_refuse(p, code, "refused with %d", code);
	else if (co_durable(h, at))
		act_answer(p, &done);
}

/* --- letters that come with their act ------------------------------------------------------------ */

static void co_on_lease(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct lease_question q;
	struct lease_answer a = {.first = h->next_letter, .count = 10};

	assert_true(lease_take(p, &q));
	h->next_letter += a.count;
	lease_answer(p, &a);
}

static void write_batch(struct volume *v);

static struct place store_letter(struct house *h, const struct append_act_question *q)
{
	struct fake_letter *l = &h->letters[q->letter];
	struct err e;

	assert_int_equal(sealed_check(q->file, q->size, &e), 0);
	assert_in_range(q->letter, FAKE_LEASE, FAKE_LETTERS_MAX - 1);
	assert_false(l->appended);
	assert_in_range(q->size, 1, FAKE_LETTER_MAX);
	l->appended = true;
	l->n = (size_t)q->size;
	assert_int_equal(pread(q->file, l->bytes, l->n, 0), l->n);
	l->record = (struct record){
		.id = q->letter, .length = l->n, .stored = l->n, .crc = crc32c(0, l->bytes, l->n)};
	assert_int_equal(volume_add(h->volume, &l->record, (struct str){l->bytes, l->n}, &l->place, &e), 0);
	write_batch(h->volume);
	return l->place;
}

static void check_outline(const struct append_act_question *q)
{
	struct arena arena;
	struct outline o;
	struct err e;

	arena_init(&arena, OUTLINE_ARENA_MAX);
	assert_int_equal(q->wide, -1);
	assert_int_equal(q->outline_size, q->outline.n);
	assert_int_equal(outline_decode(&o, &arena, q->outline, q->size, &e), 0);
	arena_free(&arena);
}

static void co_on_append_act(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct append_act_question q;
	struct arena arena;
	struct part part;

	assert_true(append_act_take(p, &q));
	take_act(q.entry, &arena, &part);
	assert_int_equal(part.act.hold_count, 1);
	assert_true(part.act.holds[0] == q.letter);
	int code = judge(h, &part.act);
	size_t at = h->act_count;

	check_outline(&q);
	if (code == 0 && h->refuse_letter == q.letter)
		code = h->refuse_code;
	if (code == 0)
		write_act(h, &part.act, store_letter(h, &q));
	arena_free(&arena);
	close(q.file);
	struct append_act_answer done = {h->letters[q.letter].place.volume,
					 h->letters[q.letter].place.offset};

	if (code < 0)
		chan_refuse(p, code, "refused with %d", code);
	else if (co_durable(h, at))
		append_act_answer(p, &done);
}

static void co_on_release(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct release_question q;
	struct release_answer done = {0};

	assert_true(release_take(p, &q));
	struct reader r = reader_of(q.letters);

	h->releases++;
	if (!co_durable(h, 0))
		return;
	while (r.rest.n > 0) {
		uint64_t letter = read_u64(&r);

		assert_in_range(letter, 1, FAKE_LETTERS_MAX - 1);
		h->held[letter][q.account] = false;
	}
	assert_true(reader_done(&r));
	release_answer(p, &done);
}

static void co_on_acts(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct acts_question q;
	struct buf b;
	bool all = true;

	assert_true(acts_take(p, &q));
	buf_init(&b, 73728);
	/* Small pages, so that there are several. */
	for (size_t i = 0; i < h->act_count && all; i++) {
		const struct fake_act *f = &h->acts[i];

		if (f->account != q.account || f->serial <= q.after || !f->durable || i + 1 == h->hide_act)
			continue;
		if (b.n > 2000) {
			all = false;
			continue;
		}
		buf_put_u64(&b, f->serial);
		buf_put_u32(&b, f->place.volume);
		buf_put_u64(&b, f->place.offset);
		buf_put_str(&b, buf_str(&f->body));
	}
	struct acts_answer a = {.last = all, .acts = buf_str(&b)};

	acts_answer(p, &a);
	buf_free(&b);
}

static void address_of(uint32_t account, char out[ADDRESS_SIZE])
{
	snprintf(out, ADDRESS_SIZE, "user%u@example.test", account);
}

static void co_on_account(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct account_question q;
	struct account_answer a = {0};
	char address[ADDRESS_SIZE];

	assert_true(account_take(p, &q));
	for (uint32_t k = 1; k <= FAKE_ACCOUNTS; k++) {
		address_of(k, address);
		if (str_eq(q.address, str_of(address)))
			a.account = k;
	}
	if (h->ended && a.account == h->ended) {
		h->lives_again |= q.make;
		a.account = h->lives_again ? FAKE_AGAIN : 0;
	}
	account_answer(p, &a);
}

static void co_on_end_account(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct end_account_question q;
	struct end_account_answer a = {0};

	assert_true(end_account_take(p, &q));
	h->ends++;
	if (h->refuse_end) {
		chan_refuse(p, ERR_FULL, "no room for the end");
		return;
	}
	h->ended = q.account;
	end_account_answer(p, &a);
}

static void co_on_ended(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	char address[ADDRESS_SIZE];
	struct ended_question q;
	struct buf b;

	assert_true(ended_take(p, &q));
	buf_init(&b, 200);
	address_of(h->ended, address);
	if (h->ended && !h->lives_again)
		buf_put_str(&b, str_of(address));
	struct ended_answer a = {.addresses = buf_str(&b)};

	ended_answer(p, &a);
	buf_free(&b);
}

static void co_on_shard(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct shard_question q;

	assert_true(shard_take(p, &q));
	struct shard_answer a = {.epoch = ++h->epoch};

	shard_answer(p, &a);
}

static void co_on_folded(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct folded_note m;

	assert_true(folded_take(p, &m));
	assert_in_range(m.account, 1, FAKE_ACCOUNTS);
	/* Only what is durable may be folded. */
	assert_true(m.serial <= acts_of(h, m.account));
	h->folded[m.account] = m.serial;
}

/* One account an answer, so that there are several. */
static void co_on_unfolded(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct unfolded_question q;
	char address[ADDRESS_SIZE];
	struct buf b;

	assert_true(unfolded_take(p, &q));
	uint32_t k = q.after + 1;

	h->unfolded++;
	while (k <= FAKE_ACCOUNTS && h->folded[k] == acts_of(h, k))
		k++;
	buf_init(&b, ADDRESS_SIZE + 8);
	if (k <= FAKE_ACCOUNTS) {
		address_of(k, address);
		buf_put_u32(&b, k);
		buf_put_str(&b, str_of(address));
	}
	struct unfolded_answer a = {.next = k < FAKE_ACCOUNTS ? k : 0, .accounts = buf_str(&b)};

	unfolded_answer(p, &a);
	buf_free(&b);
}

static const struct chan_handler spool_handlers[] = {
	{MSG_ACT, co_on_act},         {MSG_ACTS, co_on_acts},
	{MSG_ACCOUNT, co_on_account}, {MSG_SHARD, co_on_shard},
	{MSG_FOLDED, co_on_folded},   {MSG_UNFOLDED, co_on_unfolded},
	{MSG_LEASE, co_on_lease},     {MSG_APPEND_ACT, co_on_append_act},
	{MSG_RELEASE, co_on_release}, {MSG_END_ACCOUNT, co_on_end_account},
	{MSG_ENDED, co_on_ended},     {0, NULL}};

/* --- scan ------------------------------------------------------------------------------------------ */

static void connect_scan(struct house *h);

static void answer_outline(struct chan_parcel *p, struct str letter)
{
	struct arena arena;
	struct outline o;
	struct buf bytes;

	arena_init(&arena, OUTLINE_ARENA_MAX);
	buf_init(&bytes, OUTLINE_MAX);
	assert_int_equal(outline_build(&o, &arena, letter, NULL), 0);
	assert_int_equal(outline_encode(&o, &bytes), 0);
	struct outline_answer a = {.hash = {(const char *)o.hash, OUTLINE_HASH},
				   .outline_size = (uint32_t)bytes.n,
				   .outline = buf_str(&bytes),
				   .wide = -1};

	outline_answer(p, &a);
	buf_free(&bytes);
	arena_free(&arena);
}

static void co_on_outline(void *room, struct chan_parcel *p)
{
	struct house *h = room;
	struct outline_question q;
	char letter[FAKE_LETTER_MAX];

	assert_true(outline_take(p, &q));
	struct scanning_note note = {.letter = q.letter};
	ssize_t n = pread(q.file, letter, sizeof(letter), 0);

	close(q.file);
	assert_int_equal(n, q.size);
	h->outlines++;
	h->alone += q.alone;
	if (q.alone)
		scanning_send(h->scan_end, &note);
	if (h->scan_ms)
		co_sleep_until(deadline_in(h->scan_ms));
	if (h->scan_dies > 0) {
		h->scan_dies--;
		co_sleep_until(deadline_in(5));
		chan_destroy(&h->scan_end);
		connect_scan(h);
	} else if (h->scan_lies > 0) {
		struct outline_answer a = {.outline_size = 3, .outline = STR("lie"), .wide = -1};

		h->scan_lies--;
		outline_answer(p, &a);
	} else
		answer_outline(p, (struct str){letter, (size_t)n});
}

static const struct chan_handler scan_handlers[] = {{MSG_OUTLINE, co_on_outline}, {0, NULL}};

static void connect_scan(struct house *h)
{
	struct chan_rules rules = {
		.handlers = scan_handlers, .room = h, .fibers = &h->spool_handlers, .longest_ms = 60000};
	int fds[2];

	h->scan_end = chan_new("mailbox/0", &rules);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(chan_attach(h->scan_end, fds[0], 1), 0);
	assert_int_equal(chan_attach(h->shard_scan, fds[1], 1), 0);
}

/* --- life and death --------------------------------------------------------------------------------- */

static void connect_ends(struct house *h)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(chan_attach(h->spool_end, fds[0], h->life), 0);
	assert_int_equal(chan_attach(h->shard_end, fds[1], h->life), 0);
	shard_spool_came(h->shard);
}

static struct chan *new_spool_end(struct house *h)
{
	struct chan_rules rules = {.handlers = spool_handlers,
				   .room = h,
				   .fibers = &h->spool_handlers,
				   .window = FAKE_WINDOW,
				   .longest_ms = 60000};

	return chan_new("mailbox/0", &rules);
}

static void new_shard(struct house *h)
{
	struct err e;

	h->shard = shard_new();
	struct chan_rules rules = {.handlers = shard_handlers,
				   .room = h->shard,
				   .fibers = &h->shard_handlers,
				   .window = 256,
				   .longest_ms = 120000};

	h->shard_end = chan_new("spool/0", &rules);
	rules.window = 8;
	h->shard_scan = chan_new("scan/0", &rules);
	connect_scan(h);
	h->options.scans = (struct scans){{h->shard_scan}, 1};
	h->options.spool = h->shard_end;
	h->options.data_path = h->folder.path;
	h->options.data_folder = h->folder.fd;
	assert_int_equal(shard_start(h->shard, &h->options, &e), 0);
}

void house_start_shard(struct house *h)
{
	new_shard(h);
	connect_ends(h);
}

static void co_drop_shard(struct house *h)
{
	chan_destroy(&h->shard_end);
	chan_destroy(&h->shard_scan);
	chan_destroy(&h->scan_end);
	fiber_group_cancel(&h->shard_handlers);
	co_group_join(&h->shard_handlers, NO_DEADLINE);
	shard_destroy(&h->shard);
}

void co_house_crash_shard(struct house *h)
{
	co_shard_end(h->shard);
	co_drop_shard(h);
}

void co_house_stop_shard(struct house *h)
{
	co_shard_stop(h->shard, deadline_in(10000));
	co_shard_end(h->shard);
	co_drop_shard(h);
}

void house_kill_spool(struct house *h, size_t survive)
{
	size_t kept = 0;

	h->life++;
	chan_destroy(&h->spool_end);
	for (size_t i = 0; i < h->act_count; i++) {
		struct fake_act *f = &h->acts[i];

		if (f->durable || survive > 0) {
			survive -= f->durable ? 0 : 1;
			f->durable = true;
			assert_int_equal(kept, i);
			kept++;
		} else
			buf_free(&f->body);
	}
	h->act_count = kept;
}

void house_start_spool(struct house *h)
{
	h->spool_end = new_spool_end(h);
	connect_ends(h);
}

/* --- letters --------------------------------------------------------------------------------------- */

static void write_batch(struct volume *v)
{
	struct err e;

	assert_int_equal(volume_write(v, RECEIVED_US, &e), 0);
	assert_int_equal(volume_sync(v, &e), 0);
	volume_accept(v);
}

static void put_letters(struct house *h, struct volume *v, size_t count)
{
	struct err e;

	for (uint64_t id = 1; id <= count; id++) {
		struct fake_letter *l = &h->letters[id];

		if (h->texts)
			l->n = (size_t)snprintf(l->bytes, sizeof(l->bytes), "%s", h->texts[id - 1]);
		else
			l->n = (size_t)snprintf(l->bytes, sizeof(l->bytes),
						"Subject: %llu\r\n\r\nBody of %llu.\r\n",
						(unsigned long long)id, (unsigned long long)id * 7919);
		assert_true(l->n < sizeof(l->bytes));
		l->record = (struct record){
			.id = id, .length = l->n, .stored = l->n, .crc = crc32c(0, l->bytes, l->n)};
		int code = volume_add(v, &l->record, (struct str){l->bytes, l->n}, &l->place, &e);

		if (code == ERR_BUSY) {
			write_batch(v);
			code = volume_add(v, &l->record, (struct str){l->bytes, l->n}, &l->place, &e);
		}
		assert_int_equal(code, 0);
	}
	if (count > 0)
		write_batch(v);
}

static void make_letters(struct house *h, size_t count)
{
	unsigned char secret[SECRET_SIZE];
	struct check_key journal;
	struct err e;

	assert_int_equal(mkdirat(h->folder.fd, "volumes", 0700), 0);
	assert_int_equal(mkdirat(h->folder.fd, "accounts", 0700), 0);
	int volumes = openat(h->folder.fd, "volumes", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(secret_create(&sysio_real, h->folder.fd, secret, &e), 0);
	check_keys(secret, &journal, &h->key);
	assert_int_equal(volume_open(&h->volume, &sysio_real, volumes, &h->key, VOLUME_SIZE, false, &e), 0);
	h->letter_count = count;
	h->next_letter = FAKE_LEASE;
	put_letters(h, h->volume, count);
	h->volumes = volumes;
}

/* --- what spool asks ----------------------------------------------------------------------------------- */

int co_house_deliver(struct house *h, uint64_t letter, uint32_t account, struct err *e)
{
	const struct fake_letter *l = &h->letters[letter];
	char address[ADDRESS_SIZE];
	struct chan_parcel store;
	struct deliver_answer a;

	if (!h->spool_end)
		return err_set(e, ERR_ROOM_GONE, "there is no spool");
	address_of(account, address);
	struct deliver_question q = {.letter = letter,
				     .recipient = account,
				     .account = account,
				     .address = str_of(address),
				     .target = str_of(address),
				     .sender = STR("sender@example.test"),
				     .received = RECEIVED_US,
				     .volume = l->place.volume,
				     .offset = l->place.offset,
				     .length = l->n,
				     .stored = l->n,
				     .crc = l->record.crc};
	int code = co_ask_deliver(h->spool_end, &q, deadline_in(20000), &store, &a, e);

	if (!code)
		chan_parcel_free(&store);
	return code;
}

struct delivery_run {
	struct house *h;
	uint64_t letter;
	uint32_t account;
	size_t *done;
};

static void deliver_fiber(void *arg)
{
	struct delivery_run *d = arg;
	struct err e;

	if (co_house_deliver(d->h, d->letter, d->account, &e) == 0)
		(*d->done)++;
	free(d);
}

size_t co_house_deliver_all(struct house *h, uint64_t first, uint64_t last, uint32_t accounts)
{
	size_t done = 0;

	for (uint64_t n = first; n <= last; n++) {
		struct delivery_run *d = calloc(1, sizeof(*d));

		*d = (struct delivery_run){h, n, (uint32_t)(1 + n % accounts), &done};
		assert_int_equal(fiber_start(&h->askers, deliver_fiber, d), 0);
	}
	co_group_join(&h->askers, NO_DEADLINE);
	return done;
}

static size_t take_rows(struct str letters, struct inbox_row *rows, size_t max)
{
	struct reader r = reader_of(letters);
	size_t n = 0;

	while (r.rest.n > 0 && !r.failed) {
		assert_true(n < max);
		rows[n].uid = read_u32(&r);
		rows[n].letter = read_u64(&r);
		struct str hash = read_bytes(&r, 32);

		assert_int_equal(hash.n, 32);
		memcpy(rows[n++].hash, hash.p, 32);
	}
	assert_true(reader_done(&r));
	return n;
}

int co_house_inbox(struct house *h, uint32_t account, struct inbox_row *rows, size_t max, struct err *e)
{
	char address[ADDRESS_SIZE];
	size_t n = 0;
	bool last = false;

	address_of(account, address);
	while (!last) {
		struct inbox_question q = {.account = str_of(address), .after = n ? rows[n - 1].uid : 0};
		struct inbox_answer a;
		struct chan_parcel store;
		int code = co_ask_inbox(h->spool_end, &q, deadline_in(20000), &store, &a, e);

		if (code)
			return code;
		n += take_rows(a.letters, rows + n, max - n);
		last = a.last;
		chan_parcel_free(&store);
	}
	return (int)n;
}

void house_hash(const struct house *h, uint64_t letter, uint32_t account, unsigned char out[32])
{
	char address[ADDRESS_SIZE], message[FAKE_LETTER_MAX + 200];

	address_of(account, address);
	int n = snprintf(message, sizeof(message),
			 "Return-Path: <sender@example.test>\r\nDelivered-To: %s\r\n%.*s", address,
			 (int)h->letters[letter].n, h->letters[letter].bytes);

	assert_int_equal(EVP_Digest(message, (size_t)n, out, NULL, EVP_sha256(), NULL), 1);
}

static void check_rows(const struct house *h, const struct inbox_row *rows, size_t n, uint32_t account,
		       bool *seen)
{
	unsigned char want[32];

	for (size_t i = 0; i < n; i++) {
		assert_int_equal(rows[i].uid, i + 1);
		assert_in_range(rows[i].letter, 1, h->letter_count);
		assert_false(seen[rows[i].letter]);
		seen[rows[i].letter] = true;
		house_hash(h, rows[i].letter, account, want);
		assert_memory_equal(rows[i].hash, want, 32);
	}
}

void co_house_check(struct house *h, uint64_t first, uint64_t last, uint32_t accounts)
{
	bool *seen = calloc(FAKE_LETTERS_MAX, sizeof(*seen));
	struct inbox_row *rows = calloc(FAKE_LETTERS_MAX, sizeof(*rows));
	struct err e;

	for (uint32_t account = 1; account <= accounts; account++) {
		int n = co_house_inbox(h, account, rows, FAKE_LETTERS_MAX, &e);

		if (n < 0)
			fail_msg("inbox %u: %s", account, e.text);
		check_rows(h, rows, (size_t)n, account, seen);
		for (int i = 0; i < n; i++)
			assert_int_equal(1 + rows[i].letter % accounts, account);
	}
	for (uint64_t n = 1; n <= h->letter_count; n++)
		assert_int_equal(seen[n], n >= first && n <= last);
	free(rows);
	free(seen);
}

/* --- a run --------------------------------------------------------------------------------------------- */

struct run {
	struct house *h;
	void (*co_fn)(struct house *h);
};

static void main_fiber(void *arg)
{
	struct run *run = arg;
	struct house *h = run->h;

	h->spool_end = new_spool_end(h);
	house_start_shard(h);
	run->co_fn(h);
	if (h->shard)
		co_house_crash_shard(h);
	h->life++;
	chan_destroy(&h->spool_end);
	co_group_join(&h->askers, NO_DEADLINE);
	fiber_group_cancel(&h->spool_handlers);
	co_group_join(&h->spool_handlers, NO_DEADLINE);
	loop_stop();
}

void house_run(void (*co_fn)(struct house *h), size_t letters)
{
	house_run_with(co_fn, NULL, letters);
}

void house_run_with(void (*co_fn)(struct house *h), const char *const *texts, size_t letters)
{
	struct fiber_group outer;
	struct run run = {calloc(1, sizeof(*run.h)), co_fn};

	run.h->sync_ms = 2;
	run.h->texts = texts;
	run.h->refuse_code = ERR_FULL;
	assert_int_equal(temp_folder_make(&run.h->folder), 0);
	make_letters(run.h, letters);
	loop_init();
	fiber_group_init(&outer, 1);
	fiber_group_init(&run.h->spool_handlers, 1000);
	fiber_group_init(&run.h->shard_handlers, 1000);
	fiber_group_init(&run.h->askers, 2000);
	assert_int_equal(fiber_start(&outer, main_fiber, &run), 0);
	loop_run();
	loop_end();
	for (size_t i = 0; i < run.h->act_count; i++)
		buf_free(&run.h->acts[i].body);
	volume_destroy(&run.h->volume);
	close(run.h->volumes);
	temp_folder_remove(&run.h->folder);
	free(run.h);
}
