/* SPDX-License-Identifier: Apache-2.0 */
/* The scan room and a fake gate in one process. */
#include "scan/scan.h"

#include "base/clock.h"
#include "base/sealed.h"
#include "base/unit.h"
#include "format/charset.h"
#include "format/header_edit.h"
#include "format/outline.h"
#include "format/vectors.h"
#include "net/chan_frame.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/scan_edits.h"
#include "scan/test_gate.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define BIG ((size_t)20 << 20)

static struct fiber_group outer, handlers, askers;
static struct chan *scan_end, *gate_end;
static void *room;
static uint64_t announced[8];
static unsigned announcements;

static void co_on_scanning(void *unused, struct chan_parcel *p)
{
	struct scanning_note m;

	if (scanning_take(p, &m) && announcements < 8)
		announced[announcements++] = m.letter;
}

static const struct chan_handler gate_handlers[] = {{MSG_SCANNING, co_on_scanning}, {0, NULL}};

static void make_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

static struct chan *new_room_end(int fd)
{
	struct chan_rules rules = {
		.handlers = scan_room.handlers, .room = room, .fibers = &handlers, .longest_ms = 60000};
	struct chan *c = chan_new("gate/0", &rules);

	assert_int_equal(chan_attach(c, fd, 1), 0);
	return c;
}

static void run(fiber_fn *fn)
{
	struct chan_rules ask = {
		.handlers = gate_handlers, .window = 32, .longest_ms = 60000, .fibers = &askers};
	int fds[2];

	announcements = 0;
	loop_init();
	room = gate_room();
	fiber_group_init(&outer, 1);
	fiber_group_init(&handlers, 512);
	fiber_group_init(&askers, 512);
	make_pair(fds);
	gate_end = chan_new("scan/0", &ask);
	scan_end = new_room_end(fds[0]);
	assert_int_equal(chan_attach(gate_end, fds[1], 1), 0);
	assert_int_equal(fiber_start(&outer, fn, NULL), 0);
	loop_run();
	chan_destroy(&gate_end);
	chan_destroy(&scan_end);
	gate_room_end(room);
	loop_end();
}

static void co_end_main(void)
{
	co_group_join(&askers, NO_DEADLINE);
	fiber_group_cancel(&handlers);
	co_group_join(&handlers, NO_DEADLINE);
	loop_stop();
}

/* --- what an answer must be ------------------------------------------------------------------ */

/* The encoded outline, wherever it lies. */
static struct str outline_of(const struct scan_answer *a, char **map)
{
	struct err e;

	*map = NULL;
	if (a->wide < 0) {
		assert_int_equal(a->outline.n, a->outline_size);
		return a->outline;
	}
	assert_int_equal(a->outline.n, 0);
	assert_true(a->outline_size > SCAN_OUTLINE_INLINE);
	assert_int_equal(sealed_check(a->wide, a->outline_size, &e), 0);
	*map = mmap(NULL, a->outline_size, PROT_READ, MAP_PRIVATE, a->wide, 0);
	close(a->wide);
	return (struct str){*map, a->outline_size};
}

/* The same as parsing both in a row here. */
static void check_outline(struct str encoded, struct str whole)
{
	struct arena arena;
	struct outline o, ours;
	struct charsets charsets;
	struct buf again;
	struct err e;

	arena_init(&arena, 2 * OUTLINE_ARENA_MAX);
	buf_init(&again, OUTLINE_MAX);
	charsets_open(&charsets);
	struct charset_fn fn = charsets_fn(&charsets);

	assert_int_equal(outline_decode(&o, &arena, encoded, whole.n, &e), 0);
	assert_int_equal(outline_check(&o, whole.n, &e), 0);
	assert_int_equal(outline_build(&ours, &arena, whole, &fn), 0);
	assert_int_equal(outline_encode(&ours, &again), 0);
	assert_true(str_eq(encoded, buf_str(&again)));
	charsets_close(&charsets);
	buf_free(&again);
	arena_free(&arena);
}

struct answered {
	bool wide, opaque;
};

/* What becomes of the letter: as gate would put it together. */
static void put_together(const struct scan_answer *a, struct str letter, struct buf *whole)
{
	struct str head = str_head(letter, HEADER_CUTS_HEAD);
	struct header_cuts cuts;
	struct err e;

	buf_init(whole, a->front.n + letter.n);
	assert_int_equal(header_cuts_read(a->cuts, head, &cuts, &e), 0);
	buf_add_str(whole, a->front);
	buf_add_str(whole, str_skip(letter, header_cuts_make(&cuts, head, whole)));
	assert_false(buf_failed(whole));
}

