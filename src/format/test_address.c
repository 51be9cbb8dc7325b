/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/unit.h"
#include "format/address.h"

#define LOCAL64 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl"

static struct buf out;

static int set_up(void **state)
{
	buf_init(&out, 1000);
	return 0;
}

static int tear_down(void **state)
{
	buf_free(&out);
	return 0;
}

/*
 * The isemail vectors grade addr-spec of RFC 5322 as well.  In an envelope only
 * the Mailbox of RFC 5321 4.1.2 counts, which is stricter; so of their
 * categories
 *   VALID, DNSWARN, RFC5321  are mailboxes here (we look nothing up),
 *   CFWS    is refused: RFC 5321 has no comments and no folding in a path,
 *   DEPREC  is refused: it has no obsolete syntax (words joined by dots, white
 *           space at dots, control characters in quotes),
 *   RFC5322 is refused: only its address literals and its lengths count,
 *   ERR     is no address in either.
 */
static const struct {
	struct str address;
	const char *category, *diagnosis;
} vectors[] = {
#include "format/addr_vectors.h"
};

/* Verdicts that follow neither rule. */
static const struct {
	const char *address;
	bool valid;
	const char *why;
} exceptions[] = {
	{"test@[IPv6:1111:2222:3333:4444:5555:6666::8888]", true,
	 "RFC 4291 2.2 lets \"::\" stand for one group, and programs write it"},
	{"test@[1111:2222:3333:4444:5555:6666:7777:8888]", true,
	 "General-address-literal: the tag is \"1111\"; the vectors want registered tags only"},
	{"first.last@[IPv5:::12.34.56.78]", true, "the same with the tag \"IPv5\""},
};

static bool is_mailbox(size_t i)
{
	static const char *const categories[] = {"VALID_CATEGORY", "DNSWARN", "RFC5321"};

	for (size_t k = 0; k < sizeof(exceptions) / sizeof(exceptions[0]); k++)
		if (str_eq(vectors[i].address, str_of(exceptions[k].address)))
			return exceptions[k].valid;
	for (size_t k = 0; k < sizeof(categories) / sizeof(categories[0]); k++)
		if (strcmp(vectors[i].category, categories[k]) == 0)
			return true;
	return false;
}

static void agrees_with_the_published_vectors(void **state)
{
	assert_true(sizeof(vectors) / sizeof(vectors[0]) > 440);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct address strict, lenient;
		bool valid = address_parse(vectors[i].address, ADDRESS_UTF8, &strict) == 0;

		if (valid != is_mailbox(i))
			fail_msg("\"%.*s\" (%s, %s): valid %d", STR_ARG(vectors[i].address),
				 vectors[i].category, vectors[i].diagnosis, valid);
		if (!valid)
			continue;
		assert_int_equal(address_parse(vectors[i].address,
					       ADDRESS_UTF8 | ADDRESS_LENIENT | ADDRESS_LONG, &lenient),
				 0);
		assert_true(str_eq(address_local(&strict), address_local(&lenient)));
		assert_true(str_eq(address_domain(&strict), address_domain(&lenient)));
	}
}

/* Parses a path and writes "local|domain", or the error's name. */
static struct str shown(struct str path, unsigned flags)
{
	struct address a;
	int rc = address_parse_path(path, flags, &a);

	buf_clear(&out);
	if (rc) {
		buf_add_z(&out, rc == ERR_INVALID ? "invalid" : rc == ERR_TOO_BIG ? "too big" : "denied");
		return buf_str(&out);
	}
	buf_add_str(&out, address_local(&a));
	buf_add_c(&out, '|');
	buf_add_str(&out, address_domain(&a));
	return buf_str(&out);
}

