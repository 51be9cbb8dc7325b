/* SPDX-License-Identifier: Apache-2.0 */
/* IMAP sessions in a shard, as dialogues (see imap_dialogue.h). */
#include "mailbox/imap_dialogue.h"

#include "base/clock.h"
#include "base/unit.h"
#include "mailbox/imap.h"
#include "net/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELLO "S: x OK [CAPABILITY IMAP4rev1 ~] Logged in\n"
#define HELLO2 "S2: x OK [CAPABILITY IMAP4rev1 ~] Logged in\n"

#define SELECT_INBOX(n, next)                                 \
	"C: s SELECT inbox\n"                                 \
	"S: * FLAGS (~)\n"                                    \
	"S: * OK [PERMANENTFLAGS (~ \\*)] Flags permitted.\n" \
	"S: * " n " EXISTS\n"                                 \
	"S: * 0 RECENT\n"                                     \
	"S: * OK [UNSEEN 1] First unseen.\n"                  \
	"S: * OK [UIDVALIDITY ~] UIDs valid\n"                \
	"S: * OK [UIDNEXT " next "] Predicted next UID\n"     \
	"S: s OK [READ-WRITE] Select completed.\n"

/* Letters 1 to n for account 1, one after the other: UID = letter. */
static void co_deliver(struct house *h, uint64_t first, uint64_t last)
{
	struct err e;

	for (uint64_t n = first; n <= last; n++)
		assert_int_equal(co_house_deliver(h, n, 1, &e), 0);
}

static void co_one_script(struct house *h, const char *pending, bool slowly, const char *script)
{
	struct imap_clients c;

	imap_clients_init(&c, h);
	c.slowly = slowly;
	co_imap_client(&c, 1, 1, pending);
	co_imap_talk(&c, script);
	co_imap_clients_end(&c);
}

static const char basics[] = HELLO "C: a CAPABILITY\n"
				   "S: * CAPABILITY IMAP4rev1 ~\n"
				   "S: a OK ~\n"
				   "C: b noop\n"
				   "S: b OK ~\n"
				   "C: c ID (\"name\" \"test\")\n"
				   "S: * ID (\"name\" \"Mailstead\")\n"
				   "S: c OK ~\n"
				   "C: d NAMESPACE\n"
				   "S: * NAMESPACE ((\"\" \".\")) NIL NIL\n"
				   "S: d OK ~\n"
				   "C: e ENABLE CONDSTORE\n"
				   "S: * ENABLED\n"
				   "S: e OK ~\n"
				   /* Faults, each with its place. */
				   "C: f FROB\n"
				   "S: f BAD Error in IMAP command FROB: Unknown command.\n"
				   "C: g LOGIN a b\n"
				   "S: g BAD ~Already logged in.\n"
				   "C: h CLOSE\n"
				   "S: h BAD ~No mailbox selected.\n"
				   "C: i SELECT\n"
				   "S: i BAD Error in IMAP command SELECT: Expected ~ at byte ~\n"
				   "C: j NOOP NOOP\n"
				   "S: j BAD ~\n"
				   "C: *\n"
				   "S: * BAD ~\n"
				   /* Literals of both kinds, and those that are too large. */
				   "C: k STATUS {5}\n"
				   "S: + OK\n"
				   "C: INBOX (MESSAGES)\n"
				   "S: * STATUS INBOX (MESSAGES 0)\n"
				   "S: k OK ~\n"
				   "C: l STATUS {5+}\n"
				   "C: INBOX (UIDNEXT)\n"
				   "S: * STATUS INBOX (UIDNEXT 1)\n"
				   "S: l OK ~\n"
				   "C: m STATUS {99999999}\n"
				   "S: m BAD ~too large.\n"
				   "C: n STATUS {99999999999999999999}\n"
				   "S: n BAD ~\n"
				   "C: o NOOP\n"
				   "S: o OK ~\n"
				   "C: p LOGOUT\n"
				   "S: * BYE Logging out\n"
				   "S: p OK ~\n";

static void co_basics(struct house *h)
{
	co_one_script(h, "", false, basics);
	co_one_script(h, "", true, basics);
}

