/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `expect` and `session`: how a client's connection comes into its account's shard.
 *
 * keeper announces the session; gate brings the connection under the number that keeper
 * told it, and nothing else: whose mail it is was said by keeper alone.
 */
#include "mailbox/imap.h"
#include "mailbox/shard_parts.h"

#include "base/clock.h"
#include "net/messages.h"
#include "store/shards.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a session keeps of its message, in one piece. */
struct session {
	struct shard *shard;
	struct imap_handover handover;
	char bytes[];
};

void co_on_expect(void *room, struct chan_parcel *p)
{
	struct shard *s = room;
	struct expect_question q;
	struct expect_answer a = {0};
	int64_t now = clock_ms();

	if (!expect_take(p, &q))
		return;
	if (s->stopping || !s->co_imap) {
		chan_refuse(p, ERR_BUSY, "no sessions are taken now");
		return;
	}
	if (s->shards && shard_of(q.account, s->shards) != s->index) {
		chan_refuse(p, ERR_INVALID, "the account of another shard");
		return;
	}
	int code = expected_add(&s->expected, q.session, q.service, q.account, now, now + s->expect_ms);

	if (code)
		chan_refuse(p, code, "the session cannot be expected");
	else
		expect_answer(p, &a);
}

static void session_fiber(void *arg)
{
	struct session *session = arg;

	session->shard->co_imap(session->shard, &session->handover);
	free(session);
}

/* A copy of s behind the others. */
static struct str keep(char **at, struct str s)
{
	struct str copy = {*at, s.n};

	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

static struct session *make_session(struct shard *s, const struct session_question *q, struct str account)
{
	struct session *session =
		calloc(1, sizeof(*session) + account.n + q->tag.n + q->client.n + q->pending.n);

	if (!session)
		return NULL;
	char *at = session->bytes;

	session->shard = s;
	session->handover = (struct imap_handover){.fd = q->socket,
						   .account = keep(&at, account),
						   .tag = keep(&at, q->tag),
						   .pending = keep(&at, q->pending),
						   .client = keep(&at, q->client),
						   .tls = q->tls};
	return session;
}

static int begin_session(struct shard *s, const struct session_question *q, struct err *e)
{
	struct str account = expected_take(&s->expected, q->session, q->service, clock_ms());

	if (account.n == 0)
		return err_set(e, ERR_DENIED, "this session is not expected");
	if (s->stopping)
		return err_set(e, ERR_BUSY, "no sessions are taken now");
	struct session *session = make_session(s, q, account);

	if (!session)
		return err_set(e, ERR_MEMORY, "no memory for the session");
	int code = fiber_start(&s->sessions, session_fiber, session);

	if (code) {
		free(session);
		return err_set(e, code, "too many sessions");
	}
	return ERR_OK;
}

void co_on_session(void *room, struct chan_parcel *p)
{
	struct session_question q;
	struct session_answer a = {0};
	struct err e;

	if (!session_take(p, &q))
		return;
	if (begin_session(room, &q, &e) == ERR_OK) {
		session_answer(p, &a);
		return;
	}
	close(q.socket);
	chan_refuse(p, e.code, "%s", e.text);
}
