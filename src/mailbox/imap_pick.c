/* SPDX-License-Identifier: Apache-2.0 */
/* From the sets of a command to messages of the selected mailbox. */
#include "mailbox/imap_session.h"

/* The largest UID that the client knows of; 0: it has no message. */
static uint32_t last_uid(const struct imap_session *s)
{
	size_t pos = view_lower(s->sel.view, s->sel.uidnext);

	return pos ? s->sel.view->uid[pos - 1] : 0;
}

int imap_pick(struct imap_session *s, struct imap_set *set, bool uid, struct uid_list *out, struct err *e)
{
	const struct view *v = s->sel.view;
	uint32_t exists = imap_exists(s), last = s->sel.uidnext - 1;

	if (set->saved)
		return err_set(e, ERR_INVALID, "No search result is saved.");
	imap_set_resolve(set, uid ? last_uid(s) : exists);
	if (!uid && imap_set_last(set) > exists)
		return err_set(e, ERR_INVALID, "There is no message %u, the mailbox has %u.",
			       imap_set_last(set), exists);
	for (size_t i = 0; i < set->count; i++) {
		struct imap_range r = set->ranges[i];

		if (!uid)
			r = (struct imap_range){view_uid(v, s->sel.told, r.first),
						view_uid(v, s->sel.told, r.last)};
		if (r.last > last)
			r.last = last;
		if (r.first && r.first <= r.last)
			uid_list_add(out, r.first, r.last);
	}
	return out->failed ? err_set(e, ERR_MEMORY, "no memory for a set of messages") : 0;
}

size_t imap_pick_next(const struct imap_session *s, struct uids picked, uint32_t after)
{
	const struct view *v = s->sel.view;
	size_t lo = 0, hi = picked.n;

	/* The first range that ends above `after`. */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (picked.r[mid].hi <= after)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < picked.n; lo++) {
		uint32_t from = picked.r[lo].lo > after ? picked.r[lo].lo : after + 1;
		size_t pos = view_lower(v, from);

		if (pos < v->n && v->uid[pos] <= picked.r[lo].hi)
			return pos;
	}
	return v->n;
}
