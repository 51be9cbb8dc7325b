/* SPDX-License-Identifier: Apache-2.0 */
/* The encoded form of outlines, and the hash over it. */
#include "format/outline.h"

#include <openssl/evp.h>

#include <string.h>

static void put_string(struct buf *b, struct str s)
{
	buf_put_varint(b, s.p ? s.n + 1 : 0);
	if (s.p)
		buf_add_str(b, s);
}

static void put_params(struct buf *b, const struct header_params *list)
{
	buf_put_varint(b, list->count);
	for (const struct header_param *p = list->first; p; p = p->next) {
		put_string(b, p->name);
		put_string(b, p->value);
	}
}

static void put_addrs(struct buf *b, const struct header_addrs *list)
{
	buf_put_varint(b, list->count);
	for (const struct header_addr *addr = list->first; addr; addr = addr->next) {
		buf_put_u8(b, (uint8_t)addr->kind);
		put_string(b, addr->name);
		put_string(b, addr->route);
		put_string(b, addr->mailbox);
		put_string(b, addr->host);
	}
}

static void put_envelope(struct buf *b, const struct outline_envelope *env)
{
	put_string(b, env->date);
	put_string(b, env->subject);
	put_string(b, env->in_reply_to);
	put_string(b, env->message_id);
	for (int i = 0; i < ENVELOPE_LISTS; i++)
		put_addrs(b, &env->lists[i]);
}

static uint64_t parent_body(const struct outline *o, const struct mime_part *part)
{
	return part->parent == MIME_NO_PARENT ? 0 : o->parts[part->parent].at.body_start;
}

static void put_part(struct buf *b, const struct outline *o, uint32_t index)
{
	const struct outline_part *part = &o->parts[index];
	const struct mime_part *at = &part->at;

	buf_put_u8(b, (uint8_t)at->kind);
	buf_put_varint(b, at->parent == MIME_NO_PARENT ? 0 : index - at->parent);
	buf_put_varint(b, at->header_start - parent_body(o, at));
	buf_put_varint(b, at->body_start - at->header_start);
	buf_put_varint(b, at->body_end - at->body_start);
	buf_put_varint(b, at->lines);
	buf_put_varint(b, at->fields);
	put_string(b, part->type);
	put_string(b, part->subtype);
	put_params(b, &part->params);
	put_string(b, part->id);
	put_string(b, part->description);
	put_string(b, part->encoding);
	put_string(b, part->md5);
	put_string(b, part->location);
	put_string(b, part->disposition);
	put_params(b, &part->disposition_params);
	buf_put_varint(b, part->language_count);
	for (size_t i = 0; i < part->language_count; i++)
		put_string(b, part->languages[i]);
	if (part->envelope)
		put_envelope(b, part->envelope);
}

static void put_parts(struct buf *b, const struct outline *o)
{
	buf_put_varint(b, o->part_count);
	for (uint32_t i = 0; i < o->part_count; i++)
		put_part(b, o, i);
}

static void put_fields(struct buf *b, const struct outline *o)
{
	buf_put_varint(b, o->field_count);
	for (uint32_t i = 0; i < o->field_count; i++) {
		buf_put_u8(b, o->fields[i].id);
		buf_put_varint(b, o->fields[i].length);
		buf_put_varint(b, o->fields[i].value);
	}
}

int outline_encode(const struct outline *o, struct buf *out)
{
	size_t from = out->n;

	buf_put_u8(out, OUTLINE_VERSION);
	buf_put_u8(out, o->parser);
	buf_put_u8(out, o->opaque);
	buf_add(out, o->hash, OUTLINE_HASH);
	buf_put_varint(out, o->length);
	put_string(out, o->preview);
	put_parts(out, o);
	put_fields(out, o);
	return buf_failed(out) || out->n - from > OUTLINE_MAX ? ERR_TOO_BIG : 0;
}

int outline_encode_opaque(struct str letter, struct buf *out)
{
	struct arena arena;
	struct outline o;

	arena_init(&arena, OUTLINE_ARENA_MAX);
	int code = outline_opaque(&o, &arena, letter);

	if (code == 0)
		code = outline_encode(&o, out);
	arena_free(&arena);
	return code;
}

/* What the encoding holds beside parts and fields at most: the preview and some
 * integers. Taken off here so that what has a hash can be encoded. */
#define REST_MAX 1024

int outline_hash(const struct outline *o, uint8_t hash[OUTLINE_HASH])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct buf b;
	int rc = 0;

	buf_init(&b, OUTLINE_MAX - REST_MAX);
	put_fields(&b, o);
	size_t fields = b.n;

	buf_put_varint(&b, o->length);
	put_parts(&b, o);
	if (buf_failed(&b))
		rc = ERR_TOO_BIG;
	else if (EVP_Digest(b.p + fields, b.n - fields, digest, NULL, EVP_sha256(), NULL) != 1)
		rc = ERR_MEMORY;
	else
		memcpy(hash, digest, OUTLINE_HASH);
	buf_free(&b);
	return rc;
}

/* Decoding: a failed reader gives zeroes, so it is looked at once per item. */
struct decoder {
	struct reader r;
	struct arena *a;
	struct outline *o;
};

static struct str get_string(struct decoder *d)
{
	uint64_t n = read_varint(&d->r, OUTLINE_MAX);

	if (n == 0)
		return (struct str){NULL, 0};
	return read_bytes(&d->r, (size_t)n - 1);
}

/* The number of things of which each takes at least one byte. */
static size_t get_count(struct decoder *d)
{
	return (size_t)read_varint(&d->r, d->r.rest.n);
}

static void get_params(struct decoder *d, struct header_params *list)
{
	for (size_t left = get_count(d); left && !d->r.failed; left--) {
		struct str name = get_string(d);
		struct str value = get_string(d);

		if (!header_param_append(list, d->a, name, value))
			d->r.failed = true;
	}
}

