/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp_kind: what is different between the sockets on which SMTP is spoken.
 *
 * One session serves them all and asks for traits, never for a port.
 */
#ifndef GATE_SMTP_KIND_H
#define GATE_SMTP_KIND_H

#include "net/services.h"

#include <stddef.h>

enum smtp_trait {
	SMTP_IS_PUBLIC = 1, /* other servers come here: mynetworks may relay, names in HELO are judged */
	SMTP_TLS_AT_ONCE = 2, /* from the first byte (RFC 8314 section 3) */
	SMTP_TLS_NEEDED = 4, /* before all but the way to it (RFC 3207 section 4) */
	SMTP_NEEDS_LOGIN = 8, /* AUTH is offered, and nobody sends without (RFC 6409 section 4.3) */
	SMTP_IS_LOCAL = 16, /* programs of this machine, known by their uid: they may send anywhere as
			     * anybody, bare names are at our host name, there is no TLS */
	SMTP_SUBMITS = 32, /* a letter begins here: its client stays out of its fields */
};

struct smtp_kind {
	enum service service;
	unsigned traits;
	unsigned offers; /* enum smtp_offer */
	unsigned edits; /* enum scan_edits */
	size_t line_max; /* of a command with its CRLF */
};

/* NULL: another protocol is spoken there. */
const struct smtp_kind *smtp_kind_of(enum service service);

#endif
