/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the IMAP command parser: what each command becomes, and what is said of faults. */
#include "format/imap_command.h"

#include "base/unit.h"
#include "format/imap_show.h"
#include "format/imap_unit.h"

#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static int read_command(struct str in, unsigned features, struct buf *shown, struct err *e)
{
	struct imap_read r;
	struct imap_command cmd;
	struct arena a;
	int rc;

	arena_init(&a, 4 << 20);
	buf_clear(shown);
	assert_true(imap_unit_read(&r, in));
	rc = imap_command_read(imap_read_text(&r), features, &a, &cmd, e);
	if (rc == 0)
		imap_show(shown, &cmd);
	arena_free(&a);
	imap_read_free(&r);
	return rc;
}

struct good_row {
	const char *in, *want;
};

static void check_good(const struct good_row *rows, size_t count, unsigned features)
{
	struct buf line, shown;
	struct err e = {0};

	buf_init(&line, 10000);
	buf_init(&shown, 10000);
	for (size_t i = 0; i < count; i++) {
		buf_clear(&line);
		buf_printf(&line, "%s\r\n", rows[i].in);
		if (read_command(buf_str(&line), features, &shown, &e))
			fail_msg("\"%s\": %s", rows[i].in, e.text);
		assert_str(buf_str(&shown), rows[i].want);
	}
	buf_free(&line);
	buf_free(&shown);
}

static const struct good_row simple[] = {
	{"a001 CAPABILITY", "a001 CAPABILITY"},
	{"a noop", "a NOOP"},
	{"a NoOp  ", "a NOOP"},
	{"a LOGOUT", "a LOGOUT"},
	{"a STARTTLS", "a STARTTLS"},
	{"a NAMESPACE", "a NAMESPACE"},
	{"a IDLE", "a IDLE"},
	{"a CHECK", "a CHECK"},
	{"a CLOSE", "a CLOSE"},
	{"a UNSELECT", "a UNSELECT"},
	{"a EXPUNGE", "a EXPUNGE"},
	{"]}~a/1.2 NOOP", "]}~a/1.2 NOOP"},
	{"A003 UID EXPUNGE 3000:3002", "A003 UID EXPUNGE 3000:3002"},
	{"a023 ID (\"name\" \"sodr\" \"version\" \"19.34\" \"vendor\" NIL)",
	 "a023 ID (\"name\" \"sodr\" \"version\" \"19.34\" \"vendor\" NIL)"},
	{"a ID nil", "a ID NIL"},
	{"a ID ()", "a ID NIL"},
	{"a ID (\"x\" {3}\r\na\"b)", "a ID (\"x\" \"a\\\"b\")"},
	{"t1 ENABLE CONDSTORE X-GOOD-IDEA", "t1 ENABLE CONDSTORE X-GOOD-IDEA"},
	{"A AUTHENTICATE GSSAPI", "A AUTHENTICATE GSSAPI"},
	{"C01 AUTHENTICATE PLAIN dGVzdAB0ZXN0AHRlc3Q=", "C01 AUTHENTICATE PLAIN dGVzdAB0ZXN0AHRlc3Q="},
	{"C01 AUTHENTICATE EXTERNAL =", "C01 AUTHENTICATE EXTERNAL ="},
	{"a001 LOGIN SMITH SESAME", "a001 LOGIN \"SMITH\" \"SESAME\""},
	{"a LOGIN \"a b\" \"q\\\"u\\\\o\"", "a LOGIN \"a b\" \"q\\\"u\\\\o\""},
	{"A001 LOGIN {11}\r\nFRED FOOBAR {7+}\r\nfat man", "A001 LOGIN \"FRED FOOBAR\" \"fat man\""},
	{"a LOGIN {0}\r\n \"\"", "a LOGIN \"\" \"\""},
	{"a LOGIN x {5}\r\na\r\n b", "a LOGIN \"x\" {5}\r\na\r\n b"},
	{"a LOGIN x NIL", "a LOGIN \"x\" \"NIL\""},
	{"a LOGIN u \"\xe4\xff\"", "a LOGIN \"u\" {2}\r\n\xe4\xff"},
	{"A142 SELECT INBOX", "A142 SELECT \"INBOX\""},
	{"A EXAMINE \"a b\"", "A EXAMINE \"a b\""},
	{"A003 CREATE owatagusiam/", "A003 CREATE \"owatagusiam/\""},
	{"A DELETE [x]", "A DELETE \"[x]\""},
	{"A682 RENAME INBOX old-mail", "A682 RENAME \"INBOX\" \"old-mail\""},
	{"A RENAME {3}\r\na b {1}\r\nc", "A RENAME \"a b\" \"c\""},
	{"A002 SUBSCRIBE #news.comp.mail.mime", "A002 SUBSCRIBE \"#news.comp.mail.mime\""},
	{"A002 UNSUBSCRIBE #news.comp.mail.mime", "A002 UNSUBSCRIBE \"#news.comp.mail.mime\""},
	{"A101 LIST \"\" \"\"", "A101 LIST \"\" \"\""},
	{"A202 LIST ~/Mail/ %", "A202 LIST \"~/Mail/\" \"%\""},
	{"A LIST \"\" *]%*", "A LIST \"\" \"*]%*\""},
	{"A LIST {1}\r\nx {2}\r\n%*", "A LIST \"x\" \"%*\""},
	{"A002 LSUB \"#news.\" \"comp.mail.*\"", "A002 LSUB \"#news.\" \"comp.mail.*\""},
	{"A042 STATUS blurdybloop (UIDNEXT MESSAGES)", "A042 STATUS \"blurdybloop\" (MESSAGES UIDNEXT)"},
	{"A STATUS \"x\" (recent uidvalidity unseen unseen)", "A STATUS \"x\" (RECENT UIDVALIDITY UNSEEN)"},
	{"A003 COPY 2:4 MEETING", "A003 COPY 2:4 \"MEETING\""},
	{"a UID MOVE 42:69 foo", "a UID MOVE 42:69 \"foo\""},
	{"a MOVE $ foo", "a MOVE $ \"foo\""},
	{"a UID COPY *:4,7 \"x y\"", "a UID COPY *:4,7 \"x y\""},
};

