/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unit.h"
#include "run/password.h"

#include <stdio.h>
#include <string.h>

/*
 * Stored forms of "correct horse", made by other programs:
 *   $1$, $5$, $6$   openssl passwd -1|-5|-6 -salt SALT (rounds=: Python's crypt.crypt)
 *   DES, $2?$, $y$  Python's crypt.crypt(password, setting)
 *   digests         Python's hashlib and base64, salt "saltsalt" behind the password
 *   PBKDF2          hashlib.pbkdf2_hmac("sha1", password, b"somesalt", 5000, 20)
 *   SCRAM           hashlib.pbkdf2_hmac and hmac.digest as RFC 5802 section 3 says
 *   CRAM-MD5        a pure Python MD5 over key ^ 0x5c and key ^ 0x36
 *   ARGON2          the Python package cryptography (OpenSSL's Argon2), version 48
 */
static const char *const forms[] = {
	"{PLAIN}correct horse",
	"{plain}correct horse",
	"{CLEAR}correct horse",
	"{CLEARTEXT}correct horse",
	"{PLAIN.b64}Y29ycmVjdCBob3JzZQ==",
	"{PLAIN.base64}Y29ycmVjdCBob3JzZQ==",
	"{CLEARTEXT.hex}636f727265637420686f727365",
	"{CLEARTEXT.HEX}636F727265637420686F727365",
	"{CRYPT}abhfCpXqd4GrI",
	"abhfCpXqd4GrI",
	"{CRYPT}$1$saltsalt$NuzA7WTAelpl95xgBGWN60",
	"{MD5-CRYPT}$1$saltsalt$NuzA7WTAelpl95xgBGWN60",
	"{CRYPT}$2a$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
	"{CRYPT}$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
	"{BLF-CRYPT}$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
	"{SHA256-CRYPT}$5$saltstring$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC",
	"{SHA256-CRYPT}$5$rounds=1234$saltstring$JwEtARLq22IuEMOkyrnAzPCpAMczLA.b/Lpn1eZkj.1",
	"{SHA512-CRYPT}$6$saltstringsaltst$bCw7Luzu/QuQ7MeikTUrtG/"
	"H3qEhWE0qeSa7fQ7Q.KB7rHffvy6nWAiqxozGGanThe/"
	"hZPI9w1X/Yv09XRqnt1",
	"$6$saltstringsaltst$bCw7Luzu/QuQ7MeikTUrtG/H3qEhWE0qeSa7fQ7Q.KB7rHffvy6nWAiqxozGGanThe/hZPI9w1X/"
	"Yv09XRqnt1",
	"{SHA512-CRYPT}$6$rounds=1234$saltstring$jCcf.TW0mJZwKsX/"
	"lGyOmNrP5mmUtjuip2DA5RkZ4RgrifFxxsOVyCsXxALyx1XjfjIDq7"
	"0Oiuaz93.cqMjIE1",
	"{CRYPT}$y$j75$saltsalt$5wlMXHz82Iqiv0ywbT8h3LCVssbi3h0Xh43jM7E7Tr2",
	"{CRYPT}$y$j9T$abcdefghijklmnop$0Hi8KsZH/hAMRN9Bam6ce3nmi5QAIz3R/KeaXG/c7p9",
	"{CRYPT.hex}6162686643705871643447724"
	"9",
	"{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=",
	"{SHA1}L55TUjtiq8FBorTWAZ0jy6g129A=",
	"{SHA1}2f9e53523b62abc141a2b4d6019d23cba835dbd0",
	"{SHA256}QQTTb42iwlQ0n4WDZ5Pr4CngyVcGOjTJHC6SAxh7VjE=",
	"{SHA256.hex}4104d36f8da2c254349f85836793ebe029e0c957063a34c91c2e9203187b5631",
	"{SHA512}VraY3v7bWkNbY0r+MyC7rz/c2SC2xQOkRvx7endrKY1HnRumqLYXgI6wv1ec6aldZoNHvKtxSQhayTyyeZUZew==",
	"{SMD5}Z/zaJ2M7Khrn3AWg16utq3NhbHRzYWx0",
	"{SSHA}awc/Cj0kafyFd5d8fGn07xoHBJJzYWx0c2FsdA==",
	"{SSHA256}YflVcOMs6k7tbGkQbQNVn6/ehAnUAVltiLPKHBWGi2tzYWx0c2FsdA==",
	"{SSHA256.b64}YflVcOMs6k7tbGkQbQNVn6/ehAnUAVltiLPKHBWGi2tzYWx0c2FsdA==",
	"{SSHA512}50rsRNBf8j3I5xE+QwaHdFyMhOzITssZ8BB3UxwQ+SI1JKygYm6ZeRYTDuUyFZIIqDonoTuXwB0Z/"
	"MAPhgQCFHNhbHRzYWx0",
	"{PLAIN-MD5}3cb4e732631f47e6eb961f34554b7cde",
	"{LDAP-MD5}PLTnMmMfR+brlh80VUt83g==",
	"{CRAM-MD5}38b57fd1a0c4b46c814aa05f20318edd71c455380655f2c0ac35c5b359528d29",
	"{CRAM-MD5.b64}OLV/0aDEtGyBSqBfIDGO3XHEVTgGVfLArDXFs1lSjSk=",
	"{PBKDF2}$1$somesalt$5000$d5feb84e8228a961146ce68c561fa0eece3a8845",
	"{SCRAM-SHA-1}4096,MDEyMzQ1Njc4OWFiY2RlZg==,5Dwn8rRigG38CXE9wvhGoBC0V1g=,"
	"45Kd6ACnnr6s6PtmJw08vAcDwCY=",
	"{SCRAM-SHA-256}4096,MDEyMzQ1Njc4OWFiY2RlZg==,tSgetjYW5SQlNzIxJAKMryuDGH8Snw5oWcj1eOW0ZyI=,"
	"bbZ1dJMgYYaKKR1fU1oGHkWJzi9OQY4yU8Fuksa1t70=",
	"{ARGON2ID}$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$ZUDqUgMuBMaaeInW9f9JPW7gJRYc7LolDNmfiyqbGOo",
	"{ARGON2I}$argon2i$v=19$m=256,t=3,p=1$c29tZXNhbHQ$m4kQ1C9tEbF+RXNJalYADjSjW/afjpscqjN+51aT6WY",
};

