/* SPDX-License-Identifier: Apache-2.0 */
/* IMAP sessions and the messages of a mailbox, as dialogues (see imap_dialogue.h). */
#include "mailbox/imap_dialogue.h"

#include "base/clock.h"
#include "base/unit.h"
#include "mailbox/shard_parts.h"
#include "net/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const letters[] = {
	"From: \"A. B\" <a@example.test>\r\n"
	"To: b@example.test\r\n"
	"Subject: first\r\n"
	"Date: Wed, 1 Jan 2020 10:00:00 +0000\r\n"
	"Message-ID: <1@example.test>\r\n"
	"\r\n"
	"Hello, world.\r\n",
	"From: c@example.test\r\n"
	"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
	"Date: Thu, 2 Jan 2020 10:00:00 +0000\r\n"
	"MIME-Version: 1.0\r\n"
	"Content-Type: multipart/mixed; boundary=XX\r\n"
	"\r\n"
	"--XX\r\n"
	"Content-Type: text/plain; charset=utf-8\r\n"
	"Content-Transfer-Encoding: base64\r\n"
	"\r\n"
	"R3LDvMOfZSBhdXMgS8O2bG4=\r\n"
	"--XX\r\n"
	"Content-Type: message/rfc822\r\n"
	"\r\n"
	"Subject: inner\r\n"
	"\r\n"
	"Inner text.\r\n"
	"--XX--\r\n",
	"Subject: third\r\n\r\nThree\r\n",
};

#define LETTERS (sizeof(letters) / sizeof(letters[0]))

/* What stands in front of each: 37 + 32 bytes. */
#define HEAD_LINES "S: Return-Path: <sender@example.test>\nS: Delivered-To: user1@example.test\n"

static void co_fetch(struct house *h)
{
	co_imap_deliver(h, 1, 3);
	co_imap_script(
		h, "", false,
		HELLO SELECT_INBOX(
			"3",
			"4") "C: a FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE)\n"
			     "S: * 1 FETCH (UID 1 FLAGS () INTERNALDATE \"14-Nov-2023 22:13:20 +0000\" "
			     "RFC822.SIZE 222)\n"
			     "S: a OK Fetch completed.\n"
			     "C: b FETCH 1 ENVELOPE\n"
			     "S: * 1 FETCH (ENVELOPE (\"Wed, 1 Jan 2020 10:00:00 +0000\" \"first\" ((\"A. "
			     "B\" NIL \"a\" "
			     "\"example.test\")) ((\"A. B\" NIL \"a\" \"example.test\")) ((\"A. B\" NIL "
			     "\"a\" "
			     "\"example.test\")) ((NIL NIL \"b\" \"example.test\")) NIL NIL NIL "
			     "\"<1@example.test>\"))\n"
			     "S: b OK ~\n"
			     "C: c FETCH 1:2 BODY\n"
			     "S: * 1 FETCH (BODY (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
			     "\"7bit\" 15 1))\n"
			     "S: * 2 FETCH (BODY ((~\"base64\" 24 0)(\"message\" \"rfc822\" ~) \"mixed\"))\n"
			     "S: c OK ~\n"
			     /* The first that is not .PEEK sets \\Seen, before it is said. */
			     "C: d UID FETCH 1 BODY[]\n"
			     "S: * 1 FETCH (UID 1 FLAGS (\\Seen) BODY[] {222}\n" HEAD_LINES
			     "S: From: \"A. B\" <a@example.test>\n"
			     "S: To: b@example.test\n"
			     "S: Subject: first\n"
			     "S: Date: ~\n"
			     "S: Message-ID: ~\n"
			     "S: \n"
			     "S: Hello, world.\n"
			     "S: )\n"
			     "S: d OK ~\n"
			     "C: e FETCH 1 (BODY[TEXT] FLAGS)\n"
			     "S: * 1 FETCH (FLAGS (\\Seen) BODY[TEXT] {15}\n"
			     "S: Hello, world.\n"
			     "S: )\n"
			     "S: e OK ~\n"
			     "C: f FETCH 2 (BODY.PEEK[1] BODY.PEEK[2.HEADER] BODY.PEEK[2.TEXT] "
			     "BODY.PEEK[2.1.MIME] BODY.PEEK[9])\n"
			     "S: * 2 FETCH (BODY[1] {24}\n"
			     "S: R3LDvMOfZSBhdXMgS8O2bG4= BODY[2.HEADER] {18}\n"
			     "S: Subject: inner\n"
			     "S: \n"
			     "S:  BODY[2.TEXT] {11}\n"
			     "S: Inner text. BODY[2.1.MIME] {18}\n"
			     "S: Subject: inner\n"
			     "S: \n"
			     "S:  BODY[9] NIL)\n"
			     "S: f OK ~\n");
}

