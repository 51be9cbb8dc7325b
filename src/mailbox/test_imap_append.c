/* SPDX-License-Identifier: Apache-2.0 */
/* APPEND, as dialogues (see imap_dialogue.h): what is answered is there once, and what is refused nowhere. */
#include "mailbox/imap_dialogue.h"

#include "base/clock.h"
#include "base/unit.h"
#include "mailbox/shard_parts.h"
#include "net/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 29 octets. */
#define HELLO_THERE "C: Subject: hi\nC: \nC: Hello there.\n"
#define HELLO_SIZE "29"

static void co_append(struct house *h)
{
	co_imap_script(h, "", false,
		       HELLO "C: a APPEND Sent (\\Seen \\Flagged $Label) \"17-Jul-1996 02:44:25 -0700\" "
			     "{" HELLO_SIZE "}\n"
			     "S: + OK\n" HELLO_THERE "C: \n"
			     "S: a OK [APPENDUID ~ 1] Append completed.\n"
			     /* Without anything, and without being asked for it. */
			     "C: b APPEND \"Sent\" {" HELLO_SIZE "+}\n" HELLO_THERE "C: \n"
			     "S: b OK [APPENDUID ~ 2] ~\n"
			     /* The name as a literal too. */
			     "C: c APPEND {4}\n"
			     "S: + OK\n"
			     "C: Sent {" HELLO_SIZE "}\n"
			     "S: + OK\n" HELLO_THERE "C: \n"
			     "S: c OK [APPENDUID ~ 3] ~\n"
			     "C: d STATUS Sent (MESSAGES UIDNEXT UNSEEN)\n"
			     "S: * STATUS ~Sent~ (MESSAGES 3 UIDNEXT 4 UNSEEN 2)\n"
			     "S: d OK ~\n"
			     "C: e SELECT Sent\n"
			     "S: * FLAGS (~$Label)\n"
			     "S: * OK [PERM~\n"
			     "S: * 3 EXISTS\n"
			     "S: * ~ RECENT\n"
			     "S: * OK [UNSEEN 2] ~\nS: * OK [UIDV~\nS: * OK [UIDNEXT 4] ~\nS: e OK ~\n"
			     "C: f FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])\n"
			     "S: * 1 FETCH (FLAGS (~$Label) INTERNALDATE \"17-Jul-1996 09:44:25 +0000\" "
			     "RFC822.SIZE " HELLO_SIZE " BODY[] {" HELLO_SIZE "}\n"
			     "S: Subject: hi\nS: \nS: Hello there.\nS: )\n"
			     "S: f OK ~\n"
			     "C: g FETCH 2 ENVELOPE\n"
			     "S: * 2 FETCH (ENVELOPE (NIL \"hi\" ~\n"
			     "S: g OK ~\n"
			     /* Into the selected one. */
			     "C: i APPEND Sent {" HELLO_SIZE "}\n"
			     "S: + OK\n" HELLO_THERE "C: \n"
			     "S: * 4 EXISTS\n"
			     "S: * ~ RECENT\n"
			     "S: i OK [APPENDUID ~ 4] ~\n");
	/* The outlines that scan made for the acts are the ones that FETCH uses. */
	assert_int_equal(h->outlines, 4);
}

static void messages_are_appended(void **state)
{
	house_run(co_append, 0);
}

static void co_append_slowly(struct house *h)
{
	co_imap_script(h, "a APPEND Drafts {12}\r\n", true,
		       HELLO "S: + OK\n"
			     "C: a\nC: \nC: bc\nC: z\nC: \n"
			     "S: a OK [APPENDUID ~ 1] ~\n"
			     "C: b LOGOUT\n"
			     "S: * BYE ~\nS: b OK ~\n");
}

static void byte_by_byte_and_pipelined(void **state)
{
	house_run(co_append_slowly, 0);
}

