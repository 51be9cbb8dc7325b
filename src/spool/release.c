/* SPDX-License-Identifier: Apache-2.0 */
/*
 * release: an account holds letters no longer (invariant 6, whose other half is the shard's).
 *
 * A letter that the account does not hold is passed over, so that a release that is sent
 * again changes nothing.  The holder goes when the release joins its group: an act behind it
 * cannot hold what would then be dead (invariant 5).
 */
#include "spool/release.h"

#include "net/messages.h"
#include "spool/acts.h"
#include "spool/core.h"

#include <stdlib.h>

#define ENTRY_PUT_MAX ((size_t)64 << 10)

struct release_request {
	struct spool *spool;
	const struct shard *shard;
	struct release release; /* those of them that were held */
	struct kept_letter **pinned;
	uint32_t pinned_count;
};

static int put_entry(struct release_request *q, struct commit_request *r, struct commit *c, struct err *e)
{
	struct part part = {.kind = PART_RELEASE, .release = q->release};
	struct buf entry;

	buf_init(&entry, ENTRY_PUT_MAX);
	entry_put(&entry, &part);
	int code = buf_failed(&entry) ? err_set(e, ERR_INVALID, "this cannot be written to the journal")
				      : commit_entry(c, r, buf_str(&entry), true, e);

	buf_free(&entry);
	return code;
}

static void take_back(struct release_request *q)
{
	while (q->release.count > 0) {
		uint64_t id = q->release.letters[--q->release.count];

		letter_hold(letters_get(&q->spool->letters, id), q->release.account);
	}
}

static int join(struct commit_request *r, struct commit *c, struct err *e)
{
	struct release_request *q = r->arg;
	int code = 0;

	if (!account_of_shard(q->spool, q->shard, q->release.account))
		return err_set(e, ERR_DENIED, "account %u is not this shard's", q->release.account);
	q->release.count = 0;
	for (uint32_t i = 0; i < q->pinned_count; i++) {
		struct kept_letter *k = q->pinned[i];

		if (!letter_release(k, q->release.account))
			continue;
		/* Dirty from now on, so that it stays in memory until this is decided. */
		letters_touch(&q->spool->letters, k);
		q->release.letters[q->release.count++] = k->id;
	}
	if (q->release.count > 0)
		code = put_entry(q, r, c, e);
	if (code)
		take_back(q);
	return code;
}

static void refused(struct commit_request *r)
{
	take_back(r->arg);
}

static const struct commit_kind release_kind = {.join = join, .refused = refused};

/* Letters that were never there are passed over. */
static int co_pin(struct release_request *q, struct str letters, struct err *e)
{
	struct reader r = reader_of(letters);
	int code = 0;

	while (code == 0 && r.rest.n > 0) {
		code = co_letter_fetch(q->spool, read_u64(&r), &q->pinned[q->pinned_count], e);
		if (code == ERR_NOT_FOUND)
			code = 0;
		else if (code == 0)
			q->pinned_count++;
	}
	return code;
}

static int co_release(struct release_request *q, struct str letters, struct err *e)
{
	struct commit_request r = {.kind = &release_kind, .arg = q};
	size_t n = letters.n / sizeof(uint64_t);

	if (letters.n % sizeof(uint64_t) != 0)
		return err_set(e, ERR_INVALID, "these are not letter ids");
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	q->pinned = calloc(n + 1, sizeof(*q->pinned));
	q->release.letters = calloc(n + 1, sizeof(*q->release.letters));
	int code = q->pinned && q->release.letters ? co_pin(q, letters, e)
						   : err_set(e, ERR_MEMORY, "no memory for a release");

	if (code == 0)
		code = co_commit(&q->spool->commit, &r, e);
	for (uint32_t i = 0; i < q->pinned_count; i++)
		letters_unpin(&q->spool->letters, q->pinned[i]);
	free(q->pinned);
	free(q->release.letters);
	return code;
}

void co_on_release(void *room, struct chan_parcel *p)
{
	struct release_question q;
	struct release_answer answer = {0};
	struct err e;

	if (!release_take(p, &q))
		return;
	struct release_request r = {
		.spool = room, .shard = shard_of_chan(room, p->chan), .release = {.account = q.account}};
	int code = co_release(&r, q.letters, &e);

	if (code)
		chan_refuse(p, code, "%s", e.text);
	else
		release_answer(p, &answer);
}