static void co_sections(struct house *h)
{
	co_imap_deliver(h, 1, 3);
	co_imap_script(
		h, "", false,
		HELLO SELECT_INBOX(
			"3",
			"4") "C: g FETCH 1 (BODY.PEEK[HEADER.FIELDS (SUBJECT return-path)] "
			     "BODY.PEEK[HEADER.FIELDS.NOT (From To Date Message-ID Return-Path)]<0.20>)\n"
			     "S: * 1 FETCH (BODY[HEADER.FIELDS (SUBJECT return-path)] {54}\n"
			     "S: Return-Path: <sender@example.test>\n"
			     "S: Subject: first\n"
			     "S: \n"
			     "S:  BODY[HEADER.FIELDS.NOT (~)]<0> {20}\n"
			     "S: Delivered-To: user1@)\n"
			     "S: g OK ~\n"
			     "C: h FETCH 1 BODY.PEEK[]<30.10>\n"
			     "S: * 1 FETCH (BODY[]<30> {10}\n"
			     "S: est>\n"
			     "S: Deli)\n"
			     "S: h OK ~\n"
			     "C: i FETCH 1 BODY.PEEK[]<5000.10>\n"
			     "S: * 1 FETCH (BODY[]<5000> {0}\n"
			     "S: )\n"
			     "S: i OK ~\n"
			     "C: j FETCH 3 RFC822.HEADER\n"
			     "S: * 3 FETCH (RFC822.HEADER {~}\n" HEAD_LINES "S: Subject: third\n"
			     "S: \n"
			     "S: )\n"
			     "S: j OK ~\n"
			     "C: k FETCH 4 FLAGS\n"
			     "S: k BAD There is no message 4, the mailbox has 3.\n"
			     "C: l UID FETCH 7:9 FLAGS\n"
			     "S: l OK ~\n"
			     "C: m UID FETCH 3:* FAST\n"
			     "S: * 3 FETCH (UID 3 FLAGS () INTERNALDATE ~ RFC822.SIZE ~)\n"
			     "S: m OK ~\n"
			     "C: n FETCH 1 (BODY[1.2\n"
			     "S: n BAD Error in IMAP command FETCH: ~ at byte ~\n"
			     "C: o FETCH 1:* (FLAGS)\n"
			     "S: * 1 FETCH (FLAGS ())\n"
			     "S: * 2 FETCH (FLAGS ())\n"
			     "S: * 3 FETCH (FLAGS ())\n"
			     "S: o OK ~\n");
	/* Outlines are kept: the same again, now from derived.db. */
	co_imap_script(h, "", false,
		       HELLO "C: a EXAMINE INBOX\n"
			     "S: ~\nS: ~\nS: ~\nS: ~\nS: ~\nS: ~\nS: ~\nS: a OK ~\n"
			     "C: b FETCH 2 (BODYSTRUCTURE BODY[2.HEADER])\n"
			     "S: * 2 FETCH (BODYSTRUCTURE (~) BODY[2.HEADER] {18}\n"
			     "S: Subject: inner\n"
			     "S: \n"
			     "S: )\n"
			     "S: b OK ~\n"
			     "C: c FETCH 2 FLAGS\n"
			     "S: * 2 FETCH (FLAGS ())\n"
			     "S: c OK ~\n");
}

static void messages_are_fetched(void **state)
{
	house_run_with(co_fetch, letters, LETTERS);
}

static void sections_are_fetched(void **state)
{
	house_run_with(co_sections, letters, LETTERS);
}

