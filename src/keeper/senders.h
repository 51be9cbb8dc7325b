/* SPDX-License-Identifier: Apache-2.0 */
/*
 * senders: may a login send with an envelope sender.
 *
 * The owners of an address are, all together: the login of the same name, the
 * targets of its own entry in postfix-virtual.cf, those of the first match in
 * postfix-regexp.cf and, for a bare name, those of postfix-aliases.cf.  Only the
 * whole address is looked up and targets are not looked up again, so a plus
 * address is nobody's unless an entry names it, and a catch-all owns nothing.
 *
 * A table of the owner's own (smtpd_sender_login_maps, `sender login,login`)
 * takes the place of all this; it is looked up as Postfix does: user+tag@domain,
 * user@domain, user+tag and user at our own host names, @domain.
 */
#ifndef KEEPER_SENDERS_H
#define KEEPER_SENDERS_H

#include "keeper/recipient.h"

/* The null sender is everybody's.  instead: the table of the owner's own, or NULL.
 * The arena is for the work. */
bool sender_allowed(const struct directory *d, const struct aliases *instead, struct str login,
		    struct str sender, struct arena *a);

#endif
