/* SPDX-License-Identifier: Apache-2.0 */
/* Submission: TLS first, logins, whose sender it is, and programs of this machine. */
#include "gate/smtp_session.h"
#include "base/unit.h"
#include "format/base64.h"
#include "gate/test_script.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GREETING "S 220 mx.ours.test ESMTP Mailstead\n"
#define FIRST(starttls, auth)                                                                          \
	"C EHLO [192.0.2.7]\nS 250-mx.ours.test\nS 250-PIPELINING\nS 250-SIZE 1000000\n" starttls auth \
	"S 250-ENHANCEDSTATUSCODES\nS 250-8BITMIME\nS 250-SMTPUTF8\nS 250-DSN\nS 250 CHUNKING\n"
#define EHLO_OPEN FIRST("S 250-STARTTLS\n", "")
#define EHLO_TLS FIRST("", "S 250-AUTH PLAIN LOGIN\nS 250-AUTH=PLAIN LOGIN\n")
#define STARTTLS GREETING EHLO_OPEN "C STARTTLS\nS 220 2.0.0 Ready to start TLS\n"
/* \0alice@ours.test\0se cret, the same for LOGIN */
#define ALICE "AGFsaWNlQG91cnMudGVzdABzZSBjcmV0"
#define ALICE_USER "YWxpY2VAb3Vycy50ZXN0"
#define PASSWORD "c2UgY3JldA=="
#define AUTH "C AUTH PLAIN " ALICE "\nS 235 2.7.0 Authentication successful\n"
#define MAIL_ALICE "C MAIL FROM:<alice@ours.test>\nS 250 2.1.0 Ok\n"
#define FAILED "S 535 5.7.8 Error: authentication failed: (reason unavailable)\n"

static struct house h;

static void open_house(enum service kind)
{
	house_init(&h);
	h.kind = *smtp_kind_of(kind);
	h.config.limits.errors_slow = h.config.limits.errors_end = 100;
}

/* With STARTTLS, and with TLS from the first byte; h stays for a look at it. */
static void play_both(const char *lines)
{
	static char whole[72 << 10];

	open_house(SERVICE_SUBMISSIONS);
	snprintf(whole, sizeof(whole), GREETING "%s", lines);
	play_tls(&h, "", whole);
	house_free(&h);
	open_house(SERVICE_SUBMISSION);
	play_tls(&h, STARTTLS, lines);
}

/* sasl_mechanisms = LOGIN */
static void mechanisms_are_those_of_the_setting(void **state)
{
	open_house(SERVICE_SUBMISSIONS);
	h.config.mechanisms = 2;
	play_tls(&h, "",
		 GREETING FIRST(
			 "",
			 "S 250-AUTH LOGIN\nS 250-AUTH=LOGIN\n") "C AUTH PLAIN " ALICE
								 "\nS 535 5.7.8 Error: authentication "
								 "failed: Invalid authentication mechanism\n"
								 "C AUTH LOGIN " ALICE_USER
								 "\nS 334 UGFzc3dvcmQ6\nC " PASSWORD
								 "\nS 235 2.7.0 Authentication successful\nC "
								 "QUIT\nS 221*\n");
	house_free(&h);
}

/* --- before TLS ---------------------------------------------------------------------------------- */

static void tls_comes_first(void **state)
{
	static const char needed[] = "S 530 5.7.0 Must issue a STARTTLS command first\n";
	static const char *const commands[] = {"MAIL FROM:<alice@ours.test>",
					       ("AUTH PLAIN " ALICE),
					       "AUTH LOGIN",
					       "AUTH",
					       "RCPT TO:<a@b.test>",
					       "DATA",
					       "RSET",
					       "VRFY alice@ours.test",
					       "EXPN x"};
	static char before[4096] = GREETING;

	/* Before a greeting as well. */
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
			snprintf(before + strlen(before), sizeof(before) - strlen(before), "C %s\n%s",
				 commands[i], needed);
		snprintf(before + strlen(before), sizeof(before) - strlen(before),
			 "C NOOP\nS 250 2.0.0 Ok\nC HELP\nS 214 2.0.0 Commands: BDAT DATA*\nC FROB\nS 500 "
			 "5.5.2*\n"
			 "R BDAT 6\\r\\nQUIT\\r\\n\nS 5*\n%s",
			 round == 0 ? EHLO_OPEN : "C STARTTLS\nS 220 2.0.0 Ready to start TLS\n");
	}
	open_house(SERVICE_SUBMISSION);
	play_tls(&h, before,
		 "C AUTH PLAIN " ALICE "\nS 503 5.5.1 Error: send HELO/EHLO first\n" EHLO_TLS QUIT);
	assert_int_equal(h.logins, 0);
	house_free(&h);
}

