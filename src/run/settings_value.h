/* SPDX-License-Identifier: Apache-2.0 */
/* settings_value: from a value's text to what it means, type by type. */
#ifndef RUN_SETTINGS_VALUE_H
#define RUN_SETTINGS_VALUE_H

#include "run/settings.h"

/* Where a value comes from, weakest first. */
enum setting_source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ENVIRONMENT, SOURCE_OVERRIDE };

struct setting_value {
	bool held; /* false: this room was not sent the key */
	enum setting_source source;
	struct str text; /* as written, a NUL behind it */
	uint64_t number; /* number, choice, boolean, set of words */
	const void *list; /* count listener_addr, network, relay_addr or sockaddr_storage */
	size_t count;
	struct str fallback;
	struct str origin;
};

/* One value under the knife: what a type's parser gets and fills. */
struct setting_parse {
	const struct setting_row *row;
	struct str text; /* without blanks at its ends */
	struct arena *arena; /* for lists */
	struct setting_value *out;
	struct str wrong; /* the part that is not allowed; the whole text until told otherwise */
	char instead[64]; /* what may have been meant, or "" */
	bool no_memory;
};

/* Fills number, list and count of out (which live in the arena), and text with
 * a copy.  ERR_INVALID with "'x' is not ...", ERR_MEMORY.  A secret's value is
 * not in the sentence. */
int setting_parse(const struct setting_row *row, struct str text, struct arena *arena,
		  struct setting_value *out, struct err *err);

/* Whether '#' may stand in a value behind a blank. */
bool setting_may_hold_hash(enum setting_type type);

/* An IPv4 address, or an IPv6 one without brackets, with the port. */
bool setting_parse_address(struct str host, uint16_t port, struct sockaddr_storage *out, socklen_t *len);
bool setting_is_hostname(struct str name);

/* The types that are made of addresses (settings_addr.c). */
bool setting_parse_listeners(struct setting_parse *p);
bool setting_parse_networks(struct setting_parse *p);
bool setting_parse_resolver(struct setting_parse *p);
bool setting_parse_relay(struct setting_parse *p);

#endif
