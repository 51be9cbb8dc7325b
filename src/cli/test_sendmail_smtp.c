/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sendmail_dialogue.h"
#include "cli/sendmail_smtp.h"
#include "base/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEARD_MAX (4 << 20)

/* --- a played server ------------------------------------------------------------------------ */

/* To a line that begins with `line` it says `reply`; each row is used once, in any order. */
struct row {
	const char *line, *reply;
};

struct server {
	pid_t pid;
	int fd; /* the client's end */
	int heard; /* a memory file */
};

static void say(int fd, const char *text)
{
	size_t n = strlen(text);

	if (send(fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
		_exit(0);
}

static const char *find_reply(const struct row *rows, bool *used, const char *line)
{
	for (size_t i = 0; rows[i].line; i++)
		if (!used[i] && strncmp(line, rows[i].line, strlen(rows[i].line)) == 0) {
			used[i] = true;
			return rows[i].reply;
		}
	return NULL;
}

/* In the letter only its end is answered, by the row of ".". */
static void play(int fd, int heard, const char *greeting, const struct row *rows)
{
	bool used[20] = {false}, in_letter = false;
	FILE *in = fdopen(fd, "r");
	char line[1000];

	say(fd, greeting);
	while (in && fgets(line, sizeof(line), in)) {
		if (write(heard, line, strlen(line)) < 0)
			_exit(1);
		if (in_letter && strcmp(line, ".\r\n") != 0)
			continue;
		in_letter = false;
		const char *reply = find_reply(rows, used, line);

		if (!reply)
			break;
		say(fd, reply);
		in_letter = strncmp(reply, "354", 3) == 0;
	}
	_exit(0);
}

static void start(struct server *s, const char *greeting, const struct row *rows)
{
	struct timeval patience = {.tv_sec = 20};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	s->heard = memfd_create("heard", MFD_CLOEXEC);
	assert_true(s->heard >= 0);
	fflush(NULL);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		close(pair[0]);
		play(pair[1], s->heard, greeting, rows);
	}
	close(pair[1]);
	s->fd = pair[0];
}

/* Ends it; what it heard, which the caller frees. */
static struct str finish(struct server *s)
{
	char *text = malloc(HEARD_MAX);

	close(s->fd);
	waitpid(s->pid, NULL, 0);
	assert_non_null(text);
	ssize_t n = pread(s->heard, text, HEARD_MAX, 0);

	close(s->heard);
	return (struct str){text, n > 0 ? (size_t)n : 0};
}

/* --- a letter ----------------------------------------------------------------------------------- */

struct letter {
	const char *sender, *to; /* a list */
	const char *front, *body;
	const char *notify, *ret, *envid;
};

static const struct letter plain = {
	.sender = "anna", .to = "b@x.test, c@y.test", .front = "S: x\n", .body = "\nhi\n"};

static void check(const struct letter *l, const char *greeting, const struct row *rows,
		  enum sendmail_status want, const char *heard, const char *said)
{
	struct sendmail_recipients r;
	struct server s;
	char *errors = NULL;
	size_t size;
	struct err e;
	FILE *out = open_memstream(&errors, &size);

	assert_non_null(out);
	assert_int_equal(sendmail_recipients_init(&r), 0);
	assert_int_equal(sendmail_recipients_add(&r, str_of(l->to), &e), 0);
	struct sendmail_job job = {.host = "mx.test",
				   .sender = str_of(l->sender),
				   .recipients = &r,
				   .notify = l->notify,
				   .ret = l->ret,
				   .envid = l->envid,
				   .front = str_of(l->front),
				   .body = str_of(l->body)};

	start(&s, greeting, rows);
	enum sendmail_status got = sendmail_smtp(s.fd, &job, out);
	struct str transcript = finish(&s);

	fclose(out);
	assert_string_equal(errors, said);
	assert_int_equal(got, want);
	if (heard)
		assert_str(transcript, heard);
	free(errors);
	free((void *)(uintptr_t)transcript.p);
	sendmail_recipients_free(&r);
}

static void sends(void **state)
{
	static const struct row rows[] = {{"EHLO", "250 mx\r\n"},  {"MAIL", "250 ok\r\n"},
					  {"RCPT", "250 ok\r\n"},  {"RCPT", "251 ok\r\n"},
					  {"DATA", "354 go\r\n"},  {".", "250 2.0.0 ok\r\n"},
					  {"QUIT", "221 bye\r\n"}, {NULL, NULL}};

	check(&plain, "220 mx\r\n", rows, SENDMAIL_DONE,
	      "EHLO mx.test\r\nMAIL FROM:<anna>\r\nRCPT TO:<b@x.test>\r\nRCPT TO:<c@y.test>\r\nDATA\r\n"
	      "S: x\r\n\r\nhi\r\n.\r\nQUIT\r\n",
	      "");
}

static void uses_extensions(void **state)
{
	static const struct row rows[] = {
		{"EHLO", "250-mx\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n"},
		{"MAIL", "250 ok\r\n"},
		{"RCPT", "250 ok\r\n"},
		{"DATA", "354 go\r\n"},
		{".", "250 ok\r\n"},
		{"QUIT", "221 bye\r\n"},
		{NULL, NULL}};
	struct letter l = {.sender = "",
			   .to = "\xC3\xA9@x.test",
			   .front = "S: x\n",
			   .body = "\n.\r\n..\rb\xFF",
			   .notify = "never",
			   .ret = "hdrs",
			   .envid = "a+b=c"};

	check(&l, "220-mx\r\n220 hello\r\n", rows, SENDMAIL_DONE,
	      "EHLO mx.test\r\nMAIL FROM:<> SIZE=14 BODY=8BITMIME SMTPUTF8 RET=hdrs ENVID=a+2Bb+3Dc\r\n"
	      "RCPT TO:<\xC3\xA9@x.test> NOTIFY=never\r\nDATA\r\n"
	      "S: x\r\n\r\n..\r\n...\r\nb\xFF\r\n.\r\nQUIT\r\n",
	      "");
	/* of a server that lists nothing, nothing is asked */
	static const struct row poor[] = {{"EHLO", "250 mx\r\n"},
					  {"MAIL FROM:<>\r", "250 ok\r\n"},
					  {"RCPT TO:<\xC3\xA9@x.test>\r", "250 ok\r\n"},
					  {"DATA", "354 go\r\n"},
					  {".", "250 ok\r\n"},
					  {"QUIT", "221 bye\r\n"},
					  {NULL, NULL}};

	check(&l, "220 mx\r\n", poor, SENDMAIL_DONE, NULL, "");
}

static void all_or_none(void **state)
{
	static const struct row rows[] = {{"EHLO", "250 mx\r\n"},
					  {"MAIL", "250 ok\r\n"},
					  {"RCPT TO:<b@", "550 5.1.1 <b@x.test>: no such user\r\n"},
					  {"RCPT TO:<c@", "250 ok\r\n"},
					  {"QUIT", "221 bye\r\n"},
					  {NULL, NULL}};
	static const struct row both[] = {{"EHLO", "250 mx\r\n"},
					  {"MAIL", "250 ok\r\n"},
					  {"RCPT TO:<b@", "451 4.3.0 later\r\n"},
					  {"RCPT TO:<c@", "550 5.1.1 no\x07 such\r\n"},
					  {"QUIT", "221 bye\r\n"},
					  {NULL, NULL}};

	check(&plain, "220 mx\r\n", rows, SENDMAIL_NO_USER,
	      "EHLO mx.test\r\nMAIL FROM:<anna>\r\nRCPT TO:<b@x.test>\r\nRCPT TO:<c@y.test>\r\nQUIT\r\n",
	      "sendmail: <b@x.test>: 550 5.1.1 <b@x.test>: no such user\n"
	      "sendmail: nothing was sent, to the other recipients neither\n");
	check(&plain, "220 mx\r\n", both, SENDMAIL_NO_USER, NULL,
	      "sendmail: <b@x.test>: 451 4.3.0 later\nsendmail: <c@y.test>: 550 5.1.1 no  such\n");
}

/* A dialogue that ends with one reply, by what the reply is. */
static void refusals(void **state)
{
	static const struct {
		const char *at, *reply;
		enum sendmail_status want;
	} table[] = {
		{"greeting", "421 4.3.2 closing\r\n", SENDMAIL_TRY_LATER},
		{"greeting", "554 5.3.2 no\r\n", SENDMAIL_UNAVAILABLE},
		{"EHLO", "502 5.5.1 no\r\n", SENDMAIL_UNAVAILABLE},
		{"MAIL", "550 5.7.1 not yours\r\n", SENDMAIL_NOT_ALLOWED},
		{"MAIL", "553 5.1.7 bad sender\r\n", SENDMAIL_DATA_ERROR},
		{"MAIL", "552 too big\r\n", SENDMAIL_DATA_ERROR},
		{"MAIL", "451 later\r\n", SENDMAIL_TRY_LATER},
		{"RCPT", "550 5.1.1 who\r\n", SENDMAIL_NO_USER},
		{"RCPT", "550 5.7.1 no\r\n", SENDMAIL_NOT_ALLOWED},
		{"RCPT", "552 5.2.2 full\r\n", SENDMAIL_UNAVAILABLE},
		{"RCPT", "452 4.5.3 too many\r\n", SENDMAIL_TRY_LATER},
		{"DATA", "554 no\r\n", SENDMAIL_UNAVAILABLE},
		{".", "552 5.3.4 too big\r\n", SENDMAIL_DATA_ERROR},
		{".", "554 5.6.0 bad\r\n", SENDMAIL_DATA_ERROR},
		{".", "550 5.7.1 spam\r\n", SENDMAIL_NOT_ALLOWED},
		{".", "554 5.4.6 loop\r\n", SENDMAIL_UNAVAILABLE},
		{".", "451 4.3.0 later\r\n", SENDMAIL_TRY_LATER},
		{"DATA", "250 ok\r\n", SENDMAIL_TRY_LATER},
	};
	static const struct row good[] = {{"EHLO", "250 mx\r\n"},
					  {"MAIL", "250 ok\r\n"},
					  {"RCPT", "250 ok\r\n"},
					  {"DATA", "354 go\r\n"},
					  {".", "250 ok\r\n"},
					  {"QUIT", "221 bye\r\n"},
					  {NULL, NULL}};
	static const char *const whats[][2] = {{"greeting", "the server refuses to talk"},
					       {"EHLO", "EHLO"},
					       {"MAIL", "the sender"},
					       {"RCPT", "<b@x.test>"},
					       {"DATA", "DATA"},
					       {".", "the letter"}};
	struct letter l = plain;

	l.to = "b@x.test";
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *greeting = strcmp(table[i].at, "greeting") == 0 ? table[i].reply : "220 mx\r\n";
		struct row rows[7];
		char said[200];
		size_t w = 0;

		memcpy(rows, good, sizeof(good));
		for (size_t k = 0; rows[k].line; k++)
			if (strcmp(rows[k].line, table[i].at) == 0)
				rows[k].reply = table[i].reply;
		while (strcmp(whats[w][0], table[i].at) != 0)
			w++;
		snprintf(said, sizeof(said), "sendmail: %s: %.*s\n", whats[w][1],
			 (int)strlen(table[i].reply) - 2, table[i].reply);
		check(&l, greeting, rows, table[i].want, NULL, said);
	}
}

