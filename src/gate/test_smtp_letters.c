/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as dialogues: letters, their ends and limits, and what spool says to them. */
#include "gate/smtp_session.h"
#include "base/clock.h"
#include "base/unit.h"
#include "format/received.h"
#include "gate/test_script.h"
#include "net/scan_edits.h"

#include <stdlib.h>
#include <string.h>

/* --- letters -------------------------------------------------------------------------------------------------- */

static struct str body_of(const struct house *h, unsigned i)
{
	struct str all = buf_str(&h->letter[i].bytes);
	/* The Received field is ours: its lines begin with a tab. */
	for (str_cut(&all, '\n'); str_starts(all, STR("\t"));)
		str_cut(&all, '\n');
	return all;
}

static void a_letter_reaches_spool_as_it_was_sent(void **state)
{
	static struct house h;

	house_init(&h);
	play(&h, EHLO "C MAIL FROM:<s@b.test>\nS 250*\n" RCPT RCPT "C RCPT TO:<bob@ours.test>\nS 250*\n" DATA
		      "C Message-ID:\nC  <1@b.test>\nC \nC ..dot\nC .. \nR 8bit \xE9 \\0 nul\\r\\n.\\r\\n\nS "
		      "250 2.0.0 Ok: queued "
		      "as*\n" MAIL RCPT DATA "C x\nC .\nS 250*\n" QUIT);
	assert_int_equal(h.letters, 2);
	struct str body = body_of(&h, 0);
	static const char want[] = "Message-ID:\r\n <1@b.test>\r\n\r\n.dot\r\n. \r\n8bit \xE9 \0 nul\r\n";

	assert_true(str_eq(body, STR(want)));
	assert_str(h.letter[0].envelope.reverse_path, "s@b.test");
	assert_int_equal(h.letter[0].envelope.recipient_count, 2); /* alice once */
	assert_str(h.letter[0].envelope.recipients[1].address, "bob@ours.test");
	assert_int_equal(h.letter[0].envelope.body, BODY_8BITMIME);
	assert_int_equal(h.letter[1].envelope.body, BODY_7BIT);
	assert_int_equal(h.letter[1].id, h.letter[0].id + 1);
	struct str field = buf_str(&h.letter[1].bytes);

	assert_true(str_starts(field, STR("Received: from a.test (unknown [192.0.2.7])\r\n\tby mx.ours.test "
					  "(Mailstead) with ESMTP id 000000000000")));
	assert_true(str_find_str(field, STR("\r\n\tfor <alice@ours.test>;")) != STR_NONE);
	assert_true(house_logged(&h, ": message-id=<1@b.test>\n"));
	assert_true(house_logged(&h, ": client=unknown[192.0.2.7]\n"));
	assert_true(house_logged(
		&h, "disconnect from unknown[192.0.2.7] ehlo=1 mail=2 rcpt=4 data=2 quit=1 commands=10\n"));
	assert_int_equal(h.came, 1);
	assert_int_equal(h.left, 1);
	house_free(&h);
}

static void the_null_sender_and_utf8_stay_as_they_are(void **state)
{
	static struct house h;

	house_init(&h);
	play(&h, EHLO "C MAIL FROM:<> SMTPUTF8\nS 250*\nC RCPT TO:<\xD0\xB0@ours.test>\nS 250*\n" DATA
		      "C .\nS 250*\n" QUIT);
	assert_int_equal(h.letters, 1);
	assert_int_equal(h.letter[0].envelope.reverse_path.n, 0);
	assert_true(h.letter[0].envelope.smtputf8);
	assert_str(h.letter[0].envelope.recipients[0].address, "\xD0\xB0@ours.test");
	assert_true(str_find_str(buf_str(&h.letter[0].bytes), STR(" with UTF8SMTP id ")) != STR_NONE);
	house_free(&h);
}

static void large_letters_travel_in_sealed_files(void **state)
{
	static const unsigned lines[] = {300, 326, 327, 328, 329, 330, 1000, 9999};
	static struct house h;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		house_init(&h);
		play_bulk(&h, lines[i], EHLO MAIL RCPT DATA, ".\r\n", "S 250 2.0.0 Ok: queued as*\n" QUIT);
		assert_int_equal(h.letters, 1);
		assert_int_equal(body_of(&h, 0).n, lines[i] * 100);
		assert_int_equal(h.letter[0].sealed_file, h.letter[0].bytes.n > LETTER_INLINE_MAX);
		house_free(&h);
	}
	house_init(&h);
	play_bulk(&h, 5000, EHLO MAIL RCPT "C BDAT 500000\n", "",
		  "S 250 2.0.0 Ok: 500000 bytes\nC BDAT 0 LAST\nS 250*\n" QUIT);
	assert_int_equal(body_of(&h, 0).n, 500000);
	house_free(&h);
}