static void get_addrs(struct decoder *d, struct header_addrs *list)
{
	for (size_t left = get_count(d); left && !d->r.failed; left--) {
		uint8_t kind = read_u8(&d->r);
		struct header_addr *addr = header_addr_append(list, d->a, (enum addr_kind)kind);

		if (!addr) {
			d->r.failed = true;
			return;
		}
		addr->name = get_string(d);
		addr->route = get_string(d);
		addr->mailbox = get_string(d);
		addr->host = get_string(d);
	}
}

static void get_envelope(struct decoder *d, struct outline_part *part)
{
	struct outline_envelope *env = arena_alloc(d->a, sizeof(*env));

	part->envelope = env;
	if (!env) {
		d->r.failed = true;
		return;
	}
	env->date = get_string(d);
	env->subject = get_string(d);
	env->in_reply_to = get_string(d);
	env->message_id = get_string(d);
	for (int i = 0; i < ENVELOPE_LISTS; i++)
		get_addrs(d, &env->lists[i]);
}

static void get_languages(struct decoder *d, struct outline_part *part)
{
	size_t count = (size_t)read_varint(&d->r, OUTLINE_LANGUAGES_MAX);
	struct str *tags = arena_calloc(d->a, count, sizeof(*tags));

	if (!tags) {
		d->r.failed = true;
		return;
	}
	for (size_t i = 0; i < count; i++)
		tags[i] = get_string(d);
	part->languages = tags;
	part->language_count = count;
}

/* Offsets stay below 2^42, so no sum of them overflows. */
static uint64_t get_length(struct decoder *d)
{
	return read_varint(&d->r, MIME_LETTER_MAX);
}

static void get_place(struct decoder *d, uint32_t index, struct mime_part *at)
{
	at->kind = (enum mime_kind)read_u8(&d->r);
	uint32_t up = (uint32_t)read_varint(&d->r, index);

	if ((up == 0) != (index == 0))
		d->r.failed = true;
	at->parent = index == 0 ? MIME_NO_PARENT : index - up;
	/* With a failed reader the parent may be the part itself: never used then. */
	at->header_start = (d->r.failed ? 0 : parent_body(d->o, at)) + get_length(d);
	at->body_start = at->header_start + get_length(d);
	at->body_end = at->body_start + get_length(d);
	at->lines = get_length(d);
	at->fields = (uint32_t)read_varint(&d->r, MIME_FIELDS_MAX);
	if (index > 0)
		at->first_field = d->o->parts[index - 1].at.first_field + d->o->parts[index - 1].at.fields;
}

static void get_part(struct decoder *d, uint32_t index)
{
	struct outline_part *part = &d->o->parts[index];

	get_place(d, index, &part->at);
	part->type = get_string(d);
	part->subtype = get_string(d);
	get_params(d, &part->params);
	part->id = get_string(d);
	part->description = get_string(d);
	part->encoding = get_string(d);
	part->md5 = get_string(d);
	part->location = get_string(d);
	part->disposition = get_string(d);
	get_params(d, &part->disposition_params);
	get_languages(d, part);
	if (!d->r.failed && outline_begins_letter(d->o, &part->at))
		get_envelope(d, part);
}

static void get_parts(struct decoder *d)
{
	d->o->part_count = (uint32_t)read_varint(&d->r, MIME_PARTS_MAX);
	d->o->parts = arena_calloc(d->a, d->o->part_count, sizeof(*d->o->parts));
	if (!d->o->parts)
		d->r.failed = true;
	for (uint32_t i = 0; i < d->o->part_count && !d->r.failed; i++)
		get_part(d, i);
}

static void get_fields(struct decoder *d)
{
	d->o->field_count = (uint32_t)read_varint(&d->r, MIME_FIELDS_MAX);
	d->o->fields = arena_calloc(d->a, d->o->field_count, sizeof(*d->o->fields));
	if (!d->o->fields)
		d->r.failed = true;
	for (uint32_t i = 0; i < d->o->field_count && !d->r.failed; i++) {
		d->o->fields[i].id = read_u8(&d->r);
		d->o->fields[i].length = get_length(d);
		d->o->fields[i].value = get_length(d);
	}
}

int outline_decode(struct outline *o, struct arena *a, struct str bytes, uint64_t letter_length,
		   struct err *e)
{
	struct decoder d = {.r = reader_of(bytes), .a = a, .o = o};

	*o = (struct outline){0};
	if (bytes.n > OUTLINE_MAX)
		return err_set(e, ERR_CORRUPT, "outline of %zu bytes is above the limit", bytes.n);
	uint8_t version = read_u8(&d.r);

	if (version != OUTLINE_VERSION)
		return err_set(e, ERR_CORRUPT, "outline has version %u, not %d", version, OUTLINE_VERSION);
	o->parser = read_u8(&d.r);
	uint8_t opaque = read_u8(&d.r);
	struct str hash = read_bytes(&d.r, OUTLINE_HASH);

	o->opaque = opaque == 1;
	if (hash.p)
		memcpy(o->hash, hash.p, OUTLINE_HASH);
	o->length = get_length(&d);
	o->preview = get_string(&d);
	get_parts(&d);
	get_fields(&d);
	if (!reader_done(&d.r) || opaque > 1)
		return err_set(e, ERR_CORRUPT, "outline of %zu bytes does not decode", bytes.n);
	return outline_check(o, letter_length, e);
}

uint64_t outline_encoded_hash(struct str bytes)
{
	struct reader r = reader_of(bytes);

	/* Version, parser, opaque. */
	read_bytes(&r, 3);
	uint64_t hash = read_u64(&r);

	return r.failed ? 0 : hash;
}