static const struct good_row append[] = {
	{"A003 APPEND saved-messages (\\Seen) {3}\r\nabc", "A003 APPEND \"saved-messages\" (\\Seen) {3}"},
	{"A APPEND x {3+}\r\nabc", "A APPEND \"x\" () {3}"},
	{"A APPEND x () {0}\r\n", "A APPEND \"x\" () {0}"},
	{"A APPEND {1}\r\nx (\\seen $Junk \\DRAFT Label $junk) \" 7-Feb-1994 21:52:25 -0800\" {1}\r\n\1",
	 "A APPEND \"x\" (\\Seen \\Draft $Junk Label) \"07-Feb-1994 21:52:25 -0800\" {1}"},
	{"A APPEND x \"29-FEB-2024 23:59:60 +0530\" {1}\r\na",
	 "A APPEND \"x\" () \"29-Feb-2024 23:59:60 +0530\" {1}"},
};

static const struct good_row store[] = {
	{"A003 STORE 2:4 +FLAGS (\\Deleted)", "A003 STORE 2:4 +FLAGS (\\Deleted)"},
	{"a store 1 flags \\Seen \\Answered $Forwarded", "a STORE 1 FLAGS (\\Answered \\Seen $Forwarded)"},
	{"a UID STORE 1:* -flags.silent ()", "a UID STORE 1:* -FLAGS.SILENT ()"},
	{"a STORE 1 FLAGS.SILENT (NonJunk)", "a STORE 1 FLAGS.SILENT (NonJunk)"},
};

static const struct good_row fetch[] = {
	{"A654 FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])",
	 "A654 FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])"},
	{"a FETCH 1 ALL", "a FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"},
	{"a FETCH 1 fast", "a FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)"},
	{"a FETCH 1 Full", "a FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY)"},
	{"a FETCH 1 UID", "a FETCH 1 (UID)"},
	{"a UID FETCH 1 FLAGS", "a UID FETCH 1 (UID FLAGS)"},
	{"a FETCH 1 body", "a FETCH 1 (BODY)"},
	{"a FETCH 1 (BODYSTRUCTURE BODY UID)", "a FETCH 1 (UID BODY BODYSTRUCTURE)"},
	{"a FETCH 1 BODY[]", "a FETCH 1 (BODY[])"},
	{"a FETCH 1 BODY.PEEK[]<0.2048>", "a FETCH 1 (BODY.PEEK[]<0.2048>)"},
	{"a FETCH 1 body[text]<4294967295.1>", "a FETCH 1 (BODY[TEXT]<4294967295.1>)"},
	{"a FETCH 1 BODY[1]", "a FETCH 1 (BODY[1])"},
	{"a FETCH 1 BODY[4.2.2.1]", "a FETCH 1 (BODY[4.2.2.1])"},
	{"a FETCH 1 (BODY[4.2.HEADER] BODY[4.1.MIME] BODY[3.TEXT])",
	 "a FETCH 1 (BODY[4.2.HEADER] BODY[4.1.MIME] BODY[3.TEXT])"},
	{"a FETCH 1 BODY.PEEK[1.HEADER.FIELDS.NOT (\"a b\" {1}\r\nc)]",
	 "a FETCH 1 (BODY.PEEK[1.HEADER.FIELDS.NOT (\"a b\" c)])"},
	{"a FETCH 1 (RFC822 RFC822.HEADER RFC822.TEXT RFC822.SIZE)",
	 "a FETCH 1 (RFC822.SIZE RFC822 RFC822.HEADER RFC822.TEXT)"},
};

