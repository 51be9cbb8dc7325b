/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal and the volumes against a model of a disk whose power goes away
 * at every byte, whose calls fail and whose bits flip.
 *
 * After each of them recovery must tell exactly: every entry that was accepted,
 * once and in order; none that was refused; nothing that was never written; of
 * a group that was under way all or nothing.  With letters: each told entry's
 * letter can be read.
 */
#include "store/disk_model.h"
#include "store/journal.h"
#include "store/segment_pool.h"
#include "store/volume.h"

#include "base/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDS_MAX 2048
#define SEGMENT 2048
#define VOLUME 1024
#define PAYLOAD_MAX 400
#define GROUPS 18

#ifdef MAILSTEAD_SANITIZED
#define STEP 7
#else
#define STEP 1
#endif

enum fate {
	UNUSED,
	UNDER_WAY, /* nobody was answered: it may have happened or not */
	ACCEPTED,
	REFUSED,
};

struct model {
	struct disk *d;
	struct check_key journal_key, volume_key;
	struct journal *j;
	struct volume *v;
	struct journal_report report;
	uint64_t seed;
	uint32_t volume_size;
	uint64_t random;
	uint64_t from; /* the checkpoint */
	uint64_t next; /* id of the next entry */
	enum fate fate[IDS_MAX];
	uint64_t position[IDS_MAX];
	uint32_t group[IDS_MAX];
	uint32_t groups;
	bool told[IDS_MAX];
	uint64_t last_told;
	unsigned forged, doubled, unread;
	char kept[8][PAYLOAD_MAX]; /* letters of the batch */
};

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
	z = (z ^ z >> 27) * 0x94D049BB133111EB;
	return z ^ z >> 31;
}

static uint64_t next_random(struct model *m)
{
	return mix(m->random += 0x9E3779B97F4A7C15);
}

/* The bytes of entry id, and of its letter, follow from its number alone. */
static struct str letter_of(uint64_t id, char out[PAYLOAD_MAX])
{
	size_t n = mix(id) % 200;

	for (size_t i = 0; i < n; i++)
		out[i] = (char)mix(id * 1000 + i);
	return (struct str){out, n};
}

static struct str payload_of(uint64_t id, struct place at, char out[PAYLOAD_MAX])
{
	size_t n = 20 + mix(id + 77) % 150;

	le64_set(out, id);
	le32_set(out + 8, at.volume);
	le64_set(out + 12, at.offset);
	for (size_t i = 20; i < n; i++)
		out[i] = (char)mix(id * 2000 + i);
	/* Look like a header where it hurts: at a multiple of 8. */
	if (n >= 36)
		memcpy(out + 24, "MSen", 4);
	return (struct str){out, n};
}

static struct place place_in(struct str payload)
{
	return (struct place){le32_get(payload.p + 8), le64_get(payload.p + 12)};
}

static bool letter_readable(struct model *m, struct str payload)
{
	const struct record_store store = {&m->d->io, &m->volume_key, VOLUMES_DIR, -1};
	char want[PAYLOAD_MAX], got[PAYLOAD_MAX];
	struct place at = place_in(payload);
	uint64_t id = le64_get(payload.p);
	struct str letter = letter_of(id, want);
	struct record r;
	struct err e;
	int fd;

	if (at.volume == 0)
		return true;
	if (record_open(&store, id, at, &fd, &e) != 0)
		return false;
	bool good = record_head(&store, fd, id, at, &r, &e) == 0 && r.stored == letter.n &&
		    record_read(&store, fd, at, &r, 0, got, letter.n, RECORD_VERIFY, &e) == 0 &&
		    memcmp(got, want, letter.n) == 0;

	m->d->io.close(&m->d->io, fd);
	return good;
}

