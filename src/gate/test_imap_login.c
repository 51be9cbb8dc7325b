/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IMAP before the login, with a keeper and a shard that do as the test says.
 *
 * A fiber cannot leave through cmocka's longjmp: what is wrong is judged when the loop has ended.
 */
#include "gate/imap_login.h"

#include "base/clock.h"
#include "base/unit.h"
#include "gate/test_identity.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"
#include "net/verdicts.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 5000
#define SESSION 0x1122334455667788u

enum shard_way { SHARD_TAKES, SHARD_REFUSES, SHARD_DIES, SHARD_SILENT };

static struct {
	struct imap_service service;
	struct auth_desk desk;
	struct smtp_config config, *current;
	struct chan *keeper_end, *shard, *shard_end;
	struct fiber_group handlers, mains;
	enum shard_way shard_way;
	bool full; /* keeper lets nobody in */
	unsigned came, left, logins, sessions;
	int64_t login_ms; /* how long keeper thinks */
	/* The last session that the shard took. */
	struct io taken;
	uint8_t tls, kind;
	char tag[300], client[100], pending[5000];
	uint64_t number;
	char log[65536];
	bool byte_by_byte;
	char failure[1000];
} h;

/* --- keeper ------------------------------------------------------------------------------------ */

static void co_on_connect(void *room, struct chan_parcel *p)
{
	struct connect_question q;
	struct connect_answer a = {.verdict = h.full};

	if (connect_take(p, &q)) {
		h.came += !h.full;
		connect_answer(p, &a);
	}
}

static void co_on_left(void *room, struct chan_parcel *p)
{
	struct left_note m;

	h.left += left_take(p, &m);
}

static const struct {
	struct str login, password;
	uint8_t verdict;
} people[] = {
	{STR_INIT("ann@d.test"), STR_INIT("se cret"), LOGIN_YES},
	{STR_INIT("ann@d.test"), STR_INIT("a\r\nb{3}"), LOGIN_YES},
	{STR_INIT("busy@d.test"), STR_INIT("x"), LOGIN_LATER},
};

static void co_on_login(void *room, struct chan_parcel *p)
{
	struct login_question q;
	struct login_answer a = {.verdict = LOGIN_NO};

	if (!login_take(p, &q))
		return;
	h.logins++;
	if (h.login_ms)
		co_sleep_until(deadline_in(h.login_ms));
	for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++)
		if (str_eq(q.login, people[i].login) && str_eq(q.password, people[i].password))
			a.verdict = people[i].verdict;
	if (a.verdict == LOGIN_YES) {
		a.session = SESSION;
		a.account = q.login;
		a.shard = 1;
	}
	login_answer(p, &a);
}

/* --- the shard ----------------------------------------------------------------------------------- */

static void connect_ends(struct chan *asking, struct chan *answering, uint32_t epoch)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		abort();
	chan_attach(asking, fds[0], epoch);
	chan_attach(answering, fds[1], epoch);
}

static void keep(char *to, size_t size, struct str s)
{
	snprintf(to, size, "%.*s", STR_ARG(s));
}

static void co_on_session(void *room, struct chan_parcel *p)
{
	struct session_question q;
	struct session_answer a = {0};

	if (!session_take(p, &q))
		return;
	h.sessions++;
	if (h.shard_way == SHARD_SILENT)
		co_sleep_until(NO_DEADLINE); /* until the end of the test */
	if (h.shard_way != SHARD_TAKES) {
		close(q.socket);
		if (h.shard_way == SHARD_DIES)
			connect_ends(h.shard, h.shard_end, 2);
		else
			chan_refuse(p, ERR_BUSY, "full");
		return;
	}
	h.tls = q.tls;
	h.kind = q.service;
	h.number = q.session;
	keep(h.tag, sizeof(h.tag), q.tag);
	keep(h.client, sizeof(h.client), q.client);
	keep(h.pending, sizeof(h.pending), q.pending);
	io_open(&h.taken, q.socket);
	session_answer(p, &a);
}

