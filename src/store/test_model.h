/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_model: an account as plain lists, and random acts on it.
 *
 * The model does one message at a time what an act says, in the most obvious
 * way, so that index and view can be compared with it.
 */
#ifndef STORE_TEST_MODEL_H
#define STORE_TEST_MODEL_H

#include "store/act.h"

#define MODEL_FOLDERS 400
#define MODEL_WORDS 12
#define MODEL_NAMES 16

struct model_message {
	uint32_t folder;
	struct message m; /* keywords by number of the model's words */
	uint32_t skip;
	char head[12];
	size_t head_n;
};

struct model_folder {
	uint32_t id;
	uint32_t uidvalidity;
	uint32_t uidnext;
	uint8_t special_use;
	uint64_t modseq;
	int name; /* number of its name; -1 for a deleted folder */
};

struct model_gone {
	uint32_t folder;
	uint32_t uid;
	uint64_t modseq;
	uint64_t letter;
};

struct model {
	uint64_t random;
	uint64_t serial;
	uint64_t next_letter;
	uint32_t next_uidvalidity;
	struct model_folder folders[MODEL_FOLDERS]; /* folder id - 1 */
	size_t folder_n;
	struct model_message *messages; /* in each folder by UID */
	size_t message_n;
	size_t message_cap;
	struct model_gone *gone; /* in the order of their end */
	size_t gone_n;
	size_t gone_cap;
	bool subscribed[MODEL_NAMES];
};

void model_init(struct model *m, uint64_t seed);
void model_free(struct model *m);
/* A number below n. */
uint32_t model_random(struct model *m, uint32_t n);
struct str model_word(int number);
struct str model_name(int number);
/* The folder, NULL when it never was or is deleted. */
const struct model_folder *model_folder(const struct model *m, uint32_t id);
bool model_has_letter(const struct model *m, uint64_t letter);

/* Makes the next act, applies it to the model and appends its body to b. */
void model_act(struct model *m, struct buf *b);
/* Makes an act that does not fit the account and leaves the model alone. */
void model_bad_act(struct model *m, struct buf *b);

#endif