static void each_scheme_knows_its_password(void **state)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if (password_verify(str_of(forms[i]), STR("correct horse")))
			fail_msg("%s is refused", forms[i]);
		if (password_verify(str_of(forms[i]), STR("dorrect horse")) != ERR_DENIED)
			fail_msg("%s takes another password", forms[i]);
		if (password_verify(str_of(forms[i]), STR("")) != ERR_DENIED)
			fail_msg("%s takes no password", forms[i]);
		if (password_verify(str_of(forms[i]), STR("correct horse\0x")) != ERR_DENIED)
			fail_msg("%s ends the password at a NUL", forms[i]);
	}
}

static void other_passwords(void **state)
{
	static const struct {
		const char *stored;
		struct str password;
	} rows[] = {
		/* from Dovecot's documentation of the scheme */
		{"{CRAM-MD5}e02d374fde0dc75a17a557039a3a5338c7743304777dccd376f332bee68d2cf6",
		 STR_INIT("test")},
		/* a key above HMAC's block is hashed first */
		{"{CRAM-MD5}8103bb3a2a4b96a9ca9cce4efecc8d22ebe7163dff7401afb5aa16d4edcf9f1f",
		 STR_INIT("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")},
		{"{PLAIN} blanks stay ", STR_INIT(" blanks stay ")},
		{"{PLAIN}a}b", STR_INIT("a}b")},
		{"{PLAIN.hex}610062", STR_INIT("a\0b")},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(password_verify(str_of(rows[i].stored), rows[i].password), 0);
}

static void a_hash_that_is_none_is_invalid(void **state)
{
	static const char *const rows[] = {
		"",
		"{",
		"{}",
		"{PLAIN}",
		"{PLAIN.hex}",
		"{PLAIN.rot13}x",
		"{PLAIN.hex}6",
		"{PLAIN.hex}6g",
		"{PLAIN.b64}Y29y*==",
		"{PLAIN.b64}Y29yc",
		"{PLAIN.b64}Y29y=",
		"{PLAIN.b64}=",
		"{NTLM}0123",
		"{SHA512-CRYPT",
		"{SHA512-CRYPT}",
		"plain text",
		"{CRYPT}*",
		"{CRYPT}!",
		"{CRYPT}$",
		"{CRYPT}$2x$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
		"{CRYPT}$2y$05$short",
		"{CRYPT}$2y$xx$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
		"{CRYPT}$7$CU..../....2Q9obwLhin8qvQl6sisAO/$E9HizYWxBmnIH4sdPkd1UOML9t62Gf.wvNTnt5XFzs8",
		"{CRYPT}$y$",
		"{SHA}L55TUjtiq8FBorTWAZ0jy6g129",
		"{SHA}AAAA",
		"{SSHA}AAAA",
		"{PLAIN-MD5}3cb4",
		"{CRAM-MD5}38b57fd1a0c4b46c814aa05f20318edd",
		"{PBKDF2}$2$somesalt$5000$d5feb84e8228a961146ce68c561fa0eece3a8845",
		"{PBKDF2}$1$somesalt$0$d5feb84e8228a961146ce68c561fa0eece3a8845",
		"{PBKDF2}$1$somesalt$5000$d5feb8",
		"{PBKDF2}$1$somesalt",
		"{SCRAM-SHA-1}4096,MDEy,5Dwn8rRigG38CXE9wvhGoBC0V1g=",
		"{SCRAM-SHA-1}x,MDEy,5Dwn8rRigG38CXE9wvhGoBC0V1g=,45Kd6ACnnr6s6PtmJw08vAcDwCY=",
		"{SCRAM-SHA-256}4096,MDEy,5Dwn8rRigG38CXE9wvhGoBC0V1g=,45Kd6ACnnr6s6PtmJw08vAcDwCY=",
		"{ARGON2I}$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$"
		"ZUDqUgMuBMaaeInW9f9JPW7gJRYc7LolDNmfiyqbGOo",
		"{ARGON2ID}$argon2id$v=18$m=256,t=2,p=2$c29tZXNhbHQ$"
		"ZUDqUgMuBMaaeInW9f9JPW7gJRYc7LolDNmfiyqbGOo",
		"{ARGON2ID}$argon2id$v=19$m=256,t=0,p=2$c29tZXNhbHQ$"
		"ZUDqUgMuBMaaeInW9f9JPW7gJRYc7LolDNmfiyqbGOo",
		"{ARGON2ID}$argon2id$v=19$m=256,t=2,p=0$c29tZXNhbHQ$"
		"ZUDqUgMuBMaaeInW9f9JPW7gJRYc7LolDNmfiyqbGOo",
		"{ARGON2ID}$argon2id$v=19$m=256,t=2,p=2$$",
		"{ARGON2ID}$argon2id$v=19",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (password_verify(str_of(rows[i]), STR("correct horse")) != ERR_INVALID)
			fail_msg("%s is not refused", rows[i]);
}

/* Each would take minutes or gigabytes; the test's time limit is the proof. */
static void a_hash_that_burns_too_much_is_invalid(void **state)
{
	static const char *const rows[] = {
		"{CRYPT}$6$rounds=999999999$salt$x",
		"{CRYPT}$6$rounds=1000001$salt$x",
		"{CRYPT}$5$rounds=99999999999999999999$salt$x",
		"{CRYPT}$6$rounds=1e9$salt$x",
		"{CRYPT}$2y$15$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
		"{CRYPT}$2b$31$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
		"{CRYPT}$y$jCT$saltsalt$5wlMXHz82Iqiv0ywbT8h3LCVssbi3h0Xh43jM7E7Tr2",
		"{CRYPT}$y$jFT$saltsalt$5wlMXHz82Iqiv0ywbT8h3LCVssbi3h0Xh43jM7E7Tr2",
		"{CRYPT}$y$j9T/zz$saltsalt$5wlMXHz82Iqiv0ywbT8h3LCVssbi3h0Xh43jM7E7Tr2",
		"{PBKDF2}$1$somesalt$1000001$d5feb84e8228a961146ce68c561fa0eece3a8845",
		"{SCRAM-SHA-1}4294967295,MDEy,5Dwn8rRigG38CXE9wvhGoBC0V1g=,45Kd6ACnnr6s6PtmJw08vAcDwCY=",
		"{ARGON2ID}$argon2id$v=19$m=131073,t=1,p=1$c29tZXNhbHQ$"
		"ZUDqUgMuBMaaeInW9f9JPW7gJRYc7LolDNmfiyqbGOo",
		"{ARGON2ID}$argon2id$v=19$m=1024,t=4294967295,p=1$c29tZXNhbHQ$"
		"ZUDqUgMuBMaaeInW9f9JPW7gJRYc7LolDNmfiyqbGOo",
		"{ARGON2ID}$argon2id$v=19$m=131072,t=1,p=17$c29tZXNhbHQ$"
		"ZUDqUgMuBMaaeInW9f9JPW7gJRYc7LolDNmfiyqbGOo",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (password_verify(str_of(rows[i]), STR("correct horse")) != ERR_INVALID)
			fail_msg("%s is not refused", rows[i]);
}

static void long_passwords_match_nothing(void **state)
{
	char stored[PASSWORD_STORED_MAX + 2], password[PASSWORD_MAX + 2];

	memset(password, 'p', sizeof(password));
	snprintf(stored, sizeof(stored), "{PLAIN}%.*s", PASSWORD_MAX, password);
	assert_int_equal(password_verify(str_of(stored), (struct str){password, PASSWORD_MAX}), 0);
	snprintf(stored, sizeof(stored), "{PLAIN}%.*s", PASSWORD_MAX + 1, password);
	assert_int_equal(password_verify(str_of(stored), (struct str){password, PASSWORD_MAX + 1}),
			 ERR_DENIED);
	memset(stored, 'a', sizeof(stored));
	assert_int_equal(password_verify((struct str){stored, PASSWORD_STORED_MAX + 1}, STR("a")),
			 ERR_INVALID);
}

static void nobody_has_no_password(void **state)
{
	assert_int_equal(password_verify_nobody(STR("correct horse")), ERR_DENIED);
	assert_int_equal(password_verify_nobody(STR("")), ERR_DENIED);
	assert_int_equal(password_verify_nobody(STR("a\0b")), ERR_DENIED);
}

static void what_is_made_is_verified(void **state)
{
	static const struct str good[] = {STR_INIT("x"), STR_INIT(" a b "), STR_INIT("p\xC3\xA4ss|{}w")};
	struct buf b, other;
	struct err e;

	buf_init(&b, 200);
	buf_init(&other, 200);
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		buf_clear(&b);
		buf_clear(&other);
		assert_int_equal(password_make(good[i], &b, &e), 0);
		assert_int_equal(password_make(good[i], &other, &e), 0);
		assert_true(str_starts(buf_str(&b), STR("{SHA512-CRYPT}$6$")));
		assert_int_equal(b.n, 14 + 3 + 16 + 1 + 86);
		assert_int_equal(b.p[14 + 3 + 16], '$');
		assert_int_equal(password_verify(buf_str(&b), good[i]), 0);
		assert_int_equal(password_verify(buf_str(&b), STR("y")), ERR_DENIED);
		/* the salt is another each time */
		assert_false(str_eq(buf_str(&b), buf_str(&other)));
	}
	buf_free(&b);
	buf_free(&other);
}

static void what_cannot_be_a_password_is_refused(void **state)
{
	char large[PASSWORD_MAX + 1];
	struct buf b;
	struct err e;

	buf_init(&b, 50);
	memset(large, 'p', sizeof(large));
	assert_int_equal(password_make(STR(""), &b, &e), ERR_INVALID);
	assert_string_equal(e.text, "Password must not be empty");
	assert_int_equal(password_make(STR("a\0b"), &b, &e), ERR_INVALID);
	assert_int_equal(password_make((struct str){large, sizeof(large)}, &b, &e), ERR_INVALID);
	assert_int_equal(b.n, 0);
	assert_int_equal(password_make(STR("fine"), &b, &e), ERR_TOO_BIG);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_scheme_knows_its_password),
		cmocka_unit_test(other_passwords),
		cmocka_unit_test(a_hash_that_is_none_is_invalid),
		cmocka_unit_test(a_hash_that_burns_too_much_is_invalid),
		cmocka_unit_test(long_passwords_match_nothing),
		cmocka_unit_test(nobody_has_no_password),
		cmocka_unit_test(what_is_made_is_verified),
		cmocka_unit_test(what_cannot_be_a_password_is_refused),
	};

	return cmocka_run_group_tests_name("password", tests, NULL, NULL);
}