static const struct good_row search[] = {
	{"A282 SEARCH FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
	 "A282 SEARCH FLAGGED SINCE 01-Feb-1994 NOT HEADER \"From\" \"Smith\""},
	{"A284 SEARCH CHARSET UTF-8 TEXT {6}\r\nXXXXXX", "A284 SEARCH CHARSET \"UTF-8\" TEXT \"XXXXXX\""},
	{"a SEARCH ALL", "a SEARCH ALL"},
	{"a UID SEARCH 1:3 UID 5:* $", "a UID SEARCH 1:3 UID 5:* $"},
	{"a SEARCH ANSWERED DELETED DRAFT FLAGGED NEW OLD RECENT SEEN",
	 "a SEARCH ANSWERED DELETED DRAFT FLAGGED NEW OLD RECENT SEEN"},
	{"a SEARCH UNANSWERED UNDELETED UNDRAFT UNFLAGGED UNSEEN",
	 "a SEARCH UNANSWERED UNDELETED UNDRAFT UNFLAGGED UNSEEN"},
	{"a SEARCH KEYWORD $Junk UNKEYWORD x", "a SEARCH KEYWORD $Junk UNKEYWORD x"},
	{"a SEARCH BCC a CC b TO c SUBJECT d",
	 "a SEARCH HEADER \"Bcc\" \"a\" HEADER \"Cc\" \"b\" HEADER \"To\" \"c\" HEADER \"Subject\" \"d\""},
	{"a SEARCH HEADER Message-ID \"\"", "a SEARCH HEADER \"Message-ID\" \"\""},
	{"a SEARCH BODY x TEXT \"y z\" LARGER 0 SMALLER 4294967296",
	 "a SEARCH BODY \"x\" TEXT \"y z\" LARGER 0 SMALLER 4294967296"},
	{"a SEARCH BEFORE \"31-Dec-1999\" ON 01-Jan-2000 SENTBEFORE 1-jan-2000 SENTON 2-Jan-2000 SENTSINCE "
	 "3-Jan-2000",
	 "a SEARCH BEFORE 31-Dec-1999 ON 01-Jan-2000 SENTBEFORE 01-Jan-2000 SENTON 02-Jan-2000 SENTSINCE "
	 "03-Jan-2000"},
	{"a SEARCH OR SEEN DRAFT NEW", "a SEARCH OR SEEN DRAFT NEW"},
	{"a SEARCH OR OR 1 2 NOT 3", "a SEARCH OR OR 1 2 NOT 3"},
	{"a SEARCH NOT (OR (SEEN) (1 2)) ALL", "a SEARCH NOT (OR (SEEN) (1 2)) ALL"},
	{"a SEARCH ((((ALL))))", "a SEARCH ((((ALL))))"},
	{"a SEARCH NOT NOT OR ALL NOT (ALL)", "a SEARCH NOT NOT OR ALL NOT (ALL)"},
};

static const struct good_row extended[] = {
	{"A01 LIST (SUBSCRIBED) \"\" \"*\"", "A01 LIST (SUBSCRIBED) \"\" (\"*\") RETURN ()"},
	{"A02 LIST () \"\" \"%\" RETURN (CHILDREN)", "A02 LIST () \"\" (\"%\") RETURN (CHILDREN)"},
	{"A03 LIST (REMOTE recursivematch SUBSCRIBED) \"\" (\"%\" a*) RETURN (SUBSCRIBED SPECIAL-USE)",
	 "A03 LIST (SUBSCRIBED REMOTE RECURSIVEMATCH) \"\" (\"%\" \"a*\") RETURN (SUBSCRIBED SPECIAL-USE)"},
	{"A04 LIST (SPECIAL-USE) \"\" \"*\" RETURN ()", "A04 LIST (SPECIAL-USE) \"\" (\"*\") RETURN ()"},
	{"A05 LIST \"\" \"*\"", "A05 LIST \"\" \"*\""},
};