static struct answered co_check_edited(uint64_t id, struct str letter, uint8_t edits)
{
	struct scan_question q = gate_question(id, letter);
	struct scan_answer a;
	struct chan_parcel store;
	struct buf whole;
	struct err e;
	char *map;

	q.edits = edits;
	assert_int_equal(co_gate_ask(gate_end, &q, &a, &store, &e), 0);
	assert_true(str_starts(a.front, STR("Received: from client.example (")));
	assert_true(str_ends(a.front, STR("\r\n")));
	assert_true(str_find_str(a.front, STR("mx.ours.test")) != STR_NONE);
	assert_true(edits & SCAN_PRIVACY || a.cuts.n == 0);
	put_together(&a, letter, &whole);
	struct str encoded = outline_of(&a, &map);

	check_outline(encoded, buf_str(&whole));
	assert_true(a.hash.n == OUTLINE_HASH && memcmp(a.hash.p, encoded.p + 3, OUTLINE_HASH) == 0);
	assert_int_equal(a.opaque, encoded.p[2]);
	struct answered got = {map != NULL, a.opaque};

	if (map)
		munmap(map, a.outline_size);
	buf_free(&whole);
	if (q.file >= 0)
		close(q.file);
	chan_parcel_free(&store);
	return got;
}

static struct answered co_check_letter(uint64_t id, struct str letter)
{
	return co_check_edited(id, letter, 0);
}

/* --- letters ----------------------------------------------------------------------------------- */

#define PLAIN "From: a@b.example\r\nSubject: Hello\r\n\r\nLine one.\r\nLine two.\r\n"

static void plain_fiber(void *arg)
{
	struct scan_question q = gate_question(0xABC, STR(PLAIN));
	struct outline_range range;
	struct scan_answer a;
	struct chan_parcel store;
	struct arena arena;
	struct outline o;
	struct err e;
	uint32_t part;

	assert_int_equal(co_gate_ask(gate_end, &q, &a, &store, &e), 0);
	assert_str(a.front, "Received: from client.example (unknown [192.0.2.1])\r\n"
			    "\t(using TLSv1.3 with cipher X (256/256 bits))\r\n"
			    "\tby mx.ours.test (Mailstead) with ESMTPS id 0000000000000ABC\r\n"
			    "\tfor <alice@ours.test>;\r\n"
			    "\tTue, 1 Jul 2003 08:52:37 +0000\r\n");
	arena_init(&arena, OUTLINE_ARENA_MAX);
	assert_int_equal(outline_decode(&o, &arena, a.outline, a.front.n + sizeof(PLAIN) - 1, &e), 0);
	/* Offsets are into both: the body is what follows the letter's own header. */
	assert_int_equal(outline_section(&o, NULL, 0, SECTION_TEXT, &range, &part), 0);
	assert_int_equal(range.start, a.front.n + sizeof("From: a@b.example\r\nSubject: Hello\r\n\r\n") - 1);
	assert_int_equal(range.end, a.front.n + sizeof(PLAIN) - 1);
	assert_str(o.parts[0].envelope->subject, "Hello");
	assert_str(o.preview, "Line one. Line two.");
	assert_false(a.opaque);
	arena_free(&arena);
	chan_parcel_free(&store);
	/* What is not known is not told. */
	q.helo = q.client_ip = q.tls = q.recipient = (struct str){NULL, 0};
	assert_int_equal(co_gate_ask(gate_end, &q, &a, &store, &e), 0);
	assert_str(a.front, "Received: by mx.ours.test (Mailstead) with ESMTPS id 0000000000000ABC;\r\n"
			    "\tTue, 1 Jul 2003 08:52:37 +0000\r\n");
	chan_parcel_free(&store);
	assert_int_equal(announcements, 0);
	co_end_main();
}

static void a_plain_letter_gets_front_and_outline(void **state)
{
	run(plain_fiber);
}