static struct chan *shard_of_number(void *house, unsigned index)
{
	return index == 1 ? h.shard : NULL;
}

/* --- the house ------------------------------------------------------------------------------------- */

static const struct chan_handler keeper_handlers[] = {
	{MSG_CONNECT, co_on_connect}, {MSG_LEFT, co_on_left}, {MSG_LOGIN, co_on_login}, {0, NULL}};
static const struct chan_handler shard_handlers[] = {{MSG_SESSION, co_on_session}, {0, NULL}};

static void take_log(void *arg, enum log_level level, const char *line, size_t n)
{
	size_t at = strlen(h.log);

	if (at + n + 2 < sizeof(h.log)) {
		memcpy(h.log + at, line, n);
		h.log[at + n] = '\n';
	}
}

static void house_init(void)
{
	memset(&h, 0, sizeof(h));
	h.config = (struct smtp_config){.users = 1, .hostname = "mx.ours.test"};
	h.current = &h.config;
	h.taken.fd = -1;
	h.service.config = &h.current;
	h.desk = (struct auth_desk){.most = AUTH_DESK_MOST, .wait_ms = AUTH_DESK_WAIT_MS};
	h.service.desk = &h.desk;
	h.service.shard = shard_of_number;
	h.service.limits = imap_login_limits_default;
	h.service.limits.linger_ms = 300;
	h.service.limits.connect_ms = 1000;
}

static void open_house(void)
{
	const struct chan_rules ask = {.window = 64, .longest_ms = 120000, .fibers = &h.handlers};
	struct chan_rules answer = {.fibers = &h.handlers, .longest_ms = 120000};

	fiber_group_init(&h.handlers, 200);
	fiber_group_init(&h.mains, 1);
	fiber_group_init(&h.service.fibers, 4);
	h.desk.keeper = h.service.keeper = chan_new("keeper/0", &ask);
	h.shard = chan_new("mailbox/1", &ask);
	answer.handlers = keeper_handlers;
	h.keeper_end = chan_new("gate/0", &answer);
	answer.handlers = shard_handlers;
	h.shard_end = chan_new("gate/0", &answer);
	connect_ends(h.service.keeper, h.keeper_end, 1);
	connect_ends(h.shard, h.shard_end, 1);
}

static fiber_fn *test_fn;

static void main_fiber(void *arg)
{
	test_fn(arg);
	if (h.taken.fd >= 0)
		io_close(&h.taken);
	co_imap_logins_end(&h.service, deadline_in(1000));
	co_sleep_until(deadline_in(2));
	chan_destroy(&h.service.keeper);
	chan_destroy(&h.keeper_end);
	chan_destroy(&h.shard);
	chan_destroy(&h.shard_end);
	fiber_group_cancel(&h.handlers);
	co_group_join(&h.handlers, NO_DEADLINE);
	loop_stop();
}

static void run(fiber_fn *fn, void *arg)
{
	log_open_function(take_log, NULL, LOG_INFO);
	loop_init();
	open_house();
	test_fn = fn;
	if (fiber_start(&h.mains, main_fiber, arg) != 0)
		abort();
	loop_run();
	loop_end();
	log_close();
	pump_pool_free(&h.service.pool);
	tls_server_destroy(&h.config.tls);
	if (h.failure[0])
		fail_msg("%s", h.failure);
	assert_int_equal(h.service.pool.used, 0);
	assert_int_equal(h.config.users, 1);
	assert_int_equal(h.desk.asked, 0);
	assert_int_equal(h.came, h.left);
}

static void make_tls(void)
{
	struct buf certificate, key;
	struct err e;

	test_identity_make("mx.ours.test", &certificate, &key);
	assert_int_equal(tls_server_new(buf_str(&certificate), buf_str(&key), STR(""), &h.config.tls, &e), 0);
	buf_free(&certificate);
	buf_free(&key);
}

