/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_house: a gate's session service with a keeper and a spool that do as the test says,
 * all in one process, for the tests and the fuzzer of the dialogue.
 */
#ifndef GATE_TEST_HOUSE_H
#define GATE_TEST_HOUSE_H

#include "gate/smtp_session.h"

#define HOUSE_LETTERS_MAX 8
#define HOUSE_LOG_MAX 65536

enum house_spool {
	HOUSE_SPOOL_GOOD,
	HOUSE_SPOOL_FULL, /* refuses letters with ERR_FULL */
	HOUSE_SPOOL_IO,
	HOUSE_SPOOL_DENIES, /* keeper knows no such right */
	HOUSE_SPOOL_DIES_ONCE, /* gone before it answers the first append, then there again */
	HOUSE_SPOOL_SILENT, /* never answers an append */
	HOUSE_SPOOL_NO_IDS,
};

enum house_scan {
	HOUSE_SCAN_GOOD,
	HOUSE_SCAN_WIDE, /* gives every outline as a memory file */
	HOUSE_SCAN_WIDE_OPEN, /* the same without seals */
	HOUSE_SCAN_LIES, /* gives the outline of another letter */
	HOUSE_SCAN_CUTS_TEXT, /* wants a line of the body cut out */
	HOUSE_SCAN_DIES_ONCE, /* gone before it answers the first question, then there again */
	HOUSE_SCAN_DIES_BESIDE, /* gone twice, without a word that it begins with the letter */
	HOUSE_SCAN_POISON, /* ends at every letter, and says so of one that is alone */
	HOUSE_SCAN_OTHERS_POISON, /* speaks of another letter, ends, and is good then */
	HOUSE_SCAN_TOO_BIG, /* refuses letters with ERR_TOO_BIG */
	HOUSE_SCAN_BUSY,
	HOUSE_SCAN_SILENT,
};

/* What the DNS says. */
struct house_record {
	const char *name;
	uint16_t type;
	uint8_t rcode;
	uint8_t count; /* of the same data */
	struct str data;
};

struct house_letter {
	char ticket[16];
	uint64_t id;
	char right[32];
	struct buf bytes;
	struct arena arena;
	struct envelope envelope;
	bool sealed_file;
	bool opaque; /* by its outline, */
	bool wide; /* which came as a memory file */
};

struct house {
	struct smtp_service service;
	struct auth_desk desk;
	struct smtp_config config;
	struct smtp_kind kind; /* what its clients connect to */
	enum house_spool spool;
	enum house_scan scan;
	const struct house_record *dns; /* ends with an empty name; NULL: no resolver */
	bool dns_silent; /* nothing is answered */
	unsigned lookups; /* asked */
	unsigned scans, alone; /* asked */
	unsigned appends; /* asked, the repeated ones too */
	unsigned letters; /* stored */
	struct house_letter letter[HOUSE_LETTERS_MAX];
	unsigned came, left; /* clients, as keeper counts them */
	unsigned logins, senders; /* asked */
	bool rights_end; /* keeper knows no right any more */
	char log[HOUSE_LOG_MAX];
	size_t log_n;
};

/* Runs fn(arg) in a fiber with a house around it, until it returns; then looks that all
 * sessions ended and nothing of the budget is left in use. */
void house_run(struct house *h, void (*co_fn)(struct house *h, void *arg), void *arg);
/* Settings of a usual house: ours.test, small waits. */
void house_init(struct house *h);
void house_free(struct house *h);
/* A connected client of that IPv4 or IPv6 address, or of none ("local"); the descriptor, non-blocking. */
int house_connect(struct house *h, const char *ip);
/* Waits until every session has ended. */
void co_house_quiet(struct house *h);
bool house_logged(const struct house *h, const char *text);
/* Makes the neighbours go away, or come back. */
void house_detach(struct house *h);
void house_attach(struct house *h);

#endif
