/* SPDX-License-Identifier: Apache-2.0 */
/* Acts that change flags (see imap_flags.h). */
#include "mailbox/imap_flags.h"

/* Ranges of one act, so that it fits into a message to spool. */
#define RANGES_MAX 5000

static int draft_flags(struct imap_session *s, void *arg, struct act_draft *out, struct err *e)
{
	const struct change *c = arg;

	*out = (struct act_draft){.changes = c, .n = 1};
	return 0;
}

int co_imap_change_flags(struct imap_session *s, enum change_kind kind, struct uids uids, uint8_t flags,
			 struct keyword_names keywords, struct imap_flag_acts *acts, struct err *e)
{
	int code = 0;

	*acts = (struct imap_flag_acts){0};
	while (!code && uids.n > 0) {
		size_t n = uids.n < RANGES_MAX ? uids.n : RANGES_MAX;
		struct change c = {.kind = kind,
				   .flags = {.folder = s->sel.view->folder,
					     .uids = {uids.r, n},
					     .flags = flags,
					     .keywords = keywords}};
		uint64_t serial;

		code = co_imap_act(s, draft_flags, &c, &serial, e);
		acts->first = acts->first ? acts->first : serial;
		acts->last = code ? acts->last : serial;
		acts->count += !code;
		uids = (struct uids){uids.r + n, uids.n - n};
	}
	return code;
}