static void co_store(struct house *h)
{
	struct imap_clients c;

	co_imap_deliver(h, 1, 4);
	imap_clients_init(&c, h);
	co_imap_client(&c, 1, 1, "");
	co_imap_client(&c, 2, 1, "");
	co_imap_talk(
		&c, HELLO HELLO2 SELECT_INBOX(
			    "4",
			    "5") "C2: s SELECT INBOX\n"
				 "S2: ~\nS2: ~\nS2: ~\nS2: ~\nS2: ~\nS2: ~\nS2: ~\nS2: s OK ~\n"
				 "C: a STORE 1:2 +FLAGS (\\Flagged Work)\n"
				 "S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft Work)\n"
				 "S: * 1 FETCH (FLAGS (\\Flagged Work))\n"
				 "S: * 2 FETCH (FLAGS (\\Flagged Work))\n"
				 "S: a OK Store completed.\n"
				 "C: b STORE 2 -FLAGS.SILENT (work)\n"
				 "S: b OK ~\n"
				 "C: c UID STORE 3 FLAGS \\Deleted\n"
				 "S: * 3 FETCH (UID 3 FLAGS (\\Deleted))\n"
				 "S: c OK ~\n"
				 "C: d STORE 9 FLAGS ()\n"
				 "S: d BAD ~\n"
				 "C: e UID STORE 77 FLAGS ()\n"
				 "S: e OK ~\n"
				 /* The other session hears of it, once. */
				 "C2: a FETCH 4 UID\n"
				 "S2: * 4 FETCH (UID 4)\n"
				 "S2: * FLAGS (~ Work)\n"
				 "S2: * 1 FETCH (FLAGS (\\Flagged Work))\n"
				 "S2: * 2 FETCH (FLAGS (\\Flagged))\n"
				 "S2: * 3 FETCH (FLAGS (\\Deleted))\n"
				 "S2: a OK ~\n"
				 "C2: b NOOP\n"
				 "S2: b OK ~\n"
				 /* .SILENT, but another's change comes between: what is not known is told. */
				 "C2: c STORE 4 +FLAGS.SILENT (\\Answered)\n"
				 "S2: c OK ~\n"
				 "C: f STORE 4 +FLAGS.SILENT (\\Flagged)\n"
				 "S: * 4 FETCH (FLAGS (\\Answered))\n"
				 "S: f OK ~\n"
				 "C: g EXPUNGE\n"
				 "S: * 3 EXPUNGE\n"
				 "S: g OK Expunge completed.\n"
				 /* EXPUNGE is kept back during FETCH, STORE and SEARCH by number, and the
		      * numbers stay. */
				 "C2: d FETCH 4 (FLAGS)\n"
				 "S2: * 4 FETCH (FLAGS (\\Answered \\Flagged))\n"
				 "S2: * 4 FETCH (FLAGS (\\Answered \\Flagged))\n"
				 "S2: d OK ~\n"
				 "C2: e FETCH 3 (FLAGS)\n"
				 "S2: e OK [EXPUNGEISSUED] ~\n"
				 "C2: f STORE 3:4 FLAGS.SILENT (\\Seen)\n"
				 "S2: f OK ~\n"
				 "C2: g UID FETCH 4 (UID)\n"
				 "S2: * 4 FETCH (UID 4)\n"
				 "S2: * 3 EXPUNGE\n"
				 "S2: g OK ~\n"
				 "C2: h FETCH 3 (UID)\n"
				 "S2: * 3 FETCH (UID 4)\n"
				 "S2: h OK ~\n"
				 "Q2: \n");
	co_imap_clients_end(&c);
}

static void flags_are_stored_and_told(void **state)
{
	house_run(co_store, 4);
}