/* --- scripts ----------------------------------------------------------------------------------------- */

static void go_wrong(const char *want, struct str got, int code)
{
	if (!h.failure[0])
		snprintf(h.failure, sizeof(h.failure), "want \"%s\", got \"%.*s\" (%d)", want,
			 STR_ARG(str_head(got, 300)), code);
}

static void connect_client(struct stream *client, const struct doorway_kind *kind, const char *ip)
{
	struct sockaddr_in peer = {.sin_family = AF_INET};
	int fds[2];

	if (inet_pton(AF_INET, ip, &peer.sin_addr) != 1 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0 ||
	    kind->begin(&h.service, fds[0], (struct sockaddr *)&peer) != 0)
		abort();
	stream_open(client, fds[1]);
}

static void co_send(struct stream *client, struct str bytes)
{
	size_t step = h.byte_by_byte ? 1 : bytes.n;

	for (; bytes.n > 0; bytes = str_skip(bytes, step)) {
		co_stream_put(client, str_head(bytes, step), deadline_in(WAIT_MS));
		co_stream_flush(client, deadline_in(WAIT_MS));
		if (h.byte_by_byte)
			co_yield ();
	}
}

/* A line of the server; "*" at the end of the pattern stands for anything. */
static void co_hear(struct stream *client, const char *pattern)
{
	struct str line = {NULL, 0}, want = str_of(pattern);
	int code = co_stream_line(client, 4096, deadline_in(WAIT_MS), &line);
	bool open = str_ends(want, STR("*"));

	line = str_trim_line(line);
	want.n -= open;
	if (code || !(open ? str_starts(line, want) : str_eq(line, want)))
		go_wrong(pattern, line, code);
}

static void co_hear_end(struct stream *client)
{
	int code = stream_pending(client).n ? 0 : co_stream_fill(client, deadline_in(WAIT_MS));

	if (code != ERR_CLOSED)
		go_wrong("the end", stream_pending(client), code);
}

/* "C text" sends a line, "R text" the bytes with \r \n \0 as escapes, "S pattern" hears one,
 * "E" its end. */
static void co_play(struct stream *client, const char *lines)
{
	for (struct str rest = str_of(lines); rest.n > 0 && !h.failure[0];) {
		struct str line = str_cut(&rest, '\n'), text = str_skip(line, 2);
		char bytes[2000];
		size_t n = 0;

		for (size_t i = 0; i < text.n; i++)
			if (line.p[0] == 'R' && text.p[i] == '\\' && i + 1 < text.n) {
				i++;
				bytes[n++] = text.p[i] == 'r' ? '\r' : text.p[i] == 'n' ? '\n' : '\0';
			} else
				bytes[n++] = text.p[i];
		bytes[n] = 0;
		if (line.p[0] == 'C') {
			bytes[n++] = '\r';
			bytes[n++] = '\n';
		}
		if (line.p[0] == 'S')
			co_hear(client, bytes);
		else if (line.p[0] == 'E')
			co_hear_end(client);
		else
			co_send(client, (struct str){bytes, n});
	}
}

struct script {
	const char *ip, *lines;
};

static void play_fiber(void *arg)
{
	const struct script *script = arg;
	struct stream client;

	connect_client(&client, &imap_doorway, script->ip);
	co_play(&client, script->lines);
	stream_close(&client);
	while (h.service.fibers.count > 0)
		co_sleep_until(deadline_in(1));
	co_sleep_until(deadline_in(2));
}

static void play_from(const char *ip, const char *lines)
{
	struct script script = {ip, lines};

	run(play_fiber, &script);
}

#define GREETING "S * OK [CAPABILITY IMAP4rev1 SASL-IR ID LITERAL+ AUTH=PLAIN AUTH=LOGIN] Mailstead ready.\n"
#define NO "NO [AUTHENTICATIONFAILED] Authentication failed.\n"