static void broken_servers(void **state)
{
	static const struct row none[] = {{NULL, NULL}};
	static const struct row lost[] = {{"EHLO", "250 mx\r\n"}, {"MAIL", "250 ok\r\n"}, {NULL, NULL}};
	static const struct row babble[] = {{"EHLO", "what?\r\n"}, {NULL, NULL}};

	check(&plain, "220 mx\r\n", none, SENDMAIL_TRY_LATER, NULL,
	      "sendmail: the server ended the connection\n");
	check(&plain, "220 mx\r\n", lost, SENDMAIL_TRY_LATER, NULL,
	      "sendmail: the server ended the connection\n");
	check(&plain, "SSH-2.0-x\r\n", none, SENDMAIL_TRY_LATER, NULL,
	      "sendmail: the server does not speak SMTP\n");
	check(&plain, "220 mx\r\n", babble, SENDMAIL_TRY_LATER, NULL,
	      "sendmail: the server does not speak SMTP\n");

	char *flood = malloc(9000);

	assert_non_null(flood);
	memset(flood, 'x', 8999);
	flood[8999] = 0;
	check(&plain, flood, none, SENDMAIL_TRY_LATER, NULL, "sendmail: the server does not speak SMTP\n");
	free(flood);
}

/* A letter of 3 MiB without any line end comes through whole. */
static void large_letter(void **state)
{
	static const struct row rows[] = {{"EHLO", "250 mx\r\n"},  {"MAIL", "250 ok\r\n"},
					  {"RCPT", "250 ok\r\n"},  {"RCPT", "250 ok\r\n"},
					  {"DATA", "354 go\r\n"},  {".", "250 ok\r\n"},
					  {"QUIT", "221 bye\r\n"}, {NULL, NULL}};
	size_t n = (size_t)3 << 20;
	char *body = malloc(n + 1);
	struct letter l = plain;

	assert_non_null(body);
	memset(body, 'x', n);
	for (size_t i = 0; i < n; i += 70)
		body[i] = '\n';
	body[n] = 0;
	l.body = body;
	check(&l, "220 mx\r\n", rows, SENDMAIL_DONE, NULL, "");
	free(body);
}

