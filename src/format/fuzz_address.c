/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_address: an address that parses, written again, parses strictly to the
 * same parts; folding is idempotent; a strict address is a lenient one.
 */
#include "format/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_written(const struct address *a)
{
	struct address again;
	struct buf out;

	buf_init(&out, 2000);
	address_write(address_local(a), address_domain(a), &out);
	must(!buf_failed(&out));
	must(address_parse(buf_str(&out), ADDRESS_UTF8 | ADDRESS_BARE | ADDRESS_LONG, &again) == 0);
	must(str_eq(address_local(a), address_local(&again)));
	must(str_eq(address_domain(a), address_domain(&again)));
	must(address_has_routing(a) == (a->source_route || address_has_routing(&again)));
	buf_free(&out);
}

static void check_folded(const struct address *a)
{
	struct buf once, twice;

	buf_init(&once, 2000);
	buf_init(&twice, 2000);
	address_fold(address_local(a), &once);
	must(!buf_failed(&once));
	address_fold(buf_str(&once), &twice);
	must(str_eq(buf_str(&once), buf_str(&twice)));
	buf_free(&once);
	buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct address a, b;

	/* The first byte chooses the flags. */
	if (size == 0 || size > 2048)
		return 0;

	struct str in = {(const char *)data + 1, size - 1};

	if (address_parse_path(in, data[0], &a) != 0)
		return 0;
	must(data[0] & ADDRESS_UTF8 || (!a.utf8_local && !a.domain.utf8));
	check_written(&a);
	check_folded(&a);
	must(address_parse_path(in, data[0] | ADDRESS_LENIENT, &b) == 0);
	must(str_eq(address_local(&a), address_local(&b)) && str_eq(address_domain(&a), address_domain(&b)));
	return 0;
}