static void add_parts(struct buf *b, unsigned parts)
{
	buf_add_z(b, "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (unsigned i = 0; i < parts; i++)
		buf_printf(b,
			   "--b\r\nContent-Type: application/octet-stream; name=attachment-%u\r\n"
			   "Content-Disposition: attachment; filename=attachment-%u\r\n\r\nbytes %u\r\n",
			   i, i, i);
	buf_add_z(b, "--b--\r\n");
}

static void shapes_fiber(void *arg)
{
	struct buf b;

	buf_init(&b, 4 * BIG);
	co_check_letter(1, STR(""));
	co_check_letter(2, STR("\r\n"));
	co_check_letter(3, STR("no header at all"));
	add_parts(&b, 3);
	assert_false(co_check_letter(4, buf_str(&b)).wide);
	buf_clear(&b);
	/* An outline that no message holds; more parts than an outline may have. */
	add_parts(&b, 900);
	struct answered got = co_check_letter(5, buf_str(&b));

	assert_true(got.wide && !got.opaque);
	buf_clear(&b);
	add_parts(&b, 3000);
	co_check_letter(6, buf_str(&b));
	/* A value that an outline has no room for. */
	buf_clear(&b);
	buf_add_z(&b, "Subject: ");
	while (b.n <= OUTLINE_MAX)
		buf_add_z(&b, "more than enough ");
	buf_add_z(&b, "\r\n\r\nbody\r\n");
	/* Both sides of what a message carries. */
	for (size_t n = INLINE_MAX - 1; n <= INLINE_MAX + 1; n++) {
		buf_clear(&b);
		buf_add_z(&b, "Subject: long\r\n\r\n");
		while (b.n < n)
			buf_add_c(&b, 'x');
		co_check_letter(n, buf_str(&b));
	}
	buf_free(&b);
	co_end_main();
}

static void letters_of_every_shape_are_answered(void **state)
{
	run(shapes_fiber);
}

static void big_fiber(void *arg)
{
	struct buf b;

	buf_init(&b, 2 * BIG);
	buf_room(&b, BIG + 4096);
	buf_add_z(&b, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n"
		      "Content-Transfer-Encoding: base64\r\n\r\n");
	while (b.n < BIG)
		buf_add_z(&b, "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\r\n");
	buf_add_z(&b, "--b--\r\n");
	assert_false(co_check_letter(1, buf_str(&b)).opaque);
	buf_free(&b);
	co_end_main();
}

static void twenty_megabytes_come_in_a_memory_file(void **state)
{
	run(big_fiber);
}

static void co_check_file(const char *dir, const char *name)
{
	struct buf letter;

	if (name[0] == '.')
		return;
	assert_true(vectors_read(&letter, dir, name, ""));
	co_check_letter(1, buf_str(&letter));
	co_check_edited(2, buf_str(&letter), SCAN_EDITS);
	buf_free(&letter);
}

static void hostile_fiber(void *arg)
{
	static const char *const folders[] = {"mime-rfc",
					      "mime-mime4j/testmsgs",
					      "mime-mime4j/mimetools-testmsgs",
					      "../corpus/mime",
					      "../corpus/header",
					      "../corpus/outline",
					      "../corpus/header_edit"};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		assert_true(vectors_each(folders[i], "", co_check_file) > 10);
	co_end_main();
}

static void hostile_letters_get_sound_outlines(void **state)
{
	run(hostile_fiber);
}

/* --- letters that are submitted -------------------------------------------------------------------- */

#define LOCAL "Tue, 1 Jul 2003 10:52:37 +0200\r\n"

static void co_expect_whole(const struct scan_question *q, struct str letter, const char *want)
{
	struct scan_answer a;
	struct chan_parcel store;
	struct buf whole;
	struct err e;
	char *map;

	assert_int_equal(co_gate_ask(gate_end, q, &a, &store, &e), 0);
	put_together(&a, letter, &whole);
	assert_str(buf_str(&whole), str_of(want).p);
	check_outline(outline_of(&a, &map), buf_str(&whole));
	buf_free(&whole);
	chan_parcel_free(&store);
}

static void edits_fiber(void *arg)
{
	static const char letter[] = "User-Agent: y\r\nSubject: x\r\nX-Mailer: z\r\n\r\nX-Mailer: text\r\n";
	struct scan_question q = gate_question(0xABC, STR(letter));

	q.helo = q.client_ip = q.tls = q.recipient = (struct str){NULL, 0};
	q.edits = SCAN_PRIVACY;
	co_expect_whole(&q, STR(letter),
			"Received: by mx.ours.test (Mailstead) with ESMTPS id 0000000000000ABC;\r\n\t" LOCAL
			"Subject: x\r\n\r\nX-Mailer: text\r\n");
	q.edits = SCAN_EDITS;
	q.sender = STR("alice@ours.test");
	co_expect_whole(&q, STR(letter),
			"Received: by mx.ours.test (Mailstead) with ESMTPS id 0000000000000ABC;\r\n\t" LOCAL
			"Date: " LOCAL "Message-ID: <20030701085237.0000000000000ABC@mx.ours.test>\r\n"
			"From: <alice@ours.test>\r\nSubject: x\r\n\r\nX-Mailer: text\r\n");
	q.edits = SCAN_ADD_MISSING;
	co_expect_whole(&q, STR(letter),
			"Received: by mx.ours.test (Mailstead) with ESMTPS id 0000000000000ABC;\r\n\t" LOCAL
			"Date: " LOCAL "Message-ID: <20030701085237.0000000000000ABC@mx.ours.test>\r\n"
			"User-Agent: y\r\nSubject: x\r\nX-Mailer: z\r\n\r\nX-Mailer: text\r\n");
	co_end_main();
}

static void what_is_submitted_is_edited(void **state)
{
	/* In a zone of our own, so that local time is not UTC. */
	setenv("TZ", "TEST-2", 1);
	clock_read_zone();
	run(edits_fiber);
	unsetenv("TZ");
	clock_read_zone();
}

/* Headers that nobody writes, short and in a file. */
static void huge_header_fiber(void *arg)
{
	struct buf b;

	buf_init(&b, 4 << 20);
	for (unsigned fields = 10; fields <= 10000; fields *= 10) {
		buf_clear(&b);
		for (unsigned i = 0; i < fields; i++)
			buf_printf(&b,
				   "X-Mailer: %u\r\nReceived: from a\r\n\tby b with ESMTPSA; %u\r\nA: 1\r\n",
				   i, i);
		buf_add_z(&b, "\r\nX-Mailer: text\r\n");
		co_check_edited(1, buf_str(&b), SCAN_EDITS);
	}
	/* One field that is larger than all that is looked at, behind one that goes away. */
	buf_clear(&b);
	buf_add_z(&b, "X-Mailer: a\r\nUser-Agent:");
	while (b.n < 3 * HEADER_CUTS_HEAD)
		buf_add_z(&b, " and more\r\n");
	buf_add_z(&b, "X-Mailer: b\r\n\r\ntext\r\n");
	co_check_edited(2, buf_str(&b), SCAN_EDITS);
	buf_free(&b);
	co_end_main();
}

static void huge_headers_are_edited_in_bounds(void **state)
{
	run(huge_header_fiber);
}

/* --- refusals ------------------------------------------------------------------------------------ */

static void co_refused(struct scan_question *q, int code, const char *sentence)
{
	struct err e;

	assert_int_equal(co_gate_try(gate_end, q, &e), code);
	assert_string_equal(e.text, sentence);
	if (q->file >= 0)
		close(q->file);
}

static void refused_fiber(void *arg)
{
	static char large[100000];
	struct str letter = {large, sizeof(large)};
	struct scan_question q = gate_question(1, STR(PLAIN));
	struct err e;

	memset(large, 'x', sizeof(large));
	q.file = gate_file(letter, false);
	q.bytes = (struct str){NULL, 0};
	q.size = letter.n;
	co_refused(&q, ERR_INVALID, "the file is not sealed");
	q.file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	co_refused(&q, ERR_INVALID, "the file is not sealed");
	q = gate_question(1, letter);
	q.size++;
	co_refused(&q, ERR_INVALID, "the file has another size");
	q = gate_question(1, letter);
	q.size = 0;
	co_refused(&q, ERR_INVALID, "the letter has another size");
	q = gate_question(1, letter);
	q.bytes = STR("both");
	co_refused(&q, ERR_INVALID, "the letter has another size");
	q = gate_question(1, STR(PLAIN));
	q.size--;
	co_refused(&q, ERR_INVALID, "the letter has another size");
	q = gate_question(1, letter);
	q.size = SCAN_SIZE_LIMIT + 1;
	co_refused(&q, ERR_TOO_BIG, "the letter is above message_size_limit");
	q = gate_question(1, STR(PLAIN));
	q.client_ip = (struct str){NULL, 0};
	co_refused(&q, ERR_INVALID, "a client without an address");
	q = gate_question(1, STR(PLAIN));
	q.edits = SCAN_EDITS + 1;
	co_refused(&q, ERR_INVALID, "no such edits");
	q.edits = SCAN_EDITS;
	q.sender = STR("a@b.test>\r\nX: <y");
	co_refused(&q, ERR_INVALID, "no such edits");
	/* And it goes on. */
	q = gate_question(1, STR(PLAIN));
	assert_int_equal(co_gate_try(gate_end, &q, &e), 0);
	co_end_main();
}

static void what_is_not_what_it_says_is_refused(void **state)
{
	run(refused_fiber);
}

/* A letter of one size with a file of another: which of both is refused tells the limit. */
static void co_limit_is(uint64_t limit)
{
	struct scan_question q = gate_question(1, STR(PLAIN));

	q.bytes = (struct str){NULL, 0};
	q.file = gate_file(STR(PLAIN), true);
	q.size = limit + 1;
	co_refused(&q, ERR_TOO_BIG, "the letter is above message_size_limit");
	q.file = gate_file(STR(PLAIN), true);
	q.size = limit;
	co_refused(&q, ERR_INVALID, "the file has another size");
}

static void reload_fiber(void *arg)
{
	co_limit_is(SCAN_SIZE_LIMIT);
	co_gate_reload(room, "message_size_limit=30M");
	co_limit_is((uint64_t)30 << 20);
	/* Sessions that began before may still bring what they were promised. */
	co_gate_reload(room, "message_size_limit=1M");
	co_limit_is((uint64_t)30 << 20);
	co_end_main();
}

static void the_limit_grows_with_a_reload(void **state)
{
	run(reload_fiber);
}

/* A question whose last byte says how many descriptors come. */
static struct chan_frame *scan_frame(uint8_t says, unsigned fds)
{
	struct chan_frame *f = chan_frame_new(MSG_SCAN);

	buf_put_u64(&f->bytes, 1);
	for (int i = 0; i < 3; i++)
		buf_put_u8(&f->bytes, 0);
	buf_put_u64(&f->bytes, 0);
	for (int i = 0; i < 8; i++)
		buf_put_str(&f->bytes, STR(""));
	buf_put_u64(&f->bytes, 0);
	buf_put_str(&f->bytes, STR(""));
	buf_put_u8(&f->bytes, says);
	for (unsigned i = 0; i < fds; i++)
		chan_frame_add_fd(f, STDERR_FILENO);
	return f;
}

static void optional_fiber(void *arg)
{
	struct chan_parcel store;
	struct err e;

	for (uint8_t says = 0; says <= 3; says++)
		for (unsigned fds = 0; fds <= 3; fds++) {
			int code = co_chan_ask(gate_end, scan_frame(says, fds), false, deadline_in(5000),
					       &store, &e);

			if (says == 0 && fds == 0) {
				assert_int_equal(code, 0);
				chan_parcel_close(&store);
				continue;
			}
			assert_int_equal(code, ERR_INVALID);
			assert_string_equal(e.text, says == 1 && fds == 1 ? "the letter has another size"
									  : "malformed scan");
		}
	/* None is left open. */
	int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(lowest < 64);
	close(lowest);
	co_end_main();
}

static void a_descriptor_that_may_be_absent_is_counted(void **state)
{
	run(optional_fiber);
}

/* --- the other question --------------------------------------------------------------------------- */

static void stored_fiber(void *arg)
{
	struct outline_question q = {.letter = 5, .size = sizeof(PLAIN) - 1};
	struct outline_answer a;
	struct chan_parcel store;
	struct err e;

	q.file = gate_file(STR(PLAIN), true);
	assert_int_equal(co_ask_outline(gate_end, &q, deadline_in(5000), &store, &a, &e), 0);
	check_outline(a.outline, STR(PLAIN));
	assert_true(a.wide < 0 && !a.opaque && a.outline_size == a.outline.n);
	chan_parcel_free(&store);
	q.size = 0;
	assert_int_equal(co_ask_outline(gate_end, &q, deadline_in(5000), &store, &a, &e), ERR_INVALID);
	q.size = 7;
	assert_int_equal(co_ask_outline(gate_end, &q, deadline_in(5000), &store, &a, &e), ERR_INVALID);
	assert_string_equal(e.text, "the file has another size");
	q.size = sizeof(PLAIN) - 1;
	q.alone = 1;
	assert_int_equal(co_ask_outline(gate_end, &q, deadline_in(5000), &store, &a, &e), 0);
	chan_parcel_free(&store);
	assert_true(announcements == 1 && announced[0] == 5);
	close(q.file);
	co_end_main();
}

static void a_stored_letter_gets_an_outline(void **state)
{
	run(stored_fiber);
}

/* --- many ------------------------------------------------------------------------------------------ */

static unsigned good;

static void many_fiber(void *arg)
{
	uint64_t id = (uint64_t)(uintptr_t)arg;
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_printf(&b, "Subject: letter %llu\r\n", (unsigned long long)id);
	add_parts(&b, (unsigned)id * 5);
	co_check_letter(id, buf_str(&b));
	buf_free(&b);
	good++;
}

static void crowd_fiber(void *arg)
{
	good = 0;
	for (uintptr_t i = 0; i < 100; i++)
		assert_int_equal(fiber_start(&askers, many_fiber, (void *)i), 0);
	co_group_join(&askers, NO_DEADLINE);
	assert_int_equal(good, 100);
	co_end_main();
}

static void many_letters_at_once_get_each_its_own(void **state)
{
	run(crowd_fiber);
}

/* --- alone ----------------------------------------------------------------------------------------- */

static void alone_fiber(void *arg)
{
	struct err e;

	for (uint64_t id = 1; id <= 4; id++) {
		struct scan_question q = gate_question(id, STR(PLAIN));

		q.alone = id % 2 == 0;
		assert_int_equal(co_gate_try(gate_end, &q, &e), 0);
		/* The note is there before the answer. */
		assert_int_equal(announcements, id / 2);
	}
	assert_true(announced[0] == 2 && announced[1] == 4);
	co_end_main();
}

static void a_letter_alone_is_announced(void **state)
{
	run(alone_fiber);
}

static void send_alone(int fd, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct chan_frame *f = scan_frame(0, 0);

		f->bytes.p[CHAN_HEADER + 8] = 1;
		chan_frame_address(f, CHAN_QUESTION, 0, i, deadline_in(30000));
		assert_int_equal(chan_frames_send(fd, f), 1);
		chan_frame_free(f);
	}
}

