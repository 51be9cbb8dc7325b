/* SPDX-License-Identifier: Apache-2.0 */
/*
 * derived: what can be made again from an account's letters, or may be lost.
 *
 * accounts/<domain>/<user>/derived.db holds outlines by letter id, and how far \Recent was told.  Any row may be
 * missing or old, and so may the file: a damaged one, or one of another version,
 * is deleted and begun anew.  Blocking, called like the index.
 */
#ifndef STORE_DERIVED_H
#define STORE_DERIVED_H

#include "base/buf.h"
#include "base/err.h"

/* An encoded outline (architecture 3). */
#define DERIVED_OUTLINE_MAX (1u << 20)

struct derived;

struct outline_row {
	uint64_t letter;
	struct str outline;
};

/* Opens the file of an account that has an index already. */
int derived_open(const char *data_dir, struct str domain, struct str user, struct derived **out,
		 struct err *err);
void derived_close(struct derived **d);

/* Adds the outline to `out`.  ERR_NOT_FOUND: scan has to make it. */
int derived_get(struct derived *d, uint64_t letter, struct buf *out, struct err *err);
/* Stores n outlines in one transaction, over what was there.  ERR_TOO_BIG: one
 * is above DERIVED_OUTLINE_MAX; nothing is stored then. */
int derived_put(struct derived *d, const struct outline_row *rows, size_t n, struct err *err);
/* Removes the outlines of letters that are gone. */
int derived_drop(struct derived *d, const uint64_t *letters, size_t n, struct err *err);

/* Messages of a folder from this UID on are news to all sessions (\Recent; RFC 3501, 2.3.2). */
struct recent_row {
	uint32_t folder;
	uint32_t uid;
};

/* Up to max rows. */
int derived_recent(struct derived *d, struct recent_row *rows, size_t max, size_t *n, struct err *err);
/* Puts these in place of all that there were. */
int derived_put_recent(struct derived *d, const struct recent_row *rows, size_t n, struct err *err);

int derived_checkpoint(struct derived *d, struct err *err);

#endif
