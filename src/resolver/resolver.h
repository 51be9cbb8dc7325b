/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver: DNS for all rooms, with validation and the one cache.
 *
 * Answers `lookup` (net/messages.def).  It asks the configured server, or the
 * root servers itself, through libunbound.  Whether DNSSEC works on the way is
 * found out at the start and every hour; where it does not, answers are given
 * without validation and are never called secure.
 */
#ifndef RESOLVER_RESOLVER_H
#define RESOLVER_RESOLVER_H

#include "run/role.h"

extern const struct room_ops resolver_room;

/* What lookup_answer.security says. */
enum dns_security {
	DNS_INSECURE, /* the zone is not signed, or nothing is validated here */
	DNS_SECURE, /* validated up to the trust anchor */
	DNS_BOGUS, /* signed, and the signatures are wrong: no data is given */
};

#endif