static void a_session_begins_and_ends(void **state)
{
	house_run(co_basics, 1);
}

static void co_pipelined(struct house *h)
{
	co_one_script(h, "a NOOP\r\nb NO", false,
		      HELLO "S: a OK ~\n"
			    "C: OP\n"
			    "C: c NOOP\n"
			    "C: d STATUS {5+}\n"
			    "C: INBOX (MESSAGES)\n"
			    "C: e NOOP\n"
			    "S: b OK ~\n"
			    "S: c OK ~\n"
			    "S: * STATUS INBOX (MESSAGES 0)\n"
			    "S: d OK ~\n"
			    "S: e OK ~\n"
			    "Q: \n");
}

static void what_gate_has_read_comes_first(void **state)
{
	house_run(co_pipelined, 1);
}

static void co_folders(struct house *h)
{
	co_one_script(h, "", false,
		      HELLO "C: a LIST \"\" *\n"
			    "S: * LIST (\\HasNoChildren \\Archive) \".\" Archive\n"
			    "S: * LIST (\\HasNoChildren \\Drafts) \".\" Drafts\n"
			    "S: * LIST (\\HasNoChildren) \".\" INBOX\n"
			    "S: * LIST (\\HasNoChildren \\Junk) \".\" Junk\n"
			    "S: * LIST (\\HasNoChildren \\Sent) \".\" Sent\n"
			    "S: * LIST (\\HasNoChildren \\Trash) \".\" Trash\n"
			    "S: a OK List completed.\n"
			    "C: b LIST \"\" \"\"\n"
			    "S: * LIST (\\Noselect) \".\" \"\"\n"
			    "S: b OK ~\n"
			    "C: c CREATE a.b.c\n"
			    "S: c OK ~\n"
			    "C: d CREATE a.b\n"
			    "S: d NO [ALREADYEXISTS] Mailbox already exists\n"
			    "C: e CREATE inbox\n"
			    "S: e NO [ALREADYEXISTS] ~\n"
			    "C: f LIST \"\" a.%\n"
			    "S: * LIST (\\HasChildren) \".\" a.b\n"
			    "S: f OK ~\n"
			    "C: g DELETE a\n"
			    "S: g OK ~\n"
			    "C: h LIST \"\" a*\n"
			    "S: * LIST (\\Noselect \\HasChildren) \".\" a\n"
			    "S: * LIST (\\HasChildren) \".\" a.b\n"
			    "S: * LIST (\\HasNoChildren) \".\" a.b.c\n"
			    "S: h OK ~\n"
			    "C: i DELETE a\n"
			    "S: i NO [NONEXISTENT] ~\n"
			    "C: j DELETE INBOX\n"
			    "S: j NO [CANNOT] ~\n"
			    "C: k RENAME a.b d.e\n"
			    "S: k OK ~\n"
			    "C: l LIST \"\" \"d*\"\n"
			    "S: * LIST (\\HasChildren) \".\" d\n"
			    "S: * LIST (\\HasChildren) \".\" d.e\n"
			    "S: * LIST (\\HasNoChildren) \".\" d.e.c\n"
			    "S: l OK ~\n"
			    "C: m RENAME d d.x\n"
			    "S: m NO [CANNOT] ~\n"
			    "C: n RENAME d.e INBOX\n"
			    "S: n NO [ALREADYEXISTS] ~\n"
			    "C: o RENAME nothing x\n"
			    "S: o NO [NONEXISTENT] ~\n"
			    "C: p CREATE &Jjo-!\n"
			    "S: p OK ~\n"
			    "C: q LIST \"\" &Jjo-%\n"
			    "S: * LIST (\\HasNoChildren) \".\" &Jjo-!\n"
			    "S: q OK ~\n"
			    "C: r CREATE a..b\n"
			    "S: r NO [CANNOT] ~\n");
}

static void folders_are_made_listed_and_renamed(void **state)
{
	house_run(co_folders, 1);
}

