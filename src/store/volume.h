/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume: letters in a row, in data_dir/volumes/<n>.vol.
 *
 * The writer has one volume open, the newest; the older ones are sealed and
 * never change (invariant 7).  Letters gather in a batch, which is written and
 * synced beside the journal's group that names them:
 *
 *	volume_add ...                 gives each letter's place, touches no disk
 *	volume_write, volume_sync      in the thread pool, beside the journal's
 *	volume_accept or volume_refuse when both are done
 *
 * journal_write comes after volume_write and only when that returned 0: a full
 * disk shows in the volume first, and a group that the journal has not seen is
 * refused without the cost of a new segment.  The two syncs may run side by side.
 *
 * A place depends on the batch before, so letters are added only while no
 * batch is under way: spool keeps what arrives meanwhile and adds it then.
 */
#ifndef STORE_VOLUME_H
#define STORE_VOLUME_H

#include "store/record.h"

#define VOLUME_SIZE (256U << 20)
#define VOLUME_HEADER 64
/* From this size on a letter has a file of its own (letter_file.h). */
#define LETTER_OWN_FILE (256U << 10)
#define VOLUME_BATCH_MAX 256 /* letters */

struct volume;

/* Makes ready to write.  clean: the journal ended in order, so the newest
 * volume goes on; else a new one begins with the first letter.  size: 1 KiB to
 * 1 GiB; a volume is as long as its last letter makes it. */
int volume_open(struct volume **out, const struct sysio *io, int volumes_fd, const struct check_key *key,
		uint32_t size, bool clean, struct err *e);
void volume_destroy(struct volume **v);

/* Gives a letter its place in the batch; bytes must stay until the batch is
 * accepted or refused, r->stored is their length.  ERR_BUSY: the batch is full,
 * or the letter begins the next volume: write this batch first. */
int volume_add(struct volume *v, const struct record *r, struct str bytes, struct place *at, struct err *e);
/* Writes the batch.  After an error call volume_refuse. */
int volume_write(struct volume *v, uint64_t now_us, struct err *e);
/* Makes it durable, with its name when the volume is new.  After an error call
 * volume_refuse. */
int volume_sync(struct volume *v, struct err *e);
/* The batch counts. */
void volume_accept(struct volume *v);
/* The batch never happened, here or in the journal.  Not 0: no letter can be
 * stored any more until it is opened again. */
int volume_refuse(struct volume *v, uint64_t now_us, struct err *e);

bool volume_writable(const struct volume *v);
/* The open volume; those below are sealed. */
uint32_t volume_number(const struct volume *v);

#endif