static void co_uploads(struct house *h)
{
	struct upload_budget budget = {.max = 1000};
	struct upload *u;
	struct err e;
	char got[64];

	assert_int_equal(co_upload_new(&budget, 100, deadline_in(0), &u, &e), 0);
	upload_add(u, STR("\na: b\r"));
	upload_add(u, STR("\nc\n\nd\r\r\ne\n"));
	upload_add(u, STR(""));
	upload_add(u, STR("\r"));
	upload_add(u, STR("\n"));
	upload_add(u, STR("f\rg"));
	assert_int_equal(upload_finish(u, &e), 0);
	ssize_t n = pread(u->file, got, sizeof(got), 0);

	assert_int_equal(n, u->size);
	assert_str(((struct str){got, (size_t)n}), "\r\na: b\r\nc\r\n\r\nd\r\r\ne\r\n\r\nf\rg");
	upload_release(&u);
	assert_int_equal(budget.used, 0);

	/* Two of three, and all together. */
	struct upload_budget house = {.max = 150}, accounts[3];
	struct upload *of[3];

	for (size_t k = 0; k < 3; k++)
		accounts[k] = (struct upload_budget){.of = &house, .max = 100};
	assert_int_equal(co_upload_new(&accounts[0], 101, deadline_in(0), &of[0], &e), ERR_TOO_BIG);
	assert_int_equal(co_upload_new(&accounts[0], 80, deadline_in(0), &of[0], &e), 0);
	assert_int_equal(co_upload_new(&accounts[0], 21, deadline_in(0), &of[1], &e), ERR_TIMEOUT);
	assert_int_equal(co_upload_new(&accounts[1], 60, deadline_in(0), &of[1], &e), 0);
	assert_int_equal(co_upload_new(&accounts[2], 11, deadline_in(0), &of[2], &e), ERR_TIMEOUT);
	upload_release(&of[0]);
	assert_int_equal(co_upload_new(&accounts[2], 11, deadline_in(0), &of[2], &e), 0);
	assert_int_equal(house.used, 71);
	upload_release(&of[1]);
	upload_release(&of[2]);
	assert_int_equal(house.used, 0);
}

static void uploads_have_lines_and_budgets(void **state)
{
	house_run(co_uploads, 0);
}

static void co_refused(struct house *h)
{
	struct imap_clients c;
	struct stream *s = &c.streams[0];

	h->shard->message_max = 100;
	imap_clients_init(&c, h);
	co_imap_client(&c, 1, 1, "");
	co_imap_talk(&c, HELLO
		     /* Nothing is asked for. */
		     "C: a APPEND nowhere {5}\n"
		     "S: a NO [TRYCREATE] ~\n"
		     "C: b APPEND INBOX {101}\n"
		     "S: b NO [TOOBIG] ~ 100 octets.\n"
		     "C: c APPEND INBOX {0}\n"
		     "S: c NO ~ no bytes ~\n"
		     "C: d APPEND &bad {5}\n"
		     "S: d NO [CANNOT] ~\n"
		     /* What comes unasked is thrown away. */
		     "C: e APPEND nowhere {5+}\n"
		     "C: 12345\n"
		     "S: e NO [TRYCREATE] ~\n"
		     "C: f APPEND INBOX {0+}\n"
		     "C: \n"
		     "S: f NO ~\n"
		     "C: g APPEND INBOX {9223372036854775808}\n"
		     "S: g BAD ~\n"
		     "C: h APPEND INBOX ~{5+}\n"
		     "C: 12345\n"
		     "S: h BAD ~\n"
		     /* One message a command. */
		     "C: i APPEND INBOX {5}\n"
		     "S: + OK\n"
		     "C: 12345 {5}\n"
		     "S: + OK\n"
		     "C: 12345\n"
		     "S: i BAD ~\n"
		     "C: j APPEND INBOX {5}\n"
		     "S: + OK\n"
		     "C: 12345 and more\n"
		     "S: j BAD ~\n"
		     "C: k APPEND INBOX (\\Recent) {5}\n"
		     "S: ~ ~\n");
	co_imap_clients_end(&c);
	co_imap_client(&c, 1, 1, "");
	co_imap_talk(&c, HELLO "C: l APPEND INBOX {5}\nS: + OK\n");
	assert_int_equal(co_stream_put(s, (struct str){"12\00045\r\n", 7}, deadline_in(1000)), 0);
	co_imap_talk(&c, "S: l BAD Message contains NUL.\n"
			 "C: m STATUS INBOX (MESSAGES)\n"
			 "S: * STATUS INBOX (MESSAGES 0)\n"
			 "S: m OK ~\n");
	assert_int_equal(h->shard->uploads.used, 0);
	assert_int_equal(h->act_count, 1); /* the first folders */
	co_imap_clients_end(&c);
}

