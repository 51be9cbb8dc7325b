/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of postfix-accounts.cf and the form of an account's address. */
#include "run/accounts_file.h"

#include "run/password.h"
#include "run/table_lines.h"

#include <string.h>

#define LOCAL_PART_MAX 64
#define DOMAIN_MAX 255

struct str account_address_local(struct str address)
{
	return str_head(address, str_rfind(address, '@'));
}

struct str account_address_domain(struct str address)
{
	size_t at = str_rfind(address, '@');

	return at == STR_NONE ? str_skip(address, address.n) : str_skip(address, at + 1);
}

bool address_is_plain(struct str address)
{
	for (size_t i = 0; i < address.n; i++) {
		unsigned char c = (unsigned char)address.p[i];

		if (c <= ' ' || c == 0x7F || strchr("\"\\,()<>[]:;", c))
			return false;
	}
	return true;
}

/* Parts between dots are not empty, so no name is "." or "..". */
static bool is_dotted(struct str s, size_t max, const char *more)
{
	if (s.n == 0 || s.n > max || s.p[s.n - 1] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '.' ? i == 0 || s.p[i - 1] == '.'
			     : !ascii_is_alnum(s.p[i]) && c < 0x80 && (c == 0 || !strchr(more, c)))
			return false;
	}
	return true;
}

int account_address_check(struct str address, struct err *e)
{
	if (!table_key_begins_line(address) ||
	    !is_dotted(account_address_local(address), LOCAL_PART_MAX, "#$&'*+-=?^_`{}~"))
		return err_set(e, ERR_INVALID, "'%.*s' has a local part that no account can have",
			       STR_ARG(address));
	if (!is_dotted(account_address_domain(address), DOMAIN_MAX, "-"))
		return err_set(e, ERR_INVALID, "'%.*s' has no domain name", STR_ARG(address));
	return 0;
}

int account_line_parse(struct str line, struct account_line *out, struct err *e)
{
	line = str_trim_line(line);
	out->address = str_trim(str_cut(&line, '|'));
	out->stored = str_cut(&line, '|');
	out->extra = line;
	if (account_address_check(out->address, e))
		return ERR_INVALID;
	if (out->stored.n == 0)
		return err_set(e, ERR_INVALID, "'%.*s' has no password", STR_ARG(out->address));
	if (out->stored.n > PASSWORD_STORED_MAX)
		return err_set(e, ERR_INVALID, "'%.*s' has a password hash of more than %d bytes",
			       STR_ARG(out->address), PASSWORD_STORED_MAX);
	return 0;
}
