/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 and quoted-printable bodies, decoded leniently and encoded, as streams. */
#include "format/transfer.h"

#include <string.h>

#define LINE_MAX_CHARS 76

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum transfer_encoding transfer_of(struct str name)
{
	static const struct {
		struct str name;
		enum transfer_encoding encoding;
	} table[] = {
		{STR_INIT(""), TRANSFER_IDENTITY},     {STR_INIT("7bit"), TRANSFER_IDENTITY},
		{STR_INIT("8bit"), TRANSFER_IDENTITY}, {STR_INIT("binary"), TRANSFER_IDENTITY},
		{STR_INIT("base64"), TRANSFER_BASE64}, {STR_INIT("quoted-printable"), TRANSFER_QP},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (str_eq_nocase(table[i].name, name))
			return table[i].encoding;
	return TRANSFER_UNKNOWN;
}

void transfer_decoder_init(struct transfer_decoder *d, enum transfer_encoding encoding)
{
	*d = (struct transfer_decoder){.encoding = encoding};
}

/* The value of a base64 character, or -1. */
static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Gives out the whole bytes of an unfinished group and begins a new one; a
 * single sextet holds no byte. */
static void finish_group(struct transfer_decoder *d, struct buf *out)
{
	uint32_t bits = d->bits << 6 * (4 - d->sextets);

	if (d->sextets == 1)
		d->malformed = true;
	if (d->sextets >= 2)
		buf_add_c(out, (char)(bits >> 16));
	if (d->sextets >= 3)
		buf_add_c(out, (char)(bits >> 8));
	d->bits = 0;
	d->sextets = 0;
}

static void decode_base64(struct transfer_decoder *d, struct str in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		int v = sextet(in.p[i]);

		if (v >= 0) {
			d->bits = d->bits << 6 | (uint32_t)v;
			if (++d->sextets == 4) {
				char three[] = {(char)(d->bits >> 16), (char)(d->bits >> 8), (char)d->bits};

				buf_add(out, three, sizeof(three));
				d->bits = 0;
				d->sextets = 0;
			}
		} else if (in.p[i] == '=') {
			finish_group(d, out);
		} else if (!strchr(" \t\r\n", in.p[i]) || in.p[i] == 0) {
			d->malformed = true;
		}
	}
}

/*
 * Quoted-printable, byte by byte.  `hold` keeps what may yet turn out to be
 * nothing: blanks at the end of a line, or an escape that has begun.
 *
 *  TEXT -"="-> ESCAPE -hex-> HEX -hex-> byte, TEXT
 *   |             |-blank-> SOFT -blank-> SOFT
 *   blank: held   |-CR----> SOFT_CR <-CR- SOFT       LF from any of them: soft line break
 */
enum qp_state { QP_TEXT, QP_ESCAPE, QP_HEX, QP_SOFT, QP_SOFT_CR };

static void release_hold(struct transfer_decoder *d, struct buf *out)
{
	buf_add(out, d->hold, d->hold_n);
	d->hold_n = 0;
}

