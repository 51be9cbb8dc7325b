/* SPDX-License-Identifier: Apache-2.0 */
/* Making the act of a delivery (see delivery.h). */
#include "mailbox/delivery.h"

#include "format/outline.h"

struct first_folder {
	struct str name;
	uint8_t special_use;
	bool subscribed;
};

static const struct first_folder first_folders[DELIVERY_FOLDERS] = {
	{STR_INIT("INBOX"), 0, false},
	{STR_INIT("Drafts"), SPECIAL_DRAFTS, true},
	{STR_INIT("Sent"), SPECIAL_SENT, true},
	{STR_INIT("Junk"), SPECIAL_JUNK, true},
	{STR_INIT("Trash"), SPECIAL_TRASH, true},
	{STR_INIT("Archive"), SPECIAL_ARCHIVE, true},
};

static bool fits_a_line(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7F)
			return false;
	return true;
}

int delivery_head(struct buf *head, struct str target, struct str sender, struct err *e)
{
	if (!fits_a_line(target) || !fits_a_line(sender))
		return err_set(e, ERR_INVALID, "an address with control characters");
	buf_printf(head, "Return-Path: <%.*s>\r\nDelivered-To: %.*s\r\n", STR_ARG(sender), STR_ARG(target));
	return buf_failed(head) ? err_set(e, ERR_TOO_BIG, "the addresses are too long") : 0;
}

/* With INBOX the others come; one that somebody deletes later stays away. */
size_t delivery_first_folders(struct change *changes, const struct ledger *l, uint32_t now_s)
{
	uint32_t validity = l->next_uidvalidity > now_s ? l->next_uidvalidity : now_s;
	size_t n = 0;

	for (uint32_t i = 0; i < DELIVERY_FOLDERS; i++) {
		const struct first_folder *f = &first_folders[i];

		if (ledger_find(l, f->name))
			continue;
		changes[n++] = (struct change){.kind = CHANGE_FOLDER_CREATE,
					       .create = {.folder = l->next_folder + i,
							  .uidvalidity = validity + i,
							  .uidnext = 1,
							  .special_use = f->special_use,
							  .name = f->name}};
		if (f->subscribed)
			changes[n++] =
				(struct change){.kind = CHANGE_SUBSCRIBE, .subscribe = {.name = f->name}};
	}
	return n;
}

uint64_t delivery_place(uint32_t volume, uint64_t offset)
{
	return offset <= UINT32_MAX ? (uint64_t)volume << 32 | offset : 0;
}

int delivery_make(struct delivery *out, const struct ledger *l, const struct delivery_letter *letter,
		  struct str head, uint32_t now_s, struct err *e)
{
	const struct folder *inbox = ledger_find(l, STR("INBOX"));
	uint32_t folder = inbox ? inbox->id : l->next_folder;

	*out = (struct delivery){.uid = inbox ? inbox->uidnext : 1};
	if (letter->length > UINT32_MAX - head.n)
		return err_set(e, ERR_TOO_BIG, "the letter is too large for a mailbox");
	if (out->uid == UINT32_MAX)
		return err_set(e, ERR_TOO_BIG, "INBOX has no UID left");
	if (!inbox)
		out->n = delivery_first_folders(out->changes, l, now_s);
	out->changes[out->n++] =
		(struct change){.kind = CHANGE_ADD,
				.add = {.folder = folder,
					.uid = out->uid,
					.letter = letter->letter,
					.place = delivery_place(letter->volume, letter->offset),
					.immutable = outline_encoded_hash(letter->outline),
					.date_us = letter->received_us,
					.size = (uint32_t)(letter->length + head.n),
					.head = head}};
	return 0;
}