static void co_expunge(struct house *h)
{
	co_imap_deliver(h, 1, 6);
	co_imap_script(h, "", false,
		       HELLO SELECT_INBOX("6", "7") "C: a STORE 1:4 +FLAGS.SILENT \\Deleted\n"
						    "S: a OK ~\n"
						    "C: b UID EXPUNGE 2,4:6\n"
						    "S: * 2 EXPUNGE\n"
						    "S: * 3 EXPUNGE\n"
						    "S: b OK ~\n"
						    "C: c EXPUNGE\n"
						    "S: * 1 EXPUNGE\n"
						    "S: * 1 EXPUNGE\n"
						    "S: c OK ~\n"
						    "C: d STORE 1 +FLAGS (\\Deleted)\n"
						    "S: * 1 FETCH (FLAGS (\\Deleted))\n"
						    "S: d OK ~\n"
						    "C: e CLOSE\n"
						    "S: e OK Close completed.\n"
						    "C: f STATUS INBOX (MESSAGES UIDNEXT)\n"
						    "S: * STATUS INBOX (MESSAGES 1 UIDNEXT 7)\n"
						    "S: f OK ~\n");
}

static void deleted_messages_go(void **state)
{
	house_run(co_expunge, 6);
}

static void co_copy(struct house *h)
{
	struct imap_clients c;

	co_imap_deliver(h, 1, 4);
	imap_clients_init(&c, h);
	co_imap_client(&c, 1, 1, "");
	co_imap_client(&c, 2, 1, "");
	co_imap_talk(&c, HELLO HELLO2 SELECT_INBOX(
				 "4", "5") "C2: s SELECT Trash\n"
					   "S2: ~\nS2: ~\nS2: * 0 EXISTS\nS2: ~\nS2: ~\nS2: ~\nS2: s OK ~\n"
					   "C: a COPY 1,3:4 Trash\n"
					   "S: a OK [COPYUID ~ 1,3:4 1:3] Copy completed.\n"
					   "C: b COPY 1 Nowhere\n"
					   "S: b NO [TRYCREATE] ~\n"
					   "C: c COPY 1:9 Trash\n"
					   "S: c BAD ~\n"
					   "C: d UID COPY 99 Trash\n"
					   "S: d OK Copy completed.\n"
					   "C2: a NOOP\n"
					   "S2: * 3 EXISTS\n"
					   "S2: * ~ RECENT\n"
					   "S2: a OK ~\n"
					   "C: e UID MOVE 2:3 Trash\n"
					   "S: * OK [COPYUID ~ 2:3 4:5] Moved.\n"
					   "S: * 2 EXPUNGE\n"
					   "S: * 2 EXPUNGE\n"
					   "S: e OK Move completed.\n"
					   "C: f MOVE 1 INBOX\n"
					   "S: f NO [CANNOT] ~\n"
					   "C: g COPY 1 inbox\n"
					   "S: * 3 EXISTS\n"
					   "S: * ~ RECENT\n"
					   "S: g OK [COPYUID ~ 1 5] ~\n"
					   "C2: b UID FETCH 1:* (RFC822.SIZE)\n"
					   "S2: * 1 FETCH (UID 1 RFC822.SIZE ~)\n"
					   "S2: * 2 FETCH (UID 2 RFC822.SIZE ~)\n"
					   "S2: * 3 FETCH (UID 3 RFC822.SIZE ~)\n"
					   "S2: * 5 EXISTS\n"
					   "S2: * ~ RECENT\n"
					   "S2: b OK ~\n"
					   "C2: c FETCH 5 BODY.PEEK[TEXT]\n"
					   "S2: * 5 FETCH (BODY[TEXT] {~}\n"
					   "S2: Body of 23757.\n"
					   "S2: )\n"
					   "S2: c OK ~\n");
	co_imap_clients_end(&c);
}

static void messages_are_copied_and_moved(void **state)
{
	house_run(co_copy, 4);
}

