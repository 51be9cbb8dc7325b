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
	co_imap_script(h, "", false, basics);
	co_imap_script(h, "", true, basics);
}

static void a_session_begins_and_ends(void **state)
{
	house_run(co_basics, 1);
}

static void co_pipelined(struct house *h)
{
	co_imap_script(h, "a NOOP\r\nb NO", false,
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
	co_imap_script(h, "", false,
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
	co_imap_script(h, "", false,
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
	co_imap_deliver(h, 1, 3);
	co_imap_script(
		h, "", false,
		HELLO SELECT_INBOX("3", "4") "C: a STATUS inbox (MESSAGES UNSEEN UIDNEXT RECENT)\n"
					     "S: * STATUS INBOX (MESSAGES 3 RECENT ~ UIDNEXT 4 UNSEEN 3)\n"
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
					     "S: * ~ RECENT\n"
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

	co_imap_deliver(h, 1, 1);
	imap_clients_init(&c, h);
	co_imap_client(&c, 1, 1, "");
	co_imap_client(&c, 2, 1, "");
	co_imap_talk(&c, HELLO HELLO2 SELECT_INBOX("1", "2"));
	co_imap_deliver(h, 2, 3);
	co_imap_talk(&c, "Q: \n"
			 "C: a NOOP\n"
			 "S: * 3 EXISTS\n"
			 "S: * ~ RECENT\n"
			 "S: a OK ~\n"
			 "C: b NOOP\n"
			 "S: b OK ~\n"
			 "C2: c CREATE box\n"
			 "S2: c OK ~\n"
			 "C: d EXAMINE box\n"
			 "S: * FLAGS (~)\n"
			 "S: ~\n"
			 "S: * 0 EXISTS\n"
			 "S: * ~ RECENT\n"
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

/* Both wait for what only one of them loads; neither may keep the index to itself. */
static void co_together(struct house *h)
{
	struct imap_clients c;

	imap_clients_init(&c, h);
	co_imap_client(&c, 1, 1, "");
	co_imap_client(&c, 2, 1, "");
	co_imap_client(&c, 3, 1, "");
	co_imap_talk(&c, HELLO HELLO2 "S3: x OK ~\n"
				      "C: a SELECT INBOX\n"
				      "C2: a SELECT INBOX\n"
				      "C3: a SELECT Trash\n"
				      "S: ~\nS: ~\nS: ~\nS: ~\nS: ~\nS: ~\nS: a OK ~\n"
				      "S2: ~\nS2: ~\nS2: ~\nS2: ~\nS2: ~\nS2: ~\nS2: a OK ~\n"
				      "S3: ~\nS3: ~\nS3: ~\nS3: ~\nS3: ~\nS3: ~\nS3: a OK ~\n"
				      "C: b SELECT Junk\n"
				      "S: ~\nS: ~\nS: ~\nS: ~\nS: ~\nS: ~\nS: b OK ~\n");
	co_imap_clients_end(&c);
}

static void sessions_select_at_the_same_time(void **state)
{
	house_run(co_together, 1);
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

static void co_refused(struct house *h)
{
	struct imap_clients c;

	imap_clients_init(&c, h);
	co_imap_client(&c, 1, 99, "");
	co_imap_talk(&c, "S: x NO [UNAVAILABLE] The account cannot be opened now.\n"
			 "S: * BYE Try again later.\n");
	co_imap_clients_end(&c);
}

static void an_account_that_is_none_is_refused(void **state)
{
	house_run(co_refused, 1);
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
		cmocka_unit_test(others_are_heard_of),
		cmocka_unit_test(sessions_select_at_the_same_time),
		cmocka_unit_test(faults_have_an_end),
		cmocka_unit_test(the_silent_and_the_deaf_are_sent_away),
		cmocka_unit_test(a_cancelled_session_says_so),
		cmocka_unit_test(an_account_that_is_none_is_refused),
	};

	log_open_function(quiet, NULL, LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