static void takes_apart(void **state)
{
	static const struct {
		struct str path;
		unsigned flags;
		const char *want;
	} paths[] = {
		{STR_INIT("User@Example.TEST"), 0, "User|example.test"},
		{STR_INIT("\"user\"@example.test"), 0, "user|example.test"},
		{STR_INIT("\"us\\er\"@example.test"), 0, "user|example.test"},
		{STR_INIT("\"a b@c\\\"\\\\\"@example.test"), 0, "a b@c\"\\|example.test"},
		{STR_INIT("\"\"@example.test"), 0, "|example.test"},
		{STR_INIT("user@[IPv6:2001:DB8::0:1]"), 0, "user|[IPv6:2001:db8::1]"},
		/* postmaster needs no domain (RFC 5321 4.5.1), others only with leave. */
		{STR_INIT("postmaster"), 0, "postmaster|"},
		{STR_INIT("PostMaster"), 0, "PostMaster|"},
		{STR_INIT("postmaster@"), 0, "invalid"},
		{STR_INIT("root"), 0, "invalid"},
		{STR_INIT("root"), ADDRESS_BARE, "root|"},
		{STR_INIT(""), ADDRESS_BARE | ADDRESS_LENIENT, "invalid"},
		{STR_INIT(" root"), ADDRESS_BARE | ADDRESS_LENIENT, "invalid"},
		/* Source routes. */
		{STR_INIT("@a.test,@b.test:user@c.test"), 0, "user|c.test"},
		{STR_INIT("@[IPv6:::1],@[127.0.0.1]:user@c.test"), 0, "user|c.test"},
		{STR_INIT("@a.test:postmaster"), 0, "postmaster|"},
		{STR_INIT("@a.test:"), 0, "invalid"},
		{STR_INIT("@a.test"), 0, "invalid"},
		{STR_INIT("@a.test,"), 0, "invalid"},
		{STR_INIT("@a.test,b.test:user@c.test"), 0, "invalid"},
		{STR_INIT("@a.test,@:user@c.test"), 0, "invalid"},
		{STR_INIT("@a.test:@b.test:user@c.test"), ADDRESS_LENIENT, "invalid"},
		{STR_INIT("@[127.0.0.1:user@c.test"), 0, "invalid"},
		{STR_INIT("@"), 0, "invalid"},
		/* What only the lenient form takes. */
		{STR_INIT(".a..b.@example.test"), 0, "invalid"},
		{STR_INIT(".a..b.@example.test"), ADDRESS_LENIENT, ".a..b.|example.test"},
		{STR_INIT("a@b@c.test"), 0, "invalid"},
		{STR_INIT("a@b@c.test"), ADDRESS_LENIENT, "a@b|c.test"},
		{STR_INIT("\"a\".b@c.test"), 0, "invalid"},
		{STR_INIT("\"a\".b@c.test"), ADDRESS_LENIENT, "a.b|c.test"},
		{STR_INIT("a@c.test."), 0, "invalid"},
		{STR_INIT("a@c.test."), ADDRESS_LENIENT, "a|c.test"},
		{STR_INIT("a@c.test.."), ADDRESS_LENIENT, "invalid"},
		{STR_INIT("a@."), ADDRESS_LENIENT, "invalid"},
		{STR_INIT("@@c.test"), ADDRESS_LENIENT, "invalid"},
		{STR_INIT("\"a@c.test"), ADDRESS_LENIENT, "invalid"},
		{STR_INIT("\"a\\"), ADDRESS_LENIENT | ADDRESS_BARE, "invalid"},
		{STR_INIT("a b@c.test"), ADDRESS_LENIENT, "invalid"},
		{STR_INIT("a(b)@c.test"), ADDRESS_LENIENT, "invalid"},
		{STR_INIT("a<b@c.test"), ADDRESS_LENIENT, "invalid"},
		/* Control characters, everywhere. */
		{STR_INIT("a\0b@c.test"), ADDRESS_LENIENT, "invalid"},
		{STR_INIT("\"a\nb\"@c.test"), ADDRESS_LENIENT, "invalid"},
		{STR_INIT("\"a\\\rb\"@c.test"), ADDRESS_LENIENT, "invalid"},
		{STR_INIT("\"a\tb\"@c.test"), ADDRESS_LENIENT, "invalid"},
		{STR_INIT("a@c.test\0"), ADDRESS_LENIENT, "invalid"},
		{STR_INIT("\"a\x7F\"@c.test"), ADDRESS_LENIENT, "invalid"},
		{STR_INIT("a\xC2\x85"
			  "b@c.test" /* NEXT LINE */),
		 ADDRESS_LENIENT | ADDRESS_UTF8, "invalid"},
		/* UTF-8. */
		{STR_INIT("j\xC3\xB6rg@m\xC3\xBCnchen.example"), 0, "denied"},
		{STR_INIT("j\xC3\xB6rg@m\xC3\xBCnchen.example"), ADDRESS_UTF8,
		 "j\xC3\xB6rg|xn--mnchen-3ya.example"},
		{STR_INIT("\"j\xC3\xB6rg x\"@example.test"), ADDRESS_UTF8, "j\xC3\xB6rg x|example.test"},
		{STR_INIT("\"\\\\\xC3\xB6\"@example.test"), ADDRESS_UTF8, "\\\xC3\xB6|example.test"},
		{STR_INIT("\"\\\xC3\xB6\"@example.test"), ADDRESS_UTF8, "invalid"},
		{STR_INIT("j\xC3@example.test"), ADDRESS_UTF8, "invalid"},
		{STR_INIT("j\xC0\xAF@example.test"), ADDRESS_UTF8, "invalid"},
		/* Limits. */
		{STR_INIT(LOCAL64 "@c.test"), 0, LOCAL64 "|c.test"},
		{STR_INIT(LOCAL64 "m@c.test"), 0, "too big"},
		{STR_INIT(LOCAL64 "m@c.test"), ADDRESS_LONG, LOCAL64 "m|c.test"},
		{STR_INIT(LOCAL64 LOCAL64 LOCAL64 LOCAL64 "@c.test"), ADDRESS_LONG, "too big"},
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (!str_eq(shown(paths[i].path, paths[i].flags), str_of(paths[i].want)))
			fail_msg("<%.*s>: %.*s", STR_ARG(paths[i].path), STR_ARG(buf_str(&out)));
}

/* Every way to say "through you to somebody else" that we know of. */
static void sees_sender_specified_routing(void **state)
{
	static const char *const routed[] = {
		"user%elsewhere.test@ours.test",
		"user%a.test%b.test@ours.test",
		"user%@ours.test",
		"%elsewhere.test@ours.test",
		"elsewhere.test!user@ours.test",
		"a!b!user@ours.test",
		"!user@ours.test",
		"user@elsewhere.test@ours.test",
		"user@ours.test@elsewhere.test@ours.test",
		"\"user@[192.0.2.1]\"@ours.test",
		"\"user@elsewhere.test\"@ours.test",
		"\"user\\@elsewhere.test\"@ours.test",
		"\"user%elsewhere.test\"@ours.test",
		"\"elsewhere.test!user\"@ours.test",
		"\"@elsewhere.test:user\"@ours.test",
		"user\"@\"elsewhere.test@ours.test",
		"\"user\"%elsewhere.test@ours.test",
		"\"user\"\"@elsewhere.test\"@ours.test",
		"\" user@elsewhere.test\"@ours.test",
		"\"<user@elsewhere.test>\"@ours.test",
		"@ours.test:user@elsewhere.test",
		"@ours.test,@x.test:user@elsewhere.test",
		"@elsewhere.test:user@ours.test",
		"@[127.0.0.1]:user@elsewhere.test",
		"user%elsewhere.test@[127.0.0.1]",
		"\"user@elsewhere.test\"@[IPv6:::1]",
		"elsewhere.test!user%third.test@ours.test",
		"user%elsewhere.test@ours.test.",
		".user@elsewhere.test@ours.test",
		"@ours.test:postmaster",
	};
	static const char *const plain[] = {
		"user@ours.test", "\"user\"@ours.test", "user+tag@ours.test",  "user@elsewhere.test",
		"postmaster",     "a=b.test@ours.test", "\"a,b:c\"@ours.test", "user@[127.0.0.1]",
	};
	struct address a;

	for (size_t i = 0; i < sizeof(routed) / sizeof(routed[0]); i++)
		if (address_parse_path(str_of(routed[i]), ADDRESS_LENIENT, &a) != 0 ||
		    !address_has_routing(&a))
			fail_msg("not seen: %s", routed[i]);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (address_parse_path(str_of(plain[i]), ADDRESS_LENIENT, &a) != 0 || address_has_routing(&a))
			fail_msg("wrongly seen: %s", plain[i]);
	/* A look-alike that the mapping of domains could turn into an "@". */
	assert_int_equal(address_parse(STR("user@elsewhere\xEF\xBC\xA0ours.test"), ADDRESS_UTF8, &a),
			 ERR_INVALID);
}

static void makes_keys(void **state)
{
	static const struct {
		const char *address, *key, *folded, *written;
	} keys[] = {
		{"\"John\"@Example.Test", "John@example.test", "john@example.test", "John@example.test"},
		{"\"John Doe\"@Example.Test", "John Doe@example.test", "john doe@example.test",
		 "\"John Doe\"@example.test"},
		{"\"a\\\"b\\\\c\"@x.test", "a\"b\\c@x.test", "a\"b\\c@x.test", "\"a\\\"b\\\\c\"@x.test"},
		{"a..b@x.test", "a..b@x.test", "a..b@x.test", "\"a..b\"@x.test"},
		{"a@b@x.test", "a@b@x.test", "a@b@x.test", "\"a@b\"@x.test"},
		{"\"\"@x.test", "@x.test", "@x.test", "\"\"@x.test"},
		{"Postmaster", "Postmaster", "postmaster", "Postmaster"},
		{"J\xC3\x96RG@M\xC3\xBCnchen.Example", "J\xC3\x96RG@xn--mnchen-3ya.example",
		 "j\xC3\xB6rg@xn--mnchen-3ya.example", "J\xC3\x96RG@xn--mnchen-3ya.example"},
		/* O and a combining diaeresis are one letter. */
		{"Jo\xCC\x88rg@x.test", "Jo\xCC\x88rg@x.test", "j\xC3\xB6rg@x.test", "Jo\xCC\x88rg@x.test"},
	};
	struct address a;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		assert_int_equal(address_parse(str_of(keys[i].address), ADDRESS_UTF8 | ADDRESS_LENIENT, &a),
				 0);
		buf_clear(&out);
		address_key(&a, &out);
		assert_str(buf_str(&out), keys[i].key);
		buf_clear(&out);
		address_key_folded(&a, &out);
		assert_str(buf_str(&out), keys[i].folded);
		buf_clear(&out);
		address_write(address_local(&a), address_domain(&a), &out);
		assert_str(buf_str(&out), keys[i].written);
	}
	assert_true(a.utf8_local);
	buf_clear(&out);
	address_fold(STR("bad\xC3"), &out);
	assert_true(buf_failed(&out));
}

