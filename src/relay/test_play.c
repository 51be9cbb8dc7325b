/* SPDX-License-Identifier: Apache-2.0 */
/* Playing deliveries (see test_play.h). */
#include "relay/test_play.h"

#include "base/clock.h"
#include "base/sealed.h"
#include "base/unit.h"
#include "relay/tls_client.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const words[] = {"?", "sent", "deferred", "bounced"};

static void show(struct world *w, struct play *p, const struct relay_letter *l)
{
	buf_init(&p->got, 100000);
	for (unsigned i = 0; i < l->count; i++) {
		const struct relay_recipient *r = &l->recipients[i];

		if (r->place != i)
			abort();
		buf_printf(&p->got, "%s%s %s %s %s", i ? "\n" : "", words[verdict_outcome(&r->verdict)],
			   r->verdict.status, r->mta[0] ? r->mta : "-", r->verdict.text);
	}
	world_hide_port(w, &p->got);
}

static void set_waits(struct relay_limits *limits, int64_t ms)
{
	limits->connect_ms = limits->greeting_ms = limits->hello_ms = limits->handshake_ms = ms;
	limits->mail_ms = limits->rcpt_ms = limits->data_ms = limits->block_ms = limits->end_ms = ms;
	limits->lookup_ms = limits->quit_ms = ms;
}

static void put_recipients(const struct play *p, struct buf *out)
{
	struct str rest = str_of(p->to ? p->to : "a@b.test");

	for (uint32_t place = 0; rest.n > 0; place++) {
		buf_put_u32(out, place);
		buf_put_u8(out, p->notify);
		buf_put_str(out, str_cut(&rest, ' '));
		buf_put_str(out, str_of(p->orcpt));
	}
}

static void co_deliver(struct world *w, void *arg)
{
	struct play *p = arg;
	struct str letter =
		p->letter_n ? (struct str){p->letter, p->letter_n} : str_of(p->letter ? p->letter : LETTER);
	struct relay_config *config;
	struct relay_letter *l;
	struct delivery *d;
	struct buf recipients;
	SSL_CTX *tls;
	struct err e;

	buf_init(&recipients, 60000);
	put_recipients(p, &recipients);
	struct relay_question q = {.letter = 0xABC,
				   .domain = str_of(p->domain ? p->domain : "b.test"),
				   .sender = str_of(p->sender ? p->sender : "s@ours.test"),
				   .envid = str_of(p->envid),
				   .body = p->body,
				   .ret = p->ret,
				   .smtputf8 = p->smtputf8,
				   .recipients = buf_str(&recipients),
				   .size = letter.n};

	if (sealed_make("letter", letter, &q.file, &e) != 0 ||
	    relay_config_new(&w->loaded, &config, &e) != 0 || tls_client_new("/nonexistent", &tls, &e) != 0 ||
	    relay_letter_new(&q, &l, &e) != 0)
		abort();
	set_waits(&config->limits, p->wait_ms ? p->wait_ms : 10000);
	d = relay_delivery_new(l, config, tls);
	p->code = co_relay_delivery_run(d, w->resolver, deadline_in(60000));
	show(w, p, l);
	co_relay_delivery_destroy(&d);
	relay_letter_destroy(&l);
	relay_config_drop(&config);
	SSL_CTX_free(tls);
	close(q.file);
	buf_free(&recipients);
}

static bool line_matches(struct str line, struct str want)
{
	if (!str_ends(want, STR("*")))
		return str_eq(line, want);
	want.n--;
	return str_starts(line, want);
}

static void check(const struct world *w, const struct play *p)
{
	struct str got = buf_str(&p->got), want = str_of(p->want);

	if (w->failure[0])
		fail_msg("%s\noutcome: %.*s", w->failure, STR_ARG(got));
	assert_int_equal(p->code, 0);
	while (got.n > 0 || want.n > 0) {
		struct str line = str_cut(&got, '\n'), pattern = str_cut(&want, '\n');

		if (!line_matches(line, pattern))
			fail_msg("want %.*s\n got %.*s", STR_ARG(pattern), STR_ARG(line));
	}
}

void play_run(struct world *w, struct play *p)
{
	world_run(w, co_deliver, p);
	check(w, p);
}

void play_done(struct world *w, struct play *p)
{
	world_free(w);
	buf_free(&p->got);
}

void play(struct world *w, struct play *p)
{
	play_run(w, p);
	play_done(w, p);
}

void play_one(const char *script, const char *want)
{
	struct world w = {.peers = {{"127.0.0.1", {script}}}};
	struct play p = {.want = want};

	play(&w, &p);
}
