/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_house: a spool in one process with a gate and two shards that a test plays, over
 * real socket pairs and in a folder of its own; it can be killed and started again.
 *
 * The played shards keep nothing: what they were told is what the journal says of the acts,
 * asked again with `acts`.
 */
#ifndef SPOOL_TEST_HOUSE_H
#define SPOOL_TEST_HOUSE_H

#include "base/clock.h"
#include "base/unit.h"
#include "net/log.h"
#include "net/loop.h"
#include "net/messages.h"
#include "spool/core.h"
#include "store/temp_folder.h"

#define SHARDS 2
#define USERS 4
#define ACCOUNTS_MAX 64

/* What a played shard does with a delivery. */
enum manner {
	MANNER_STORE, /* an act that holds and settles, then the answer */
	MANNER_DISCARD, /* an act that settles and holds nothing */
	MANNER_HANG, /* no answer */
	MANNER_REFUSE,
	MANNER_SLOW, /* as store, after a while */
};

struct played_shard {
	struct chan *ours, *spools;
	uint64_t epoch;
	enum manner manner;
	uint32_t processes; /* so many were started */
	unsigned offers; /* deliveries that came */
	unsigned most_open, open;
	uint64_t order[4096]; /* letters in the order of their offers */
};

/* What it was asked. */
struct relay_offer {
	uint64_t letter;
	char domain[64];
	char sender[64];
	char first[64]; /* recipient */
	unsigned recipients;
	uint64_t size;
	uint8_t smtputf8, body;
};

/* A relay whose answer depends on the recipient's name: "ok" is sent, "later" deferred, "no"
 * bounced, "hang" never answered, "mute" answered with nonsense; at down.test nobody is
 * reached. */
struct played_relay {
	struct chan *ours, *spools;
	uint32_t processes;
	unsigned offers, open, most_open;
	unsigned sent; /* recipients */
	bool healthy; /* all are sent */
	struct relay_offer last[1024]; /* by number of the offer */
	char bytes[4096]; /* of the last letter */
};

struct house {
	struct temp_folder t;
	struct sysio io; /* sysio_real, with faults */
	struct spool_setup setup;
	struct spool *spool;
	struct fiber_group own, handlers, played, askers;
	struct chan *gate, *gate_spools;
	struct chan *keeper, *keeper_spools;
	struct chan *operator, * operator_spools; /* on the control socket */
	struct played_relay relay;
	bool relay_away; /* it is not started with the house */
	bool keeper_deaf;
	const char *login, *right; /* of the letters that are appended; NULL: strangers' */
	unsigned senders; /* asked of keeper */
	struct played_shard shards[SHARDS];
	uint64_t next_id, ids_left;
	uint64_t serials[ACCOUNTS_MAX]; /* by account id */
	uint32_t accounts[USERS];
	char place[12]; /* what `acts` said of the letter that co_delivered() found last */
	char log[16384];
	unsigned fail_syncs; /* so many fail from now on */
	unsigned writes, syncs;
	bool full; /* the disk gives no more room */
};

extern struct house house;

/* Makes the folder and runs fn as a fiber with a started spool; ends and removes all. */
void house_run(fiber_fn *fn, const struct spool_setup *changes);
/* Kills the spool: what was not answered is lost.  Then starts it anew. */
void co_house_crash(void);
/* Ends it in order and starts it anew. */
void co_house_restart(void);
void co_house_kill(void);
void co_house_start(void);
/* A new process of the shard asks for its epoch. */
int co_shard_start(unsigned index);
void shard_kill(unsigned index);

/* A new process of relay. */
void relay_start(void);
void relay_kill(void);

struct str user_of(unsigned user);
/* The shard where that user lives. */
struct played_shard *shard_of_user(unsigned user);
/* An id of the gate's lease. */
uint64_t co_new_id(void);
/* Appends a letter for the users in the set (bits); ticket: 16 bytes made of its number.
 * The code of the answer. */
int co_append(uint64_t ticket, uint64_t id, unsigned users, struct err *e);
/* A letter with an outline in the message, or in a memory file (wide >= 0), that says it has `say` bytes. */
int co_append_wide(uint64_t ticket, uint64_t id, struct str outline, uint32_t say, int wide, struct err *e);
/* The same from anybody to anybody. */
int co_append_envelope(uint64_t ticket, uint64_t id, const struct envelope *env, struct str letter,
		       struct err *e);
int co_append_memfd(uint64_t ticket, uint64_t id, unsigned users, size_t size, int seals, size_t say,
		    struct err *e);
/* Sends an act; 0 or the code of the refusal. */
int co_send_act(unsigned shard, const struct act *act, struct err *e);
/* How often the acts in the journal say that the letter was delivered to the user. */
unsigned co_delivered(unsigned user, uint64_t id);
/* Waits until the spool has no open recipient. */
bool co_all_settled(int64_t ms);
bool logged(const char *text);

#endif