static int visit_entry(void *arg, uint64_t position, struct str payload)
{
	struct model *m = arg;
	uint64_t id = payload.n >= 20 ? le64_get(payload.p) : 0;
	char want[PAYLOAD_MAX];

	if (id == 0 || id >= m->next || m->fate[id] == UNUSED ||
	    !str_eq(payload, payload_of(id, place_in(payload), want)) ||
	    (m->position[id] != 0 && m->position[id] != position)) {
		m->forged++;
		return 0;
	}
	if (m->told[id] || id <= m->last_told)
		m->doubled++;
	if (!letter_readable(m, payload))
		m->unread++;
	m->told[id] = true;
	m->last_told = id;
	m->position[id] = position;
	return 0;
}

static void visit_damage(void *arg, uint64_t position, uint64_t length, const char *what)
{
}

static int visit_whole(void *arg, struct str payload)
{
	return letter_readable(arg, payload);
}

static struct journal_visitor visitor(struct model *m)
{
	memset(m->told, 0, sizeof(m->told));
	m->last_told = 0;
	m->forged = m->doubled = m->unread = 0;
	return (struct journal_visitor){
		.arg = m, .entry = visit_entry, .damage = visit_damage, .whole = visit_whole};
}

static struct model *model_new(uint64_t seed)
{
	static const unsigned char secret[SECRET_SIZE] = "not a secret at all, only a test";
	struct model *m = calloc(1, sizeof(*m));

	m->d = disk_new(seed);
	m->seed = m->random = seed;
	m->next = 1;
	m->volume_size = VOLUME;
	check_keys(secret, &m->journal_key, &m->volume_key);
	return m;
}

static void model_destroy(struct model *m)
{
	journal_destroy(&m->j);
	volume_destroy(&m->v);
	disk_destroy(&m->d);
	free(m);
}

/* 0, or what failed. */
static int model_open(struct model *m)
{
	const struct journal_visitor v = visitor(m);
	struct err e;
	int rc = journal_open(&m->j, &m->d->io, JOURNAL_DIR, &m->journal_key, SEGMENT, m->from, &v,
			      &m->report, &e);

	if (rc == 0)
		rc = volume_open(&m->v, &m->d->io, VOLUMES_DIR, &m->volume_key, m->volume_size,
				 m->report.clean, &e);
	return rc;
}

/* The process is gone; what it knew in memory with it.  Whatever failed, no
 * descriptor is left behind. */
static void model_forget(struct model *m)
{
	journal_destroy(&m->j);
	volume_destroy(&m->v);
	for (int fd = 0; fd < DISK_FDS; fd++)
		assert_int_equal(m->d->fds[fd], 0);
	disk_process_dies(m->d);
}

static void broken(struct model *m, const char *what, uint64_t id)
{
	print_error("seed %llu: %s (entry %llu)\n", (unsigned long long)m->seed, what,
		    (unsigned long long)id);
	fail_msg("%s", what);
}

/* Recovery and its promises. */
static void recover(struct model *m)
{
	if (model_open(m) != 0)
		broken(m, "recovery refuses to start", 0);
	if (m->forged)
		broken(m, "an entry was told that nobody wrote", m->forged);
	if (m->doubled)
		broken(m, "an entry was told twice or out of order", m->doubled);
	if (m->unread)
		broken(m, "an entry was told whose letter is gone", m->unread);
	if (m->report.damages)
		broken(m, "damage was reported where there is none", m->report.damages);
	for (uint64_t id = 1; id < m->next; id++) {
		if (m->fate[id] == ACCEPTED && m->position[id] >= m->from && !m->told[id])
			broken(m, "an accepted entry is lost", id);
		if (m->fate[id] == REFUSED && m->told[id])
			broken(m, "a refused entry came to life", id);
		if (m->fate[id] == UNDER_WAY)
			for (uint64_t other = 1; other < m->next; other++)
				if (m->group[other] == m->group[id] && m->told[other] != m->told[id])
					broken(m, "half a group was told", id);
	}
	/* What was told is heard of: it must stay.  What was not must stay away. */
	for (uint64_t id = 1; id < m->next; id++)
		if (m->fate[id] == UNDER_WAY)
			m->fate[id] = m->told[id] ? ACCEPTED : REFUSED;
}

