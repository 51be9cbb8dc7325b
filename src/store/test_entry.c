/* SPDX-License-Identifier: Apache-2.0 */
/* Parts and envelopes: there and back, every limit, every cut, letter ids. */
#include "store/entry.h"

#include "base/err.h"
#include "base/unit.h"

#include <stdio.h>
#include <string.h>

static struct recipient two_recipients[] = {
	{STR_INIT("a@x.test"), STR_INIT("rfc822;A@x.test"), 7, NOTIFY_SUCCESS | NOTIFY_DELAY},
	{STR_INIT("b@y.test"), STR_INIT(""), 0, NOTIFY_NEVER},
};
static uint64_t two_letters[] = {0x0001000000000001, 0xFFFFFFFFFFFFFFFF};
static struct settle two_settles[] = {{1, 0}, {2, UINT32_MAX}};
static struct str two_sends[] = {STR_INIT("redirect"), STR_INIT("")};
static struct move two_moves[] = {{1, {3, 64}}, {2, {0, 0}}};

#define ENVELOPE                                                                                            \
	{                                                                                                   \
		.reverse_path = STR_INIT("from@x.test"), .envid = STR_INIT("QQ314159"),                     \
		.login = STR_INIT("user@x.test"), .received_us = 1700000000000000,                          \
		.recipients = two_recipients, .recipient_count = 2, .body = BODY_8BITMIME, .ret = RET_HDRS, \
		.smtputf8 = true,                                                                           \
	}

/* One of each kind. */
static struct part sample(enum part_kind kind)
{
	static const struct part samples[] = {
		[PART_LETTER] = {.kind = PART_LETTER,
				 .letter = {.ticket = "0123456789abcde",
					    .id = 0x000100000000ABCD,
					    .place = {7, 4096},
					    .length = 5000,
					    .stored = 3000,
					    .crc = 0xDEADBEEF,
					    .transform = TRANSFORM_ZSTD,
					    .envelope = ENVELOPE,
					    .outline = STR_INIT("an outline")}},
		[PART_IDS] = {.kind = PART_IDS, .ids = {0x0001000000000001, 1000}},
		[PART_ACCOUNT] = {.kind = PART_ACCOUNT, .account = {9, true, STR_INIT("a@x.test")}},
		[PART_ACT] = {.kind = PART_ACT,
			      .act = {9, 1, 2, two_letters, 2, two_settles, 2, two_sends, 2,
				      STR_INIT("body")}},
		[PART_OUTCOME] = {.kind = PART_OUTCOME,
				  .outcome = {1, 3, OUTCOME_DEFERRED, 2, 1700000000000000, STR_INIT("4.2.0"),
					      STR_INIT("mx.x.test[192.0.2.1]:25"), STR_INIT("450 later")}},
		[PART_RELEASE] = {.kind = PART_RELEASE, .release = {9, two_letters, 2}},
		[PART_MOVED] = {.kind = PART_MOVED, .moved = {two_moves, 2}},
		[PART_CHECKPOINT] = {.kind = PART_CHECKPOINT, .checkpoint = {0x0000000200000040}},
		[PART_HOLD] = {.kind = PART_HOLD, .hold = {1, true, STR_INIT("by the operator")}},
	};

	return samples[kind];
}

static void put(struct buf *b, struct part part)
{
	buf_init(b, 2 * ENTRY_MAX);
	entry_put(b, &part);
}

/* Decoding and encoding again gives the same bytes, so nothing was dropped. */
static void there_and_back(void **state)
{
	struct arena a;

	arena_init(&a, 1 << 20);
	for (int kind = PART_LETTER; kind <= PART_HOLD; kind++) {
		struct buf once, again;
		struct part part;

		put(&once, sample((enum part_kind)kind));
		assert_false(buf_failed(&once));
		struct reader r = reader_of(buf_str(&once));

		assert_int_equal(entry_next(&r, &a, &part), 1);
		assert_int_equal(part.kind, kind);
		assert_int_equal(entry_next(&r, &a, &part), 0);
		r = reader_of(buf_str(&once));
		entry_next(&r, &a, &part);
		put(&again, part);
		assert_int_equal(once.n, again.n);
		assert_memory_equal(once.p, again.p, once.n);
		buf_free(&once);
		buf_free(&again);
	}
	arena_free(&a);
}