static void co_idle(struct house *h)
{
	struct imap_clients c;

	co_imap_deliver(h, 1, 1);
	imap_clients_init(&c, h);
	co_imap_client(&c, 1, 1, "");
	co_imap_client(&c, 2, 1, "");
	co_imap_talk(&c, HELLO HELLO2 SELECT_INBOX(
				 "1", "2") "C2: s SELECT INBOX\n"
					   "S2: ~\nS2: ~\nS2: ~\nS2: ~\nS2: ~\nS2: ~\nS2: ~\nS2: s OK ~\n"
					   "C: a IDLE\n"
					   "S: + idling\n"
					   "Q: \n");
	co_imap_deliver(h, 2, 2);
	int64_t before = clock_ms();

	co_imap_talk(&c, "S: * 2 EXISTS\n"
			 "S: * ~ RECENT\n");
	assert_in_range(clock_ms() - before, 0, 50);
	co_imap_talk(&c, "C2: b STORE 1 FLAGS (\\Deleted)\n"
			 "S2: * 2 EXISTS\n"
			 "S2: * ~ RECENT\n"
			 "S2: * 1 FETCH (FLAGS (\\Deleted))\n"
			 "S2: b OK ~\n"
			 "S: * 1 FETCH (FLAGS (\\Deleted))\n"
			 "C2: c EXPUNGE\n"
			 "S2: * 1 EXPUNGE\n"
			 "S2: c OK ~\n"
			 "S: * 1 EXPUNGE\n"
			 "Q: \n"
			 "C: done\n"
			 "S: a OK Idle completed.\n"
			 "C: d IDLE\n"
			 "S: + idling\n"
			 "C: d NOOP {3}\n"
			 "S: d BAD Expected DONE.\n"
			 "C: e UNSELECT\n"
			 "S: e OK ~\n"
			 "C: f IDLE\n"
			 "C: DONE\n"
			 "C: g NOOP\n"
			 "S: + idling\n"
			 "S: f OK ~\n"
			 "S: g OK ~\n");
	co_imap_clients_end(&c);
}

static void idle_wakes(void **state)
{
	house_run(co_idle, 4);
}

static const struct {
	const char *keys, *found;
} searches[] = {
	{"ALL", " 1 2 3"},
	{"1,3", " 1 3"},
	{"UID 2:*", " 2 3"},
	{"5:9", ""},
	{"SEEN", " 2"},
	{"UNSEEN NOT FLAGGED", " 3"},
	{"OR FLAGGED SEEN", " 1 2"},
	{"KEYWORD work", " 1"},
	{"UNKEYWORD Work", " 2 3"},
	{"RECENT", " 1 2 3"},
	{"OLD", ""},
	{"LARGER 150", " 1 2"},
	{"SMALLER 150", " 3"},
	{"ON 14-Nov-2023", " 1 2 3"},
	{"BEFORE 14-Nov-2023", ""},
	{"SENTON 1-Jan-2020", " 1"},
	{"SENTSINCE 2-Jan-2020", " 2"},
	{"FROM a@example", " 1"},
	{"HEADER message-id \"\"", " 1"},
	{"HEADER Delivered-To user1", " 1 2 3"},
	{"BODY hello", " 1"},
	{"BODY \"inner text\"", " 2"},
	{"BODY first", ""},
	{"TEXT first", " 1"},
	{"BODY \"aus K\"", " 2"},
	{"NOT TEXT three", " 1 2"},
	{"CHARSET utf-8 BODY Three", " 3"},
	{"(BODY hello) (OR SEEN FLAGGED)", " 1"},
};

static void co_search(struct house *h)
{
	struct imap_clients c;
	char script[512];

	co_imap_deliver(h, 1, 3);
	imap_clients_init(&c, h);
	co_imap_client(&c, 1, 1, "");
	co_imap_talk(&c, HELLO SELECT_INBOX("3", "4") "C: a STORE 1 FLAGS.SILENT (\\Flagged Work)\n"
						      "S: * FLAGS (~)\n"
						      "S: a OK ~\n"
						      "C: b STORE 2 FLAGS.SILENT (\\Seen)\n"
						      "S: b OK ~\n");
	for (size_t i = 0; i < sizeof(searches) / sizeof(searches[0]); i++) {
		snprintf(script, sizeof(script), "C: s SEARCH %s\nS: * SEARCH%s\nS: s OK ~\n",
			 searches[i].keys, searches[i].found);
		co_imap_talk(&c, script);
	}
	co_imap_talk(&c, "C: c SEARCH CHARSET utf-8 SUBJECT {8+}\n"
			 "C: gr\xC3\xBC\xC3\x9F"
			 "ee\n"
			 "S: * SEARCH\n"
			 "S: c OK ~\n"
			 "C: d SEARCH CHARSET iso-8859-1 SUBJECT {5+}\n"
			 "C: GR\xFC\xDF"
			 "E\n"
			 "S: * SEARCH 2\n"
			 "S: d OK ~\n"
			 "C: e SEARCH CHARSET x-klingon SUBJECT a\n"
			 "S: e NO [BADCHARSET] ~\n"
			 /* The same octets are other letters in KOI8-R. */
			 "C: e SEARCH CHARSET windows-1252 SUBJECT \"Gr\xFC\xDF\"\n"
			 "S: * SEARCH 2\n"
			 "S: e OK ~\n"
			 "C: e SEARCH CHARSET KOI8-R SUBJECT \"Gr\xFC\xDF\"\n"
			 "S: * SEARCH\n"
			 "S: e OK ~\n"
			 "C: f UID SEARCH UNDELETED\n"
			 "S: * SEARCH 1 2 3\n"
			 "S: f OK ~\n"
			 "C: h SEARCH $\n"
			 "S: h NO [CANNOT] ~\n"
			 "C: i FETCH $ FLAGS\n"
			 "S: i BAD ~\n"
			 "C: g SEARCH FROB\n"
			 "S: g BAD ~ at byte ~\n");
	co_imap_clients_end(&c);
}