static int add_entry(struct model *m, struct journal_group *g, bool letters)
{
	char letter[PAYLOAD_MAX], payload[PAYLOAD_MAX];
	uint64_t id = m->next;
	struct place at = {0};
	struct err e;
	uint32_t entry;
	int rc = 0;

	if (letters && mix(id + 5) % 3 != 0) {
		struct str bytes = letter_of(id, letter);
		const struct record r = {id, bytes.n, bytes.n, crc32c(0, bytes.p, bytes.n), TRANSFORM_NONE};

		memcpy(m->kept[id % 8], letter, bytes.n);
		bytes.p = m->kept[id % 8];
		rc = volume_add(m->v, &r, bytes, &at, &e);
	}
	if (rc == 0)
		rc = journal_group_add(g, payload_of(id, at, payload), false, &entry, &e);
	if (rc == 0) {
		m->fate[id] = UNDER_WAY;
		m->group[id] = m->groups;
		m->position[id] = entry; /* for now */
		m->next++;
	}
	return rc;
}

/* Both syncs, in either order, the second also when the first failed. */
static void sync_both(struct model *m, bool batch, int *volume, int *journal)
{
	struct err e;
	bool journal_first = next_random(m) % 2;

	for (int i = 0; i < 2; i++) {
		if (journal_first == (i == 0)) {
			if (*journal == 0)
				*journal = journal_sync(m->j, &e);
		} else if (batch && *volume == 0) {
			*volume = volume_sync(m->v, &e);
		}
	}
}

static void set_fates(struct model *m, uint64_t first, enum fate fate)
{
	for (uint64_t id = first; id < m->next; id++)
		m->fate[id] = fate;
}

/* One group in both files, as spool does it; true when it was accepted. */
static bool commit(struct model *m, struct journal_group *g, bool batch, uint64_t first)
{
	struct err e;
	int volume = batch ? volume_write(m->v, 1, &e) : 0;
	/* A full disk shows in the volume, and must not cost a segment each time. */
	int journal = volume == 0 ? journal_write(m->j, g, 1, &e) : volume;

	for (uint64_t id = first; id < m->next; id++)
		m->position[id] = journal_group_position(g, (uint32_t)m->position[id]);
	sync_both(m, batch, &volume, &journal);
	if (volume == 0 && journal == 0) {
		journal_accept(m->j);
		if (batch)
			volume_accept(m->v);
		set_fates(m, first, ACCEPTED);
		return true;
	}
	journal = journal_refuse(m->j, 1, &e);
	if (batch)
		volume_refuse(m->v, 1, &e);
	set_fates(m, first, journal == 0 ? REFUSED : UNDER_WAY);
	return false;
}

/* A group of one to four entries, some with letters. */
static bool run_group(struct model *m)
{
	struct journal_group g;
	uint64_t first = m->next;
	bool letters = next_random(m) % 4 != 0;
	bool batch = false;
	unsigned n = 1 + next_random(m) % 4;

	m->groups++;
	journal_group_init(&g, m->j);
	while (n-- > 0 && add_entry(m, &g, letters) == 0)
		batch |= letters && mix(m->next - 1 + 5) % 3 != 0;
	bool ok = m->next > first && commit(m, &g, batch, first);

	journal_group_free(&g);
	return ok;
}

/* Everything so far is folded. */
static void checkpoint(struct model *m)
{
	struct err e;

	m->from = journal_end(m->j);
	journal_recycle(m->j, m->from, &e);
	journal_refill(m->j, &e);
}

/* A life of the store: groups, a checkpoint, a stop in order, more groups. */
static void run(struct model *m, unsigned groups)
{
	struct err e;

	for (unsigned i = 0; i < groups && !m->d->off; i++) {
		run_group(m);
		if (i == groups / 3 && !m->d->off)
			checkpoint(m);
		if (i == groups / 2 && journal_close(m->j, 1, &e) == 0) {
			model_forget(m);
			if (model_open(m) != 0)
				return;
			assert_true(m->report.clean);
		}
	}
}

/* After the power came back: recover, live on, and once more. */
static void recover_twice(struct model *m)
{
	recover(m);
	for (unsigned i = 0; i < 3; i++)
		if (!run_group(m))
			broken(m, "the store does not go on", m->next);
	model_forget(m);
	disk_power_cut(m->d, CUT_LOSE);
	recover(m);
}