static void values_arrive(void **state)
{
	struct arena a;
	struct buf b;
	struct part part;

	arena_init(&a, 1 << 20);
	put(&b, sample(PART_LETTER));
	struct reader r = reader_of(buf_str(&b));

	assert_int_equal(entry_next(&r, &a, &part), 1);
	const struct envelope *env = &part.letter.envelope;

	assert_true(part.letter.id == 0x000100000000ABCD && part.letter.place.offset == 4096);
	assert_str(env->reverse_path, "from@x.test");
	assert_str(env->envid, "QQ314159");
	assert_int_equal(env->recipient_count, 2);
	assert_str(env->recipients[0].orcpt, "rfc822;A@x.test");
	assert_int_equal(env->recipients[0].account, 7);
	assert_int_equal(env->recipients[1].notify, NOTIFY_NEVER);
	assert_true(env->smtputf8 && !env->held && env->ret == RET_HDRS && env->body == BODY_8BITMIME);
	assert_str(part.letter.outline, "an outline");
	buf_free(&b);
	arena_free(&a);
}

/* A cut anywhere is refused, and so is a byte too many inside a part. */
static void every_cut_is_refused(void **state)
{
	struct arena a;

	arena_init(&a, 1 << 24);
	for (int kind = PART_LETTER; kind <= PART_HOLD; kind++) {
		struct buf b;
		struct part part;

		put(&b, sample((enum part_kind)kind));
		for (size_t n = 1; n < b.n; n++) {
			struct reader r = reader_of(str_head(buf_str(&b), n));

			assert_int_equal(entry_next(&r, &a, &part), ERR_INVALID);
		}
		buf_put_u8(&b, 0);
		le32_set(b.p + 4, (uint32_t)b.n - 8);
		struct reader r = reader_of(buf_str(&b));

		assert_int_equal(entry_next(&r, &a, &part), ERR_INVALID);
		buf_free(&b);
	}
	arena_free(&a);
}

/* An APPEND of two letters is one entry: letter, letter, act. */
static void parts_in_a_row(void **state)
{
	const struct part parts[] = {sample(PART_LETTER), sample(PART_LETTER), sample(PART_ACT)};
	struct arena a;
	struct buf b;
	struct part part;

	arena_init(&a, 1 << 20);
	buf_init(&b, ENTRY_MAX);
	for (size_t i = 0; i < 3; i++)
		entry_put(&b, &parts[i]);
	struct reader r = reader_of(buf_str(&b));

	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(entry_next(&r, &a, &part), 1);
		assert_int_equal(part.kind, parts[i].kind);
	}
	assert_int_equal(entry_next(&r, &a, &part), 0);
	/* Rubbish behind the last part refuses it. */
	buf_put_u8(&b, 0);
	r = reader_of(buf_str(&b));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(entry_next(&r, &a, &part), 1);
	assert_int_equal(entry_next(&r, &a, &part), ERR_INVALID);
	buf_free(&b);
	arena_free(&a);
}

static void refuse(struct part part)
{
	struct buf b;

	put(&b, part);
	assert_true(buf_failed(&b));
	buf_free(&b);
}

static struct str long_str(size_t n)
{
	static char bytes[ENTRY_OUTLINE_MAX + 1];

	memset(bytes, 'x', sizeof(bytes));
	return (struct str){bytes, n};
}