static void co_subscriptions(struct house *h)
{
	co_one_script(h, "", false,
		      HELLO
		      "C: a SUBSCRIBE x.y\n"
		      "S: a OK ~\n"
		      "C: b SUBSCRIBE x.y\n"
		      "S: b OK ~\n"
		      "C: c UNSUBSCRIBE Junk\n"
		      "S: c OK ~\n"
		      "C: d LSUB \"\" %\n"
		      "S: * LSUB () \".\" Archive\n"
		      "S: * LSUB () \".\" Drafts\n"
		      "S: * LSUB () \".\" Sent\n"
		      "S: * LSUB () \".\" Trash\n"
		      "S: * LSUB (\\Noselect) \".\" x\n"
		      "S: d OK Lsub completed.\n"
		      "C: e LSUB \"\" *y\n"
		      "S: * LSUB () \".\" x.y\n"
		      "S: e OK ~\n"
		      "C: f LIST (SUBSCRIBED RECURSIVEMATCH) \"\" x\n"
		      "S: * LIST (\\NonExistent \\HasNoChildren) \".\" x (\"CHILDINFO\" (\"SUBSCRIBED\"))\n"
		      "S: f OK ~\n"
		      "C: g LIST (SPECIAL-USE) \"\" (D* S*) RETURN (SUBSCRIBED)\n"
		      "S: * LIST (\\HasNoChildren \\Subscribed \\Drafts) \".\" Drafts\n"
		      "S: * LIST (\\HasNoChildren \\Subscribed \\Sent) \".\" Sent\n"
		      "S: g OK ~\n"
		      "C: h UNSUBSCRIBE x.y\n"
		      "S: h OK ~\n"
		      "C: i LSUB \"\" x*\n"
		      "S: i OK ~\n");
}

static void subscriptions_stand_for_themselves(void **state)
{
	house_run(co_subscriptions, 1);
}

static void co_select(struct house *h)
{
	co_deliver(h, 1, 3);
	co_one_script(
		h, "", false,
		HELLO SELECT_INBOX("3", "4") "C: a STATUS inbox (MESSAGES UNSEEN UIDNEXT RECENT)\n"
					     "S: * STATUS INBOX (MESSAGES 3 RECENT 0 UIDNEXT 4 UNSEEN 3)\n"
					     "S: a OK ~\n"
					     "C: b CHECK\n"
					     "S: b OK ~\n"
					     "C: c SELECT nothing\n"
					     "S: c NO [NONEXISTENT] Mailbox doesn't exist: nothing\n"
					     "C: d EXPUNGE\n"
					     "S: d BAD ~No mailbox selected.\n"
					     "C: e EXAMINE INBOX\n"
					     "S: * FLAGS (~)\n"
					     "S: * OK [PERMANENTFLAGS ()] Read-only mailbox.\n"
					     "S: * 3 EXISTS\n"
					     "S: * 0 RECENT\n"
					     "S: * OK [UNSEEN 1] First unseen.\n"
					     "S: * OK [UIDVALIDITY ~] UIDs valid\n"
					     "S: * OK [UIDNEXT 4] Predicted next UID\n"
					     "S: e OK [READ-ONLY] Examine completed.\n"
					     "C: f EXPUNGE\n"
					     "S: f NO [NOPERM] ~\n"
					     "C: g UNSELECT\n"
					     "S: g OK ~\n"
					     "C: h STATUS INBOX (MESSAGES)\n"
					     "S: * STATUS INBOX (MESSAGES 3)\n"
					     "S: h OK ~\n"
					     /* RENAME of INBOX takes the messages along. */
					     "C: i RENAME INBOX old\n"
					     "S: i OK ~\n"
					     "C: j STATUS old (MESSAGES)\n"
					     "S: * STATUS old (MESSAGES 3)\n"
					     "S: j OK ~\n"
					     "C: k STATUS INBOX (MESSAGES UIDNEXT)\n"
					     "S: * STATUS INBOX (MESSAGES 0 UIDNEXT 4)\n"
					     "S: k OK ~\n"
					     "C: l CLOSE\n"
					     "S: l BAD ~\n");
}

