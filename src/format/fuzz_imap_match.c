/* SPDX-License-Identifier: Apache-2.0 */
/* LIST patterns against the plainest matcher there is. */
#include "format/imap_match.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool slow_match(struct str p, struct str s)
{
	if (p.n == 0)
		return s.n == 0;
	if (p.p[0] != '*' && p.p[0] != '%')
		return s.n && s.p[0] == p.p[0] && slow_match(str_skip(p, 1), str_skip(s, 1));
	for (size_t i = 0; i <= s.n; i++) {
		if (slow_match(str_skip(p, 1), str_skip(s, i)))
			return true;
		if (i < s.n && p.p[0] == '%' && s.p[i] == IMAP_SEPARATOR)
			return false;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str name = {(const char *)data, size}, pattern = str_cut(&name, '\n');
	size_t wild = 0;

	for (size_t i = 0; i < pattern.n; i++)
		wild += pattern.p[i] == '*' || pattern.p[i] == '%';
	if (name.n > 24 || wild > 6 || str_starts_nocase(name, STR("INBOX")))
		return 0;
	if (imap_match(pattern, name) != slow_match(pattern, name))
		abort();
	return 0;
}