/* As programs in use send them: Thunderbird, Apple Mail, mutt, mbsync, imaplib, fetchmail, curl. */
static const struct good_row clients[] = {
	{"6 UID fetch 1:* (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Resent-Message-ID "
	 "Subject "
	 "Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])",
	 "6 UID FETCH 1:* (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Resent-Message-ID "
	 "Subject "
	 "Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])"},
	{"7 lsub \"\" \"*\"", "7 LSUB \"\" \"*\""},
	{"8 UID store 3 +Flags (\\Deleted \\Seen)", "8 UID STORE 3 +FLAGS (\\Deleted \\Seen)"},
	{"9 uid copy 3:4 \"Trash\"", "9 UID COPY 3:4 \"Trash\""},
	{"10 UID SEARCH UNDELETED SINCE 1-Jan-2023", "10 UID SEARCH UNDELETED SINCE 01-Jan-2023"},
	{"2 ID (\"name\" \"Mac OS X Mail\" \"version\" \"16.0 (3696.120.41.1.1)\" \"os\" \"Mac OS X\")",
	 "2 ID (\"name\" \"Mac OS X Mail\" \"version\" \"16.0 (3696.120.41.1.1)\" \"os\" \"Mac OS X\")"},
	{"a0005 STATUS \"INBOX\" (UIDNEXT UIDVALIDITY UNSEEN RECENT MESSAGES)",
	 "a0005 STATUS \"INBOX\" (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)"},
	{"5 UID FETCH 1:2147483647 (UID FLAGS BODY.PEEK[HEADER.FIELDS (X-TUID)])",
	 "5 UID FETCH 1:2147483647 (UID FLAGS BODY.PEEK[HEADER.FIELDS (X-TUID)])"},
	{"6 APPEND \"INBOX\" (\\Seen) \"10-Jan-2024 10:00:00 +0100\" {3+}\r\nabc",
	 "6 APPEND \"INBOX\" (\\Seen) \"10-Jan-2024 10:00:00 +0100\" {3}"},
	{"NKLD3 LIST \"\" *", "NKLD3 LIST \"\" \"*\""},
	{"NKLD4 STORE 1 +FLAGS \\Deleted", "NKLD4 STORE 1 +FLAGS (\\Deleted)"},
	{"NKLD5 FETCH 1 (RFC822)", "NKLD5 FETCH 1 (RFC822)"},
	{"A0006 SEARCH UNSEEN NOT DELETED", "A0006 SEARCH UNSEEN NOT DELETED"},
	{"A004 FETCH 1 BODY[]", "A004 FETCH 1 (BODY[])"},
};

static void reads_commands(void **state)
{
	check_good(clients, ROWS(clients), 0);
	check_good(simple, ROWS(simple), 0);
	check_good(append, ROWS(append), 0);
	check_good(store, ROWS(store), 0);
	check_good(fetch, ROWS(fetch), 0);
	check_good(search, ROWS(search), 0);
	check_good(extended, ROWS(extended), IMAP_WITH_LIST_EXTENDED);
}