static void letters_above_the_limit_are_read_and_refused(void **state)
{
	static struct house h;

	house_init(&h);
	play_bulk(&h, 10001, EHLO MAIL RCPT DATA, ".\r\n",
		  "S 552 5.3.4 Error: message file too big\n" MAIL RCPT DATA "C .\nS 250*\n" QUIT);
	assert_int_equal(h.letters, 1);
	house_free(&h);
	house_init(&h);
	play_bulk(&h, 10001, EHLO MAIL RCPT "C BDAT 1000100 LAST\n", "",
		  "S 552 5.3.4 Chunk exceeds message size limit\n" MAIL QUIT);
	assert_int_equal(h.letters, 0);
	house_free(&h);
	house_init(&h);
	h.config.memory = 100000;
	play_bulk(&h, 2000, EHLO MAIL RCPT DATA, ".\r\n",
		  "S 452 4.3.1 Insufficient system storage\nC MAIL FROM:<s@b.test> SIZE=100001\n"
		  "S 452 4.3.1 Insufficient system storage\n" MAIL QUIT);
	house_free(&h);
	house_init(&h);
	h.config.memory = 1000;
	play(&h, EHLO "C MAIL FROM:<s@b.test>\nS 452 4.3.1 Insufficient system storage\n" QUIT);
	house_free(&h);
}

static void long_lines_are_refused(void **state)
{
	static struct house h;
	char *line = malloc(300001);

	memset(line, 'y', 300000);
	line[300000] = 0;
	house_init(&h);
	play_bulk(&h, 0, EHLO MAIL RCPT DATA, line,
		  "R \\r\\n.\\r\\n\nS 554 5.6.0 Error: line too long\n" QUIT);
	assert_int_equal(h.letters, 0);
	house_free(&h);
	house_init(&h);
	play_bulk(&h, 0, EHLO, line,
		  "R \\r\\n\nS 500 5.5.2 mx.ours.test Error: command too long\nC NOOP\nS 250*\n" QUIT);
	house_free(&h);
	/* 2048 octets with the CRLF are the most. */
	line[2046] = 0;
	house_init(&h);
	play_bulk(&h, 0, EHLO, line, "R \\r\\n\nS 500 5.5.2 Error: command not recognized\n" QUIT);
	house_free(&h);
	line[2046] = 'y';
	line[2047] = 0;
	house_init(&h);
	play_bulk(&h, 0, EHLO, line, "R \\r\\n\nS 500 5.5.2 mx.ours.test Error: command too long\n" QUIT);
	house_free(&h);
	free(line);
}

/* --- the end of a letter --------------------------------------------------------------------------------------- */

/* What might pass for the end at another server; behind each comes a second letter. */
static const struct {
	const char *end;
	bool is_end;
} ends[] = {
	{"\\r\\n.\\r\\n", true},     {"\\n.\\n", false},          {"\\n.\\r\\n", false},
	{"\\r\\n.\\n", false},       {"\\r.\\r", false},          {"\\r.\\r\\n", false},
	{"\\r\\n.\\r", false},       {"\\r\\n.\\r\\r\\n", false}, {"\\n\\r.\\r\\n", false},
	{"\\r\\r\\n.\\r\\n", false}, {"\\r\\n\\0.\\r\\n", false}, {"\\r\\n.\\0\\r\\n", false},
	{"\\r\\n. \\r\\n", false},   {"\\r\\n..\\r\\n", false},   {"\\n.\\n\\r\\n", false},
	{"\\r\\n.\\n\\r\\n", false}, {"\\r.\\n", false},          {"\\n\\n.\\n\\n", false},
};

#define SMUGGLED "MAIL FROM:<evil@b.test>\\r\\nRCPT TO:<bob@ours.test>\\r\\nDATA\\r\\n"

static bool has_bare(const char *end)
{
	/* All that have no NUL, blank or second dot in them break the rule of line ends. */
	return !strstr(end, "\\0") && !strstr(end, " ") && !strstr(end, "..");
}