/* --- commands ------------------------------------------------------------------------------------------ */

static const char *const dialogues[] = {
	GREETING
	"C a CAPABILITY\nS * CAPABILITY IMAP4rev1 SASL-IR ID LITERAL+ AUTH=PLAIN AUTH=LOGIN\n"
	"S a OK Capability completed.\nC b noop\nS b OK NOOP completed.\n"
	"C c ID (\"name\" \"x\")\nS * ID (\"name\" \"Mailstead\")\nS c OK ID completed.\n"
	"C d ID NIL\nS * ID *\nS d OK*\nC e LOGOUT\nS * BYE Logging out\nS e OK Logout completed.\nE\n",
	/* wrong ones, and those for later */
	GREETING "C a SELECT INBOX\nS a BAD SELECT is not possible before the login.\n"
		 "C b FROBNICATE\nS b BAD *\nC\nS * BAD *\nC c LOGIN ann@d.test\nS c BAD Expected *\n"
		 "C d STARTTLS\nS d BAD TLS is not available.\nC e IDLE\nS e BAD *\nC f NOOP x\nS f BAD *\n"
		 "C g UID FETCH 1 (\nS g BAD *\nC h AUTHENTICATE GSSAPI\nS h NO [CANNOT]*\n"
		 "R i NOOP\\0\\r\\n\nS i BAD *\nS * BYE Too many invalid commands.\nE\n",
	/* logins that fail, in every form */
	GREETING "C a LOGIN ann@d.test wrong\nS a " NO "C b LOGIN \"ann@d.test\" \"wrong\"\nS b " NO
		 "C c LOGIN {10}\nS + OK\nC ann@d.test {5}\nS + OK\nC wrong\nS c " NO
		 "C d LOGIN {10+}\nC ann@d.test {5+}\nC wrong\nS d " NO
		 "C e LOGIN busy@d.test x\nS e NO [UNAVAILABLE] Temporary authentication failure.\n"
		 "C f LOGOUT\nS *\nS f OK*\nE\n",
	/* literals above the limit, of both kinds */
	GREETING "C a LOGIN {1025}\nS a BAD [TOOBIG]*\nC b NOOP\nS b OK*\n"
		 "C c LOGIN {3+}\nC abc {99999999999999999999+}\nS * BYE*\nE\n",
	/* AUTHENTICATE: \0ann@d.test\0wrong */
	GREETING "C a AUTHENTICATE PLAIN AGFubkBkLnRlc3QAd3Jvbmc=\nS a " NO
		 "C b authenticate plain\nS +\nC AGFubkBkLnRlc3QAd3Jvbmc=\nS b " NO
		 "C c AUTHENTICATE PLAIN\nS +\nC *\nS c BAD Authentication aborted by client.\n"
		 "C d AUTHENTICATE PLAIN =\nS d " NO
		 "C e AUTHENTICATE PLAIN AGFub\nS e BAD Invalid base64 data.\n"
		 "C f AUTHENTICATE PLAIN\nS +\nC !!\nS f BAD Invalid base64 data.\n"
		 "C g NOOP\nS g OK*\nC h LOGOUT\nS *\nS h*\nE\n",
	GREETING
	"C a AUTHENTICATE LOGIN\nS + VXNlcm5hbWU6\nC YW5uQGQudGVzdA==\nS + UGFzc3dvcmQ6\nC d3Jvbmc=\nS a " NO
	"C b AUTHENTICATE LOGIN YW5uQGQudGVzdA==\nS + UGFzc3dvcmQ6\nC *\nS b BAD *\n"
	"C c AUTHENTICATE LOGIN\nS + VXNlcm5hbWU6\nC *\nS c BAD *\n"
	/* what looks like a literal is none here, and a NUL is a fault */
	"C d AUTHENTICATE LOGIN\nS + *\nC abc{3}\nS d BAD *\n"
	"C e AUTHENTICATE LOGIN\nS + *\nR a\\0b\\r\\n\nS e BAD *\nC f NOOP\nS f OK*\n"
	"C h LOGOUT\nS *\nS h*\nE\n",
	/* a lone LF is a line end; the client goes without a word */
	GREETING "R a NOOP\\n\nS a OK*\nR b NOO\n",
};