static const struct {
	const char *in, *want;
} bad[] = {
	{"", "Expected a tag at byte 1, found the end"},
	{" a NOOP", "Expected a tag at byte 1, found a space"},
	{"+ NOOP", "Expected a tag at byte 1, found '+'"},
	{"* NOOP", "Expected a tag at byte 1, found '*'"},
	{"a+ NOOP", "Expected a space at byte 2, found '+'"},
	{"a", "Expected a space at byte 2, found the end"},
	{"a ", "Expected a command at byte 3, found the end"},
	{"a  NOOP", "Expected a command at byte 3, found a space"},
	{"a XYZZY 1 2", "Unknown command at byte 3"},
	{"a UID", "Expected a space at byte 6, found the end"},
	{"a UID NOOP", "Unknown command at byte 7"},
	{"a UID UID FETCH 1 UID", "Unknown command at byte 7"},
	{"a NOOP x", "Expected the end of the command at byte 8, found 'x'"},
	{"a NOOP\x01", "Expected the end of the command at byte 7, found byte 0x01"},
	{"a NOOP {1}\r\nx", "Expected the end of the command at byte 8, found a literal"},
	{"a NOOP{1}\r\nx", "Expected the end of the command at byte 7, found a literal"},
	{"{1}\r\na NOOP", "Expected a tag at byte 1, found a literal"},
	{"a LOGIN", "Expected a space at byte 8, found the end"},
	{"a LOGIN x", "Expected a space at byte 10, found the end"},
	{"a LOGIN x y z", "Expected the end of the command at byte 13, found 'z'"},
	{"a LOGIN (x) y", "Expected a user name at byte 9, found '('"},
	{"a LOGIN x \"y", "Expected the closing quote at byte 13, found the end"},
	{"a LOGIN x \"y{1}\r\nz\"", "Expected the closing quote at byte 13, found a literal"},
	{"a LOGIN x \"y\\z\"", "Expected \" or \\ behind a backslash at byte 14, found 'z'"},
	{"a LOGIN x \"y\\", "Expected \" or \\ behind a backslash at byte 14, found the end"},
	{"a LOGIN x\xe4 y", "Expected a space at byte 10, found byte 0xe4"},
	{"a LOGIN ~{1}\r\nx y", "Expected a user name at byte 9, found a literal"},
	{"a LOGIN x{1}\r\ny z", "Expected a space at byte 10, found a literal"},
	{"a AUTHENTICATE", "Expected a space at byte 15, found the end"},
	{"a AUTHENTICATE PLAIN ", "Expected an initial response in base64, or = at byte 22, found the end"},
	{"a SELECT", "Expected a space at byte 9, found the end"},
	{"a SELECT %", "Expected a mailbox name at byte 10, found '%'"},
	{"a RENAME a", "Expected a space at byte 11, found the end"},
	{"a LIST \"\"", "Expected a space at byte 10, found the end"},
	{"a LIST % *", "Expected a reference name at byte 8, found '%'"},
	{"a LIST (SUBSCRIBED) \"\" *", "Expected a reference name at byte 8, found '('"},
	{"a LIST \"\" (a b)", "Expected a mailbox name or pattern at byte 11, found '('"},
	{"a LIST \"\" * RETURN (CHILDREN)", "Expected the end of the command at byte 13, found 'R'"},
	{"a STATUS x", "Expected a space at byte 11, found the end"},
	{"a STATUS x ()", "Expected a status item at byte 13, found ')'"},
	{"a STATUS x (MESSAGES", "Expected a space or ) at byte 21, found the end"},
	{"a STATUS x (MESSAGES SIZE)", "Expected a status item at byte 22, found 'S'"},
	{"a ID", "Expected a space at byte 5, found the end"},
	{"a ID name", "Expected NIL or a list of fields at byte 6, found 'n'"},
	{"a ID (\"a\")", "Expected a space at byte 10, found ')'"},
	{"a ID (NIL \"a\")", "Expected the name of a field as a string at byte 7, found 'N'"},
	{"a ID (\"0123456789012345678901234567890\" NIL)", "More than 30 bytes in a field's name at byte 40"},
	{"a ENABLE", "Expected a space at byte 9, found the end"},
	{"a APPEND x", "Expected a space at byte 11, found the end"},
	{"a APPEND x \"abc\"", "Expected a day of two digits at byte 13, found 'a'"},
	{"a APPEND x abc", "Expected the message as a literal at byte 12, found 'a'"},
	{"a APPEND x (\\Recent) {1}\r\na",
	 "Expected \\Answered, \\Flagged, \\Deleted, \\Seen, \\Draft or a keyword at byte 13, found '\\'"},
	{"a APPEND x (\\Seen {1}\r\na", "Expected a flag at byte 19, found a literal"},
	{"a APPEND x (a(b) {1}\r\na", "Expected a space or ) at byte 14, found '('"},
	{"a APPEND x ~{1}\r\na", "Expected a literal without ~ at byte 19, found the end"},
	{"a APPEND x {1}\r\na {1}\r\nb", "Expected the end of the command at byte 19, found a literal"},
	{"a APPEND x \"30-Feb-2000 00:00:00 +0000\" {1}\r\na",
	 "Expected a day of that month at byte 13, found '3'"},
	{"a APPEND x \"29-Feb-1900 00:00:00 +0000\" {1}\r\na",
	 "Expected a day of that month at byte 13, found '2'"},
	{"a APPEND x \"00-Jan-1900 00:00:00 +0000\" {1}\r\na",
	 "Expected a day of that month at byte 13, found '0'"},
	{"a APPEND x \"1-Jan-1900 00:00:00 +0000\" {1}\r\na",
	 "Expected a day of two digits at byte 13, found '1'"},
	{"a APPEND x \"01-Jxx-1900 00:00:00 +0000\" {1}\r\na",
	 "Expected a month (Jan to Dec) at byte 16, found 'J'"},
	{"a APPEND x \"01-Jan-1900 24:00:00 +0000\" {1}\r\na", "Expected an hour at byte 25, found '2'"},
	{"a APPEND x \"01-Jan-1900 00:60:00 +0000\" {1}\r\na", "Expected a minute at byte 28, found '6'"},
	{"a APPEND x \"01-Jan-1900 00:00:61 +0000\" {1}\r\na", "Expected a second at byte 31, found '6'"},
	{"a APPEND x \"01-Jan-1900 00:00:00 GMT\" {1}\r\na",
	 "Expected a zone like +0100 at byte 34, found 'G'"},
	{"a APPEND x \"01-Jan-1900 00:00:00 +2400\" {1}\r\na",
	 "Expected a zone like +0100 at byte 35, found '2'"},
	{"a STORE 1 FLAG (\\Seen)",
	 "Expected FLAGS or FLAGS.SILENT, perhaps with + or - at byte 11, found 'F'"},
	{"a STORE 1 +FLAGS", "Expected a space at byte 17, found the end"},
	{"a STORE 1 +FLAGS ", "Expected a flag at byte 18, found the end"},
	{"a STORE 1 +FLAGS (\\Seen", "Expected a space or ) at byte 24, found the end"},
	{"a STORE 1 +FLAGS (\\)", "Expected a flag at byte 20, found ')'"},
	{"a STORE 1 +FLAGS (\\Foo)",
	 "Expected \\Answered, \\Flagged, \\Deleted, \\Seen, \\Draft or a keyword at byte 19, found '\\'"},
	{"a STORE 0 FLAGS x", "Expected a message number from 1 to 4294967295 or * at byte 9, found '0'"},
	{"a COPY 1:x y", "Expected a message number from 1 to 4294967295 or * at byte 10, found 'x'"},
	{"a COPY 4294967296 y", "Expected a message number from 1 to 4294967295 or * at byte 8, found '4'"},
	{"a COPY 1,{1}\r\n2 y",
	 "Expected a message number from 1 to 4294967295 or * at byte 10, found a literal"},
	{"a UID EXPUNGE", "Expected a space at byte 14, found the end"},
	{"a EXPUNGE 1", "Expected the end of the command at byte 11, found '1'"},
	{"a FETCH 1", "Expected a space at byte 10, found the end"},
	{"a FETCH 1 ()", "Expected a data item of FETCH at byte 12, found ')'"},
	{"a FETCH 1 (ALL)", "Expected a data item of FETCH at byte 12, found 'A'"},
	{"a FETCH 1 FLAGS UID", "Expected the end of the command at byte 17, found 'U'"},
	{"a FETCH 1 BODY.PEEK", "Expected [ at byte 20, found the end"},
	{"a FETCH 1 BODY[", "Expected ] at byte 16, found the end"},
	{"a FETCH 1 BODY[0]", "Expected a part number at byte 16, found '0'"},
	{"a FETCH 1 BODY[1.0]", "Expected a part number at byte 18, found '0'"},
	{"a FETCH 1 BODY[4294967296]", "Expected a part number at byte 16, found '4'"},
	{"a FETCH 1 BODY[1.]", "Expected a part number or a section at byte 18, found ']'"},
	{"a FETCH 1 BODY[1TEXT]", "Expected ] at byte 17, found 'T'"},
	{"a FETCH 1 BODY[1..2]", "Expected HEADER, HEADER.FIELDS, TEXT or MIME at byte 18, found '.'"},
	{"a FETCH 1 BODY[MIME]",
	 "Expected a part number, HEADER, HEADER.FIELDS or TEXT at byte 16, found 'M'"},
	{"a FETCH 1 BODY[HEADER.FIELDS ()]", "Expected the name of a header field at byte 31, found ')'"},
	{"a FETCH 1 BODY[HEADER.FIELDS]", "Expected a space at byte 29, found ']'"},
	{"a FETCH 1 BODY[]<0>", "Expected a dot at byte 19, found '>'"},
	{"a FETCH 1 BODY[]<0.0>", "Expected a number of bytes above 0 at byte 20, found '0'"},
	{"a FETCH 1 BODY[]<0.4294967296>", "Expected a number of bytes at byte 20, found '4'"},
	{"a FETCH 1 BODY[]<-1.1>", "Expected the offset of the first byte at byte 18, found '-'"},
	{"a FETCH 1 BINARY[1]", "Expected a data item of FETCH at byte 11, found 'B'"},
	{"a SEARCH", "Expected a space at byte 9, found the end"},
	{"a SEARCH ", "Expected a search key at byte 10, found the end"},
	{"a SEARCH FOO", "Expected a search key at byte 10, found 'F'"},
	{"a SEARCH CHARSET UTF-8", "Expected a space at byte 23, found the end"},
	{"a SEARCH ()", "Expected a search key at byte 11, found ')'"},
	{"a SEARCH (ALL", "Expected a space or ) at byte 14, found the end"},
	{"a SEARCH ALL)", "Expected the end of the command at byte 13, found ')'"},
	{"a SEARCH OR ALL", "Expected a space at byte 16, found the end"},
	{"a SEARCH (OR ALL)", "Expected a space at byte 17, found ')'"},
	{"a SEARCH (NOT)", "Expected a space at byte 14, found ')'"},
	{"a SEARCH NOT", "Expected a space at byte 13, found the end"},
	{"a SEARCH FROM", "Expected a space at byte 14, found the end"},
	{"a SEARCH HEADER x", "Expected a space at byte 18, found the end"},
	{"a SEARCH SINCE 32-Jan-2000", "Expected a date like 1-Feb-1994 at byte 16, found '3'"},
	{"a SEARCH SINCE 1-Jan-00", "Expected a year of four digits at byte 22, found '0'"},
	{"a SEARCH SINCE \"1-Jan-2000", "Expected the closing quote at byte 27, found the end"},
	{"a SEARCH LARGER x", "Expected a number of bytes at byte 17, found 'x'"},
	{"a SEARCH LARGER 18446744073709551616", "Expected a number of bytes at byte 17, found '1'"},
	{"a SEARCH KEYWORD \\Seen", "Expected a keyword at byte 18, found '\\'"},
	{"a SEARCH RETURN (ALL) ALL", "Expected a search key at byte 10, found 'R'"},
};