static void cut_once(uint64_t seed, long byte, long call, enum disk_cut how)
{
	struct model *m = model_new(seed);

	m->d->off_at_byte = byte;
	m->d->off_at_call = call;
	if (model_open(m) == 0)
		run(m, GROUPS);
	model_forget(m);
	disk_power_cut(m->d, how);
	recover_twice(m);
	model_destroy(m);
}

static void measure(uint64_t seed, long *bytes, long *calls)
{
	struct model *m = model_new(seed);

	assert_int_equal(model_open(m), 0);
	run(m, GROUPS);
	*bytes = m->d->bytes;
	*calls = m->d->calls;
	/* A run that does not reach a second segment and a second volume tests little. */
	assert_true(position_segment(journal_end(m->j)) > 1);
	assert_true(volume_number(m->v) > 1);
	model_destroy(m);
}

static void power_goes_at_every_byte(void **state)
{
	const uint64_t seed = 1;
	long bytes, calls;

	measure(seed, &bytes, &calls);
	for (long at = 0; at <= bytes; at += STEP) {
		cut_once(seed, at, -1, CUT_KEEP);
		cut_once(seed, at, -1, CUT_MIX);
	}
}

static void power_goes_at_every_call(void **state)
{
	for (uint64_t seed = 1; seed <= 12; seed += STEP) {
		long bytes, calls;

		measure(seed, &bytes, &calls);
		for (long at = 0; at <= calls; at++) {
			cut_once(seed, -1, at, CUT_LOSE);
			cut_once(seed, -1, at, CUT_KEEP);
			cut_once(seed, -1, at, CUT_MIX);
		}
	}
}

/* The process dies at any call, the machine later: what recovery told from the
 * cache alone must not vanish (invariant 1). */
static void process_dies_then_power_goes(void **state)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		long bytes, calls;

		measure(seed, &bytes, &calls);
		for (long at = 0; at <= calls; at++) {
			struct model *m = model_new(seed);

			m->d->off_at_call = at;
			if (model_open(m) == 0)
				run(m, GROUPS);
			model_forget(m);
			m->d->off = false;
			m->d->off_at_call = -1;
			recover(m);
			model_forget(m);
			disk_power_cut(m->d, CUT_LOSE);
			recover_twice(m);
			model_destroy(m);
		}
	}
}

/* Any call fails once or a few times in a row, writes come out short; then the
 * power goes. */
static void calls_fail(void **state)
{
	static const int errors[] = {EIO, ENOSPC};

	for (uint64_t seed = 1; seed <= 1500; seed += STEP) {
		struct model *m = model_new(seed);

		if (next_random(m) % 3 == 0)
			m->d->max_write = 1 + next_random(m) % 90;
		assert_int_equal(model_open(m), 0);
		for (unsigned i = 0; i < 20; i++) {
			if (next_random(m) % 4 == 0) {
				m->d->fail_calls = 1u << next_random(m) % 8;
				m->d->fail_in = (long)(next_random(m) % 4);
				m->d->fail_count = (long)(1 + next_random(m) % 3);
				m->d->fail_errno = errors[next_random(m) % 2];
			}
			run_group(m);
			if (i == 10)
				checkpoint(m);
		}
		m->d->fail_calls = 0;
		model_forget(m);
		disk_power_cut(m->d, (enum disk_cut)(next_random(m) % 3));
		recover_twice(m);
		model_destroy(m);
	}
}

/* A disk that fills up while segments are recycled. */
static void disk_is_full(void **state)
{
	for (uint64_t seed = 1; seed <= 300; seed += STEP) {
		struct model *m = model_new(seed);

		m->d->space = (long)(3 * SEGMENT + next_random(m) % 20000);
		assert_int_equal(model_open(m), 0);
		for (unsigned i = 0; i < 40; i++) {
			run_group(m);
			if (i % 8 == 7)
				checkpoint(m);
		}
		assert_true(journal_writable(m->j));
		model_forget(m);
		disk_power_cut(m->d, CUT_MIX);
		m->d->space = -1;
		recover_twice(m);
		model_destroy(m);
	}
}