/* --- -bs ------------------------------------------------------------------------------------------ */

static void passes_a_dialogue(void **state)
{
	static const struct row rows[] = {{"EHLO x\r\n", "250 mx\r\n"},
					  {"NOOP\r\n", "250 ok\r\n"},
					  {"QUIT\r\n", "221 bye\r\n"},
					  {NULL, NULL}};
	static const char input[] = "EHLO x\nNOOP\r\nQUIT\n";
	int in[2], out[2];
	struct server s;
	char got[200];

	assert_true(pipe(in) == 0 && pipe(out) == 0);
	assert_int_equal(write(in[1], input, sizeof(input) - 1), sizeof(input) - 1);
	close(in[1]);
	start(&s, "220 mx\r\n", rows);
	enum sendmail_status status = sendmail_dialogue(s.fd, in[0], out[1]);
	struct str heard = finish(&s);

	close(out[1]);
	ssize_t n = read(out[0], got, sizeof(got));

	assert_int_equal(status, SENDMAIL_DONE);
	assert_str(heard, "EHLO x\r\nNOOP\r\nQUIT\r\n");
	assert_str(((struct str){got, n > 0 ? (size_t)n : 0}), "220 mx\r\n250 mx\r\n250 ok\r\n221 bye\r\n");
	free((void *)(uintptr_t)heard.p);
	close(in[0]);
	close(out[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends),
		cmocka_unit_test(uses_extensions),
		cmocka_unit_test(all_or_none),
		cmocka_unit_test(refusals),
		cmocka_unit_test(broken_servers),
		cmocka_unit_test(large_letter),
		cmocka_unit_test(passes_a_dialogue),
	};

	return cmocka_run_group_tests_name("sendmail_smtp", tests, NULL, NULL);
}