static void tells_the_place(void **state)
{
	struct buf line, shown;
	struct err e;

	buf_init(&line, 10000);
	buf_init(&shown, 10000);
	for (size_t i = 0; i < ROWS(bad); i++) {
		buf_clear(&line);
		buf_printf(&line, "%s\r\n", bad[i].in);
		e.text[0] = '\0';
		if (read_command(buf_str(&line), 0, &shown, &e) == 0)
			fail_msg("\"%s\" was taken", bad[i].in);
		assert_str(str_of(e.text), bad[i].want);
	}
	buf_free(&line);
	buf_free(&shown);
}

static void refuses_extended_faults(void **state)
{
	static const char *const rows[] = {
		"a LIST (RECURSIVEMATCH) \"\" *",
		"a LIST (REMOTE RECURSIVEMATCH) \"\" *",
		"a LIST (X) \"\" *",
		"a LIST (SUBSCRIBED)",
		"a LIST \"\" ()",
		"a LIST \"\" (a",
		"a LIST \"\" * RETURN",
		"a LIST \"\" * RETURN (X)",
		"a LIST \"\" * RET (CHILDREN)",
		"a LIST \"\" * RETURN CHILDREN",
		"a LSUB (SUBSCRIBED) \"\" *",
		"a LSUB \"\" (a b)",
		"a LSUB \"\" * RETURN (CHILDREN)",
	};
	struct buf line, shown;
	struct err e;

	buf_init(&line, 10000);
	buf_init(&shown, 10000);
	for (size_t i = 0; i < ROWS(rows); i++) {
		buf_clear(&line);
		buf_printf(&line, "%s\r\n", rows[i]);
		assert_int_equal(read_command(buf_str(&line), IMAP_WITH_LIST_EXTENDED, &shown, &e),
				 ERR_INVALID);
	}
	buf_free(&line);
	buf_free(&shown);
}

