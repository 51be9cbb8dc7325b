/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the queue (see queue_list.h). */
#include "cli/queue_list.h"

#include <time.h>

#define ADDRESS_MAX 1024
#define TEXT_MAX 4096
#define DATE_SIZE 32
/* The column in which reasons end, and that in which addresses begin. */
#define REASON_END 76
#define ADDRESS_AT 48

bool queue_entry_next(struct reader *r, struct queue_entry *entry)
{
	if (r->failed || r->rest.n == 0)
		return false;
	entry->id = read_u64(r);
	entry->position = read_u64(r);
	entry->size = read_u64(r);
	entry->received_us = (int64_t)read_u64(r);
	entry->held = read_u8(r);
	entry->why = read_str(r, TEXT_MAX);
	entry->sender = read_str(r, ADDRESS_MAX);
	entry->count = read_u32(r);
	return !r->failed;
}

bool queue_recipient_next(struct reader *r, struct queue_recipient *to)
{
	to->address = read_str(r, ADDRESS_MAX);
	to->local = read_u8(r);
	to->next_us = (int64_t)read_u64(r);
	to->tries = read_u32(r);
	to->said = read_str(r, TEXT_MAX);
	return !r->failed;
}

static void put_text(struct str s, FILE *out)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		fputc(c < 0x20 || c == 0x7F ? '?' : c, out);
	}
}

static void format_date(int64_t us, char out[DATE_SIZE])
{
	time_t t = (time_t)(us / 1000000);
	struct tm tm = {0};

	localtime_r(&t, &tm);
	if (strftime(out, DATE_SIZE, "%a %b %e %H:%M:%S", &tm) == 0)
		out[0] = 0;
}

static struct str sender_of(const struct queue_entry *entry)
{
	return entry->sender.n > 0 ? entry->sender : STR("MAILER-DAEMON");
}

static void put_reason(struct str reason, FILE *out)
{
	int pad = reason.n < REASON_END ? REASON_END - (int)reason.n : 0;

	fprintf(out, "%*s(", pad, "");
	put_text(reason, out);
	fputs(")\n", out);
}

/* Whether one of its recipients is under way or next; r is a copy. */
static bool is_active(struct reader r, const struct queue_entry *entry)
{
	struct queue_recipient to;
	bool active = false;

	for (uint32_t i = 0; i < entry->count && queue_recipient_next(&r, &to); i++)
		active |= to.next_us == 0;
	return active && !entry->held;
}

static void put_entry(const struct queue_entry *entry, bool active, FILE *out)
{
	char date[DATE_SIZE];

	format_date(entry->received_us, date);
	fprintf(out, "%016llX%c %8llu %-20s ", (unsigned long long)entry->id,
		entry->held ? '!'
		: active    ? '*'
			    : ' ',
		(unsigned long long)entry->size, date);
	put_text(sender_of(entry), out);
	fputc('\n', out);
	if (entry->held)
		put_reason(entry->why, out);
}

/* A reason stands before the recipients that share it. */
static void put_recipients(struct reader *r, const struct queue_entry *entry, FILE *out)
{
	struct str before = STR("");
	struct queue_recipient to;

	for (uint32_t i = 0; i < entry->count && queue_recipient_next(r, &to); i++) {
		if (to.said.n > 0 && !str_eq(to.said, before))
			put_reason(to.said, out);
		before = to.said;
		fprintf(out, "%*s", ADDRESS_AT, "");
		put_text(to.address, out);
		fputc('\n', out);
	}
	fputc('\n', out);
}

bool queue_list_page(struct str letters, struct queue_totals *totals, FILE *out)
{
	struct reader r = reader_of(letters);
	struct queue_entry entry;

	while (queue_entry_next(&r, &entry)) {
		if (totals->letters++ == 0)
			fprintf(out, "%-17s %8s %-20s %s\n", "-Queue ID-", "--Size--", "----Arrival Time----",
				"-Sender/Recipient-------");
		put_entry(&entry, is_active(r, &entry), out);
		put_recipients(&r, &entry, out);
		totals->bytes += entry.size;
		totals->last = entry.position;
	}
	return !r.failed;
}

void queue_list_end(const struct queue_totals *totals, FILE *out)
{
	if (totals->letters == 0)
		fputs("Mail queue is empty\n", out);
	else
		fprintf(out, "-- %llu Kbytes in %llu Request%s.\n", (unsigned long long)totals->bytes / 1024,
			(unsigned long long)totals->letters, totals->letters == 1 ? "" : "s");
}

static void show_recipient(const struct queue_recipient *to, bool held, FILE *out)
{
	char date[DATE_SIZE];

	fputs("recipient: ", out);
	put_text(to->address, out);
	format_date(to->next_us, date);
	fprintf(out, "\n  %s, deferred %u times, %s%s\n", to->local ? "here" : "elsewhere", to->tries,
		held              ? "held"
		: to->next_us > 0 ? "next try "
				  : "under way or next",
		held || to->next_us == 0 ? "" : date);
	if (to->said.n == 0)
		return;
	fputs("  (", out);
	put_text(to->said, out);
	fputs(")\n", out);
}

bool queue_show_entry(struct str letters, FILE *out)
{
	struct reader r = reader_of(letters);
	struct queue_recipient to;
	struct queue_entry entry;
	char date[DATE_SIZE];

	if (!queue_entry_next(&r, &entry))
		return false;
	format_date(entry.received_us, date);
	fprintf(out, "message_size: %llu\nmessage_arrival_time: %s\nsender: ", (unsigned long long)entry.size,
		date);
	put_text(entry.sender, out);
	fputc('\n', out);
	if (entry.held) {
		fputs("held: ", out);
		put_text(entry.why, out);
		fputc('\n', out);
	}
	for (uint32_t i = 0; i < entry.count && queue_recipient_next(&r, &to); i++)
		show_recipient(&to, entry.held, out);
	return !r.failed;
}
