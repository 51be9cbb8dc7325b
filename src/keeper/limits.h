/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits: what one client address may do at a time.
 *
 * Counted are open connections, with a ceiling, and failed logins, which make
 * the next attempts from the address wait longer and longer.  A client is an
 * IPv4 address or an IPv6 network of 64 bits, because a host has all of those.
 *
 * The table has a fixed size.  A place is given to another client when it has
 * no open connection and its failures are forgotten or older than those of
 * every other such place in reach; a flood of addresses therefore costs memory
 * once, and nobody can choose addresses that collide.  When no place is free
 * the client is let in uncounted.
 *
 * Times are milliseconds of the monotonic clock, given by the caller.
 */
#ifndef KEEPER_LIMITS_H
#define KEEPER_LIMITS_H

#include "base/siphash.h"

/* The wait behind the n-th failure is 1, 2, 4 ... s, never above the last. */
#define LIMITS_FIRST_WAIT_MS 1000
#define LIMITS_LONGEST_WAIT_MS 16000
/* An attempt that would have to wait longer is refused at once. */
#define LIMITS_QUEUE_MS 30000
/* Failures are forgotten after this time without one. */
#define LIMITS_MEMORY_MS 600000

struct limits;

/* What counts as one client of an address: all of IPv4, the first 64 bits of others. */
void limits_client(const uint8_t address[16], uint8_t client[16]);

/* places is rounded up to a power of two of at least 8; the key is random, made at
 * start.  NULL: out of memory. */
struct limits *limits_new(size_t places, struct siphash_key key);
void limits_destroy(struct limits **l);

/* Addresses are 16 bytes: IPv6, or IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2). */

/* Whether the connection may stay; when it may, limits_disconnect() has to follow.
 * ceiling 0: no limit. */
bool limits_connect(struct limits *l, const uint8_t address[16], unsigned ceiling, int64_t now);
void limits_disconnect(struct limits *l, const uint8_t address[16]);

/* Milliseconds that an attempt to log in has to wait before it is verified, 0 for
 * most; -1: too many wait already, refuse it.  Attempts at the same time wait
 * behind each other. */
int64_t limits_login_wait(struct limits *l, const uint8_t address[16], int64_t now);
void limits_login_failed(struct limits *l, const uint8_t address[16], int64_t now);
/* Halves the count: whoever has one account does not get the way free for guessing
 * others by logging in between. */
void limits_login_good(struct limits *l, const uint8_t address[16], int64_t now);

#endif
