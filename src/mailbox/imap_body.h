/* SPDX-License-Identifier: Apache-2.0 */
/* imap_body: the parts of a message that FETCH sends as BODY[section]<partial>. */
#ifndef MAILBOX_IMAP_BODY_H
#define MAILBOX_IMAP_BODY_H

#include "mailbox/imap_session.h"
#include "mailbox/letter_outline.h"

/* False for the whole message, which needs no outline. */
bool imap_section_needs_outline(const struct imap_section *section);
/* Sends "NAME literal".  A failure behind the literal's size ends the session, since the
 * client counts; one before it leaves NIL. */
void co_imap_put_section(struct imap_session *s, const struct letter_reader *l, const struct outline *o,
			 const struct imap_section *section);

#endif
