/* SPDX-License-Identifier: Apache-2.0 */
/* Acts of a session (see account.h): made anew while an earlier act takes them down with it. */
#include "mailbox/delivery.h"
#include "mailbox/imap_session.h"

#include "base/clock.h"

/* How long a session waits for room among the acts under way. */
#define BUSY_AGAIN_MS 20

/* No wait between looking at the account and submitting: what the draft says of it is true. */
static int submit(struct imap_session *s, imap_draft_fn *fn, void *arg, struct account_act **act,
		  struct err *e)
{
	struct act_draft draft = {0};
	int code = fn(s, arg, &draft, e);

	return code ? code : account_submit(s->account, &draft, act, e);
}

static int co_act_once(struct imap_session *s, imap_draft_fn *fn, void *arg, int64_t deadline,
		       uint64_t *serial, bool *again, struct err *e)
{
	struct account_act *act;
	int code = co_account_ready(s->account, deadline, e);

	*again = false;
	if (!code)
		code = submit(s, fn, arg, &act, e);
	if (code == ERR_BUSY && co_sleep_until(deadline_in(BUSY_AGAIN_MS)) == 0)
		*again = deadline_in(0) < deadline;
	if (code)
		return code;
	code = co_account_act_wait(act, deadline, e);
	*again = code && act->done && act->undone;
	*serial = act->serial;
	account_act_release(act);
	return code;
}

int co_imap_act(struct imap_session *s, imap_draft_fn *fn, void *arg, uint64_t *serial, struct err *e)
{
	int64_t deadline = deadline_in(ACT_LONGEST_MS);
	bool again = true;
	int code = 0;

	*serial = 0;
	while (again)
		code = co_act_once(s, fn, arg, deadline, serial, &again, e);
	if (code)
		*serial = 0;
	/* 1: the draft has nothing to do. */
	return code == 1 ? 0 : code;
}

static int draft_first_folders(struct imap_session *s, void *arg, struct act_draft *out, struct err *e)
{
	struct change *changes = arg;
	const struct ledger *l = &s->account->checks;

	if (ledger_find(l, STR("INBOX")))
		return 1;
	out->changes = changes;
	out->n = delivery_first_folders(changes, l, (uint32_t)(clock_wall_us() / 1000000));
	return 0;
}

/* What is pending now has its fate, whatever that is. */
static int co_wait_for_pending(struct account *a, struct err *e)
{
	struct account_act *act = a->last;

	if (!act)
		return 0;
	act->refs++;
	int code = co_account_act_wait(act, deadline_in(ACT_LONGEST_MS), e);

	code = act->done ? 0 : code;
	account_act_release(act);
	return code;
}

/* The first letter may be making them at this moment: they are there when its act is durable. */
int co_imap_first_folders(struct imap_session *s, struct err *e)
{
	struct change changes[DELIVERY_CHANGES_MAX];
	uint64_t serial;
	int code = 0;

	while (!code && !ledger_find(&s->account->views.ledger, STR("INBOX"))) {
		code = co_imap_act(s, draft_first_folders, changes, &serial, e);
		if (!code)
			code = co_wait_for_pending(s->account, e);
	}
	return code;
}