static void only_one_end_ends_a_letter(void **state)
{
	static struct house h;
	char lines[1500];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		const char *then =
			ends[i].is_end
				? "S 250 2.0.0*\nS 250 2.1.0*\nS 250 2.1.5*\nS 354*\nR .\\r\\n\nS 250*\n" QUIT
			: has_bare(ends[i].end) ? "S 521 5.5.2*\nE\n"
						: "R \\r\\n.\\r\\n\nS 250 2.0.0*\n" QUIT;

		snprintf(lines, sizeof(lines), "%sR text%s" SMUGGLED "\n%s", EHLO MAIL RCPT DATA, ends[i].end,
			 then);
		for (int slow = 0; slow < 2; slow++) {
			house_init(&h);
			play_as(&h, lines, slow, NULL);
			assert_int_equal(h.letters, ends[i].is_end ? 2 : has_bare(ends[i].end) ? 0 : 1);
			house_free(&h);
		}
	}
}

static void normalised_line_ends_end_no_letter_either(void **state)
{
	static struct house h;
	char lines[1500];

	for (size_t i = 1; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(lines, sizeof(lines), "%sR text%s" SMUGGLED "\\r\\n.\\r\\n\nS 250 2.0.0*\n%s",
			 EHLO MAIL RCPT DATA, ends[i].end, QUIT);
		house_init(&h);
		h.config.bare = SMTP_BARE_NORMALISE;
		play(&h, lines);
		assert_int_equal(h.letters, 1);
		assert_true(str_find_str(buf_str(&h.letter[0].bytes), STR("MAIL FROM:<evil@b.test>\r\n")) !=
			    STR_NONE);
		house_free(&h);
	}
	house_init(&h);
	h.config.bare = SMTP_BARE_NORMALISE;
	play(&h, "S 220*\nR EHLO a.test\\nNOOP\\n\nS 250-*\nS 250-*\nS 250-*\nS 250-*\nS 250-*\nS 250-*\nS "
		 "250 *\nS 250 2.0.0 Ok\n" QUIT);
	house_free(&h);
}

/* --- loops --------------------------------------------------------------------------------------------------------- */

static void loops_end(void **state)
{
	static struct house h;
	static char lines[8000];
	size_t n;

	for (int more = 0; more < 2; more++) {
		n = (size_t)snprintf(lines, sizeof(lines), "%s", EHLO MAIL RCPT DATA);
		for (int i = 0; i < 50 + more; i++)
			n += (size_t)snprintf(lines + n, sizeof(lines) - n, "C received: by x%d\n", i);
		snprintf(lines + n, sizeof(lines) - n, "C \nC Received: not in the header\nC .\nS %s\n%s",
			 more ? "554 5.4.0 Error: too many hops" : "250 2.0.0*", QUIT);
		house_init(&h);
		play(&h, lines);
		assert_int_equal(h.letters, more ? 0 : 1);
		house_free(&h);
	}
	static const struct {
		const char *field;
		const char *reply;
	} rows[] = {
		{"Delivered-To: alice@ours.test", "554 5.4.6 <alice@ours.test>: mail forwarding loop"},
		{"DELIVERED-TO:  Alice@Ours.test ", "554 5.4.6 <alice@ours.test>: mail forwarding loop"},
		{"Delivered-To: box@ours.test", "554 5.4.6 <box@ours.test>: mail forwarding loop"},
		{"Delivered-To: bob@ours.test", "250 2.0.0*"},
		{"X-Delivered-To: alice@ours.test", "250 2.0.0*"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(lines, sizeof(lines), "%sC %s\nC \nC .\nS %s\n%s", EHLO MAIL RCPT DATA,
			 rows[i].field, rows[i].reply, QUIT);
		house_init(&h);
		play(&h, lines);
		house_free(&h);
	}
}

/* --- neighbours --------------------------------------------------------------------------------------------------- */

static void spool_decides_about_the_250(void **state)
{
	static const struct {
		enum house_spool spool;
		const char *reply;
		unsigned letters, appends;
	} rows[] = {
		{HOUSE_SPOOL_FULL, "452 4.3.1 Insufficient system storage", 0, 1},
		{HOUSE_SPOOL_IO, "451 4.3.0 Error: queue file write error", 0, 1},
		{HOUSE_SPOOL_SILENT, "451 4.3.0 Error: queue file write error", 0, 1},
		{HOUSE_SPOOL_DIES_ONCE, "250 2.0.0 Ok: queued as*", 1, 2},
	};
	static struct house h;
	char lines[1000];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		house_init(&h);
		h.spool = rows[i].spool;
		h.config.limits.store_ms = rows[i].spool == HOUSE_SPOOL_SILENT ? 50 : 5000;
		snprintf(lines, sizeof(lines), "%sC text\nC .\nS %s\n%s", EHLO MAIL RCPT DATA, rows[i].reply,
			 QUIT);
		play(&h, lines);
		assert_int_equal(h.letters, rows[i].letters);
		assert_int_equal(h.appends, rows[i].appends);
		house_free(&h);
	}
	house_init(&h);
	h.spool = HOUSE_SPOOL_NO_IDS;
	play(&h, EHLO MAIL RCPT "C DATA\nS 451 4.3.0 Error: mail system unavailable, try again later\n" QUIT);
	house_free(&h);
}

