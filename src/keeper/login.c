/* SPDX-License-Identifier: Apache-2.0 */
/* Judging logins (see login.h). */
#include "keeper/login.h"

#include "base/clock.h"
#include "format/log_text.h"
#include "format/sasl.h"
#include "net/log.h"
#include "net/loop.h"
#include "run/password.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX ((size_t)320)

/* --- hashing --------------------------------------------------------------------------------- */

/* What a thread works on: nothing in it is shared. */
struct hash_job {
	bool nobody; /* there is no such account */
	int result;
	size_t stored_n, password_n;
	char bytes[]; /* stored, password */
};

static struct hash_job *make_job(struct str stored, struct str password, bool nobody)
{
	struct hash_job *job = calloc(1, sizeof(*job) + stored.n + password.n);

	if (!job)
		return NULL;
	job->nobody = nobody;
	job->stored_n = stored.n;
	job->password_n = password.n;
	if (stored.n > 0)
		memcpy(job->bytes, stored.p, stored.n);
	if (password.n > 0)
		memcpy(job->bytes + stored.n, password.p, password.n);
	return job;
}

static void free_job(struct hash_job *job)
{
	if (job)
		explicit_bzero(job, sizeof(*job) + job->stored_n + job->password_n);
	free(job);
}

static struct str job_stored(const struct hash_job *job)
{
	return (struct str){job->bytes, job->stored_n};
}

static void in_thread(void *arg)
{
	struct hash_job *job = arg;
	struct str password = {job->bytes + job->stored_n, job->password_n};

	job->result =
		job->nobody ? password_verify_nobody(password) : password_verify(job_stored(job), password);
}

/* As password_verify(); or ERR_BUSY and the like: it was not hashed. */
static int co_hash(struct login_desk *d, const struct login_attempt *a, struct hash_job *job)
{
	int code = co_hash_queue_enter(&d->queue, a->address, a->deadline - d->hold_ms);

	if (code)
		return code;
	co_run_blocking(in_thread, job);
	hash_queue_leave(&d->queue);
	return job->result;
}

/* --- the account ------------------------------------------------------------------------------- */

/* A master user's name ("user*master") is of no account. */
static const struct account *find_account(const struct login_desk *d, struct str login)
{
	struct sasl_login name;

	if (sasl_parse_login(login, &name) != 0 || sasl_master(&name).n > 0)
		return NULL;
	return accounts_find(d->tables->accounts, sasl_user(&name));
}

/* 0: they belong together; ERR_DENIED, ERR_INVALID: they do not; others: it is not known. */
static int co_verify(struct login_desk *d, const struct login_attempt *a)
{
	const struct account *account = find_account(d, a->login);

	if (account && logins_knows(d->verified, account, a->password, clock_ms()))
		return ERR_OK;
	struct hash_job *job = make_job(account ? account->stored : STR(""), a->password, account == NULL);
	int code = job ? co_hash(d, a, job) : ERR_MEMORY;

	/* The tables may be others by now. */
	account = code == 0 ? find_account(d, a->login) : NULL;
	if (account && str_eq(account->stored, job_stored(job)))
		logins_remember(d->verified, account, a->password, clock_ms());
	else if (code == 0)
		code = ERR_BUSY;
	free_job(job);
	return code;
}

/* --- the verdict ---------------------------------------------------------------------------------- */

static void log_failure(const struct login_desk *d, const struct login_attempt *a)
{
	static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
	bool v4 = memcmp(a->address, mapped, sizeof(mapped)) == 0;
	char ip[INET6_ADDRSTRLEN] = "";
	struct buf shown;

	buf_init(&shown, 4 * SHOWN_MAX);
	log_text_add(&shown, a->login, SHOWN_MAX);
	inet_ntop(v4 ? AF_INET : AF_INET6, a->address + (v4 ? 12 : 0), ip, sizeof(ip));
	log_line(LOG_INFO, "auth: passwd-file(%.*s,%s): %s", STR_ARG(buf_str(&shown)), ip,
		 find_account(d, a->login) ? "Password mismatch" : "unknown user");
	buf_free(&shown);
}

static enum login_verdict co_refuse(struct login_desk *d, const struct login_attempt *a)
{
	limits_login_failed(d->limits, a->address, clock_ms());
	log_failure(d, a);
	return co_sleep_until(deadline_in(d->hold_ms)) == ERR_OK ? LOGIN_NO : LOGIN_LATER;
}

enum login_verdict co_login_judge(struct login_desk *d, const struct login_attempt *a, struct buf *account)
{
	int64_t now = clock_ms(), wait = limits_login_wait(d->limits, a->address, now);

	/* The answer must come before nobody listens any more. */
	if (wait < 0 || now + wait + d->hold_ms > a->deadline)
		return LOGIN_LATER;
	if (wait > 0 && co_sleep_until(now + wait) != ERR_OK)
		return LOGIN_LATER;
	int code = co_verify(d, a);

	if (code == ERR_DENIED || code == ERR_INVALID)
		return co_refuse(d, a);
	if (code)
		return LOGIN_LATER;
	limits_login_good(d->limits, a->address, clock_ms());
	buf_add_str(account, find_account(d, a->login)->address);
	return buf_failed(account) ? LOGIN_LATER : LOGIN_YES;
}
