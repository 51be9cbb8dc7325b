/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of PLAIN and LOGIN. */
#include "format/sasl.h"

#include "base/err.h"
#include "format/base64.h"

#define MASTER_SEPARATOR '*'

struct str sasl_user(const struct sasl_login *l)
{
	return (struct str){l->user, l->user_n};
}

struct str sasl_master(const struct sasl_login *l)
{
	return (struct str){l->master, l->master_n};
}

static bool is_name_char(char c)
{
	return ascii_is_alnum(c) || c == '.' || c == '-' || c == '_' || c == '@';
}

/* Copies a name in lower case. */
static int set_name(struct str name, char *to, uint8_t *n)
{
	if (name.n == 0)
		return ERR_INVALID;
	if (name.n > SASL_NAME_MAX)
		return ERR_TOO_BIG;
	for (size_t i = 0; i < name.n; i++) {
		if (!is_name_char(name.p[i]))
			return ERR_INVALID;
		to[i] = ascii_lower(name.p[i]);
	}
	*n = (uint8_t)name.n;
	return 0;
}

static int set_both(struct str user, struct str master, struct sasl_login *out)
{
	int rc = set_name(user, out->user, &out->user_n);

	return rc ? rc : set_name(master, out->master, &out->master_n);
}

int sasl_parse_login(struct str name, struct sasl_login *out)
{
	struct str master = name;

	memset(out, 0, sizeof(*out));
	if (str_find(name, MASTER_SEPARATOR) == STR_NONE)
		return set_name(name, out->user, &out->user_n);

	struct str user = str_cut(&master, MASTER_SEPARATOR);

	return set_both(user, master, out);
}

int sasl_parse_plain(struct str message, struct sasl_login *out)
{
	struct str rest = message;
	struct str authzid = str_cut(&rest, '\0');
	struct str authcid = str_cut(&rest, '\0');
	int rc;

	/* A missing second NUL leaves no password, a third one is inside it. */
	if (rest.n == 0 || str_find(rest, '\0') != STR_NONE)
		return ERR_INVALID;
	if (rest.n > SASL_PASSWORD_MAX)
		return ERR_TOO_BIG;
	if (authzid.n == 0 || str_eq_nocase(authzid, authcid)) {
		rc = sasl_parse_login(authcid, out);
	} else {
		memset(out, 0, sizeof(*out));
		rc = set_both(authzid, authcid, out);
	}
	out->password = rest;
	return rc;
}

static bool may_be_sent(struct str s)
{
	return s.n > 0 && str_find(s, '\0') == STR_NONE;
}

int sasl_build_plain(struct str user, struct str password, struct buf *out)
{
	struct buf message;
	int rc;

	if (!may_be_sent(user) || !may_be_sent(password))
		return ERR_INVALID;
	buf_init(&message, 2 + user.n + password.n);
	buf_add_c(&message, '\0');
	buf_add_str(&message, user);
	buf_add_c(&message, '\0');
	buf_add_str(&message, password);
	base64_encode(buf_str(&message), out);
	rc = buf_failed(&message) || buf_failed(out) ? ERR_TOO_BIG : 0;
	explicit_bzero(message.p, message.n);
	buf_free(&message);
	return rc;
}

int sasl_build_login(unsigned step, struct str user, struct str password, struct buf *out)
{
	struct str answer = step == 0 ? user : password;

	if (step > 1 || !may_be_sent(answer))
		return ERR_INVALID;
	base64_encode(answer, out);
	return buf_failed(out) ? ERR_TOO_BIG : 0;
}