/* One who sends letters that are alone and reads nothing. */
static void deaf_fiber(void *arg)
{
	struct scan_question q = gate_question(1, STR(PLAIN));
	int fds[2], next[2], small = 1;
	struct err e;

	make_pair(fds);
	assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	struct chan *deaf_end = new_room_end(fds[0]);

	send_alone(fds[1], 8);
	co_sleep_until(deadline_in(20));
	int64_t began = clock_ms();

	assert_int_equal(co_gate_try(gate_end, &q, &e), 0);
	assert_true(clock_ms() - began < 8000);
	/* When it is another, nobody is told of the letters of the first. */
	make_pair(next);
	send_alone(fds[1], 4);
	co_sleep_until(deadline_in(20));
	assert_true(handlers.count > 0);
	assert_int_equal(chan_attach(deaf_end, next[0], 2), 0);
	co_group_join(&handlers, deadline_in(5000));
	assert_int_equal(handlers.count, 0);
	assert_int_equal(recv(next[1], &small, sizeof(small), 0), -1);
	chan_destroy(&deaf_end);
	close(fds[1]);
	close(next[1]);
	co_end_main();
}

static void one_who_does_not_read_holds_up_nobody(void **state)
{
	log_set_level(LOG_ERROR);
	run(deaf_fiber);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_letter_gets_front_and_outline),
		cmocka_unit_test(letters_of_every_shape_are_answered),
		cmocka_unit_test(twenty_megabytes_come_in_a_memory_file),
		cmocka_unit_test(hostile_letters_get_sound_outlines),
		cmocka_unit_test(what_is_submitted_is_edited),
		cmocka_unit_test(huge_headers_are_edited_in_bounds),
		cmocka_unit_test(what_is_not_what_it_says_is_refused),
		cmocka_unit_test(the_limit_grows_with_a_reload),
		cmocka_unit_test(a_descriptor_that_may_be_absent_is_counted),
		cmocka_unit_test(a_stored_letter_gets_an_outline),
		cmocka_unit_test(many_letters_at_once_get_each_its_own),
		cmocka_unit_test(a_letter_alone_is_announced),
		cmocka_unit_test(one_who_does_not_read_holds_up_nobody),
	};

	return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