static const char *const abroad[] = {
	/* Greetings in KOI8-R, quoted-printable; the field in GB2312, its word torn in two. */
	"Subject: =?gb2312?b?xOO6?= =?gb2312?b?ww==?=\r\n"
	"Content-Type: text/plain; charset=koi8-r\r\n"
	"Content-Transfer-Encoding: quoted-printable\r\n"
	"\r\n"
	"=F0=D2=C9=D7=\r\n=C5=D4 all\r\n",
	/* Shift_JIS in base64, whose lines cut a character; then a charset nobody knows. */
	"Subject: =?windows-1252?q?=80_5?=\r\n"
	"MIME-Version: 1.0\r\n"
	"Content-Type: multipart/mixed; boundary=XX\r\n"
	"\r\n"
	"--XX\r\n"
	"Content-Type: text/html; charset=\"Shift_JIS\"\r\n"
	"Content-Transfer-Encoding: base64\r\n"
	"\r\n"
	"gqCC\r\n"
	"oniC\r\n"
	"oA==\r\n"
	"--XX\r\n"
	"Content-Type: text/plain; charset=x-klingon\r\n"
	"\r\n"
	"tlh\xC3\xA9 \xFFngan\r\n"
	"--XX--\r\n",
};

static const struct {
	const char *key, *text, *found;
} abroad_searches[] = {
	{"SUBJECT", "你好", " 1"}, {"BODY", "привет ALL", " 1"}, {"BODY", "ПРИВЕТ", " 1"},
	{"TEXT", "好", " 1"},      {"SUBJECT", "€ 5", " 2"},     {"BODY", "いx", " 2"},
	{"BODY", "あいxあ", " 2"}, {"BODY", "TLHé", " 2"},       {"BODY", "ngan", " 2"},
	{"BODY", "=F0", ""},       {"BODY", "gqCC", ""},
};

static void co_search_abroad(struct house *h)
{
	struct imap_clients c;
	char script[512];

	co_imap_deliver(h, 1, 2);
	imap_clients_init(&c, h);
	co_imap_client(&c, 1, 1, "");
	co_imap_talk(&c, HELLO SELECT_INBOX("2", "3"));
	for (size_t i = 0; i < sizeof(abroad_searches) / sizeof(abroad_searches[0]); i++) {
		snprintf(script, sizeof(script),
			 "C: s SEARCH CHARSET UTF-8 %s \"%s\"\nS: * SEARCH%s\nS: s OK ~\n",
			 abroad_searches[i].key, abroad_searches[i].text, abroad_searches[i].found);
		co_imap_talk(&c, script);
	}
	co_imap_clients_end(&c);
}

static void charsets_are_searched(void **state)
{
	house_run_with(co_search_abroad, abroad, 2);
}