static void a_mailbox_is_selected(void **state)
{
	house_run(co_select, 3);
}

static void co_news(struct house *h)
{
	struct imap_clients c;

	co_deliver(h, 1, 1);
	imap_clients_init(&c, h);
	co_imap_client(&c, 1, 1, "");
	co_imap_client(&c, 2, 1, "");
	co_imap_talk(&c, HELLO HELLO2 SELECT_INBOX("1", "2"));
	co_deliver(h, 2, 3);
	co_imap_talk(&c, "Q: \n"
			 "C: a NOOP\n"
			 "S: * 3 EXISTS\n"
			 "S: * 0 RECENT\n"
			 "S: a OK ~\n"
			 "C: b NOOP\n"
			 "S: b OK ~\n"
			 "C2: c CREATE box\n"
			 "S2: c OK ~\n"
			 "C: d EXAMINE box\n"
			 "S: * FLAGS (~)\n"
			 "S: ~\n"
			 "S: * 0 EXISTS\n"
			 "S: * 0 RECENT\n"
			 "S: ~UIDVALIDITY~\n"
			 "S: * OK [UIDNEXT 1] ~\n"
			 "S: d OK ~\n"
			 "C2: e DELETE box\n"
			 "S2: e OK ~\n"
			 "C: f NOOP\n"
			 "S: * BYE The selected mailbox was deleted.\n");
	co_imap_clients_end(&c);
}

static void others_are_heard_of(void **state)
{
	house_run(co_news, 3);
}

static void co_bad_clients(struct house *h)
{
	struct imap_clients c;

	imap_clients_init(&c, h);
	co_imap_client(&c, 1, 1, "");
	co_imap_talk(&c, HELLO);
	for (int i = 1; i < 20; i++)
		co_imap_talk(&c, "C: a x\nS: a BAD ~\n");
	co_imap_talk(&c, "C: a x\nS: a BAD ~\nS: * BYE Too many invalid IMAP commands.\n");
	co_imap_clients_end(&c);
	/* A line without end costs no more than its limit. */
	imap_clients_init(&c, h);
	co_imap_client(&c, 1, 1, "");
	co_imap_talk(&c, HELLO);
	char *flood = calloc(1, 100001);

	memset(flood, 'x', 100000);
	assert_int_equal(co_stream_put(&c.streams[0], (struct str){flood, 100000}, deadline_in(10000)), 0);
	co_imap_talk(&c, "C: \nS: * BAD ~\nC: b NOOP\nS: b OK ~\n");
	free(flood);
	co_imap_clients_end(&c);
}

static void faults_have_an_end(void **state)
{
	house_run(co_bad_clients, 1);
}

static void co_silent(struct house *h)
{
	struct imap_clients c;

	co_house_crash_shard(h);
	h->options.client_idle_ms = 100;
	h->options.client_write_ms = 200;
	house_start_shard(h);
	imap_clients_init(&c, h);
	co_imap_client(&c, 1, 1, "");
	co_imap_talk(&c, HELLO "S: * BYE Disconnected for inactivity.\n");
	/* One that asks and never reads. */
	co_imap_client(&c, 2, 1, "");
	int code = 0;

	for (int i = 0; i < 100000 && !code; i++) {
		code = co_stream_put(&c.streams[1], STR("a LIST \"\" *\r\n"), deadline_in(2000));
	}
	/* Its session has ended, and with it the connection. */
	assert_int_equal(code, ERR_CLOSED);
	co_imap_clients_end(&c);
}

static void the_silent_and_the_deaf_are_sent_away(void **state)
{
	house_run(co_silent, 1);
}

static void co_shutdown(struct house *h)
{
	struct imap_clients c;

	imap_clients_init(&c, h);
	co_imap_client(&c, 1, 1, "");
	co_imap_talk(&c, HELLO);
	fiber_group_cancel(&c.sessions);
	co_imap_talk(&c, "S: * BYE Server shutting down.\n");
	co_imap_clients_end(&c);
}