/* A long life with many checkpoints: most segments lie over old contents. */
static void recycled_segments(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed += STEP) {
		struct model *m = model_new(seed);

		m->volume_size = 16 * VOLUME;
		assert_int_equal(model_open(m), 0);
		for (unsigned i = 0; i < 200; i++) {
			assert_true(run_group(m));
			if (next_random(m) % 6 == 0)
				checkpoint(m);
			if (next_random(m) % 9 == 0) {
				model_forget(m);
				disk_power_cut(m->d, CUT_MIX);
				recover(m);
			}
		}
		model_forget(m);
		disk_power_cut(m->d, CUT_MIX);
		recover_twice(m);
		model_destroy(m);
	}
}

/* What a scan of the whole journal, one byte of it changed, may have lost. */
static void check_flip(struct model *m, uint32_t number, uint32_t at, bool clean)
{
	const struct journal_visitor v = visitor(m);
	struct journal_report r;
	struct err e;
	bool last_hit = false;
	unsigned lost = 0;

	assert_int_equal(journal_scan(&m->d->io, JOURNAL_DIR, &m->journal_key, 0, &v, &r, &e), 0);
	if (m->forged || m->doubled)
		broken(m, "a changed byte forged an entry", at);
	for (uint64_t id = 1; id < m->next; id++)
		if (m->fate[id] == ACCEPTED && m->group[id] == m->groups &&
		    position_segment(m->position[id]) == number)
			last_hit = true;
	for (uint64_t id = 1; id < m->next; id++) {
		char payload[PAYLOAD_MAX];
		uint32_t size = frame_size((uint32_t)payload_of(id, (struct place){0}, payload).n);
		uint64_t from = m->position[id];

		if (m->fate[id] != ACCEPTED || m->told[id])
			continue;
		lost++;
		if (position_segment(from) == number && at >= position_offset(from) &&
		    at < position_offset(from) + size)
			continue; /* it lay in this entry */
		/* Without a stop in order the last group may be a torn tail. */
		if (!clean && last_hit && m->group[id] == m->groups && r.torn_bytes > 0)
			continue;
		broken(m, "a changed byte took an entry elsewhere", id);
	}
	if (lost > 0 && r.damages == 0 && r.torn_bytes == 0)
		broken(m, "a lost entry was not reported", at);
}

static void flip_every_byte(struct model *m, bool clean)
{
	uint32_t last = position_segment(journal_end(m->j));

	for (uint32_t number = 1; number <= last; number++) {
		char name[SEGMENT_NAME_SIZE];

		segment_name(number, name);
		struct disk_file *f = disk_find(m->d, JOURNAL_DIR, name);

		assert_non_null(f);
		for (uint32_t at = 0; at < f->n; at++) {
			unsigned char old = f->cache[at];

			f->cache[at] ^= (unsigned char)(1u << next_random(m) % 8);
			check_flip(m, number, at, clean);
			f->cache[at] = (unsigned char)~old;
			check_flip(m, number, at, clean);
			f->cache[at] = old;
		}
	}
}

static void bits_flip(void **state)
{
	for (int clean = 0; clean < 2; clean++)
		for (uint64_t seed = 1; seed <= 3; seed++) {
			struct model *m = model_new(seed);
			struct err e;

			assert_int_equal(model_open(m), 0);
			for (unsigned i = 0; i < 10; i++)
				assert_true(run_group(m));
			if (clean)
				assert_int_equal(journal_close(m->j, 1, &e), 0);
			flip_every_byte(m, clean);
			model_destroy(m);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_goes_at_every_byte),
		cmocka_unit_test(power_goes_at_every_call),
		cmocka_unit_test(process_dies_then_power_goes),
		cmocka_unit_test(calls_fail),
		cmocka_unit_test(disk_is_full),
		cmocka_unit_test(recycled_segments),
		cmocka_unit_test(bits_flip),
	};

	return cmocka_run_group_tests_name("journal_model", tests, NULL, NULL);
}