static void hold(struct transfer_decoder *d, char c, struct buf *out)
{
	if (d->hold_n == TRANSFER_HOLD)
		release_hold(d, out);
	d->hold[d->hold_n++] = c;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void qp_text(struct transfer_decoder *d, char c, struct buf *out)
{
	if (is_blank(c)) {
		hold(d, c, out);
		return;
	}
	if (c == '\r' || c == '\n')
		d->hold_n = 0;
	release_hold(d, out);
	if (c == '=') {
		hold(d, c, out);
		d->state = QP_ESCAPE;
	} else {
		buf_add_c(out, c);
	}
}

/* What was held is no escape: it and c are text. */
static void qp_not_an_escape(struct transfer_decoder *d, char c, struct buf *out)
{
	d->malformed = true;
	d->state = QP_TEXT;
	release_hold(d, out);
	qp_text(d, c, out);
}

/* After "=" and perhaps blanks: is the line over? */
static void qp_soft(struct transfer_decoder *d, char c, struct buf *out)
{
	if (is_blank(c)) {
		hold(d, c, out);
		d->state = QP_SOFT;
	} else if (c == '\r' || c == '\n') {
		d->hold_n = 0;
		d->state = c == '\r' ? QP_SOFT_CR : QP_TEXT;
	} else {
		qp_not_an_escape(d, c, out);
	}
}

static void qp_byte(struct transfer_decoder *d, char c, struct buf *out)
{
	int digit = ascii_hex(c);

	if (d->state == QP_SOFT_CR) {
		d->state = QP_TEXT;
		if (c != '\n')
			qp_text(d, c, out);
	} else if (d->state == QP_TEXT) {
		qp_text(d, c, out);
	} else if (d->state == QP_ESCAPE && digit >= 0) {
		hold(d, c, out);
		d->state = QP_HEX;
	} else if (d->state == QP_HEX && digit >= 0) {
		buf_add_c(out, (char)(ascii_hex(d->hold[1]) << 4 | digit));
		d->hold_n = 0;
		d->state = QP_TEXT;
	} else if (d->state == QP_HEX) {
		qp_not_an_escape(d, c, out);
	} else {
		qp_soft(d, c, out);
	}
}

void transfer_decode(struct transfer_decoder *d, struct str piece, struct buf *out)
{
	if (d->encoding == TRANSFER_BASE64) {
		decode_base64(d, piece, out);
	} else if (d->encoding == TRANSFER_QP) {
		for (size_t i = 0; i < piece.n; i++)
			qp_byte(d, piece.p[i], out);
	} else {
		buf_add_str(out, piece);
	}
}

void transfer_decode_end(struct transfer_decoder *d, struct buf *out)
{
	if (d->encoding == TRANSFER_BASE64)
		finish_group(d, out);
	/* Only half an escape is text; blanks at the end are not, nor is a lone "=". */
	if (d->state == QP_HEX) {
		d->malformed = true;
		release_hold(d, out);
	}
	d->hold_n = 0;
	d->state = QP_TEXT;
}

void transfer_encoder_init(struct transfer_encoder *e, enum transfer_encoding encoding)
{
	*e = (struct transfer_encoder){.encoding = encoding};
}

static void put_group(struct transfer_encoder *e, struct buf *out)
{
	uint32_t bits = 0;
	char four[4];

	for (size_t i = 0; i < 3; i++)
		bits = bits << 8 | (i < e->held_n ? (unsigned char)e->held[i] : 0);
	for (size_t i = 0; i < 4; i++)
		four[i] = i <= e->held_n ? alphabet[bits >> (18 - 6 * i) & 63] : '=';
	if (e->column == LINE_MAX_CHARS) {
		buf_add_str(out, STR("\r\n"));
		e->column = 0;
	}
	buf_add(out, four, sizeof(four));
	e->column = (uint8_t)(e->column + 4);
	e->held_n = 0;
}

/* n bytes of one quoted-printable line; a soft break first if they do not fit
 * beside the "=" of another one. */
static void put_qp(struct transfer_encoder *e, const char *p, size_t n, struct buf *out)
{
	if (e->column + n > LINE_MAX_CHARS - 1) {
		buf_add_str(out, STR("=\r\n"));
		e->column = 0;
	}
	buf_add(out, p, n);
	e->column = (uint8_t)(e->column + n);
}

static void put_qp_escape(struct transfer_encoder *e, char c, struct buf *out)
{
	static const char hex[] = "0123456789ABCDEF";
	char three[] = {'=', hex[(unsigned char)c >> 4], hex[c & 15]};

	put_qp(e, three, sizeof(three), out);
}

/* A blank or CR waits for the byte behind it: a blank at the end of a line and a
 * CR without LF are escaped. */
static void encode_qp(struct transfer_encoder *e, char c, struct buf *out)
{
	char before = e->held_n ? e->held[0] : 0;

	e->held_n = 0;
	if (before == '\r' && c == '\n') {
		buf_add_str(out, STR("\r\n"));
		e->column = 0;
		return;
	}
	if (before && (before == '\r' || c == '\r'))
		put_qp_escape(e, before, out);
	else if (before)
		put_qp(e, &before, 1, out);
	if (is_blank(c) || c == '\r')
		e->held[e->held_n++] = c;
	else if (c > 32 && c < 127 && c != '=')
		put_qp(e, &c, 1, out);
	else
		put_qp_escape(e, c, out);
}

void transfer_encode(struct transfer_encoder *e, struct str piece, struct buf *out)
{
	for (size_t i = 0; i < piece.n; i++) {
		if (e->encoding == TRANSFER_QP) {
			encode_qp(e, piece.p[i], out);
			continue;
		}
		e->held[e->held_n++] = piece.p[i];
		if (e->held_n == 3)
			put_group(e, out);
	}
}

void transfer_encode_end(struct transfer_encoder *e, struct buf *out)
{
	if (e->held_n && e->encoding == TRANSFER_QP)
		put_qp_escape(e, e->held[0], out);
	else if (e->held_n)
		put_group(e, out);
	e->held_n = 0;
}