static void nothing_is_said_without_tls_from_the_first_byte(void **state)
{
	open_house(SERVICE_SUBMISSIONS);
	play(&h, "E\n");
	assert_int_equal(h.came, 0);
	house_free(&h);
}

/* Invariant 5 of smtp_session.h. */
static void no_kind_takes_a_password_in_the_clear(void **state)
{
	unsigned kinds = 0;

	for (unsigned i = 0; i < SERVICE_COUNT; i++) {
		const struct smtp_kind *kind = smtp_kind_of((enum service)i);

		kinds += kind != NULL;
		if (kind && kind->traits & SMTP_NEEDS_LOGIN)
			assert_true(kind->traits & (SMTP_TLS_NEEDED | SMTP_TLS_AT_ONCE));
	}
	assert_int_equal(kinds, 4);
}

/* --- logins -------------------------------------------------------------------------------------- */

static const char *const logins[] = {
	/* every form */
	EHLO_TLS AUTH QUIT,
	EHLO_TLS "C auth plain\nS 334 \nC " ALICE "\nS 235 2.7.0 Authentication successful\n" QUIT,
	EHLO_TLS "C AUTH LOGIN\nS 334 VXNlcm5hbWU6\nC " ALICE_USER "\nS 334 UGFzc3dvcmQ6\nC " PASSWORD
		 "\nS 235 2.7.0*\n" QUIT,
	EHLO_TLS "C AUTH LOGIN " ALICE_USER "\nS 334 UGFzc3dvcmQ6\nC " PASSWORD "\nS 235 2.7.0*\n" QUIT,
	/* after HELO too, and with an authorization identity that is the same */
	"C HELO me\nS 250 mx.ours.test\nC AUTH PLAIN "
	"YWxpY2VAb3Vycy50ZXN0AGFsaWNlQG91cnMudGVzdABzZSBjcmV0\nS 235 2.7.0*\n" QUIT,
	/* once, and never in a transaction; a greeting does not end it */
	EHLO_TLS AUTH "C AUTH PLAIN " ALICE "\nS 503 5.5.1 Error: already authenticated\n" EHLO_TLS
		      "C RSET\nS 250 2.0.0 Ok\nC AUTH LOGIN\nS 503 5.5.1 Error: already authenticated\n" QUIT,
	EHLO_TLS MAIL_ALICE "C AUTH PLAIN " ALICE
			    "\nS 503 5.5.1 Error: MAIL transaction in progress\nC RSET\nS 250*\n" AUTH QUIT,
	"C AUTH PLAIN " ALICE "\nS 503 5.5.1 Error: send HELO/EHLO first\n" QUIT,
	/* syntax */
	EHLO_TLS "C AUTH\nS 501 5.5.4 Syntax: AUTH mechanism\nC AUTH PLAIN a b\nS 501 5.5.4 Syntax: AUTH "
		 "mechanism\n" QUIT,
	EHLO_TLS
	"C AUTH CRAM-MD5\nS 535 5.7.8 Error: authentication failed: Invalid authentication "
	"mechanism\nC AUTH EXTERNAL =\nS 535 5.7.8 Error: authentication failed: Invalid*\n" AUTH QUIT,
	/* aborted */
	EHLO_TLS "C AUTH PLAIN\nS 334 \nC *\nS 501 5.7.0 Authentication aborted\nC AUTH LOGIN\nS 334 "
		 "VXNlcm5hbWU6\nC *\nS 501 5.7.0*\nC AUTH LOGIN\nS 334 VXNlcm5hbWU6\nC " ALICE_USER
		 "\nS 334 UGFzc3dvcmQ6\nC *\nS 501 5.7.0*\n" AUTH QUIT,
	/* no base64, or torn */
	EHLO_TLS "C AUTH PLAIN AGFsaWNlQG91cnMudGVzdABzZSBjcmV\nS 501 5.5.2 Error: invalid base64 data\n"
		 "C AUTH PLAIN\nS 334 \nC AGFs aWNl\nS 501 5.5.2*\nC AUTH PLAIN\nS 334 \nR AGFs\\0\\r\\n\n"
		 "S 501 5.5.2*\nC AUTH LOGIN !\nS 501 5.5.2*\nC AUTH LOGIN " ALICE_USER
		 "\nS 334 UGFzc3dvcmQ6\nC ====\nS 501 5.5.2*\nC AUTH PLAIN *\nS 501 5.5.2*\n" AUTH QUIT,
	/* a NUL in a command, and line ends in a response */
	EHLO_TLS "R AUTH PLAIN\\0 " ALICE
		 "\\r\\n\nS 535 5.7.8 Error: authentication failed: Invalid*\n" AUTH QUIT,
	EHLO_TLS "C AUTH PLAIN\nS 334 \nR " ALICE "\\n\nS 521 5.5.2*\nE\n",
	EHLO_TLS "C AUTH PLAIN\nS 334 \nR *\\rQUIT\\r\\n\nS 521 5.5.2*\nE\n",
	/* whoever does not wait for the challenge is understood all the same */
	EHLO_TLS "R AUTH LOGIN\\r\\n" ALICE_USER "\\r\\n" PASSWORD
		 "\\r\\n\nS 334 VXNlcm5hbWU6\nS 334 UGFzc3dvcmQ6\nS 235 2.7.0*\n" QUIT,
	/* for now */
	EHLO_TLS "C AUTH LOGIN YnVzeUBvdXJzLnRlc3Q=\nS 334 UGFzc3dvcmQ6\nC " PASSWORD
		 "\nS 454 4.7.0 Temporary authentication failure: *\n"
		 "C AUTH LOGIN c2lsZW50QG91cnMudGVzdA==\nS 334 UGFzc3dvcmQ6\nC " PASSWORD
		 "\nS 454 4.7.0 Temporary authentication failure: *\n" AUTH QUIT,
};