static void a_cancelled_session_says_so(void **state)
{
	house_run(co_shutdown, 1);
}

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
	co_deliver(h, 1, 3);
	co_one_script(
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
			     "S: f OK ~\n"
			     "C: g FETCH 1 (BODY.PEEK[HEADER.FIELDS (SUBJECT return-path)] "
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
			     "S: * 1 FETCH (FLAGS (\\Seen))\n"
			     "S: * 2 FETCH (FLAGS ())\n"
			     "S: * 3 FETCH (FLAGS ())\n"
			     "S: o OK ~\n");
	/* Outlines are kept: the same again, now from derived.db. */
	co_one_script(h, "", false,
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

static void co_store(struct house *h)
{
	struct imap_clients c;

	co_deliver(h, 1, 4);
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
	co_deliver(h, 1, 6);
	co_one_script(h, "", false,
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

	co_deliver(h, 1, 4);
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
					   "S2: * 0 RECENT\n"
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
					   "S: * 0 RECENT\n"
					   "S: g OK [COPYUID ~ 1 5] ~\n"
					   "C2: b UID FETCH 1:* (RFC822.SIZE)\n"
					   "S2: * 1 FETCH (UID 1 RFC822.SIZE ~)\n"
					   "S2: * 2 FETCH (UID 2 RFC822.SIZE ~)\n"
					   "S2: * 3 FETCH (UID 3 RFC822.SIZE ~)\n"
					   "S2: * 5 EXISTS\n"
					   "S2: * 0 RECENT\n"
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

	co_deliver(h, 1, 1);
	imap_clients_init(&c, h);
	co_imap_client(&c, 1, 1, "");
	co_imap_client(&c, 2, 1, "");
	co_imap_talk(&c, HELLO HELLO2 SELECT_INBOX(
				 "1", "2") "C2: s SELECT INBOX\n"
					   "S2: ~\nS2: ~\nS2: ~\nS2: ~\nS2: ~\nS2: ~\nS2: ~\nS2: s OK ~\n"
					   "C: a IDLE\n"
					   "S: + idling\n"
					   "Q: \n");
	co_deliver(h, 2, 2);
	int64_t before = clock_ms();

	co_imap_talk(&c, "S: * 2 EXISTS\n"
			 "S: * 0 RECENT\n");
	assert_in_range(clock_ms() - before, 0, 50);
	co_imap_talk(&c, "C2: b STORE 1 FLAGS (\\Deleted)\n"
			 "S2: * 2 EXISTS\n"
			 "S2: * 0 RECENT\n"
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
	{"RECENT", ""},
	{"OLD", " 1 2 3"},
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

	co_deliver(h, 1, 3);
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
			 "S: e NO [BADCHARSET (US-ASCII UTF-8 ISO-8859-1)] ~\n"
			 "C: f UID SEARCH UNDELETED\n"
			 "S: * SEARCH 1 2 3\n"
			 "S: f OK ~\n"
			 "C: g SEARCH FROB\n"
			 "S: g BAD ~ at byte ~\n");
	co_imap_clients_end(&c);
}

static void messages_are_searched(void **state)
{
	house_run_with(co_search, letters, LETTERS);
}

static void quiet(void *arg, enum log_level level, const char *line, size_t n)
{
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_begins_and_ends),
		cmocka_unit_test(what_gate_has_read_comes_first),
		cmocka_unit_test(folders_are_made_listed_and_renamed),
		cmocka_unit_test(subscriptions_stand_for_themselves),
		cmocka_unit_test(a_mailbox_is_selected),
		cmocka_unit_test(messages_are_fetched),
		cmocka_unit_test(flags_are_stored_and_told),
		cmocka_unit_test(deleted_messages_go),
		cmocka_unit_test(messages_are_copied_and_moved),
		cmocka_unit_test(idle_wakes),
		cmocka_unit_test(messages_are_searched),
		cmocka_unit_test(others_are_heard_of),
		cmocka_unit_test(faults_have_an_end),
		cmocka_unit_test(the_silent_and_the_deaf_are_sent_away),
		cmocka_unit_test(a_cancelled_session_says_so),
	};

	log_open_function(quiet, NULL, LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
