/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_received: whatever a peer says, a Received field is one field that its
 * own counter counts once.
 */
#include "format/received.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_field(struct str evil, struct str user)
{
	struct received r = {
		.helo = evil,
		.client_name = evil,
		.client_ip = evil,
		.tls = STR("TLSv1.3"),
		.login = evil,
		.user = user,
		.by = STR("m.test"),
		.protocol = STR("ESMTP"),
		.id = STR("1"),
		.rcpt = evil,
	};
	struct buf out;

	buf_init(&out, 8192);
	received_write(&r, &out);
	must(!buf_failed(&out) && received_count(buf_str(&out)) == 1);
	for (size_t i = 0; i < out.n; i++) {
		must(out.p[i] != '\r' || out.p[i + 1] == '\n');
		must(out.p[i] != '\n' || (out.p[i - 1] == '\r' && (i + 1 == out.n || out.p[i + 1] == '\t')));
		must(out.p[i] != '\0');
	}
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};

	check_field(in, STR(""));
	check_field(in, in);
	must(!received_delivered_to(in, STR("a: b\nc")));
	return 0;
}