/* As if each letter took too long: what needs it is not found, and nothing else is the worse for it. */
static void co_search_too_long(struct house *h)
{
	co_house_crash_shard(h);
	h->options.search_ms = -1000;
	house_start_shard(h);
	co_imap_deliver(h, 1, 3);
	co_imap_script(h, "", false,
		       HELLO SELECT_INBOX("3", "4") "C: a SEARCH BODY hello\n"
						    "S: * SEARCH\n"
						    "S: a OK ~\n"
						    "C: b SEARCH NOT BODY hello\n"
						    "S: * SEARCH\n"
						    "S: b OK ~\n"
						    "C: c SEARCH OR 2 3\n"
						    "S: * SEARCH 2 3\n"
						    "S: c OK ~\n");
}

static void a_search_has_a_deadline(void **state)
{
	house_run_with(co_search_too_long, letters, LETTERS);
}

static void messages_are_searched(void **state)
{
	house_run_with(co_search, letters, LETTERS);
}

static void co_recent(struct house *h)
{
	struct imap_clients c;

	h->shard->idle_ms = 30;
	imap_clients_init(&c, h);
	co_imap_deliver(h, 1, 2);
	co_imap_client(&c, 1, 1, "");
	co_imap_client(&c, 2, 1, "");
	co_imap_client(&c, 3, 1, "");
	co_imap_talk(&c, HELLO HELLO2 "S3: x OK ~\n"
				      /* Looking takes nothing away. */
				      "C3: s STATUS INBOX (RECENT MESSAGES)\n"
				      "S3: * STATUS INBOX (MESSAGES 2 RECENT 2)\n"
				      "S3: s OK ~\n"
				      "C3: s EXAMINE INBOX\n"
				      "S3: ~\nS3: ~\nS3: ~\nS3: * 2 RECENT\nS3: ~\nS3: ~\nS3: ~\nS3: s OK ~\n"
				      "C: s SELECT INBOX\n"
				      "S: ~\nS: ~\nS: ~\nS: * 2 RECENT\nS: ~\nS: ~\nS: ~\nS: s OK ~\n"
				      "C2: s SELECT INBOX\n"
				      "S2: ~\nS2: ~\nS2: ~\nS2: * 0 RECENT\nS2: ~\nS2: ~\nS2: ~\nS2: s OK ~\n"
				      "C: a STORE 2 FLAGS (\\Seen)\n"
				      "S: * 2 FETCH (FLAGS (\\Seen \\Recent))\n"
				      "S: a OK ~\n"
				      "C2: a FETCH 1:2 FLAGS\n"
				      "S2: * 1 FETCH (FLAGS ())\n"
				      "S2: * 2 FETCH (FLAGS (\\Seen))\n"
				      "S2: * 2 FETCH (FLAGS (\\Seen))\n"
				      "S2: a OK ~\n");
	co_imap_deliver(h, 3, 3);
	co_imap_talk(&c, "C3: b STATUS INBOX (RECENT)\n"
			 "S3: * STATUS INBOX (RECENT 1)\n"
			 "S3: * 3 EXISTS\nS3: * 3 RECENT\nS3: * 2 FETCH ~\nS3: b OK ~\n"
			 "C2: b NOOP\n"
			 "S2: * 3 EXISTS\nS2: * 1 RECENT\nS2: b OK ~\n"
			 "C: b NOOP\n"
			 "S: * 3 EXISTS\nS: * 2 RECENT\nS: b OK ~\n"
			 "C: c SEARCH NEW\nS: * SEARCH 1\nS: c OK ~\n"
			 "C: d SEARCH OLD\nS: * SEARCH 3\nS: d OK ~\n"
			 "C2: c SEARCH RECENT\nS2: * SEARCH 3\nS2: c OK ~\n"
			 "C2: d FETCH 3 FLAGS\nS2: * 3 FETCH (FLAGS (\\Recent))\nS2: d OK ~\n"
			 "C: e STORE 1 +FLAGS.SILENT (\\Deleted)\nS: e OK ~\n"
			 "C: f EXPUNGE\nS: * 1 EXPUNGE\nS: f OK ~\n");
	co_imap_clients_end(&c);
	/* And in the next life of the account, when others have come. */
	int64_t deadline = deadline_in(5000);

	while (h->shard->account_count > 0 && clock_ms() < deadline)
		co_sleep_until(deadline_in(5));
	assert_int_equal(h->shard->account_count, 0);
	co_imap_deliver(h, 4, 4);
	co_imap_script(h, "", false,
		       HELLO "C: b STATUS INBOX (RECENT)\n"
			     "S: * STATUS INBOX (RECENT 1)\nS: b OK ~\n"
			     "C: s SELECT INBOX\n"
			     "S: ~\nS: ~\nS: * 3 EXISTS\nS: * 1 RECENT\nS: ~\nS: ~\nS: ~\nS: s OK ~\n"
			     "C: a FETCH 2:3 FLAGS\n"
			     "S: * 2 FETCH (FLAGS ())\n"
			     "S: * 3 FETCH (FLAGS (\\Recent))\n"
			     "S: a OK ~\n");
}