static void logins_have_their_replies(void **state)
{
	for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
		play_both(logins[i]);
		house_free(&h);
	}
}

/* Messages of PLAIN that are nobody's login, before their base64. */
static const struct str refused[] = {
	STR_INIT("\0alice@ours.test\0wrong"),
	STR_INIT("\0alice@ours.test\0"),
	STR_INIT("\0alice@ours.test"),
	STR_INIT("\0\0se cret"),
	STR_INIT("alice@ours.test\0se cret"),
	STR_INIT("\0alice@ours.test\0se cret\0"),
	STR_INIT("\0alice@ours.test\0se cret\0x"),
	STR_INIT("bob@ours.test\0alice@ours.test\0se cret"),
	STR_INIT("\0bob@ours.test*alice@ours.test\0se cret"),
	STR_INIT("\0alice@ours.test\r\n\0se cret"),
	STR_INIT("\0\xFF\xFE\0se cret"),
	STR_INIT(""),
};

static void who_is_not_known_is_logged(void **state)
{
	static char lines[2048];

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct buf text;

		buf_init(&text, 1000);
		base64_encode(refused[i], &text);
		snprintf(lines, sizeof(lines),
			 EHLO_TLS "C AUTH PLAIN %.*s\n" FAILED MAIL_ALICE
				  "C RCPT TO:<bob@ours.test>\nS 554 5.7.1*\n" QUIT,
			 refused[i].n ? (int)text.n : 1, refused[i].n ? text.p : "=");
		buf_free(&text);
		play_both(lines);
		assert_true(house_logged(&h, "unknown[192.0.2.7]: SASL PLAIN authentication failed: "));
		assert_true(house_logged(&h, " auth=0/1 "));
		assert_false(house_logged(&h, "se cret"));
		house_free(&h);
	}
	play_both(EHLO_TLS "C AUTH LOGIN " ALICE_USER "\nS 334 UGFzc3dvcmQ6\nC eA==\n" FAILED QUIT);
	assert_true(house_logged(&h, "unknown[192.0.2.7]: SASL LOGIN authentication failed: (reason "
				     "unavailable), sasl_username=alice@ours.test\n"));
	house_free(&h);
}

