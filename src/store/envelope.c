/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding and decoding of envelopes. */
#include "store/envelope.h"

#define VERSION 1
#define FLAG_SMTPUTF8 1
#define FLAG_HELD 2
#define FLAGS_ALL (FLAG_SMTPUTF8 | FLAG_HELD)
/* The shortest recipient: account, notify, two empty strings. */
#define RECIPIENT_MIN 13

static bool notify_valid(uint8_t notify)
{
	return notify <= NOTIFY_NEVER;
}

static bool recipient_valid(const struct recipient *to)
{
	return to->address.n > 0 && to->address.n <= ENVELOPE_ADDRESS_MAX &&
	       to->orcpt.n <= ENVELOPE_ORCPT_MAX && notify_valid(to->notify);
}

static bool head_valid(const struct envelope *env)
{
	return env->body <= BODY_BINARYMIME && env->ret <= RET_HDRS &&
	       env->reverse_path.n <= ENVELOPE_ADDRESS_MAX && env->login.n <= ENVELOPE_ADDRESS_MAX &&
	       env->envid.n <= ENVELOPE_ENVID_MAX && env->recipient_count <= ENVELOPE_RECIPIENTS_MAX;
}

void envelope_put(struct buf *b, const struct envelope *env)
{
	if (!head_valid(env)) {
		b->failed = true;
		return;
	}
	buf_put_u8(b, VERSION);
	buf_put_u8(b, env->body);
	buf_put_u8(b, (uint8_t)((env->smtputf8 ? FLAG_SMTPUTF8 : 0) | (env->held ? FLAG_HELD : 0)));
	buf_put_u8(b, env->ret);
	buf_put_u64(b, env->received_us);
	buf_put_str(b, env->reverse_path);
	buf_put_str(b, env->envid);
	buf_put_str(b, env->login);
	buf_put_u32(b, env->recipient_count);
	for (uint32_t i = 0; i < env->recipient_count; i++) {
		const struct recipient *to = &env->recipients[i];

		if (!recipient_valid(to))
			b->failed = true;
		buf_put_u32(b, to->account);
		buf_put_u8(b, to->notify);
		buf_put_str(b, to->address);
		buf_put_str(b, to->orcpt);
	}
}

static void get_head(struct reader *r, struct envelope *env)
{
	uint8_t version = read_u8(r);

	env->body = read_u8(r);
	uint8_t flags = read_u8(r);

	env->smtputf8 = flags & FLAG_SMTPUTF8;
	env->held = flags & FLAG_HELD;
	env->ret = read_u8(r);
	env->received_us = read_u64(r);
	env->reverse_path = read_str(r, ENVELOPE_ADDRESS_MAX);
	env->envid = read_str(r, ENVELOPE_ENVID_MAX);
	env->login = read_str(r, ENVELOPE_ADDRESS_MAX);
	env->recipient_count = read_u32(r);
	if (version != VERSION || flags > FLAGS_ALL || !head_valid(env))
		r->failed = true;
}

static void get_recipient(struct reader *r, struct recipient *to)
{
	to->account = read_u32(r);
	to->notify = read_u8(r);
	to->address = read_str(r, ENVELOPE_ADDRESS_MAX);
	to->orcpt = read_str(r, ENVELOPE_ORCPT_MAX);
	if (!recipient_valid(to))
		r->failed = true;
}

void envelope_get(struct reader *r, struct arena *a, struct envelope *env)
{
	*env = (struct envelope){0};
	get_head(r, env);
	/* The count is believed only as far as the bytes reach. */
	if (!r->failed && env->recipient_count > r->rest.n / RECIPIENT_MIN)
		r->failed = true;
	if (!r->failed && env->recipient_count > 0) {
		env->recipients = arena_calloc(a, env->recipient_count, sizeof(*env->recipients));
		if (!env->recipients)
			r->failed = true;
	}
	for (uint32_t i = 0; !r->failed && i < env->recipient_count; i++)
		get_recipient(r, &env->recipients[i]);
	if (r->failed)
		*env = (struct envelope){0};
}