static void a_message_is_recent_once(void **state)
{
	house_run(co_recent, 4);
}

static void co_copy_gone(struct house *h)
{
	struct imap_clients c;

	imap_clients_init(&c, h);
	co_imap_deliver(h, 1, 3);
	co_imap_client(&c, 1, 1, "");
	co_imap_client(&c, 2, 1, "");
	co_imap_talk(&c, HELLO HELLO2 SELECT_INBOX("3", "4") "C2: s SELECT INBOX\n");
	for (unsigned i = 0; i < 8; i++)
		co_imap_talk(&c, "S2: ~\n");
	co_imap_talk(&c, "C: a STORE 2 +FLAGS.SILENT (\\Deleted)\n"
			 "S: a OK ~\n"
			 "C: b EXPUNGE\n"
			 "S: * 2 EXPUNGE\n"
			 "S: b OK ~\n"
			 /* All or none; by UID it is no error (RFC 3501, 6.4.8). */
			 "C2: c COPY 1:3 Archive\n"
			 "S2: * 2 EXPUNGE\n"
			 "S2: c NO [EXPUNGEISSUED] ~\n"
			 "C2: d UID COPY 1:3 Archive\n"
			 "S2: d OK [COPYUID ~ 1,3 1:2] ~\n");
	co_imap_clients_end(&c);
}

static void a_message_that_is_gone_is_not_copied(void **state)
{
	house_run(co_copy_gone, 3);
}

static void co_without_spool(struct house *h)
{
	struct imap_clients c;

	co_imap_deliver(h, 1, 2);
	imap_clients_init(&c, h);
	co_imap_client(&c, 1, 1, "");
	co_imap_talk(&c, HELLO SELECT_INBOX("2", "3"));
	house_kill_spool(h, 0);
	/* Reading goes on, an act waits for the next spool. */
	co_imap_talk(&c, "C: a FETCH 2 BODY.PEEK[TEXT]<0.4>\n"
			 "S: * 2 FETCH (BODY[TEXT]<0> {4}\n"
			 "S: Body)\n"
			 "S: a OK ~\n"
			 "C: b STORE 1 +FLAGS.SILENT (\\Seen)\n"
			 "Q: \n");
	house_start_spool(h);
	co_imap_talk(&c, "S: b OK ~\n"
			 "C: c FETCH 1 FLAGS\n"
			 "S: * 1 FETCH (FLAGS (\\Seen))\n"
			 "S: c OK ~\n");
	co_imap_clients_end(&c);
}

static void acts_wait_for_spool(void **state)
{
	house_run(co_without_spool, 2);
}

static void quiet(void *arg, enum log_level level, const char *line, size_t n)
{
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_fetched),
		cmocka_unit_test(flags_are_stored_and_told),
		cmocka_unit_test(deleted_messages_go),
		cmocka_unit_test(messages_are_copied_and_moved),
		cmocka_unit_test(idle_wakes),
		cmocka_unit_test(messages_are_searched),
		cmocka_unit_test(charsets_are_searched),
		cmocka_unit_test(a_search_has_a_deadline),
		cmocka_unit_test(a_message_that_is_gone_is_not_copied),
		cmocka_unit_test(a_message_is_recent_once),
		cmocka_unit_test(sections_are_fetched),
		cmocka_unit_test(acts_wait_for_spool),
	};

	log_open_function(quiet, NULL, LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