static void every_command_has_its_answer(void **state)
{
	for (int bytes = 0; bytes < 2; bytes++)
		for (size_t i = 0; i < sizeof(dialogues) / sizeof(dialogues[0]); i++) {
			house_init();
			h.byte_by_byte = bytes;
			play_from("127.0.0.1", dialogues[i]);
		}
}

static void passwords_need_tls(void **state)
{
	house_init();
	play_from("192.0.2.7",
		  "S * OK [CAPABILITY IMAP4rev1 SASL-IR ID LITERAL+ LOGINDISABLED] Mailstead ready.\n"
		  "C a LOGIN ann@d.test \"se cret\"\nS * BAD [ALERT]*\nS a NO [PRIVACYREQUIRED]*\n"
		  "C b AUTHENTICATE PLAIN\nS * BAD [ALERT]*\nS b NO [PRIVACYREQUIRED]*\n"
		  "C c LOGOUT\nS *\nS c OK*\nE\n");
	assert_int_equal(h.logins, 0);
	assert_non_null(strstr(h.log, "imap-login: Disconnected: Aborted login by logging out (tried to use "
				      "disallowed plaintext auth): rip=192.0.2.7, lip=local\n"));
}

static void failures_are_logged(void **state)
{
	house_init();
	play_from("127.0.0.1", GREETING "C a LOGIN a\\ wrong\nS a BAD*\nC a LOGIN \"a b\" wrong\nS a " NO
					"C b AUTHENTICATE PLAIN AGFubkBkLnRlc3QAd3Jvbmc=\nS b " NO);
	assert_non_null(
		strstr(h.log, "imap-login: Disconnected: Connection closed (auth failed, 2 attempts in 0 "
			      "secs): user=<ann@d.test>, method=PLAIN, rip=127.0.0.1, lip=local, secured\n"));
	assert_null(strstr(h.log, "wrong"));
}

/* --- limits ------------------------------------------------------------------------------------------------ */

static void silence_ends(void **state)
{
	house_init();
	h.service.limits.idle_ms = 30;
	play_from("127.0.0.1", GREETING "R a NOO\nS * BYE Disconnected for inactivity.\nE\n");
	assert_non_null(
		strstr(h.log, "Disconnected: Inactivity (no auth attempts in 0 secs): rip=127.0.0.1"));
	house_init();
	h.service.limits.idle_ms = 30;
	play_from("127.0.0.1",
		  GREETING "C a AUTHENTICATE PLAIN\nS +\nS * BYE Disconnected for inactivity.\nE\n");
}

static void long_lines_fiber(void *arg)
{
	static char line[20000];
	struct stream client;

	memset(line, 'x', sizeof(line));
	memcpy(line, "a ", 2);
	connect_client(&client, &imap_doorway, "127.0.0.1");
	co_play(&client, GREETING);
	co_send(&client, (struct str){line, sizeof(line)});
	co_play(&client, "S a BAD *\nC \nC b NOOP\nS b OK*\n");
	/* One without an end. */
	for (int i = 0; i < 5; i++)
		co_send(&client, (struct str){line, sizeof(line)});
	co_play(&client, "S a BAD *\nS * BYE The command is too long.\nE\n");
	stream_close(&client);
}

static void long_lines_are_refused(void **state)
{
	house_init();
	run(long_lines_fiber, NULL);
}