/* What is not to be written is not written. */
static void limits_when_writing(void **state)
{
	struct part p;

	p = sample(PART_LETTER), p.letter.id = 0, refuse(p);
	p = sample(PART_LETTER), p.letter.id = 0xFFFF000000000000, refuse(p);
	p = sample(PART_LETTER), p.letter.transform = 2, refuse(p);
	p = sample(PART_LETTER), p.letter.transform = TRANSFORM_NONE, refuse(p);
	p = sample(PART_LETTER), p.letter.place.offset = 4097, refuse(p);
	p = sample(PART_LETTER), p.letter.place.offset = 1ULL << 32, refuse(p);
	p = sample(PART_LETTER), p.letter.place.volume = 0, refuse(p);
	p = sample(PART_LETTER), p.letter.outline = long_str(ENTRY_OUTLINE_MAX + 1), refuse(p);
	p = sample(PART_LETTER), p.letter.envelope.reverse_path = long_str(ENVELOPE_ADDRESS_MAX + 1),
	refuse(p);
	p = sample(PART_LETTER), p.letter.envelope.login = long_str(ENVELOPE_ADDRESS_MAX + 1), refuse(p);
	p = sample(PART_LETTER), p.letter.envelope.envid = long_str(ENVELOPE_ENVID_MAX + 1), refuse(p);
	p = sample(PART_LETTER), p.letter.envelope.body = 3, refuse(p);
	p = sample(PART_LETTER), p.letter.envelope.ret = 3, refuse(p);
	p = sample(PART_LETTER), p.letter.envelope.recipient_count = ENVELOPE_RECIPIENTS_MAX + 1, refuse(p);
	p = sample(PART_IDS), p.ids.count = 0, refuse(p);
	p = sample(PART_IDS), p.ids.first = 0x0001FFFFFFFFFFFF, refuse(p);
	p = sample(PART_ACCOUNT), p.account.id = 0, refuse(p);
	p = sample(PART_ACCOUNT), p.account.address = long_str(ENVELOPE_ADDRESS_MAX + 1), refuse(p);
	p = sample(PART_ACT), p.act.account = 0, refuse(p);
	p = sample(PART_ACT), p.act.serial = 0, refuse(p);
	p = sample(PART_ACT), p.act.settle_count = ACT_SETTLES_MAX + 1, refuse(p);
	p = sample(PART_ACT), p.act.send_count = ACT_SENDS_MAX + 1, refuse(p);
	p = sample(PART_OUTCOME), p.outcome.result = 0, refuse(p);
	p = sample(PART_OUTCOME), p.outcome.result = OUTCOME_SENT, refuse(p);
	p = sample(PART_OUTCOME), p.outcome.until_us = 0, refuse(p);
	p = sample(PART_OUTCOME), p.outcome.tries = 0, refuse(p);
	p = sample(PART_OUTCOME), p.outcome.result = 5, refuse(p);
	p = sample(PART_OUTCOME), p.outcome.status = long_str(OUTCOME_STATUS_MAX + 1), refuse(p);
	p = sample(PART_OUTCOME), p.outcome.mta = long_str(OUTCOME_MTA_MAX + 1), refuse(p);
	p = sample(PART_HOLD), p.hold.letter = 0, refuse(p);
	p = sample(PART_HOLD), p.hold.reason = long_str(HOLD_REASON_MAX + 1), refuse(p);
	p = sample(PART_OUTCOME), p.outcome.text = long_str(OUTCOME_TEXT_MAX + 1), refuse(p);
	p = sample(PART_RELEASE), p.release.account = 0, refuse(p);
	p = sample(PART_CHECKPOINT), p.kind = (enum part_kind)10, refuse(p);
	p = sample(PART_CHECKPOINT), p.kind = (enum part_kind)0, refuse(p);
}

