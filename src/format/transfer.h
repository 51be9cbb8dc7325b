/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transfer: content transfer encodings (RFC 2045 section 6), as streams.
 *
 * The decoder takes pieces of any size, never refuses and never looks back:
 * bytes outside the base64 alphabet are skipped (6.8), padding in the middle
 * ends one group and begins the next, a "=" that begins no quoted-printable
 * escape stands for itself, blanks at the end of a quoted-printable line are
 * dropped (6.7 rule 3).  `malformed` tells whether anything had to be forgiven.
 *
 * The encoder writes base64 in lines of 76, or quoted-printable that keeps CRLF
 * as line ends, the last line without one.
 */
#ifndef FORMAT_TRANSFER_H
#define FORMAT_TRANSFER_H

#include "base/buf.h"
#include "base/str.h"

enum transfer_encoding {
	TRANSFER_IDENTITY, /* 7bit, 8bit, binary, or none given */
	TRANSFER_BASE64,
	TRANSFER_QP,
	TRANSFER_UNKNOWN, /* any other name: the body stays as it is */
};

/* The encoding of that name, in any case of letters; empty: IDENTITY. */
enum transfer_encoding transfer_of(struct str name);

/* Blanks at the end of a line are held back until it is known what follows; a
 * longer run than this is let through. */
#define TRANSFER_HOLD 128

struct transfer_decoder {
	enum transfer_encoding encoding;
	bool malformed;
	uint8_t state; /* of quoted-printable */
	uint8_t hold_n;
	char hold[TRANSFER_HOLD];
	uint32_t bits; /* of base64 */
	uint8_t sextets;
};

void transfer_decoder_init(struct transfer_decoder *d, enum transfer_encoding encoding);
/* Adds what the next piece decodes to; at most TRANSFER_HOLD bytes more than it has. */
void transfer_decode(struct transfer_decoder *d, struct str piece, struct buf *out);
/* Adds what was held back; after the last piece. */
void transfer_decode_end(struct transfer_decoder *d, struct buf *out);

struct transfer_encoder {
	enum transfer_encoding encoding;
	uint8_t column;
	uint8_t held_n;
	char held[3];
};

/* encoding: BASE64 or QP. */
void transfer_encoder_init(struct transfer_encoder *e, enum transfer_encoding encoding);
void transfer_encode(struct transfer_encoder *e, struct str piece, struct buf *out);
void transfer_encode_end(struct transfer_encoder *e, struct buf *out);

#endif