/* head, times * unit, tail */
static int read_repeated(const char *head, const char *unit, size_t times, const char *tail)
{
	struct buf line, shown;
	struct err e;
	int rc;

	buf_init(&line, IMAP_LINE_MAX);
	buf_init(&shown, 1 << 20);
	buf_add_z(&line, head);
	for (size_t i = 0; i < times; i++)
		buf_add_z(&line, unit);
	buf_printf(&line, "%s\r\n", tail);
	rc = read_command(buf_str(&line), 0, &shown, &e);
	buf_free(&line);
	buf_free(&shown);
	return rc;
}

static void has_limits(void **state)
{
	static const struct {
		const char *head, *unit;
		size_t most;
		const char *tail;
	} rows[] = {
		{"a SEARCH ", "NOT ", IMAP_SEARCH_DEPTH - 2, "ALL"},
		{"a SEARCH ", "OR ALL ", IMAP_SEARCH_DEPTH - 2, "ALL"},
		{"a SEARCH ALL", " ALL", IMAP_SEARCH_KEYS_MAX - 2, ""},
		{"a COPY 1", ",1", IMAP_SET_RANGES_MAX - 1, " x"},
		{"a FETCH 1 (BODY[]", " BODY[]", IMAP_SECTIONS_MAX - 1, ")"},
		{"a FETCH 1 BODY[1", ".1", IMAP_PART_DEPTH - 1, "]"},
		{"a FETCH 1 BODY[HEADER.FIELDS (a", " a", IMAP_WORDS_MAX - 1, ")]"},
		{"a STORE 1 FLAGS (", "x", IMAP_KEYWORD_LENGTH_MAX, ")"},
		{"a ID (\"a\" NIL", " \"a\" NIL", IMAP_ID_PAIRS_MAX - 1, ")"},
		{"a ID (\"a\" \"", "v", IMAP_ID_VALUE_MAX, "\")"},
		{"a ENABLE", " X", IMAP_WORDS_MAX, ""},
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(read_repeated(rows[i].head, rows[i].unit, rows[i].most, rows[i].tail), 0);
		assert_int_equal(read_repeated(rows[i].head, rows[i].unit, rows[i].most + 1, rows[i].tail),
				 ERR_TOO_BIG);
	}
	/* Deeper by far, in parentheses. */
	assert_int_equal(read_repeated("a SEARCH ", "(", 60000, "ALL"), ERR_TOO_BIG);
	assert_int_equal(read_repeated("a SEARCH ", "OR NOT (", 8000, "ALL"), ERR_TOO_BIG);
}

