/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_header: fields cover the header without gaps; every value parser ends, and
 * none hands out a string that could break a line.
 */
#include "format/header.h"
#include "format/header_addr.h"
#include "format/header_param.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void must_be_clean(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		must(s.p[i] != '\r' && s.p[i] != '\n' && s.p[i] != 0);
}

static void parse_addresses(struct str value, struct arena *a)
{
	struct header_addrs list = {0};
	bool in_group = false;

	arena_reset(a);
	if (header_addr_parse(value, a, &list))
		return;
	for (const struct header_addr *addr = list.first; addr; addr = addr->next) {
		must_be_clean(addr->name);
		must_be_clean(addr->route);
		must_be_clean(addr->mailbox);
		must_be_clean(addr->host);
		must((addr->kind == ADDR_MAILBOX) == (addr->host.p != NULL));
		must(addr->kind != ADDR_GROUP_START || !in_group);
		must(addr->kind != ADDR_GROUP_END || in_group);
		if (addr->kind != ADDR_MAILBOX)
			in_group = addr->kind == ADDR_GROUP_START;
	}
	must(!in_group);
}

static void parse_params(struct str value, struct arena *a)
{
	static const struct str wanted[] = {STR_INIT("name"), STR_INIT("filename"), STR_INIT("a")};
	struct header_disposition d;
	struct header_ctype t;
	struct buf out;

	arena_reset(a);
	if (header_ctype_parse(value, a, &t) == 0)
		must(t.type.n > 0 && t.subtype.n > 0);
	must_be_clean(t.type);
	must_be_clean(t.subtype);
	if (header_disposition_parse(value, a, &d))
		return;
	must_be_clean(d.token);
	for (const struct header_param *p = d.params.first; p; p = p->next) {
		must(p->name.n > 0);
		must_be_clean(p->name);
		must_be_clean(p->value);
	}
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		header_param_text(&d.params, wanted[i], NULL, &out);
	must_be_clean(buf_str(&out));
	buf_free(&out);
}

static void parse_texts(struct str value)
{
	struct str rest = value, id;
	struct buf out;

	buf_init(&out, value.n);
	header_unfold(value, &out);
	must(!buf_failed(&out));
	must_be_clean(buf_str(&out));
	buf_free(&out);
	while (header_next_msg_id(&rest, &id))
		must(id.n > 0 && id.p >= value.p && id.p + id.n <= value.p + value.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = {(const char *)data, size};
	struct header_scan scan = header_scan_of(bytes);
	struct header_field f;
	struct arena a;
	size_t at = 0;

	arena_init(&a, 1 << 20);
	while (header_next(&scan, &f)) {
		must(f.raw.n > 0 && f.raw.p == bytes.p + at);
		at += f.raw.n;
		must((f.id == HEADER_JUNK) == (f.name.n == 0));
		parse_addresses(f.value, &a);
		parse_params(f.value, &a);
		parse_texts(f.value);
	}
	must(scan.rest.n <= size - at && size - at - scan.rest.n <= 2);
	parse_addresses(bytes, &a);
	parse_params(bytes, &a);
	parse_texts(bytes);
	arena_free(&a);
	return 0;
}
