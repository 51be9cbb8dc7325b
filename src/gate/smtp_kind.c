/* SPDX-License-Identifier: Apache-2.0 */
/* The table of kinds (see smtp_kind.h). */
#include "gate/smtp_kind.h"

#include "format/smtp_command.h"
#include "net/scan_edits.h"

/* RFC 5321 4.5.3.1.4 asks for 512 and more with each extension; Postfix takes 2048. */
#define LINE_MAX_USUAL ((size_t)2048)
/* RFC 4954 section 4: 12288 octets of AUTH. */
#define LINE_MAX_AUTH ((size_t)12288 + 2)

static const struct smtp_kind kinds[] = {
	{.service = SERVICE_SMTP,
	 .traits = SMTP_IS_PUBLIC,
	 .offers = SMTP_OFFER_UTF8,
	 .line_max = LINE_MAX_USUAL},
	{.service = SERVICE_SUBMISSION,
	 .traits = SMTP_TLS_NEEDED | SMTP_NEEDS_LOGIN | SMTP_SUBMITS,
	 .offers = SMTP_OFFER_UTF8 | SMTP_OFFER_DSN | SMTP_OFFER_AUTH,
	 .edits = SCAN_ADD_MISSING | SCAN_PRIVACY,
	 .line_max = LINE_MAX_AUTH},
	{.service = SERVICE_SUBMISSIONS,
	 .traits = SMTP_TLS_AT_ONCE | SMTP_NEEDS_LOGIN | SMTP_SUBMITS,
	 .offers = SMTP_OFFER_UTF8 | SMTP_OFFER_DSN | SMTP_OFFER_AUTH,
	 .edits = SCAN_ADD_MISSING | SCAN_PRIVACY,
	 .line_max = LINE_MAX_AUTH},
	{.service = SERVICE_SUBMIT,
	 .traits = SMTP_IS_LOCAL | SMTP_SUBMITS,
	 .offers = SMTP_OFFER_UTF8 | SMTP_OFFER_DSN | SMTP_OFFER_BARE,
	 .edits = SCAN_ADD_MISSING | SCAN_ADD_FROM,
	 .line_max = LINE_MAX_USUAL},
};

const struct smtp_kind *smtp_kind_of(enum service service)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].service == service)
			return &kinds[i];
	return NULL;
}