static void recipients_when_writing(void **state)
{
	static const struct {
		struct recipient to;
		bool good;
	} rows[] = {
		{{STR_INIT("a"), STR_INIT(""), 0, 0}, true},
		{{STR_INIT("a"), STR_INIT(""), 0, NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY}, true},
		{{STR_INIT("a"), STR_INIT(""), 0, NOTIFY_NEVER}, true},
		{{STR_INIT("a"), STR_INIT(""), 0, NOTIFY_NEVER | NOTIFY_SUCCESS}, false},
		{{STR_INIT("a"), STR_INIT(""), 0, 16}, false},
		{{STR_INIT(""), STR_INIT(""), 0, 0}, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct recipient to = rows[i].to;
		struct envelope env = {.recipients = &to, .recipient_count = 1};
		struct buf b;

		buf_init(&b, 4096);
		envelope_put(&b, &env);
		assert_int_equal(buf_failed(&b), !rows[i].good);
		buf_clear(&b);
		to.address = long_str(ENVELOPE_ADDRESS_MAX);
		to.orcpt = long_str(ENVELOPE_ORCPT_MAX + 1);
		envelope_put(&b, &env);
		assert_true(buf_failed(&b));
		buf_free(&b);
	}
}

/* A peer's bytes: one field of a good part changed. */
static void limits_when_reading(void **state)
{
	static const struct {
		enum part_kind kind;
		size_t at;
		const char *bytes;
		size_t n;
	} rows[] = {
		{PART_IDS, 1, "\2", 1}, /* version of the part */
		{PART_IDS, 2, "\1", 1}, /* zero that is none */
		{PART_IDS, 0, "\0", 1}, /* unknown kinds */
		{PART_IDS, 0, "\x0A", 1},
		{PART_IDS, 0, "\xFF", 1},
		{PART_IDS, 8, "\0\0\0\0\0\0", 6}, /* counter 0 */
		{PART_LETTER, 8 + 16 + 8, "\0\0\0\0", 4}, /* own file, yet an offset */
		{PART_LETTER, 8 + 16 + 8 + 4, "\1", 1}, /* offset not aligned */
		{PART_LETTER, 8 + 52, "\2", 1}, /* transform */
		{PART_LETTER, 8 + 57, "\2", 1}, /* version of the envelope */
		{PART_LETTER, 8 + 58, "\3", 1}, /* body */
		{PART_LETTER, 8 + 59, "\4", 1}, /* flags */
		{PART_LETTER, 8 + 60, "\3", 1}, /* ret */
		{PART_ACCOUNT, 8 + 4, "\3", 1}, /* neither begun nor ended */
		{PART_ACT, 8, "\0", 1}, /* account 0 */
		{PART_ACT, 12, "\0", 1}, /* serial 0 */
		{PART_ACT, 28, "\xFF\xFF\xFF\xFF", 4}, /* more holds than bytes */
		{PART_RELEASE, 12, "\xFF\xFF\xFF\x1F", 4},
		{PART_MOVED, 8, "\xFF\xFF\xFF\xFF", 4},
		{PART_OUTCOME, 8 + 12, "\5", 1},
		{PART_OUTCOME, 8 + 13, "\0", 1}, /* deferred, yet never */
		{PART_HOLD, 8 + 8, "\3", 1}, /* neither held nor released */
		{PART_OUTCOME, 8 + 12, "\1", 1}, /* sent, yet with a next try */
	};
	struct arena a;

	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b;
		struct part part;

		put(&b, sample(rows[i].kind));
		memcpy(b.p + rows[i].at, rows[i].bytes, rows[i].n);
		struct reader r = reader_of(buf_str(&b));

		if (entry_next(&r, &a, &part) != ERR_INVALID)
			fail_msg("row %zu was taken", i);
		buf_free(&b);
	}
	arena_free(&a);
}

/* Counts may not cost more memory than the arena has. */
static void arena_has_the_last_word(void **state)
{
	struct arena a;
	struct buf b;
	struct part part;

	put(&b, sample(PART_LETTER));
	arena_init(&a, 16);
	struct reader r = reader_of(buf_str(&b));

	assert_int_equal(entry_next(&r, &a, &part), ERR_INVALID);
	arena_free(&a);
	buf_free(&b);
}

static void letter_ids(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{"0000000000000001", true},  {"FFFFFFFFFFFFFFFF", true},   {"0001000000ABCDEF", true},
		{"0000000000000000", false}, {"0001000000000000", false},  {"0001000000abcdef", false},
		{"001000000ABCDEF", false},  {"00001000000ABCDEF", false}, {"000100000 ABCDEF", false},
		{"+001000000ABCDEF", false}, {"0x01000000ABCDEF", false},  {"", false},
	};
	char text[LETTER_ID_SIZE];
	uint64_t id;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(letter_id_parse(str_of(rows[i].text), &id), rows[i].good);
		if (!rows[i].good)
			continue;
		letter_id_format(id, text);
		assert_string_equal(text, rows[i].text);
	}
	assert_true(letter_id_make(0x12, 0x34) == 0x0012000000000034);
	assert_true(letter_id_make(1, 1ULL << 48 | 5) == 0x0001000000000005);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),       cmocka_unit_test(values_arrive),
		cmocka_unit_test(every_cut_is_refused), cmocka_unit_test(parts_in_a_row),
		cmocka_unit_test(limits_when_writing),  cmocka_unit_test(recipients_when_writing),
		cmocka_unit_test(limits_when_reading),  cmocka_unit_test(arena_has_the_last_word),
		cmocka_unit_test(letter_ids),
	};

	return cmocka_run_group_tests_name("entry", tests, NULL, NULL);
}