/* Short and long letters, after what scan does to them. */
static void scan_is_asked_until_it_answers(void **state)
{
	static const struct {
		enum house_scan scan;
		const char *reply;
		unsigned scans, alone;
		bool opaque, wide;
		const char *logged;
	} rows[] = {
		{HOUSE_SCAN_GOOD, "250*", 1, 0, false, false, ": message-id=<2@b.test>\n"},
		{HOUSE_SCAN_WIDE, "250*", 1, 0, false, true, ": message-id=<2@b.test>\n"},
		{HOUSE_SCAN_WIDE_OPEN, "250*", 1, 0, true, false, "scan gave a wrong outline"},
		{HOUSE_SCAN_LIES, "250*", 1, 0, true, false, "scan gave a wrong outline"},
		{HOUSE_SCAN_CUTS_TEXT, "250*", 1, 0, true, false, "scan gave wrong cuts"},
		{HOUSE_SCAN_DIES_ONCE, "250*", 2, 1, false, false, ": message-id=<2@b.test>\n"},
		{HOUSE_SCAN_DIES_BESIDE, "250*", 3, 2, false, false, ": message-id=<2@b.test>\n"},
		{HOUSE_SCAN_OTHERS_POISON, "250*", 3, 2, false, false, ": message-id=<2@b.test>\n"},
		{HOUSE_SCAN_POISON, "250*", 2, 1, true, false,
		 ": scan ended twice at this letter: held, not looked into\n"},
		{HOUSE_SCAN_TOO_BIG, "552 5.3.4 Error: message file too big", 1, 0, false, false,
		 ": not looked into: too large a letter\n"},
		{HOUSE_SCAN_BUSY, "451 4.3.0 Error: mail system unavailable, try again later", 1, 0, false,
		 false, ": not looked into: too many letters\n"},
		{HOUSE_SCAN_SILENT, "451 4.3.0*", 1, 0, false, false, "scan/0 did not answer in time"},
	};
	static struct house h;
	char lines[1000];

	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned bulk = i % 2 ? 1000 : 0, letters = rows[i / 2].reply[0] == '2';

		house_init(&h);
		h.scan = rows[i / 2].scan;
		h.config.limits.scan_ms = h.scan == HOUSE_SCAN_SILENT ? 50 : 5000;
		snprintf(lines, sizeof(lines), "S %s\n%s", rows[i / 2].reply, QUIT);
		play_bulk(&h, bulk, EHLO MAIL RCPT DATA, "Message-ID: <2@b.test>\r\n\r\ntext\r\n.\r\n",
			  lines);
		assert_int_equal(h.letters, letters);
		assert_int_equal(h.scans, rows[i / 2].scans);
		assert_int_equal(h.alone, rows[i / 2].alone);
		assert_true(house_logged(&h, rows[i / 2].logged));
		if (letters) {
			struct str all = buf_str(&h.letter[0].bytes);

			assert_int_equal(h.letter[0].opaque, rows[i / 2].opaque);
			assert_int_equal(h.letter[0].envelope.held, h.scan == HOUSE_SCAN_POISON);
			assert_int_equal(h.letter[0].wide, rows[i / 2].wide);
			assert_int_equal(h.letter[0].sealed_file, bulk > 0);
			if (!str_starts(all, STR("Received: from a.test (unknown [IPv6:2001:db8::7])\r\n")))
				fail_msg("%zu: %.*s", i, STR_ARG(str_head(all, 100)));
			assert_int_equal(received_count(all), 1);
			assert_int_equal(body_of(&h, 0).n, bulk * 100 + 32);
			assert_true(str_ends(all, STR("Message-ID: <2@b.test>\r\n\r\ntext\r\n")));
			/* The bulk has no empty line in front of it, and no colon. */
			assert_true(house_logged(&h, ": message-id=<2@b.test>\n"));
		}
		house_free(&h);
	}
}

