/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_received: whatever a peer says, a Received field is one field that its
 * own counter counts once; a completed header needs no completion.
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

static void check_completion(struct str letter)
{
	struct date now = {0, 0};
	struct buf complete, again;

	buf_init(&complete, letter.n + 1000);
	buf_init(&again, 1000);
	received_complete(letter, now, STR("1"), STR("m.test"), &complete);
	/* What was lacking goes in front. */
	buf_add_str(&complete, letter);
	received_complete(buf_str(&complete), now, STR("1"), STR("m.test"), &again);
	must(!buf_failed(&complete) && again.n == 0);
	buf_free(&complete);
	buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};

	check_field(in, STR(""));
	check_field(in, in);
	check_completion(in);
	must(!received_delivered_to(in, STR("a: b\nc")));
	return 0;
}
