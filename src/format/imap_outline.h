/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_outline: ENVELOPE, BODY and BODYSTRUCTURE of FETCH (RFC 9051 7.5.2),
 * rendered from an outline that outline_check() has accepted.
 *
 * A string goes out quoted when it is short printable ASCII, otherwise as a
 * literal; with `utf8` (UTF8=ACCEPT or IMAP4rev2 is enabled, RFC 9051 4.3) also
 * valid UTF-8 is quoted.  Absent values are NIL.  Nothing here can put a raw CR
 * or LF outside a literal's own line end.
 */
#ifndef FORMAT_IMAP_OUTLINE_H
#define FORMAT_IMAP_OUTLINE_H

#include "base/buf.h"
#include "format/outline.h"

/* Longer strings are sent as literals; clients have line limits. */
#define IMAP_QUOTED_MAX 1000

/* The envelope of a letter: Sender and Reply-To default to From (7.5.2). */
void imap_render_envelope(struct buf *out, const struct outline_envelope *envelope, bool utf8);

/* BODY, or with extension data BODYSTRUCTURE. */
void imap_render_body(struct buf *out, const struct outline *o, bool utf8);
void imap_render_bodystructure(struct buf *out, const struct outline *o, bool utf8);

/* An nstring: NIL when absent. The string must not hold NUL, nor anything else
 * that a literal may not. */
void imap_render_nstring(struct buf *out, struct str s, bool utf8);

#endif
