/* SPDX-License-Identifier: Apache-2.0 */
/* Mailbox names: decoding, normalisation, validity. */
#include "format/imap_mailbox.h"

#include "format/imap_match.h"
#include "format/imap_utf7.h"

#include <stdlib.h>
#include <string.h>
#include <uninorm.h>
#include <unistr.h>

static const struct str inbox = STR_INIT("INBOX");

bool imap_mailbox_in_inbox(struct str name)
{
	return str_starts_nocase(name, inbox) && (name.n == inbox.n || name.p[inbox.n] == IMAP_SEPARATOR);
}

static int too_long(struct err *e)
{
	return err_set(e, ERR_TOO_BIG, "The mailbox name is longer than %d bytes", IMAP_MAILBOX_MAX);
}

static int decode(struct str wire, bool utf8, struct buf *out, struct err *e)
{
	int rc = 0;

	if (!utf8)
		rc = imap_utf7_decode(wire, out);
	else if (wire.n && u8_check((const uint8_t *)wire.p, wire.n))
		rc = ERR_INVALID;
	else
		buf_add_str(out, wire);
	if (rc == ERR_TOO_BIG || out->n > IMAP_MAILBOX_MAX || buf_failed(out))
		return too_long(e);
	if (rc)
		return err_set(e, rc, "The mailbox name is not valid %s", utf8 ? "UTF-8" : "modified UTF-7");
	return 0;
}

/* Controls, and the line and paragraph separators (RFC 5198 section 2). */
static bool is_forbidden(ucs4_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029;
}

static int check_characters(struct str name, struct err *e)
{
	while (name.n) {
		ucs4_t c;
		int n = u8_mbtoucr(&c, (const uint8_t *)name.p, name.n);

		if (n < 0 || is_forbidden(c))
			return err_set(e, ERR_INVALID, "The mailbox name has a control character");
		name = str_skip(name, (size_t)n);
	}
	return 0;
}

static int check_components(struct str name, struct err *e)
{
	size_t depth = 1, length = 0;

	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] != IMAP_SEPARATOR) {
			length++;
			continue;
		}
		if (length == 0)
			break;
		length = 0;
		depth++;
	}
	if (length == 0)
		return err_set(e, ERR_INVALID, "The mailbox name has an empty part");
	if (depth > IMAP_MAILBOX_DEPTH)
		return err_set(e, ERR_TOO_BIG, "The mailbox name has more than %d parts", IMAP_MAILBOX_DEPTH);
	return 0;
}

static int normalise(struct buf *name, struct err *e)
{
	size_t n = 0;
	uint8_t *nfc = u8_normalize(UNINORM_NFC, (const uint8_t *)name->p, name->n, NULL, &n);

	if (!nfc)
		return err_set(e, ERR_MEMORY, "Out of memory");
	buf_clear(name);
	buf_add(name, nfc, n);
	free(nfc);
	if (name->n > IMAP_MAILBOX_MAX || buf_failed(name))
		return too_long(e);
	if (imap_mailbox_in_inbox(buf_str(name)))
		memcpy(name->p, inbox.p, inbox.n);
	return 0;
}

static int read_name(struct str wire, bool utf8, bool drop_separator, struct buf *out, struct err *e)
{
	int rc;

	buf_clear(out);
	rc = decode(wire, utf8, out, e);
	if (rc == 0 && drop_separator && out->n > 1 && out->p[out->n - 1] == IMAP_SEPARATOR)
		buf_truncate(out, out->n - 1);
	if (rc == 0 && (rc = check_components(buf_str(out), e)) == 0 &&
	    (rc = check_characters(buf_str(out), e)) == 0)
		rc = normalise(out, e);
	return rc;
}

int imap_mailbox_read(struct str wire, bool utf8, struct buf *out, struct err *e)
{
	return read_name(wire, utf8, false, out, e);
}

int imap_mailbox_read_new(struct str wire, bool utf8, struct buf *out, struct err *e)
{
	return read_name(wire, utf8, true, out, e);
}

int imap_mailbox_read_pattern(struct str reference, struct str pattern, bool utf8, struct buf *out,
			      struct err *e)
{
	int rc;

	buf_clear(out);
	rc = decode(reference, utf8, out, e);
	if (rc == 0)
		rc = decode(pattern, utf8, out, e);
	return rc || out->n == 0 ? rc : normalise(out, e);
}