static void a_session_has_few_guesses(void **state)
{
	open_house(SERVICE_SUBMISSION);
	h.config.limits.logins = 2;
	play_tls(&h, STARTTLS,
		 EHLO_TLS "C AUTH PLAIN AGEAYg==\n" FAILED "C AUTH PLAIN AGEAYg==\n" FAILED
			  "S 421 4.7.0 mx.ours.test Error: too many errors\nE\n");
	assert_true(house_logged(&h, "too many errors after AUTH from unknown[192.0.2.7]\n"));
	assert_int_equal(h.logins, 2);
	house_free(&h);
}

/* n times "A" as a response, of the command or of a challenge. */
static void play_response(const char *before, size_t n, const char *behind)
{
	static char lines[64 << 10];
	size_t at = (size_t)snprintf(lines, sizeof(lines), "%s", before);

	memset(lines + at, 'A', n);
	snprintf(lines + at + n, sizeof(lines) - at - n, "\n%s" AUTH QUIT, behind);
	play_both(lines);
	house_free(&h);
}

static void long_responses_are_refused(void **state)
{
	static const struct {
		const char *before;
		size_t n;
		const char *behind;
	} rows[] = {
		/* the longest that are read: 12288 octets with the command (RFC 4954 section 4) */
		{EHLO_TLS "C AUTH PLAIN ", 2728, FAILED},
		{EHLO_TLS "C AUTH PLAIN\nS 334 \nC ", 2728, FAILED},
		{EHLO_TLS "C AUTH PLAIN ", 2732, "S 501 5.5.2*\n"},
		{EHLO_TLS "C AUTH PLAIN ", 12288 - 12, "S 501 5.5.2*\n"},
		{EHLO_TLS "C AUTH PLAIN\nS 334 \nC ", 12288, "S 501 5.5.2*\n"},
		{EHLO_TLS "C AUTH PLAIN ", 12288, "S 500 5.5.2 mx.ours.test Error: command too long\n"},
		{EHLO_TLS "C AUTH PLAIN\nS 334 \nC ", 12289,
		 "S 500 5.5.6 mx.ours.test Error: authentication exchange line too long\n"},
		{EHLO_TLS "C AUTH LOGIN\nS 334 VXNlcm5hbWU6\nC ", 50000, "S 500 5.5.6*\n"},
		/* longer than keeper is asked for */
		{EHLO_TLS "C AUTH LOGIN " ALICE_USER "\nS 334 UGFzc3dvcmQ6\nC ", 1400, FAILED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		play_response(rows[i].before, rows[i].n, rows[i].behind);
}

/* --- who sends, and where to ------------------------------------------------------------------------ */

#define DENIED "S 554 5.7.1 <unknown[192.0.2.7]>: Client host rejected: Access denied\n"

static const char *const letters[] = {
	/* nobody sends without a login, wherever to */
	EHLO_TLS MAIL_ALICE "C RCPT TO:<x@else.test>\n" DENIED "C RCPT TO:<alice@ours.test>\n" DENIED
			    "C DATA\nS 554 5.5.1 Error: no valid recipients\n" QUIT,
	EHLO_TLS "C MAIL FROM:<>\nS 250*\nC RCPT TO:<postmaster>\n" DENIED QUIT,
	/* any name in EHLO, any recipient, no routes */
	"C EHLO -a..b-\nS 250-mx*\nS 250-P*\nS 250-SIZE*\nS 250-AUTH*\nS 250-AUTH=*\nS 250-E*\nS 250-8*\n"
	"S 250-SMTPUTF8\nS 250-DSN\nS 250 CHUNKING\n" AUTH MAIL_ALICE
	"C RCPT TO:<x@else.test>\nS 250 2.1.5 Ok\nC RCPT TO:<bob@ours.test>\nS 250 2.1.5 Ok\n"
	"C RCPT TO:<nobody@ours.test>\nS 550 5.1.1 <nobody@ours.test>: *\n"
	"C RCPT TO:<x%third.test@else.test>\nS 554 5.7.1 <x%third.test@else.test>: Relay access denied\n"
	"C RCPT TO:<third.test!x@ours.test>\nS 554 5.7.1*\nC RCPT TO:<\"x@else.test\"@ours.test>\nS 554*\n"
	"C RCPT TO:<loop@ours.test>\nS 554 5.4.6*\n" QUIT,
	/* senders: one's own, the null one, no other */
	EHLO_TLS AUTH
	"C MAIL FROM:<ALICE@ours.test>\nS 250*\nC RCPT TO:<x@else.test>\nS 250*\nC RSET\nS 250*\n"
	"C MAIL FROM:<>\nS 250*\nC RCPT TO:<x@else.test>\nS 250*\nC RSET\nS 250*\n"
	"C MAIL FROM:<bob@ours.test>\nS 250 2.1.0 Ok\nC RCPT TO:<x@else.test>\nS 553 5.7.1 "
	"<bob@ours.test>: Sender address rejected: not owned by user alice@ours.test\n"
	"C RCPT TO:<alice@ours.test>\nS 553 5.7.1 <bob@ours.test>: *\n"
	"C DATA\nS 554 5.5.1*\nC RSET\nS 250*\n"
	"C MAIL FROM:<x@else.test>\nS 250*\nC RCPT TO:<x@else.test>\nS 553 5.7.1 <x@else.test>*\n"
	"C RSET\nS 250*\nC MAIL FROM:<alice>\nS 501 5.1.7*\n"
	"C MAIL FROM:<slow@ours.test>\nS 250*\nC RCPT TO:<x@else.test>\n"
	"S 451 4.3.0 <x@else.test>: Temporary lookup failure\n" QUIT,
	/* parameters of DSN and AUTH */
	EHLO_TLS AUTH
	"C MAIL FROM:<alice@ours.test> RET=SOME\nS 501 5.5.4*\nC MAIL FROM:<alice@ours.test> "
	"ENVID=a+2\nS 501 5.5.4*\nC MAIL FROM:<alice@ours.test> AUTH=<> RET=HDRS ENVID=a+2Bb\n"
	"S 250*\nC RCPT TO:<x@else.test> NOTIFY=NEVER,DELAY\nS 501 5.5.4*\nC RCPT TO:<x@else.test> "
	"ORCPT=x@else.test\nS 501 5.5.4*\nC RCPT TO:<x@else.test> NOTIFY=SUCCESS,DELAY "
	"ORCPT=rfc822;x+2Bt@else.test\nS 250*\n" QUIT,
};

static void a_login_decides(void **state)
{
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
		play_both(letters[i]);
		house_free(&h);
	}
}

static void a_right_may_end(void **state)
{
	open_house(SERVICE_SUBMISSION);
	h.rights_end = true;
	play_tls(&h, STARTTLS,
		 EHLO_TLS AUTH MAIL_ALICE "C RCPT TO:<x@else.test>\nS 530 5.7.0 Authentication required\n"
					  "C RSET\nS 250*\n" AUTH QUIT);
	assert_int_equal(h.logins, 2);
	house_free(&h);
}

/* Keeper is asked about the sender once a letter. */
static void the_envelope_says_who_submits(void **state)
{
	play_both(EHLO_TLS AUTH
		  "C MAIL FROM:<alice@ours.test> RET=FULL ENVID=a+2Bb\nS 250*\n"
		  "C RCPT TO:<Y@Else.TEST> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x+2Bt@else.test\nS 250*\n"
		  "C RCPT TO:<bob@ours.test> NOTIFY=NEVER\nS 250*\n"
		  "C RCPT TO:<half@ours.test> ORCPT=utf-8;h\\x{E4}@ours.test\nS 250*\n" DATA
		  "C Subject: x\nC \nC text\nC .\nS 250 2.0.0 Ok: queued as*\n" QUIT);
	assert_int_equal(h.letters, 1);
	assert_int_equal(h.senders, 1);
	const struct envelope *e = &h.letter[0].envelope;

	assert_str(e->login, "alice@ours.test");
	assert_str(e->reverse_path, "alice@ours.test");
	assert_str(e->envid, "a+b");
	assert_int_equal(e->ret, RET_FULL);
	assert_int_equal(e->recipient_count, 4);
	assert_str(e->recipients[0].address, "Y@else.test");
	assert_int_equal(e->recipients[0].account, 0);
	assert_int_equal(e->recipients[0].notify, NOTIFY_SUCCESS | NOTIFY_FAILURE);
	assert_str(e->recipients[0].orcpt, "rfc822;x+t@else.test");
	assert_int_not_equal(e->recipients[1].account, 0);
	assert_int_equal(e->recipients[1].notify, NOTIFY_NEVER);
	assert_int_equal(e->recipients[1].orcpt.n, 0);
	assert_int_not_equal(e->recipients[2].account, 0);
	assert_str(e->recipients[2].orcpt, "utf-8;h\\x{E4}@ours.test");
	assert_int_equal(e->recipients[3].account, 0);
	assert_str(e->recipients[3].address, "x@else.test");
	assert_memory_equal(h.letter[0].right, "alice@ours.test", 15);
	assert_true(house_logged(&h, ": client=unknown[192.0.2.7], sasl_method=PLAIN, "
				     "sasl_username=alice@ours.test\n"));
	assert_true(house_logged(&h, " starttls=1 auth=1 ") || house_logged(&h, " auth=1 "));
	house_free(&h);
}

/* Nothing of the client: not its name, its address, its login or its ciphers. */
static void the_trace_field_tells_nothing_of_the_client(void **state)
{
	play_both(EHLO_TLS AUTH MAIL_ALICE "C RCPT TO:<bob@ours.test>\nS 250*\n" DATA
					   "C Subject: x\nC \nC text\nC .\nS 250*\n" QUIT);
	assert_int_equal(h.letters, 1);
	struct str all = buf_str(&h.letter[0].bytes);

	assert_true(str_starts(all, STR("Received: by mx.ours.test (Mailstead) with ESMTPSA id ")));
	assert_true(str_find_str(all, STR("\r\n\tfor <bob@ours.test>;")) != STR_NONE);
	all = str_head(all, str_find_str(all, STR("Subject:")));
	assert_true(str_find_str(all, STR("192.0.2.7")) == STR_NONE);
	assert_true(str_find_str(all, STR("TLS")) == STR_NONE);
	assert_true(str_find_str(all, STR("alice")) == STR_NONE);
	house_free(&h);
}

/* As for mynetworks on port 25. */
static void who_is_logged_in_need_not_wait_for_the_354(void **state)
{
	play_both(EHLO_TLS AUTH
		  "R MAIL FROM:<alice@ours.test>\\r\\nRCPT TO:<x@else.test>\\r\\nDATA\\r\\nSubject: "
		  "x\\r\\n\\r\\ntext\\r\\n.\\r\\nQUIT\\r\\n\nS 250*\nS 250*\nS 354*\nS 250 2.0.0*\nS "
		  "221*\nE\n");
	assert_int_equal(h.letters, 1);
	house_free(&h);
}

/* What spool does not believe was submitted is not stored. */
static void spool_asks_keeper_again(void **state)
{
	open_house(SERVICE_SUBMISSION);
	h.spool = HOUSE_SPOOL_DENIES;
	play_tls(&h, STARTTLS,
		 EHLO_TLS AUTH MAIL_ALICE "C RCPT TO:<bob@ours.test>\nS 250*\n" DATA
					  "C Subject: x\nC \nC text\nC .\nS 451 4.3.0*\n" QUIT);
	house_free(&h);
}

/* --- programs of this machine ----------------------------------------------------------------------- */

#define LOCAL_EHLO                                                                         \
	GREETING "C EHLO here\nS 250-mx.ours.test\nS 250-PIPELINING\nS 250-SIZE 1000000\n" \
		 "S 250-ENHANCEDSTATUSCODES\nS 250-8BITMIME\nS 250-SMTPUTF8\nS 250-DSN\nS 250 CHUNKING\n"

static void programs_of_this_machine_may_send(void **state)
{
	char text[200];

	open_house(SERVICE_SUBMIT);
	play_as(&h,
		LOCAL_EHLO
		"C STARTTLS\nS 502 5.5.1*\nC AUTH PLAIN x\nS 503 5.5.1 Error: authentication not "
		"enabled\nC MAIL FROM:<cron>\nS 250*\nC RCPT TO:<root>\nS 250*\nC RCPT TO:<x@else.test>\n"
		"S 250*\nC RCPT TO:<nobody@ours.test>\nS 550 5.1.1*\nC RCPT TO:<x%a.test@b.test>\n"
		"S 554*\n" DATA "C Subject: x\nC \nC text\nC .\nS 250*\n" QUIT,
		false, "local");
	assert_int_equal(h.letters, 1);
	assert_int_equal(h.senders + h.came, 0);
	const struct envelope *e = &h.letter[0].envelope;

	assert_str(e->reverse_path, "cron@mx.ours.test");
	assert_int_equal(e->login.n, 0);
	assert_int_equal(e->recipient_count, 2);
	assert_str(e->recipients[0].address, "root@mx.ours.test");
	assert_int_not_equal(e->recipients[0].account, 0);
	assert_str(e->recipients[1].address, "x@else.test");
	assert_int_equal(e->recipients[1].account, 0);
	snprintf(text, sizeof(text), "Received: by mx.ours.test (Mailstead, from userid %u)\r\n\tid ",
		 getuid());
	assert_true(str_starts(buf_str(&h.letter[0].bytes), str_of(text)));
	snprintf(text, sizeof(text), ": uid=%u from=<cron@mx.ours.test>\n", getuid());
	assert_true(house_logged(&h, text));
	house_free(&h);
}

static void co_two_programs(struct house *house, void *arg)
{
	struct script *script = arg;
	struct stream first, second;

	stream_open(&first, house_connect(house, "local"));
	stream_open(&second, house_connect(house, "local"));
	co_play_on(&second, script, "S 421 4.7.0 mx.ours.test Error: too many connections from local\nE\n");
	co_play_on(&first, script, LOCAL_EHLO QUIT);
	stream_close(&first);
	stream_close(&second);
	co_house_quiet(house);
	script->lines = LOCAL_EHLO QUIT;
	script->ip = "local";
	co_play(house, script);
}

static void a_user_of_this_machine_has_so_many_sessions(void **state)
{
	struct script script = {0};

	open_house(SERVICE_SUBMIT);
	h.config.limits.locals = 1;
	house_run(&h, co_two_programs, &script);
	assert_string_equal(script.failure, "");
	house_free(&h);
}

/* Whom keeper does not let in gets no handshake either. */
static void clients_are_counted_before_tls(void **state)
{
	open_house(SERVICE_SUBMISSIONS);
	script_make_tls(&h);
	play_as(&h, "E\n", false, "192.0.2.99");
	assert_true(house_logged(&h, "too many connections from unknown[192.0.2.99]\n"));
	tls_server_destroy(&h.config.tls);
	house_free(&h);
}

/* mynetworks is for port 25. */
static void own_networks_log_in_as_well(void **state)
{
	struct network any = {.family = AF_INET};

	open_house(SERVICE_SUBMISSION);
	h.config.trusted = &any;
	h.config.trusted_count = 1;
	play_tls(&h, STARTTLS, EHLO_TLS MAIL_ALICE "C RCPT TO:<bob@ours.test>\n" DENIED QUIT);
	house_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls_comes_first),
		cmocka_unit_test(nothing_is_said_without_tls_from_the_first_byte),
		cmocka_unit_test(no_kind_takes_a_password_in_the_clear),
		cmocka_unit_test(mechanisms_are_those_of_the_setting),
		cmocka_unit_test(logins_have_their_replies),
		cmocka_unit_test(who_is_not_known_is_logged),
		cmocka_unit_test(a_session_has_few_guesses),
		cmocka_unit_test(long_responses_are_refused),
		cmocka_unit_test(a_login_decides),
		cmocka_unit_test(a_right_may_end),
		cmocka_unit_test(the_envelope_says_who_submits),
		cmocka_unit_test(the_trace_field_tells_nothing_of_the_client),
		cmocka_unit_test(who_is_logged_in_need_not_wait_for_the_354),
		cmocka_unit_test(spool_asks_keeper_again),
		cmocka_unit_test(programs_of_this_machine_may_send),
		cmocka_unit_test(a_user_of_this_machine_has_so_many_sessions),
		cmocka_unit_test(clients_are_counted_before_tls),
		cmocka_unit_test(own_networks_log_in_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
