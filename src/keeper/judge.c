/* SPDX-License-Identifier: Apache-2.0 */
/* From a mailbox of the envelope to a verdict (see judge.h). */
#include "keeper/judge.h"

#include "format/address.h"
#include "keeper/senders.h"
#include "net/log.h"

/* What looking up one address may need. */
#define LOOKUP_MEMORY_MAX ((size_t)64 << 20)

#define KEY_MAX ((size_t)4096)

/* Strangers may write what other servers take; gate has seen to SMTPUTF8. */
#define MAILBOX_FLAGS (ADDRESS_UTF8 | ADDRESS_LENIENT | ADDRESS_BARE | ADDRESS_LONG)

static void write_key(const struct directory *d, const struct address *a, struct buf *out)
{
	struct str domain = address_domain(a);
	struct buf unicode;

	buf_init(&unicode, 4 * DOMAIN_MAX);
	domain_write_unicode(domain, &unicode);
	if (!directory_has_domain(d, domain) && directory_has_domain(d, buf_str(&unicode)))
		domain = buf_str(&unicode);
	address_write(address_local(a), domain, out);
	buf_free(&unicode);
}

static void put_target(struct buf *out, const struct recipient *r)
{
	buf_put_u8(out, r->account ? TARGET_LOCAL : TARGET_REMOTE);
	buf_put_str(out, r->account ? r->account->address : r->address);
	buf_put_str(out, r->address);
}

static enum recipient_verdict look_up(const struct directory *d, struct str key, struct buf *targets)
{
	struct recipients list;
	struct arena a;

	arena_init(&a, LOOKUP_MEMORY_MAX);
	enum recipient_verdict verdict = recipient_resolve(d, key, &a, &list);

	for (const struct recipient *r = list.first; r; r = r->next)
		put_target(targets, r);
	if (verdict == RECIPIENT_OK && list.dead + list.looped > 0)
		log_line(LOG_WARNING, "aliases of %.*s lead to %zu addresses that are nobody and %zu loops",
			 STR_ARG(key), list.dead, list.looped);
	arena_free(&a);
	return verdict;
}

enum recipient_verdict judge_recipient(const struct directory *d, struct str mailbox, struct buf *targets)
{
	struct address a;
	struct buf key;

	buf_clear(targets);
	if (address_parse(mailbox, MAILBOX_FLAGS, &a) != 0)
		return RECIPIENT_BAD_SYNTAX;
	buf_init(&key, KEY_MAX);
	write_key(d, &a, &key);
	enum recipient_verdict verdict = look_up(d, buf_str(&key), targets);

	buf_free(&key);
	if (buf_failed(targets))
		verdict = RECIPIENT_TOO_MANY;
	if (verdict != RECIPIENT_OK && verdict != RECIPIENT_NOT_OURS)
		buf_clear(targets);
	return verdict;
}

bool judge_sender(const struct directory *d, struct str account, struct str sender)
{
	struct address a;
	struct arena arena;
	struct buf key;

	if (sender.n == 0)
		return true;
	if (address_parse(sender, MAILBOX_FLAGS, &a) != 0)
		return false;
	arena_init(&arena, LOOKUP_MEMORY_MAX);
	buf_init(&key, KEY_MAX);
	write_key(d, &a, &key);
	/* What has not become a key must not pass for the null sender, which is everybody's. */
	bool allowed =
		!buf_failed(&key) && key.n > 0 && sender_allowed(d, NULL, account, buf_str(&key), &arena);

	buf_free(&key);
	arena_free(&arena);
	return allowed;
}
