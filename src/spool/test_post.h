/* SPDX-License-Identifier: Apache-2.0 */
/* test_post: letters to recipients elsewhere, for the tests of the queue in the played house. */
#ifndef SPOOL_TEST_POST_H
#define SPOOL_TEST_POST_H

#include "net/queue_actions.h"
#include "spool/test_house.h"

#define LETTER "From: anna@example.test\r\nSubject: test\r\n\r\nHello.\r\n"

/* A house whose queue is quick. */
struct spool_setup quick_setup(void);
/* Recipients elsewhere, in one text with blanks; anna writes. */
int co_post(uint64_t id, const char *to, struct err *e);
struct kept_letter *kept(uint64_t id);
/* A log line that begins with that letter's id and the text. */
bool logged_of(uint64_t id, const char *text);
/* Waits until the letter has no open recipient, durably. */
bool co_ended(uint64_t id, int64_t ms);
/* Waits until relay was asked so often. */
bool co_offered(unsigned times, int64_t ms);
/* Reports that anna has. */
unsigned co_reports(void);
int co_change(enum queue_action action, uint64_t id, uint32_t *count);

#define RUN(fiber)                                     \
	do {                                           \
		struct spool_setup s_ = quick_setup(); \
		house_run(fiber, &s_);                 \
	} while (0)

#endif