static void crowd_fiber(void *arg)
{
	struct stream clients[4], last;
	char line[200];

	for (int i = 0; i < 4; i++)
		connect_client(&clients[i], &imap_doorway, "127.0.0.1");
	struct sockaddr_in peer = {.sin_family = AF_INET};
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		abort();
	if (imap_doorway.begin(&h.service, fds[0], (struct sockaddr *)&peer) != ERR_BUSY)
		go_wrong("busy", STR(""), 0);
	imap_doorway.refuse(&h.service, line, sizeof(line));
	if (strcmp(line, "* BYE Too many connections.\r\n") != 0)
		go_wrong("BYE", str_of(line), 0);
	close(fds[0]);
	close(fds[1]);
	stream_close(&clients[3]);
	while (h.service.fibers.count > 3)
		co_sleep_until(deadline_in(1));
	h.full = true;
	connect_client(&last, &imap_doorway, "192.0.2.9");
	co_play(&last, "S * BYE Too many connections from 192.0.2.9.\nE\n");
	stream_close(&last);
	/* Logins that are under way have a ceiling of their own. */
	h.desk.most = 1;
	h.login_ms = 30;
	for (int i = 0; i < 2; i++)
		co_play(&clients[i], GREETING);
	co_play(&clients[0], "C a LOGIN x@d.test y\n");
	while (h.logins == 0)
		co_sleep_until(deadline_in(1));
	co_play(&clients[1], "C a LOGIN x@d.test y\nS a NO [UNAVAILABLE]*\n");
	co_play(&clients[0], "S a " NO);
	/* At the end everybody hears why. */
	fiber_group_cancel(&h.service.fibers);
	for (int i = 0; i < 2; i++)
		co_play(&clients[i], "S * BYE Server shutting down.\nE\n");
	co_play(&clients[2], GREETING "S * BYE Server shutting down.\nE\n");
	for (int i = 0; i < 3; i++)
		stream_close(&clients[i]);
}

static void there_is_an_end_to_everything(void **state)
{
	house_init();
	run(crowd_fiber, NULL);
}

/* --- into the shard ------------------------------------------------------------------------------------------ */

static void check_taken(const char *tag, const char *pending, enum service kind, bool tls)
{
	if (strcmp(h.tag, tag) != 0 || strcmp(h.pending, pending) != 0 || h.kind != kind || h.tls != tls ||
	    h.number != SESSION)
		go_wrong(pending, str_of(h.pending), h.kind);
}

static void co_shard_says(const char *text)
{
	if (co_write(&h.taken, str_of(text), deadline_in(WAIT_MS)) != 0)
		go_wrong(text, STR(""), 0);
}

static void co_shard_hears(const char *want)
{
	char text[200] = "";
	size_t n = 0;

	while (n < strlen(want)) {
		int got = co_read(&h.taken, text + n, sizeof(text) - 1 - n, deadline_in(WAIT_MS));

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	if (strcmp(text, want) != 0)
		go_wrong(want, str_of(text), 0);
}

static void co_until_taken(unsigned count)
{
	int64_t deadline = deadline_in(WAIT_MS);

	while ((h.sessions < count || h.taken.fd < 0) && clock_ms() < deadline)
		co_sleep_until(deadline_in(1));
}

static const struct {
	const char *lines, *tag, *pending;
} ways[] = {
	{"C a1 LOGIN ann@d.test \"se cret\"\n", "a1", ""},
	{"R a2 LOGIN ann@d.test {7}\\r\\n\nS + OK\nR se cret\\r\\nb SELECT INBOX\\r\\nc ID\n", "a2",
	 "b SELECT INBOX\r\nc ID"},
	{"R a3 LOGIN {10+}\\r\\nann@d.test {7+}\\r\\na\\r\\nb{3}\\r\\n\n", "a3", ""},
	{"R a4 AUTHENTICATE PLAIN AGFubkBkLnRlc3QAc2UgY3JldA==\\r\\nb NOOP\\r\\n\n", "a4", "b NOOP\r\n"},
	{"C a5 AUTHENTICATE PLAIN\nS +\nC AGFubkBkLnRlc3QAc2UgY3JldA==\n", "a5", ""},
	{"C a6 AUTHENTICATE LOGIN\nS + *\nC YW5uQGQudGVzdA==\nS + *\nC c2UgY3JldA==\n", "a6", ""},
};

static void plain_fiber(void *arg)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct stream client;

		h.sessions = 0;
		connect_client(&client, &imap_doorway, "127.0.0.1");
		co_play(&client, GREETING);
		co_play(&client, ways[i].lines);
		co_until_taken(1);
		check_taken(ways[i].tag, ways[i].pending, SERVICE_IMAP, false);
		/* The socket itself went along: gate has nothing to do with it any more. */
		while (h.service.fibers.count > 0)
			co_sleep_until(deadline_in(1));
		co_shard_says("x OK [CAPABILITY] Logged in\r\n");
		co_play(&client, "S x OK [CAPABILITY] Logged in\nC y NOOP\n");
		co_shard_hears("y NOOP\r\n");
		io_close(&h.taken);
		co_play(&client, "E\n");
		stream_close(&client);
	}
}