/* A session whose letters are edited, as those of people are. */
static void co_submit(struct house *h, void *arg)
{
	struct script *script = arg;
	struct stream client;

	stream_open(&client, house_connect(h, "192.0.2.7"));
	h->service.sessions->edits = SCAN_EDITS;
	co_play_on(&client, script, EHLO MAIL RCPT DATA "C X-Mailer: y\nC Subject: x\nC User-Agent: z\nC \n");
	co_send_lines(&client, script->byte_by_byte ? 1000 : 1, ".\r\n");
	co_play_on(&client, script,
		   "S 250 2.0.0*\n" MAIL RCPT DATA "C User-Agent: z\nC Message-ID: <2@b.test>\nC "
		   "Date: d\nC From: f\nC .\nS 250*\n" QUIT);
	stream_close(&client);
	co_house_quiet(h);
}

static void what_people_send_is_edited(void **state)
{
	static const char head[] =
		"Date: Thu, 1 Jan 1970 00:00:00 +0000\r\nMessage-ID: "
		"<19700101000000.1@mx.ours.test>\r\nFrom: <s@b.test>\r\nSubject: x\r\n\r\n";
	static struct house h;

	for (unsigned is_long = 0; is_long < 2; is_long++) {
		struct script script = {.byte_by_byte = is_long};

		house_init(&h);
		house_run(&h, co_submit, &script);
		assert_string_equal(script.failure, "");
		assert_int_equal(h.letters, 2);
		assert_true(str_starts(body_of(&h, 0), STR(head)));
		assert_int_equal(body_of(&h, 0).n, sizeof(head) - 1 + (is_long ? 100000 : 100));
		assert_int_equal(h.letter[0].sealed_file, is_long);
		assert_str(body_of(&h, 1), "Message-ID: <2@b.test>\r\nDate: d\r\nFrom: f\r\n");
		/* The log knows the one that was added. */
		assert_true(house_logged(&h, ": message-id=<19700101000000.1@mx.ours.test>\n"));
		assert_true(house_logged(&h, ": message-id=<2@b.test>\n"));
		assert_false(h.letter[0].opaque);
		house_free(&h);
	}
}

/* 48 KiB and more of outline. */
static void co_many_parts(struct house *h, void *arg)
{
	struct script *script = arg;
	struct stream client;
	char line[200];

	stream_open(&client, house_connect(h, "192.0.2.7"));
	co_play_on(&client, script, EHLO MAIL RCPT DATA "C Content-Type: multipart/mixed; boundary=b\nC \n");
	for (unsigned i = 0; i < 800; i++) {
		snprintf(line, sizeof(line), "--b\r\nContent-Type: text/x-%060u\r\n\r\n", i);
		co_stream_put(&client, str_of(line), deadline_in(WAIT_MS));
	}
	co_play_on(&client, script, "C .\nS 250 2.0.0*\n" QUIT);
	stream_close(&client);
	co_house_quiet(h);
}

static void a_large_outline_travels_in_a_file(void **state)
{
	struct script script = {0};
	static struct house h;

	house_init(&h);
	house_run(&h, co_many_parts, &script);
	assert_string_equal(script.failure, "");
	assert_int_equal(h.letters, 1);
	assert_true(h.letter[0].wide);
	assert_false(h.letter[0].opaque);
	house_free(&h);
}

/* A large envelope leaves no room for the letter beside it in one message. */
static void co_many_recipients(struct house *h, void *arg)
{
	struct script *script = arg;
	struct stream client;
	char line[100];

	stream_open(&client, house_connect(h, "192.0.2.7"));
	co_play_on(&client, script, EHLO MAIL);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(line, sizeof(line), "C RCPT TO:<many-%u@ours.test>\nS 250*\n", i);
		co_play_on(&client, script, line);
	}
	co_play_on(&client, script, "C RCPT TO:<many-1000@ours.test>\nS 452 4.5.3*\n" DATA);
	co_play_on(&client, script, "C .\nS 250 2.0.0*\n" MAIL);
	/* Long names fill the envelope sooner. */
	for (unsigned i = 0; i < 1000 && !script->failure[0]; i++) {
		bool full = i > 400;

		stream_printf(&client, "RCPT TO:<many-%0100u@ours.test>\r\n", i);
		struct str reply;

		if (co_stream_line(&client, 1000, deadline_in(WAIT_MS), &reply) != 0)
			break;
		if (full && str_starts(reply, STR("452 4.5.3")))
			break;
		if (!str_starts(reply, STR("250")) || i == 999)
			snprintf(script->failure, sizeof(script->failure), "%u: %.*s", i, STR_ARG(reply));
	}
	co_play_on(&client, script, DATA);
	co_send_lines(&client, 320, ".\r\n");
	co_play_on(&client, script, "S 250 2.0.0*\n" QUIT);
	stream_close(&client);
	co_house_quiet(h);
}