static void limits_keywords(void **state)
{
	struct buf line, shown;
	struct err e;

	buf_init(&line, 10000);
	buf_init(&shown, 10000);
	buf_add_z(&line, "a STORE 1 FLAGS (k0");
	for (int i = 1; i < IMAP_KEYWORDS_MAX; i++)
		buf_printf(&line, " k%d", i);
	buf_add_z(&line, " K1)\r\n");
	assert_int_equal(read_command(buf_str(&line), 0, &shown, &e), 0);
	buf_truncate(&line, line.n - 3);
	buf_add_z(&line, " k)\r\n");
	assert_int_equal(read_command(buf_str(&line), 0, &shown, &e), ERR_TOO_BIG);
	buf_free(&line);
	buf_free(&shown);
}

static void needs_memory(void **state)
{
	static const char *const rows[] = {"a LOGIN \"a\\\"b\" c\r\n", "a COPY 1 x\r\n", "a SEARCH ALL\r\n",
					   "a ENABLE x\r\n", "a FETCH 1 BODY[]\r\n"};
	struct arena none;
	struct err e;

	arena_init(&none, 0);
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct imap_command cmd;
		struct imap_read r;

		assert_true(imap_unit_read(&r, str_of(rows[i])));
		assert_int_equal(imap_command_read(imap_read_text(&r), 0, &none, &cmd, &e), ERR_MEMORY);
		assert_str(cmd.tag, "a");
		imap_read_free(&r);
	}
	arena_free(&none);
}

/* What a session does when a literal is announced. */
static void peeks_before_a_literal(void **state)
{
	struct str in = STR("a7 APPEND x (\\Seen) {310}\r\n"), login = STR("b LOGIN {4}\r\n");
	struct imap_command cmd;
	struct imap_read r;
	struct arena a;
	struct err e;

	arena_init(&a, 10000);
	imap_read_init(&r, (struct imap_read_limits){.line = 1000});
	assert_int_equal(imap_read_feed(&r, &in), IMAP_READ_LITERAL);
	assert_int_equal(imap_command_peek(imap_read_text(&r), &cmd, &e), 0);
	assert_ptr_equal(cmd.row, imap_command_row(IMAP_APPEND));
	assert_str(cmd.tag, "a7");
	/* The message comes now: everything in front of it can be known. */
	assert_int_equal(imap_command_read(imap_read_text(&r), 0, &a, &cmd, &e), 0);
	assert_true(cmd.append.message.outside);
	assert_int_equal(cmd.append.message.size, 310);
	assert_str(cmd.append.mailbox, "x");
	imap_read_refuse(&r);

	/* A name as a literal is nothing that is complete. */
	assert_int_equal(imap_read_feed(&r, &login), IMAP_READ_LITERAL);
	assert_int_equal(imap_command_peek(imap_read_text(&r), &cmd, &e), 0);
	assert_int_equal(imap_command_read(imap_read_text(&r), 0, &a, &cmd, &e), ERR_INVALID);
	imap_read_free(&r);
	arena_free(&a);
}

static void refuses_nul(void **state)
{
	struct buf shown;
	struct err e;

	buf_init(&shown, 1000);
	assert_int_equal(read_command(STR("a LOGIN x {3}\r\na\0b\r\n"), 0, &shown, &e), ERR_INVALID);
	assert_str(str_of(e.text), "Expected a string without NUL at byte 11, found a literal");
	/* The message of APPEND is the session's to judge. */
	assert_int_equal(read_command(STR("a APPEND x {3}\r\na\0b\r\n"), 0, &shown, &e), 0);
	buf_free(&shown);
}

static void has_a_full_table(void **state)
{
	for (int i = 0; i < IMAP_COMMAND_COUNT; i++) {
		const struct imap_command_row *row = imap_command_row((enum imap_command_id)i);

		assert_true(row->name.n > 0);
		assert_true(row->states != 0 && row->read != NULL);
	}
	assert_int_equal(imap_command_row(IMAP_LOGIN)->states, IMAP_NOT_AUTHENTICATED);
	assert_int_equal(imap_command_row(IMAP_FETCH)->states, IMAP_SELECTED);
	assert_int_equal(imap_command_row(IMAP_NOOP)->states, IMAP_ANY_STATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_commands),          cmocka_unit_test(tells_the_place),
		cmocka_unit_test(refuses_extended_faults), cmocka_unit_test(has_limits),
		cmocka_unit_test(limits_keywords),         cmocka_unit_test(needs_memory),
		cmocka_unit_test(peeks_before_a_literal),  cmocka_unit_test(refuses_nul),
		cmocka_unit_test(has_a_full_table),
	};

	return cmocka_run_group_tests_name("imap_command", tests, NULL, NULL);
}