static void a_session_goes_to_its_shard(void **state)
{
	house_init();
	run(plain_fiber, NULL);
	assert_non_null(
		strstr(h.log, "imap-login: Login: user=<ann@d.test>, method=PLAIN, rip=127.0.0.1, lip=local, "
			      "secured, session=<1122334455667788>\n"));
	assert_null(strstr(h.log, "se cret"));
	assert_null(strstr(h.log, "Disconnected"));
}

#define GOOD "C a LOGIN ann@d.test \"se cret\"\n"

static void refusal_fiber(void *arg)
{
	struct stream client;

	connect_client(&client, &imap_doorway, "127.0.0.1");
	h.shard_way = SHARD_REFUSES;
	co_play(&client, GREETING GOOD "S a NO [UNAVAILABLE]*\nC b NOOP\nS b OK*\n");
	/* What came behind the command is still there. */
	co_play(&client,
		"R a LOGIN ann@d.test \"se cret\"\\r\\nc NOOP\\r\\n\nS a NO [UNAVAILABLE]*\nS c OK*\n");
	h.shard_way = SHARD_DIES;
	co_play(&client, GOOD "S * BYE *\nE\n");
	stream_close(&client);
	/* It may have the session: gate holds its tongue. */
	h.shard_way = SHARD_SILENT;
	h.service.limits.session_ms = 20;
	connect_client(&client, &imap_doorway, "127.0.0.1");
	co_play(&client, GREETING GOOD);
	while (h.sessions < 4 || h.service.fibers.count > 0)
		co_sleep_until(deadline_in(1));
	if (co_stream_fill(&client, deadline_in(5)) != ERR_TIMEOUT)
		go_wrong("silence", stream_pending(&client), 0);
	stream_close(&client);
}

static void a_refused_session_stays(void **state)
{
	house_init();
	run(refusal_fiber, NULL);
	assert_int_equal(h.sessions, 4);
}

/* --- TLS --------------------------------------------------------------------------------------------------------- */

static void co_encrypt(struct stream *client)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct err e = {0};

	if (co_stream_tls_connect(client, ctx, "mx.ours.test", deadline_in(WAIT_MS), &e) != 0)
		go_wrong("TLS", str_of(e.text), 0);
	SSL_CTX_free(ctx);
}

#define TLS_CAPABILITIES "IMAP4rev1 SASL-IR ID LITERAL+ AUTH=PLAIN AUTH=LOGIN"

