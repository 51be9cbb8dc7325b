/* SPDX-License-Identifier: Apache-2.0 */
/* IDLE (RFC 2177): news as soon as the account has it. */
#include "mailbox/imap_session.h"

#include "base/clock.h"

/* Keeps addresses translated on the way alive. */
#define STILL_HERE_MS (2 * 60 * 1000)

/* The line that ends it, once it is there. */
static enum imap_read_event next_event(struct imap_session *s)
{
	enum imap_read_event event = imap_feed(s);

	if (event == IMAP_READ_LOST)
		s->ended = true;
	return event;
}

static void co_wait(struct imap_session *s)
{
	int64_t end = deadline_in(s->shard->client_idle_ms);

	while (!s->ended && next_event(s) == IMAP_READ_MORE) {
		int64_t still = deadline_in(STILL_HERE_MS);

		if (s->sel.view)
			co_imap_sync(s, true);
		if (s->ended || co_imap_wait_news(s, still < end ? still : end))
			continue;
		if (deadline_in(0) >= end)
			co_imap_bye(s, "Disconnected for inactivity.");
		else
			co_imap_printf(s, "* OK Still here\r\n");
	}
}

void co_cmd_idle(struct imap_session *s, const struct imap_command *cmd)
{
	/* The next line takes the place of this one. */
	s->cmd.tag = arena_str(&s->arena, s->cmd.tag);
	imap_read_next(&s->read);
	imap_read_raw(&s->read);
	co_imap_printf(s, "+ idling\r\n");
	co_wait(s);
	if (s->ended)
		return;
	if (str_eq_nocase(str_trim_line(imap_read_text(&s->read).bytes), STR("DONE")))
		co_imap_done(s, "OK Idle completed.");
	else
		co_imap_done(s, "BAD Expected DONE.");
}
