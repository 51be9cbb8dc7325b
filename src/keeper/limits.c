/* SPDX-License-Identifier: Apache-2.0 */
/* Counters per client in a table of rows with eight places each. */
#include "keeper/limits.h"

#include <stdlib.h>
#include <string.h>

#define ROW_PLACES 8

struct client {
	uint8_t address[16];
	bool used;
	unsigned connections;
	unsigned failures;
	int64_t failed_at; /* the last time */
	int64_t next_login; /* when the next attempt may be verified */
};

struct limits {
	struct siphash_key key;
	size_t rows; /* a power of two */
	struct client places[];
};

struct limits *limits_new(size_t places, struct siphash_key key)
{
	size_t rows = 1, bytes;

	while (rows < places / ROW_PLACES + (places % ROW_PLACES != 0))
		if (__builtin_mul_overflow(rows, 2, &rows))
			return NULL;
	if (__builtin_mul_overflow(rows, ROW_PLACES * sizeof(struct client), &bytes) || bytes > SIZE_MAX / 2)
		return NULL;
	struct limits *l = calloc(1, sizeof(*l) + bytes);

	if (!l)
		return NULL;
	l->key = key;
	l->rows = rows;
	return l;
}

void limits_destroy(struct limits **l)
{
	free(*l);
	*l = NULL;
}

void limits_client(const uint8_t address[16], uint8_t client[16])
{
	static const uint8_t ipv4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	size_t n = memcmp(address, ipv4_mapped, sizeof(ipv4_mapped)) == 0 ? 16 : 8;

	memset(client, 0, 16);
	memcpy(client, address, n);
}

static struct client *row_of(struct limits *l, const uint8_t client[16])
{
	struct str key = {(const char *)client, 16};

	return l->places + ((size_t)siphash(&l->key, key) & (l->rows - 1)) * ROW_PLACES;
}

static struct client *find(struct limits *l, const uint8_t address[16])
{
	uint8_t client[16];

	limits_client(address, client);
	struct client *row = row_of(l, client);

	for (size_t i = 0; i < ROW_PLACES; i++)
		if (row[i].used && memcmp(row[i].address, client, sizeof(client)) == 0)
			return &row[i];
	return NULL;
}

static void forget_old_failures(struct client *c, int64_t now)
{
	if (c->failures && now - c->failed_at >= LIMITS_MEMORY_MS) {
		c->failures = 0;
		c->next_login = 0;
	}
}

/* Whether a should give its place up rather than b. */
static bool is_less_needed(const struct client *a, const struct client *b)
{
	if (a->used != b->used)
		return !a->used;
	if (!a->failures != !b->failures)
		return !a->failures;
	return a->failed_at < b->failed_at;
}

/* The client's place, a new one when it had none; NULL when all are taken. */
static struct client *find_or_place(struct limits *l, const uint8_t address[16], int64_t now)
{
	struct client *c = find(l, address), *best = NULL;
	uint8_t client[16];

	if (c) {
		forget_old_failures(c, now);
		return c;
	}
	limits_client(address, client);
	struct client *row = row_of(l, client);

	for (size_t i = 0; i < ROW_PLACES; i++) {
		forget_old_failures(&row[i], now);
		if (row[i].connections == 0 && (!best || is_less_needed(&row[i], best)))
			best = &row[i];
	}
	if (!best)
		return NULL;
	*best = (struct client){.used = true};
	memcpy(best->address, client, sizeof(client));
	return best;
}

bool limits_connect(struct limits *l, const uint8_t address[16], unsigned ceiling, int64_t now)
{
	struct client *c = find_or_place(l, address, now);

	if (!c)
		return true;
	if (ceiling && c->connections >= ceiling)
		return false;
	c->connections++;
	return true;
}

void limits_disconnect(struct limits *l, const uint8_t address[16])
{
	struct client *c = find(l, address);

	/* one that was let in uncounted may leave a client that got a place since */
	if (c && c->connections)
		c->connections--;
}

static int64_t wait_after(unsigned failures)
{
	int64_t wait = LIMITS_FIRST_WAIT_MS;

	for (unsigned i = 1; i < failures && wait < LIMITS_LONGEST_WAIT_MS; i++)
		wait *= 2;
	return failures ? wait : 0;
}

int64_t limits_login_wait(struct limits *l, const uint8_t address[16], int64_t now)
{
	struct client *c = find(l, address);

	if (!c)
		return 0;
	forget_old_failures(c, now);
	if (c->failures == 0)
		return 0;
	int64_t at = c->next_login > now ? c->next_login : now;

	if (at - now > LIMITS_QUEUE_MS)
		return -1;
	c->next_login = at + wait_after(c->failures);
	return at - now;
}

void limits_login_failed(struct limits *l, const uint8_t address[16], int64_t now)
{
	struct client *c = find_or_place(l, address, now);

	if (!c)
		return;
	if (c->failures < UINT32_MAX)
		c->failures++;
	c->failed_at = now;
	if (c->next_login < now + wait_after(c->failures))
		c->next_login = now + wait_after(c->failures);
}

void limits_login_good(struct limits *l, const uint8_t address[16], int64_t now)
{
	struct client *c = find(l, address);

	if (!c)
		return;
	forget_old_failures(c, now);
	c->failures /= 2;
}