static void what_cannot_be_stored_is_refused(void **state)
{
	house_run(co_refused, 0);
}

static void co_others(struct house *h)
{
	struct imap_clients c;

	imap_clients_init(&c, h);
	co_imap_deliver(h, 1, 1);
	co_imap_client(&c, 1, 1, "");
	co_imap_client(&c, 2, 1, "");
	co_imap_talk(&c, HELLO HELLO2 SELECT_INBOX("1", "2") "C: a IDLE\n"
							     "S: + idling\n"
							     "C2: b APPEND INBOX {" HELLO_SIZE "}\n"
							     "S2: + OK\n"
							     "C2: Subject: hi\nC2: \nC2: Hello there.\nC2: \n"
							     "S2: b OK [APPENDUID ~ 2] ~\n"
							     "S: * 2 EXISTS\n"
							     "S: * ~ RECENT\n"
							     "C: DONE\n"
							     "S: a OK ~\n");
	co_imap_clients_end(&c);
}

static void other_sessions_hear_of_it(void **state)
{
	house_run(co_others, 1);
}

/* --- spool and shard die ----------------------------------------------------------------------- */

static void co_count(struct house *h, const char *count)
{
	char script[200];

	snprintf(script, sizeof(script), HELLO "C: z STATUS Sent (MESSAGES)\nS: * STATUS ~ (MESSAGES %s)\n",
		 count);
	co_imap_script(h, "", false, script);
}

static void co_deaths(struct house *h)
{
	struct imap_clients c;

	imap_clients_init(&c, h);
	co_imap_client(&c, 1, 1, "");
	co_imap_talk(&c, HELLO "C: a NOOP\nS: a OK ~\n");
	/* With it before its group was durable, and with it after: it is answered once. */
	for (size_t survive = 0; survive < 2; survive++) {
		h->stuck = true;
		co_imap_talk(&c, "C: b APPEND Sent {" HELLO_SIZE "}\nS: + OK\n" HELLO_THERE "C: \nQ: \n");
		house_kill_spool(h, survive);
		h->stuck = false;
		if (survive == 0)
			h->letters[FAKE_LEASE].appended = false;
		house_start_spool(h);
		co_imap_talk(&c, survive ? "S: b OK [APPENDUID ~ 2] ~\n" : "S: b OK [APPENDUID ~ 1] ~\n");
	}
	/* Then behind each other, and a flag behind that. */
	co_imap_talk(&c, "C: c APPEND Sent {" HELLO_SIZE "+}\n" HELLO_THERE "C: \n"
			 "C: d SELECT Sent\n"
			 "S: c OK [APPENDUID ~ 3] ~\n"
			 "S: * FLAGS ~\nS: * OK ~\nS: * 3 EXISTS\nS: * ~ RECENT\nS: * OK ~\nS: * OK ~\n"
			 "S: * OK ~\nS: d OK ~\n"
			 "C: e STORE 3 FLAGS.SILENT (\\Seen)\n"
			 "S: e OK ~\n");
	co_imap_clients_end(&c);
	/* What was not folded is told by the journal, with the place of each letter. */
	co_house_crash_shard(h);
	house_start_shard(h);
	co_count(h, "3");
	co_imap_script(h, "", false,
		       HELLO "C: d EXAMINE Sent\n"
			     "S: * FLAGS ~\nS: * OK ~\nS: * 3 EXISTS\nS: * ~ RECENT\nS: * OK ~\nS: * OK ~\n"
			     "S: * OK ~\nS: d OK ~\n"
			     "C: e FETCH 3 (FLAGS BODY[])\n"
			     "S: * 3 FETCH (FLAGS (\\Seen) BODY[] {" HELLO_SIZE "}\n"
			     "S: Subject: hi\nS: \nS: Hello there.\nS: )\n"
			     "S: e OK ~\n");
	assert_int_equal(h->act_count, 5);
}