static void starttls_fiber(void *arg)
{
	struct stream client;

	connect_client(&client, &imap_doorway, "192.0.2.7");
	co_play(&client,
		"S * OK [CAPABILITY IMAP4rev1 SASL-IR ID LITERAL+ STARTTLS LOGINDISABLED] Mailstead ready.\n"
		/* What is sent along in the clear is never answered. */
		"R s STARTTLS\\r\\nx LOGIN ann@d.test {7+}\\r\\nse \n"
		"S s OK Begin TLS negotiation now.\n");
	co_encrypt(&client);
	co_play(&client, "C a CAPABILITY\nS * CAPABILITY " TLS_CAPABILITIES "\nS a OK*\n"
			 "C b STARTTLS\nS b BAD TLS is already active.\n"
			 "R c LOGIN ann@d.test \"se cret\"\\r\\nd NOOP\\r\\n\n");
	co_until_taken(1);
	check_taken("c", "d NOOP\r\n", SERVICE_IMAP, true);
	co_shard_says("c OK Logged in\r\n");
	co_play(&client, "S c OK Logged in\nC e IDLE\n");
	co_shard_hears("e IDLE\r\n");
	/* The session is the pump's: no buffer while nobody speaks. */
	co_sleep_until(deadline_in(5));
	if (h.service.pool.used != 0)
		go_wrong("no buffers", STR(""), (int)h.service.pool.used);
	co_shard_says("* BYE Logging out\r\n");
	io_close(&h.taken);
	co_play(&client, "S * BYE Logging out\nE\n");
	stream_close(&client);
}

static void tls_sessions_are_carried(void **state)
{
	house_init();
	make_tls();
	run(starttls_fiber, NULL);
	assert_int_equal(h.logins, 1);
	assert_non_null(strstr(h.log, "rip=192.0.2.7, lip=local, TLS, session=<"));
}

static void imaps_fiber(void *arg)
{
	struct stream client;

	for (int way = 0; way < 3; way++) {
		connect_client(&client, &imaps_doorway, "192.0.2.7");
		co_encrypt(&client);
		co_play(&client, "S * OK [CAPABILITY " TLS_CAPABILITIES "] Mailstead ready.\n" GOOD);
		co_until_taken((unsigned)way + 1);
		check_taken("a", "", SERVICE_IMAPS, true);
		co_shard_says("a OK\r\n");
		co_play(&client, "S a OK\n");
		if (way == 0) {
			/* The shard dies: gate says so. */
			connect_ends(h.shard, h.shard_end, 2);
			io_close(&h.taken);
			co_play(&client, "S * BYE Internal error, please connect again.\nE\n");
		} else if (way == 1) {
			/* The client ends without a word. */
			stream_tls_end(&client);
			char c;

			if (co_read(&h.taken, &c, 1, deadline_in(WAIT_MS)) != ERR_CLOSED)
				go_wrong("the client's end", STR(""), 0);
			io_close(&h.taken);
		} else {
			fiber_group_cancel(&h.service.fibers);
			co_play(&client, "S * BYE Server shutting down.\nE\n");
			io_close(&h.taken);
		}
		stream_close(&client);
	}
	/* No TLS at all on that port. */
	connect_client(&client, &imaps_doorway, "192.0.2.7");
	co_send(&client, STR("a LOGIN ann@d.test x\r\n"));
	while (h.service.fibers.count > 0)
		co_sleep_until(deadline_in(1));
	stream_close(&client);
}

static void imaps_begins_with_tls(void **state)
{
	house_init();
	make_tls();
	run(imaps_fiber, NULL);
	assert_non_null(strstr(h.log, "imap-login: SSL_accept error from [192.0.2.7]: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_has_its_answer),
		cmocka_unit_test(passwords_need_tls),
		cmocka_unit_test(failures_are_logged),
		cmocka_unit_test(silence_ends),
		cmocka_unit_test(long_lines_are_refused),
		cmocka_unit_test(there_is_an_end_to_everything),
		cmocka_unit_test(a_session_goes_to_its_shard),
		cmocka_unit_test(a_refused_session_stays),
		cmocka_unit_test(tls_sessions_are_carried),
		cmocka_unit_test(imaps_begins_with_tls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
