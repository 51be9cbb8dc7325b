/* SPDX-License-Identifier: Apache-2.0 */
/* Sends letters by SMTP, many sessions at once, and waits until IMAP shows the last of them. */
/*
 *   load HOST SMTP_PORT IMAP_PORT USERS LETTERS SESSIONS BYTES kept|each
 *
 * The letters go to u0@example.test, u1@example.test and so on in turn, all with the password "pw".  Before the
 * first one it is logged in as every user and asks what the INBOX holds; when all are accepted it asks user by
 * user until each INBOX holds its share more.  "each" takes a connection for each letter.  Knows nothing of the
 * server; prints, both counted from the first connection:
 *
 *   accepted SECONDS     until the last letter had its 250
 *   visible SECONDS      until an IMAP client saw the last letter
 *
 * What goes wrong ends it with a sentence and status 1.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX 1024
#define PATIENCE 300 /* seconds for a reply, and for the last letter */

struct connection {
	int fd;
	size_t read, filled;
	char in[8192];
	char line[WORDS_MAX]; /* the last one, without its end */
};

struct load {
	const char *host;
	int smtp_port, imap_port, users, letters, sessions;
	bool each;
	char *letter;
	size_t letter_n;
	atomic_int next;
};

static __attribute__((format(printf, 1, 2), noreturn)) void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* --- lines ------------------------------------------------------------------------------------- */

static void dial(struct connection *c, const char *host, int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct timeval limit = {.tv_sec = PATIENCE};
	int one = 1;

	c->read = c->filled = 0;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || inet_pton(AF_INET, host, &to.sin_addr) != 1)
		die("no socket to %s", host);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		die("cannot connect to %s port %d: %s", host, port, strerrorname_np(errno));
}

static void put(struct connection *c, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(c->fd, bytes, n, MSG_NOSIGNAL);

		if (sent <= 0)
			die("the server closed after: %s", c->line);
		bytes += sent;
		n -= (size_t)sent;
	}
}

static __attribute__((format(printf, 2, 3))) void say(struct connection *c, const char *format, ...)
{
	char words[WORDS_MAX];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(words))
		die("too many words at once");
	put(c, words, (size_t)n);
}

static void hear(struct connection *c)
{
	size_t n = 0;

	for (;;) {
		if (c->read == c->filled) {
			ssize_t got = recv(c->fd, c->in, sizeof(c->in), 0);

			if (got <= 0)
				die("the server closed, or said nothing for %d s, after: %s", PATIENCE,
				    c->line);
			c->read = 0;
			c->filled = (size_t)got;
		}
		char byte = c->in[c->read++];

		if (byte == '\n')
			break;
		if (byte != '\r' && n + 1 < sizeof(c->line))
			c->line[n++] = byte;
	}
	c->line[n] = 0;
}

/* --- SMTP -------------------------------------------------------------------------------------- */

static void expect(struct connection *c, const char *code)
{
	do
		hear(c);
	while (strlen(c->line) > 3 && c->line[3] == '-');
	if (strncmp(c->line, code, 3) != 0)
		die("not %s but: %s", code, c->line);
}

/* Envelope and DATA in one go, as PIPELINING allows. */
static void send_letter(struct connection *c, const struct load *l, int number)
{
	say(c, "MAIL FROM:<s@far.test>\r\nRCPT TO:<u%d@example.test>\r\nDATA\r\n", number % l->users);
	expect(c, "250");
	expect(c, "250");
	expect(c, "354");
	put(c, l->letter, l->letter_n);
	expect(c, "250");
}

static void greet(struct connection *c, const struct load *l)
{
	dial(c, l->host, l->smtp_port);
	expect(c, "220");
	say(c, "EHLO load.test\r\n");
	expect(c, "250");
}

static void quit(struct connection *c)
{
	say(c, "QUIT\r\n");
	expect(c, "221");
	close(c->fd);
}

static void *session(void *arg)
{
	struct load *l = arg;
	struct connection c = {.fd = -1};
	bool open = false;
	int number;

	while ((number = atomic_fetch_add(&l->next, 1)) < l->letters) {
		if (!open)
			greet(&c, l);
		send_letter(&c, l, number);
		open = !l->each;
		if (!open)
			quit(&c);
	}
	if (open)
		quit(&c);
	return NULL;
}

