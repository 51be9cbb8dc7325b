/* SPDX-License-Identifier: Apache-2.0 */
/* A command that is taken, written back and taken again is the same command. */
#include "format/imap_command.h"

#include "format/imap_search_match.h"
#include "format/imap_show.h"
#include "format/imap_unit.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static enum imap_truth say_maybe(void *arg, const struct imap_key *key)
{
	must(key->kind >= IMAP_KEY_SENT_BEFORE);
	return IMAP_MAYBE;
}

/* The tree is whole: as many keys as counted, and it has an answer. */
static void check_search(struct imap_search *s)
{
	struct imap_facts facts = {.sequence = 1, .uid = 2, .flags = IMAP_SEEN, .internal_day = 20000101};
	size_t n = 0;

	for (struct imap_key *k = s->root; k; k = imap_key_next(k)) {
		must(k->depth < IMAP_SEARCH_DEPTH);
		must(!k->parent || k->depth == k->parent->depth + 1);
		imap_set_resolve(&k->set, 9);
		n++;
	}
	must(n == s->key_count);
	enum imap_truth first = imap_search_match(s, &facts, NULL, NULL);

	must(first == imap_search_match(s, &facts, say_maybe, NULL));
}

/* Shows the command; false when it is none. */
static bool show(struct str in, unsigned features, struct buf *out)
{
	struct imap_read r;
	struct imap_command cmd;
	struct arena a;
	struct err e = {0};
	bool ok = imap_unit_read(&r, in);
	int rc = 0;

	arena_init(&a, 8 << 20);
	if (ok) {
		rc = imap_command_read(imap_read_text(&r), features, &a, &cmd, &e);
		must(rc <= 0 && (rc == 0) == (e.text[0] == '\0') && strlen(e.text) < sizeof(e.text));
		must(rc == 0 || cmd.row == NULL || cmd.tag.n > 0);
	}
	ok = ok && rc == 0;
	if (ok)
		imap_show(out, &cmd);
	if (ok && cmd.id == IMAP_SEARCH)
		check_search(&cmd.search);
	/* The message itself, of which only the size was shown. */
	if (ok && cmd.id == IMAP_APPEND) {
		buf_add_c(out, '\n');
		for (uint64_t i = 0; i < cmd.append.message.size; i++)
			buf_add_c(out, 'x');
	}
	buf_add_z(out, "\r\n");
	arena_free(&a);
	imap_read_free(&r);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once, twice;

	if (size < 1)
		return 0;
	unsigned features = data[0] & IMAP_WITH_LIST_EXTENDED;

	buf_init(&once, 16 << 20);
	buf_init(&twice, 16 << 20);
	if (show((struct str){(const char *)data + 1, size - 1}, features, &once) &&
	    once.n < IMAP_LINE_MAX / 2) {
		must(show(buf_str(&once), features, &twice));
		must(str_eq(buf_str(&once), buf_str(&twice)));
	}
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
