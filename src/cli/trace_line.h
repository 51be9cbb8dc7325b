/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace_line: what a line of the log speaks of, in either form (log_format).
 *
 * A letter's line begins, behind time, host, room and level, with its id: 16 hexadecimal
 * digits in capitals and a colon.  Addresses stand in from=<>, to=<>, orig_to=<> and
 * account=<>, escaped as format/log_text.h does.
 */
#ifndef CLI_TRACE_LINE_H
#define CLI_TRACE_LINE_H

#include "base/buf.h"

#define TRACE_ID_DIGITS 16

/* A letter's id as a person may write it: 16 hexadecimal digits, in any case. */
bool trace_id_parse(struct str text, uint64_t *id);

/* What the room said, a view of the line or of scratch; empty where it is no line of ours. */
struct str trace_line_text(struct str line, struct buf *scratch);
/* The letter whose line it is; false when it is that of none. */
bool trace_text_id(struct str text, uint64_t *id);
/* Whether the id stands anywhere in it, as a letter's. */
bool trace_text_mentions(struct str text, uint64_t id);
/* Whether the address, as the log escapes it, is sender or recipient there; without case. */
bool trace_text_names(struct str text, struct str address);

#endif