static void envelopes_may_be_large(void **state)
{
	struct script script = {0};
	static struct house h;

	house_init(&h);
	house_run(&h, co_many_recipients, &script);
	assert_string_equal(script.failure, "");
	assert_int_equal(h.letter[0].envelope.recipient_count, 1000);
	assert_false(h.letter[0].sealed_file);
	assert_true(h.letter[1].sealed_file);
	assert_in_range(h.letter[1].bytes.n, 32000, LETTER_INLINE_MAX);
	house_free(&h);
}

static void who_is_silent_is_cut_off(void **state)
{
	static const char *const rows[] = {
		"S 220*\nS 421 4.4.2 mx.ours.test Error: timeout exceeded\nE\n",
		"S 220*\nR NOO\nS 421 4.4.2*\nE\n",
		EHLO MAIL RCPT DATA "C text\nS 421 4.4.2 mx.ours.test Error: timeout exceeded\nE\n",
		EHLO MAIL RCPT "R BDAT 10\\r\\nabc\nS 421 4.4.2*\nE\n",
	};
	static struct house h;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		house_init(&h);
		h.config.limits.idle_ms = 50;
		play(&h, rows[i]);
		assert_true(house_logged(&h, "timeout after "));
		assert_int_equal(h.letters, 0);
		house_free(&h);
	}
}

/* One byte now and then keeps no session open for ever. */
static void co_drip(struct house *h, void *arg)
{
	struct script *script = arg;
	struct stream client;
	int64_t began = clock_ms();

	stream_open(&client, house_connect(h, "192.0.2.7"));
	co_play_on(&client, script, EHLO MAIL RCPT DATA);
	while (h->service.fibers.count > 0 && clock_ms() - began < WAIT_MS) {
		co_send(&client, STR("x"), false);
		co_sleep_until(deadline_in(10));
	}
	if (clock_ms() - began >= WAIT_MS || !house_logged(h, "timeout after DATA"))
		snprintf(script->failure, sizeof(script->failure), "the session goes on");
	stream_close(&client);
	co_house_quiet(h);
}

static void slow_letters_are_cut_off(void **state)
{
	struct script script = {0};
	static struct house h;

	house_init(&h);
	h.config.limits.idle_ms = 200;
	h.config.limits.bytes_per_s = 10000;
	house_run(&h, co_drip, &script);
	assert_string_equal(script.failure, "");
	house_free(&h);
}

static void a_lost_client_costs_nothing(void **state)
{
	static const char *const rows[] = {
		"S 220*\n",
		"S 220*\nR EHL\n",
		EHLO MAIL RCPT,
		EHLO MAIL RCPT DATA "C text\n",
		EHLO MAIL RCPT "R BDAT 100 LAST\\r\\nabc\n",
	};
	static struct house h;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		house_init(&h);
		play(&h, rows[i]);
		assert_int_equal(h.letters, 0);
		assert_int_equal(h.came, h.left);
		assert_true(house_logged(&h, "lost connection after "));
		house_free(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_letter_reaches_spool_as_it_was_sent),
		cmocka_unit_test(the_null_sender_and_utf8_stay_as_they_are),
		cmocka_unit_test(large_letters_travel_in_sealed_files),
		cmocka_unit_test(letters_above_the_limit_are_read_and_refused),
		cmocka_unit_test(long_lines_are_refused),
		cmocka_unit_test(only_one_end_ends_a_letter),
		cmocka_unit_test(normalised_line_ends_end_no_letter_either),
		cmocka_unit_test(loops_end),
		cmocka_unit_test(spool_decides_about_the_250),
		cmocka_unit_test(scan_is_asked_until_it_answers),
		cmocka_unit_test(what_people_send_is_edited),
		cmocka_unit_test(a_large_outline_travels_in_a_file),
		cmocka_unit_test(envelopes_may_be_large),
		cmocka_unit_test(who_is_silent_is_cut_off),
		cmocka_unit_test(slow_letters_are_cut_off),
		cmocka_unit_test(a_lost_client_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
