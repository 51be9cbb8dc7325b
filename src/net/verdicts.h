/* SPDX-License-Identifier: Apache-2.0 */
/* verdicts: what keeper says of a recipient (`recipient`), of a login (`login`) and of a sender (`sender`). */
#ifndef NET_VERDICTS_H
#define NET_VERDICTS_H

enum recipient_verdict {
	RECIPIENT_OK,
	RECIPIENT_UNKNOWN, /* our domain, no such user: 550 5.1.1 */
	RECIPIENT_NOT_OURS, /* another's domain: 554 5.7.1 for strangers */
	RECIPIENT_BAD_SYNTAX, /* 501 5.1.3 */
	RECIPIENT_LOOP, /* an alias that never ends: 5.4.6 */
	RECIPIENT_TOO_MANY, /* expands to more targets than allowed */
	RECIPIENT_ROUTED, /* user%host@, a!b@ and the like: 554 5.7.1 */
};

enum login_verdict { LOGIN_YES, LOGIN_NO, LOGIN_LATER };

enum sender_verdict {
	SENDER_OK,
	SENDER_NOT_OWNED, /* 553 5.7.1 */
	SENDER_NO_RIGHT, /* no such submission right, or no longer: log in again */
};

enum target_kind { TARGET_LOCAL, TARGET_REMOTE };

#endif