static void a_letter_and_its_row_are_one(void **state)
{
	house_run(co_deaths, 0);
}

static void co_refusing_spool(struct house *h)
{
	h->refuse_letter = FAKE_LEASE;
	co_imap_script(h, "", false,
		       HELLO "C: b APPEND Sent {" HELLO_SIZE "}\nS: + OK\n" HELLO_THERE "C: \n"
			     "S: b NO [UNAVAILABLE] refused with ~\n"
			     "C: b APPEND Sent {" HELLO_SIZE "}\nS: + OK\n" HELLO_THERE "C: \n"
			     "S: b OK [APPENDUID ~ 1] ~\n");
	assert_int_equal(h->shard->uploads.used, 0);
}

static void a_refused_letter_leaves_nothing(void **state)
{
	house_run(co_refusing_spool, 0);
}

/* --- memory and time --------------------------------------------------------------------------- */

static void co_budget(struct house *h)
{
	struct imap_clients c;

	/* 40 for each account, two accounts at once. */
	h->shard->uploads.max = 80;
	imap_clients_init(&c, h);
	co_imap_client(&c, 1, 1, "");
	co_imap_client(&c, 2, 1, "");
	co_imap_client(&c, 3, 2, "");
	co_imap_talk(&c, HELLO HELLO2 "S3: x OK ~\n"
				      "C: a APPEND Sent {41}\n"
				      "S: a NO [LIMIT] ~\n"
				      "C: a APPEND Sent {" HELLO_SIZE "}\n"
				      "S: + OK\n"
				      "C2: b APPEND Sent {5}\n"
				      "S2: + OK\n"
				      "C2: 12345\n"
				      "S2: b OK ~\n"
				      "C2: c APPEND Sent {12}\n"
				      "Q2: \n"
				      /* Another account has room. */
				      "C3: c APPEND Sent {40}\n"
				      "S3: + OK\n" HELLO_THERE "C: \n"
				      "S: a OK ~\n"
				      "S2: + OK\n"
				      "C2: 1234567890ab\n"
				      "S2: c OK ~\n"
				      /* Who leaves in the middle keeps no room. */
				      "C2: d APPEND Sent {40}\n"
				      "S2: + OK\n"
				      "+C2: 12345\n"
				      "C: e APPEND Sent {" HELLO_SIZE "}\n"
				      "Q: \n");
	stream_close(&c.streams[1]);
	co_imap_talk(&c, "S: + OK\n" HELLO_THERE "C: \nS: e OK ~\n");
	co_imap_clients_end(&c);
	assert_int_equal(h->shard->uploads.used, 0);
	co_count(h, "4");
}

static void messages_under_way_have_a_ceiling(void **state)
{
	house_run(co_budget, 0);
}

static void co_stops(struct house *h)
{
	h->shard->client_literal_ms = 50;
	co_imap_script(h, "", false,
		       HELLO "C: a APPEND Sent {" HELLO_SIZE "}\n"
			     "S: + OK\n"
			     "+C: Subj\n"
			     "S: * BYE Disconnected for inactivity.\n");
	assert_int_equal(h->shard->uploads.used, 0);
	co_count(h, "0");
}

static void a_client_that_stops_is_sent_away(void **state)
{
	house_run(co_stops, 0);
}

static void quiet(void *arg, enum log_level level, const char *line, size_t n)
{
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_appended),
		cmocka_unit_test(byte_by_byte_and_pipelined),
		cmocka_unit_test(uploads_have_lines_and_budgets),
		cmocka_unit_test(what_cannot_be_stored_is_refused),
		cmocka_unit_test(other_sessions_hear_of_it),
		cmocka_unit_test(a_letter_and_its_row_are_one),
		cmocka_unit_test(a_refused_letter_leaves_nothing),
		cmocka_unit_test(messages_under_way_have_a_ceiling),
		cmocka_unit_test(a_client_that_stops_is_sent_away),
	};

	/* A failed assertion must not jump from a fiber's stack to another. */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	log_open_function(quiet, NULL, LOG_ERROR);
	return cmocka_run_group_tests_name("imap_append", tests, NULL, NULL);
}