static void divides_tags(void **state)
{
	static const struct {
		const char *local, *delimiters, *user, *tag;
		bool divided;
	} tags[] = {
		{"user+tag", "+", "user", "tag", true},
		{"user+a+b", "+", "user", "a+b", true},
		{"user+", "+", "user", "", true},
		{"user-a+b", "+-", "user", "a+b", true},
		{"+tag", "+", "+tag", "", false},
		{"user", "+", "user", "", false},
		{"user+tag", "", "user+tag", "", false},
		{"Mailer-Daemon", "-", "Mailer-Daemon", "", false},
		{"double-bounce", "-", "double-bounce", "", false},
		{"postmaster+x", "+", "postmaster", "x", true},
		{"", "+", "", "", false},
	};

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		struct str user, tag;

		assert_int_equal(
			address_split_tag(str_of(tags[i].local), str_of(tags[i].delimiters), &user, &tag),
			tags[i].divided);
		assert_str(user, tags[i].user);
		assert_str(tag, tags[i].tag);
	}
}

static void counts_the_limit_of_a_path(void **state)
{
	char text[300];
	struct address a;

	/* 64 + "@" + 189 is the longest mailbox of a path of 256 octets. */
	memset(text, 'a', sizeof(text));
	text[64] = '@';
	for (size_t i = 64 + 60; i < sizeof(text); i += 60)
		text[i] = '.';
	assert_int_equal(address_parse((struct str){text, 254}, 0, &a), 0);
	assert_int_equal(address_parse((struct str){text, 255}, 0, &a), ERR_TOO_BIG);
	assert_int_equal(address_parse((struct str){text, 255}, ADDRESS_LONG, &a), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_published_vectors),
		cmocka_unit_test_setup_teardown(takes_apart, set_up, tear_down),
		cmocka_unit_test(sees_sender_specified_routing),
		cmocka_unit_test_setup_teardown(makes_keys, set_up, tear_down),
		cmocka_unit_test(divides_tags),
		cmocka_unit_test(counts_the_limit_of_a_path),
	};

	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
