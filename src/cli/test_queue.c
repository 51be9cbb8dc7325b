/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "cli/queue.h"
#include "cli/queue_list.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- what is asked for ------------------------------------------------------------------ */

#define WORDS_MAX 8

static int take(struct queue_order *order, const char *words, bool by_name, struct err *e)
{
	static char copy[200];
	char *argv[WORDS_MAX + 1] = {NULL};
	int argc = 0;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *word = copy, *end; *word && argc < WORDS_MAX; word = end) {
		end = word + strcspn(word, " ");
		if (*end)
			*end++ = 0;
		argv[argc++] = word;
	}
	return by_name ? queue_order_by_name(order, argc, argv, e) : queue_order_take(order, argc, argv, e);
}

static void orders(void **state)
{
	static const struct {
		const char *words;
		bool by_name;
		enum queue_verb verb;
		size_t count;
		bool all, from_stdin;
	} rows[] = {
		{"queue", false, QUEUE_VERB_LIST, 0, false, false},
		{"queue list", false, QUEUE_VERB_LIST, 0, false, false},
		{"queue flush", false, QUEUE_VERB_FLUSH, 0, false, false},
		{"queue flush ALL", false, QUEUE_VERB_FLUSH, 0, true, false},
		{"queue hold ALL", false, QUEUE_VERB_HOLD, 0, true, false},
		{"queue release 00000000000003E9!", false, QUEUE_VERB_RELEASE, 1, false, false},
		{"queue delete 00000000000003e9 00000000000003EA*", false, QUEUE_VERB_DELETE, 2, false,
		 false},
		{"queue show 00000000000003E9", false, QUEUE_VERB_SHOW, 1, false, false},
		{"/usr/bin/mailq", true, QUEUE_VERB_LIST, 0, false, false},
		{"postqueue -p", true, QUEUE_VERB_LIST, 0, false, false},
		{"postqueue -f", true, QUEUE_VERB_FLUSH, 0, false, false},
		{"postqueue -i 00000000000003E9", true, QUEUE_VERB_FLUSH, 1, false, false},
		{"postsuper -d ALL", true, QUEUE_VERB_DELETE, 0, true, false},
		{"postsuper -d -", true, QUEUE_VERB_DELETE, 0, false, true},
		{"postsuper -h00000000000003E9", true, QUEUE_VERB_HOLD, 1, false, false},
		{"postsuper -H 00000000000003E9", true, QUEUE_VERB_RELEASE, 1, false, false},
		{"postsuper -r ALL", true, QUEUE_VERB_FLUSH, 0, true, false},
		{"postcat -q 00000000000003E9", true, QUEUE_VERB_SHOW, 1, false, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct queue_order order;
		struct err e;

		assert_int_equal(take(&order, rows[i].words, rows[i].by_name, &e), 0);
		assert_int_equal(order.verb, rows[i].verb);
		assert_int_equal(order.count, rows[i].count);
		assert_int_equal(order.all, rows[i].all);
		assert_int_equal(order.from_stdin, rows[i].from_stdin);
		if (order.count > 0)
			assert_true(order.ids[0] == 0x3E9);
		queue_order_free(&order);
	}
}

static void wrong_orders(void **state)
{
	static const struct {
		const char *words;
		bool by_name;
		const char *why;
	} rows[] = {
		{"queue lst", false, "'lst' is none of list, flush, hold, release, delete and show"},
		{"queue hold", false, "hold wants a queue ID or ALL"},
		{"queue show", false, "show wants a queue ID"},
		{"queue show ALL", false, "'ALL' is no queue ID"},
		{"queue delete 3E9", false, "'3E9' is no queue ID"},
		{"queue delete 0000000000000000", false, "'0000000000000000' is no queue ID"},
		{"queue list 00000000000003E9", false, "list takes no queue IDs; show does"},
		{"postqueue", true, "postqueue wants an option that says what to do"},
		{"postqueue -s x.test", true, "postqueue has no option -s here"},
		{"postsuper -d ALL deferred", true, "'deferred' is no queue ID"},
		{"postsuper -d 00000000000003E9 -h 00000000000003E9", true,
		 "one thing at a time: delete and hold"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct queue_order order;
		struct err e;

		assert_int_equal(take(&order, rows[i].words, rows[i].by_name, &e), ERR_INVALID);
		assert_string_equal(e.text, rows[i].why);
		queue_order_free(&order);
	}
}

/* --- how it is shown ------------------------------------------------------------------------ */

static void put_head(struct buf *b, uint64_t id, uint64_t size, const char *why, const char *sender,
		     uint32_t count)
{
	buf_put_u64(b, id);
	buf_put_u64(b, 100 + id);
	buf_put_u64(b, size);
	buf_put_u64(b, UINT64_C(1763802001000000));
	buf_put_u8(b, why[0] != 0);
	buf_put_str(b, str_of(why));
	buf_put_str(b, str_of(sender));
	buf_put_u32(b, count);
}

static void put_recipient(struct buf *b, const char *address, uint64_t next, const char *said)
{
	buf_put_str(b, str_of(address));
	buf_put_u8(b, 0);
	buf_put_u64(b, next);
	buf_put_u32(b, said[0] != 0);
	buf_put_str(b, str_of(said));
}

static void make_page(struct buf *b)
{
	buf_init(b, 10000);
	put_head(b, 0x3E9, 2000, "", "a@x.test", 3);
	put_recipient(b, "b@y.test", 5, "450 later");
	put_recipient(b, "c@y.test", 5, "450 later");
	put_recipient(b, "d@z.test", 5, "a\x1B[2J");
	put_head(b, 0x3EA, 500, "", "", 1);
	put_recipient(b, "e@y.test", 0, "");
	put_head(b, 0x3EB, 1, "by the operator", "a@x.test", 1);
	put_recipient(b, "f@y.test", 0, "");
}

static const char list[] = "-Queue ID-        --Size-- ----Arrival Time---- -Sender/Recipient-------\n"
			   "00000000000003E9      2000 Sat Nov 22 09:00:01  a@x.test\n"
			   "                                                                   (450 later)\n"
			   "                                                b@y.test\n"
			   "                                                c@y.test\n"
			   "                                                                       (a?[2J)\n"
			   "                                                d@z.test\n"
			   "\n"
			   "00000000000003EA*      500 Sat Nov 22 09:00:01  MAILER-DAEMON\n"
			   "                                                e@y.test\n"
			   "\n"
			   "00000000000003EB!        1 Sat Nov 22 09:00:01  a@x.test\n"
			   "                                                             (by the operator)\n"
			   "                                                f@y.test\n"
			   "\n"
			   "-- 2 Kbytes in 3 Requests.\n";

static void the_list(void **state)
{
	struct queue_totals totals = {0};
	char *text = NULL;
	size_t size = 0;
	struct buf page;
	FILE *out = open_memstream(&text, &size);

	make_page(&page);
	assert_true(queue_list_page(buf_str(&page), &totals, out));
	assert_int_equal(totals.last, 100 + 0x3EB);
	queue_list_end(&totals, out);
	fclose(out);
	assert_string_equal(text, list);
	free(text);
	/* Any cut inside a letter is seen. */
	out = open_memstream(&text, &size);
	for (size_t n = 1; n < 60; n++)
		assert_false(queue_list_page(str_head(buf_str(&page), n), &totals, out));
	totals = (struct queue_totals){0};
	rewind(out);
	queue_list_end(&totals, out);
	fclose(out);
	assert_memory_equal(text, "Mail queue is empty\n", 20);
	free(text);
	buf_free(&page);
}

static void one_letter(void **state)
{
	char *text = NULL;
	size_t size = 0;
	struct buf page;
	FILE *out = open_memstream(&text, &size);

	buf_init(&page, 1000);
	assert_false(queue_show_entry(buf_str(&page), out));
	put_head(&page, 0x3E9, 2000, "by the operator", "", 1);
	put_recipient(&page, "b@y.test", 5, "450 later");
	assert_true(queue_show_entry(buf_str(&page), out));
	buf_clear(&page);
	put_head(&page, 0x3E9, 2000, "", "a@x.test", 2);
	put_recipient(&page, "b@y.test", UINT64_C(1763802001000000), "450 later");
	put_recipient(&page, "c@y.test", 0, "");
	assert_true(queue_show_entry(buf_str(&page), out));
	fclose(out);
	assert_string_equal(text, "message_size: 2000\nmessage_arrival_time: Sat Nov 22 09:00:01\nsender: \n"
				  "held: by the operator\n"
				  "recipient: b@y.test\n  elsewhere, deferred 1 times, held\n  (450 later)\n"
				  "message_size: 2000\nmessage_arrival_time: Sat Nov 22 09:00:01\n"
				  "sender: a@x.test\n"
				  "recipient: b@y.test\n"
				  "  elsewhere, deferred 1 times, next try Sat Nov 22 09:00:01\n"
				  "  (450 later)\n"
				  "recipient: c@y.test\n"
				  "  elsewhere, deferred 0 times, under way or next\n");
	free(text);
	buf_free(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders),
		cmocka_unit_test(wrong_orders),
		cmocka_unit_test(the_list),
		cmocka_unit_test(one_letter),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
