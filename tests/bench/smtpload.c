/* SPDX-License-Identifier: Apache-2.0 */
/* smtpload: an SMTP load client in one file (blocking sockets, one thread a session).
 *
 *   smtpload [-h host] [-p port] [-n messages] [-c sessions] [-k messages a connection, 0 = all]
 *            [-s bytes] [-r recipients a message] [-U users] [-u rcptfmt] [-f sender]
 *            [-S starttls | -T tls from the start] [-A authuserfmt -w password] [-P no pipelining]
 *
 * Recipients are dealt round robin over the users: the j-th delivery goes to user j mod users.
 * Results: "name value unit" lines on stdout.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char *host = "127.0.0.1", *rcptfmt = "u%d@example.test", *sender = "alice@sender.test", *authfmt,
		  *pass = "pw";
static int port = 2525, sessions = 20, perconn = 1, rcpts = 1, users = 100, starttls, tls, nopipe;
static long count = 1000, size_ = 4096;
static long taken, ok, conns_, errs;
static char *msg;
static size_t msglen;
static SSL_CTX *ctx;
static float *lat;
static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

struct c {
	int fd, pipe;
	SSL *ssl;
	char ib[8192];
	size_t n, o;
};
static int wr(struct c *c, const char *p, size_t n)
{
	while (n) {
		ssize_t k = c->ssl ? SSL_write(c->ssl, p, (int)n) : send(c->fd, p, n, MSG_NOSIGNAL);
		if (k <= 0)
			return -1;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}
static int line(struct c *c, char *b, size_t cap)
{
	size_t l = 0;
	for (;;) {
		while (c->o < c->n) {
			char ch = c->ib[c->o++];
			if (ch == '\n') {
				b[l < cap ? l : cap - 1] = 0;
				return (int)l;
			}
			if (l < cap - 1)
				b[l++] = ch;
		}
		ssize_t k =
			c->ssl ? SSL_read(c->ssl, c->ib, sizeof c->ib) : recv(c->fd, c->ib, sizeof c->ib, 0);
		if (k <= 0)
			return -1;
		c->o = 0;
		c->n = (size_t)k;
	}
}
static int reply(struct c *c)
{ /* final code of one reply */
	char b[1024];
	do {
		if (line(c, b, sizeof b) < 3)
			return -1;
		if (!strncmp(b + 4, "PIPELINING", 10))
			c->pipe = 1;
	} while (b[3] == '-');
	int code = atoi(b);
	if (code >= 400 && __atomic_add_fetch(&errs, 1, __ATOMIC_RELAXED) < 5)
		fprintf(stderr, "reply: %s\n", b);
	return code;
}
static int say(struct c *c, const char *s)
{
	if (wr(c, s, strlen(s)) < 0)
		return -1;
	return reply(c);
}
static void b64(const unsigned char *p, size_t n, char *o)
{
	EVP_EncodeBlock((unsigned char *)o, p, (int)n);
}
static int dial(struct c *c, long id)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
	inet_pton(AF_INET, host, &sa.sin_addr);
	memset(c, 0, sizeof *c);
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	int one = 1;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(c->fd, (struct sockaddr *)&sa, sizeof sa) < 0)
		return -1;
	if (tls) {
		c->ssl = SSL_new(ctx);
		SSL_set_fd(c->ssl, c->fd);
		if (SSL_connect(c->ssl) != 1)
			return -1;
	}
	if (reply(c) != 220 || say(c, "EHLO load.sender.test\r\n") != 250)
		return -1;
	if (starttls) {
		if (say(c, "STARTTLS\r\n") != 220)
			return -1;
		c->ssl = SSL_new(ctx);
		SSL_set_fd(c->ssl, c->fd);
		if (SSL_connect(c->ssl) != 1)
			return -1;
		if (say(c, "EHLO load.sender.test\r\n") != 250)
			return -1;
	}
	if (authfmt) {
		char u[128], raw[256], e[512], l[600];
		snprintf(u, sizeof u, authfmt, (int)(id % users));
		int n = snprintf(raw, sizeof raw, "%c%s%c%s", 0, u, 0, pass);
		b64((unsigned char *)raw, (size_t)n, e);
		snprintf(l, sizeof l, "AUTH PLAIN %s\r\n", e);
		if (say(c, l) != 235)
			return -1;
	}
	return 0;
}
static void hang(struct c *c)
{
	if (c->ssl)
		SSL_free(c->ssl);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->ssl = NULL;
}
static int one(struct c *c, long m)
{
	char b[256 * 70];
	size_t l;
	int bad = 0;
	l = (size_t)snprintf(b, sizeof b, "MAIL FROM:<%s>\r\n", sender);
	int lock = nopipe || !c->pipe;
	if (lock) {
		if (say(c, b) != 250)
			return -1;
		l = 0;
	}
	for (int j = 0; j < rcpts; j++) {
		char u[128];
		snprintf(u, sizeof u, rcptfmt, (int)((m * rcpts + j) % users));
		l += (size_t)snprintf(b + l, sizeof b - l, "RCPT TO:<%s>\r\n", u);
		if (lock) {
			if (say(c, b) != 250)
				bad = 1;
			l = 0;
		}
	}
	l += (size_t)snprintf(b + l, sizeof b - l, "DATA\r\n");
	if (wr(c, b, l) < 0)
		return -1;
	if (!lock) {
		int r = reply(c);
		if (r != 250) {
			if (r < 0)
				return -1;
			bad = 1;
		}
		for (int j = 0; j < rcpts; j++) {
			r = reply(c);
			if (r < 0)
				return -1;
			if (r != 250)
				bad = 1;
		}
	}
	if (reply(c) != 354)
		return -1;
	if (wr(c, msg, msglen) < 0)
		return -1;
	if (reply(c) != 250)
		return -1;
	return bad ? -1 : 0;
}
static void *run(void *a)
{
	(void)a;
	struct c c = {.fd = -1};
	int left = 0;
	for (;;) {
		long m = __atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED);
		if (m >= count)
			break;
		double t = now();
		if (c.fd < 0) {
			if (dial(&c, m) < 0) {
				__atomic_add_fetch(&errs, 1, __ATOMIC_RELAXED);
				hang(&c);
				continue;
			}
			__atomic_add_fetch(&conns_, 1, __ATOMIC_RELAXED);
			left = perconn;
		}
		if (one(&c, m) < 0) {
			__atomic_add_fetch(&errs, 1, __ATOMIC_RELAXED);
			hang(&c);
			continue;
		}
		__atomic_add_fetch(&ok, 1, __ATOMIC_RELAXED);
		if (perconn && --left == 0) {
			say(&c, "QUIT\r\n");
			hang(&c);
		}
		lat[m] = (float)(now() - t);
	}
	if (c.fd >= 0) {
		say(&c, "QUIT\r\n");
		hang(&c);
	}
	return NULL;
}
static int fcmp(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return x < y ? -1 : x > y;
}
int main(int ac, char **av)
{
	int o;
	while ((o = getopt(ac, av, "h:p:n:c:k:s:r:U:u:f:STA:w:P")) != -1)
		switch (o) {
		case 'h':
			host = optarg;
			break;
		case 'p':
			port = atoi(optarg);
			break;
		case 'n':
			count = atol(optarg);
			break;
		case 'c':
			sessions = atoi(optarg);
			break;
		case 'k':
			perconn = atoi(optarg);
			break;
		case 's':
			size_ = atol(optarg);
			break;
		case 'r':
			rcpts = atoi(optarg);
			break;
		case 'U':
			users = atoi(optarg);
			break;
		case 'u':
			rcptfmt = optarg;
			break;
		case 'f':
			sender = optarg;
			break;
		case 'S':
			starttls = 1;
			break;
		case 'T':
			tls = 1;
			break;
		case 'A':
			authfmt = optarg;
			break;
		case 'w':
			pass = optarg;
			break;
		case 'P':
			nopipe = 1;
			break;
		default:
			return 2;
		}
	if (rcpts > 200)
		rcpts = 200;
	signal(SIGPIPE, SIG_IGN);
	if (tls || starttls) {
		ctx = SSL_CTX_new(TLS_client_method());
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	}
	msg = malloc((size_t)size_ + 1024);
	size_t l = (size_t)sprintf(msg,
				   "From: Alice Example <alice@sender.test>\r\nTo: Bob "
				   "<bob@example.test>\r\nSubject: benchmark message about lunch\r\n"
				   "Date: Sun, 22 Nov 2026 03:39:07 +0000\r\nMessage-ID: "
				   "<bench.%d@sender.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; "
				   "charset=utf-8\r\n\r\n",
				   (int)getpid());
	while ((long)l + 78 <= size_) {
		memset(msg + l, 'a' + (int)((l / 78) % 26), 76);
		for (int k = 6; k < 76; k += 7)
			msg[l + k] = ' ';
		memcpy(msg + l + 76, "\r\n", 2);
		l += 78;
	}
	memcpy(msg + l, ".\r\n", 3);
	msglen = l + 3;
	lat = calloc((size_t)count, sizeof *lat);
	double t0 = now();
	pthread_t *th = calloc((size_t)sessions, sizeof *th);
	pthread_attr_t at;
	pthread_attr_init(&at);
	pthread_attr_setstacksize(&at, 256 * 1024);
	for (int i = 0; i < sessions; i++)
		pthread_create(&th[i], &at, run, NULL);
	for (int i = 0; i < sessions; i++)
		pthread_join(th[i], NULL);
	double dt = now() - t0;
	qsort(lat, (size_t)count, sizeof *lat, fcmp);
	printf("accepted_rate %.1f msgs/s\naccepted_mb %.2f MB/s\naccept_time %.3f s\naccepted %ld "
	       "n\nconnections %ld n\nlat_p50 %.3f ms\nlat_p99 %.3f ms\nerrors %ld n\n",
	       ok / dt, ok * (double)msglen / dt / 1e6, dt, ok, conns_, lat[count / 2] * 1e3,
	       lat[count * 99 / 100] * 1e3, errs);
	return ok == count ? 0 : 3;
}