static void send_all(struct load *l)
{
	pthread_t *threads = calloc((size_t)l->sessions, sizeof(*threads));

	if (!threads)
		die("no memory");
	for (int i = 0; i < l->sessions; i++)
		if (pthread_create(&threads[i], NULL, session, l) != 0)
			die("no thread");
	for (int i = 0; i < l->sessions; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

/* --- IMAP -------------------------------------------------------------------------------------- */

/* Reads to the tagged answer; the number behind "MESSAGES " on the way, -1 when there was none. */
static long answer(struct connection *c)
{
	long messages = -1;

	for (;;) {
		hear(c);
		const char *at = strncmp(c->line, "* STATUS ", 9) == 0 ? strstr(c->line, "(MESSAGES ") : NULL;

		if (at)
			messages = strtol(at + 10, NULL, 10);
		if (strncmp(c->line, "x ", 2) == 0)
			break;
	}
	if (strncmp(c->line, "x OK", 4) != 0)
		die("not OK but: %s", c->line);
	return messages;
}

static void log_in(struct connection *c, const struct load *l, int user)
{
	dial(c, l->host, l->imap_port);
	hear(c);
	say(c, "x LOGIN u%d@example.test pw\r\n", user);
	answer(c);
}

static long messages(struct connection *c)
{
	say(c, "x STATUS INBOX (MESSAGES)\r\n");
	return answer(c);
}

static void wait_for(struct connection *c, long count)
{
	double deadline = now() + PATIENCE;
	long found;

	while ((found = messages(c)) != count) {
		if (found > count || now() > deadline)
			die("an INBOX holds %ld letters, not %ld", found, count);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
}

/* --- both -------------------------------------------------------------------------------------- */

static void write_letter(struct load *l, size_t size)
{
	static const char head[] = "From: <s@far.test>\r\nTo: <u@example.test>\r\nSubject: lunch\r\n"
				   "Date: Sun, 22 Nov 2026 12:00:00 +0000\r\nMessage-ID: <lunch@far.test>\r\n"
				   "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
	static const char text[] =
		"A line of an ordinary letter, which says nothing and takes its place.\r\n";

	l->letter = malloc(size + sizeof(head) + sizeof(text) + 4);
	if (!l->letter)
		die("no memory");
	l->letter_n = sizeof(head) - 1;
	memcpy(l->letter, head, l->letter_n);
	while (l->letter_n + sizeof(text) - 1 <= size) {
		memcpy(l->letter + l->letter_n, text, sizeof(text) - 1);
		l->letter_n += sizeof(text) - 1;
	}
	memcpy(l->letter + l->letter_n, ".\r\n", 3);
	l->letter_n += 3;
}

static int number(const char *word)
{
	char *end;
	long n = strtol(word, &end, 10);

	if (*end || n < 1 || n > 10000000)
		die("%s is no number", word);
	return (int)n;
}

int main(int argc, char **argv)
{
	if (argc != 9)
		die("load HOST SMTP_PORT IMAP_PORT USERS LETTERS SESSIONS BYTES kept|each");
	struct load l = {.host = argv[1],
			 .smtp_port = number(argv[2]),
			 .imap_port = number(argv[3]),
			 .users = number(argv[4]),
			 .letters = number(argv[5]),
			 .sessions = number(argv[6]),
			 .each = strcmp(argv[8], "each") == 0};
	struct connection *readers = calloc((size_t)l.users, sizeof(*readers));
	long *held = calloc((size_t)l.users, sizeof(*held));

	if (!readers || !held)
		die("no memory");
	write_letter(&l, (size_t)number(argv[7]));
	for (int i = 0; i < l.users; i++) {
		log_in(&readers[i], &l, i);
		held[i] = messages(&readers[i]);
	}
	double begun = now();

	send_all(&l);
	printf("accepted %.3f\n", now() - begun);
	for (int i = 0; i < l.users; i++)
		wait_for(&readers[i], held[i] + (l.letters + l.users - 1 - i) / l.users);
	printf("visible %.3f\n", now() - begun);
	for (int i = 0; i < l.users; i++)
		close(readers[i].fd);
	free(readers);
	free(held);
	free(l.letter);
	return 0;
}
