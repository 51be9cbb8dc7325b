/* SPDX-License-Identifier: Apache-2.0 */
/* Writing reports (see dsn.h). */
#include "format/dsn.h"

#include "format/date.h"

#include <unistr.h>

/* RFC 5322 2.1.1: where lines should end, and where they must. */
#define LINE_GOOD 76
#define LINE_LAST 900
/* A boundary that a letter happens to contain is passed over; more than this would take a
 * letter made of boundaries, whose ids nobody knows before. */
#define BOUNDARIES 1000
#define BOUNDARY_MAX 48

/* What a person reads before the reasons, in lines. */
static const char *const greetings[DSN_LANGUAGES][12] = {
	[DSN_EN] = {"Your message could not be delivered to the recipients below, and this",
		    "server has stopped trying.", "",
		    "Behind each address stands what the other server said, or why none could be",
		    "reached. Please check the address for typing errors first. The message, or",
		    "its header, is attached.", "",
		    "If you need help, write to the postmaster of this server and attach this", "report."},
	[DSN_ZH_CN] = {"您的邮件未能送达以下收件人，本服务器已停止尝试。", "",
		       "每个地址之后是对方服务器的答复，或无法连接的原因。请先检查地址是否有误。",
		       "原邮件或其信头附后。", "",
		       "如需帮助，请将此报告转发给本服务器的邮件管理员（postmaster）。"},
};

bool dsn_has_8bit(struct str letter)
{
	for (size_t i = 0; i < letter.n; i++)
		if ((unsigned char)letter.p[i] > 0x7F)
			return true;
	return false;
}

struct str dsn_header_of(struct str letter)
{
	size_t end = str_find_str(letter, STR("\r\n\r\n"));

	if (str_starts(letter, STR("\r\n")))
		return str_head(letter, 0);
	return end == STR_NONE ? letter : str_head(letter, end + 2);
}

/* --- what peers chose ------------------------------------------------------------------- */

static void add_clean(struct buf *out, struct str s, bool utf8)
{
	bool high = utf8 && (s.n == 0 || !u8_check((const uint8_t *)s.p, s.n));

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '\t' || c == '\r' || c == '\n')
			buf_add_c(out, ' ');
		else
			buf_add_c(out, c < 0x20 || c == 0x7F || (c > 0x7F && !high) ? '?' : (char)c);
	}
}

/* UTF-8 continues with 10xxxxxx: no line ends inside a character. */
static bool may_cut(struct str s, size_t at)
{
	return at >= s.n || ((unsigned char)s.p[at] & 0xC0) != 0x80;
}

/* How much of s goes into one line of `width`: up to a blank if there is one. */
static size_t line_of(struct str s, size_t width)
{
	size_t n = width;

	if (s.n <= width)
		return s.n;
	n = str_rfind(str_head(s, width + 1), ' ');
	if (n != STR_NONE && n > 0)
		return n;
	n = str_find(str_head(s, LINE_LAST), ' ');
	if (n != STR_NONE && n > 0)
		return n;
	n = s.n < LINE_LAST ? s.n : LINE_LAST;
	while (n > 1 && !may_cut(s, n))
		n--;
	return n;
}

/* Text in lines, all but the first with blanks in front; used: columns already written. */
static void add_folded(struct buf *out, struct str text, size_t used, bool utf8)
{
	struct buf clean;
	struct str s;

	buf_init(&clean, text.n);
	add_clean(&clean, text, utf8);
	s = str_trim(buf_str(&clean));
	if (s.n == 0)
		buf_add_z(out, "\r\n");
	while (s.n > 0) {
		size_t n = line_of(s, used < LINE_GOOD / 2 ? LINE_GOOD - used : LINE_GOOD / 2);

		buf_add_str(out, str_head(s, n));
		buf_add_z(out, "\r\n");
		s = str_trim(str_skip(s, n));
		if (s.n > 0)
			buf_add_z(out, "    ");
		used = 4;
	}
	buf_free(&clean);
}

/* --- the part for people ------------------------------------------------------------------- */

/* "mx.b.test[192.0.2.1]:25" without the port. */
static struct str host_of(struct str mta)
{
	size_t end = str_rfind(mta, ']');

	return end == STR_NONE ? mta : str_head(mta, end + 1);
}

static void add_reason(const struct dsn_recipient *to, struct buf *out)
{
	struct buf line;

	buf_init(&line, 4096);
	buf_add_c(&line, '<');
	buf_add_str(&line, to->address);
	buf_add_z(&line, ">: ");
	if (to->mta.n > 0) {
		buf_add_z(&line, "host ");
		buf_add_str(&line, host_of(to->mta));
		buf_add_z(&line, " said: ");
	}
	buf_add_str(&line, to->text);
	buf_add_z(out, "\r\n");
	add_folded(out, buf_str(&line), 0, true);
	buf_free(&line);
}

static void add_person(const struct dsn *d, struct buf *out)
{
	buf_add_z(out, "Content-Type: text/plain; charset=utf-8\r\n"
		       "Content-Transfer-Encoding: 8bit\r\n"
		       "Content-Description: Notification\r\n\r\n");
	for (size_t i = 0; greetings[d->language][i]; i++)
		buf_printf(out, "%s\r\n", greetings[d->language][i]);
	for (size_t i = 0; i < d->count; i++)
		add_reason(&d->recipients[i], out);
}

/* --- the part for programs ------------------------------------------------------------------- */

static void add_field(struct buf *out, const char *name, struct str value, bool utf8)
{
	buf_printf(out, "%s ", name);
	add_folded(out, value, strlen(name) + 1, utf8);
}

/* "rfc822; address", or in the forms of RFC 6533 3 when it is not ASCII: as it is where
 * UTF-8 may stand, with \x{HEX} elsewhere. */
static void add_address(const struct dsn *d, struct buf *out, const char *name, struct str address)
{
	bool high = dsn_has_8bit(address);
	ucs4_t c;

	buf_printf(out, "%s %s; ", name, high ? "utf-8" : "rfc822");
	if (!high || d->smtputf8 || u8_check((const uint8_t *)address.p, address.n)) {
		add_clean(out, address, d->smtputf8);
		buf_add_z(out, "\r\n");
		return;
	}
	while (address.n > 0) {
		int n = u8_mbtouc(&c, (const uint8_t *)address.p, address.n);

		if (c < 0x80)
			add_clean(out, str_head(address, 1), false);
		else
			buf_printf(out, "\\x{%X}", (unsigned)c);
		address = str_skip(address, (size_t)n);
	}
	buf_add_z(out, "\r\n");
}

/* The name in front of "[address]:port"; the address literal when there is none. */
static struct str name_of(struct str mta)
{
	size_t at = str_find(mta, '[');

	return at != STR_NONE && at > 0 ? str_head(mta, at) : host_of(mta);
}

static void add_typed(struct buf *out, const char *name, const char *type, struct str value, bool utf8)
{
	struct buf line;

	buf_init(&line, value.n + 16);
	buf_printf(&line, "%s; ", type);
	buf_add_str(&line, value);
	add_field(out, name, buf_str(&line), utf8);
	buf_free(&line);
}

/* X.500 and the like stay as they were given. */
static void add_original(const struct dsn *d, struct buf *out, struct str orcpt)
{
	struct str rest = orcpt, type = str_cut(&rest, ';');

	buf_add_z(out, "Original-Recipient: ");
	add_clean(out, type, false);
	buf_add_c(out, ';');
	add_clean(out, rest, d->smtputf8);
	buf_add_z(out, "\r\n");
}

static void add_recipient(const struct dsn *d, const struct dsn_recipient *to, struct buf *out)
{
	buf_add_z(out, "\r\n");
	add_address(d, out, "Final-Recipient:", to->address);
	if (to->orcpt.n > 0)
		add_original(d, out, to->orcpt);
	buf_add_z(out, "Action: failed\r\n");
	add_field(out, "Status:", to->status.n > 0 ? to->status : STR("5.0.0"), false);
	if (to->mta.n > 0)
		add_typed(out, "Remote-MTA:", "dns", name_of(to->mta), false);
	add_typed(out, "Diagnostic-Code:", to->mta.n > 0 ? "smtp" : "X-Mailstead", to->text, d->smtputf8);
}

static void add_date(struct buf *out, const char *name, int64_t us)
{
	buf_printf(out, "%s ", name);
	date_write_mail((struct date){us, 0}, out);
	buf_add_z(out, "\r\n");
}

static void add_program(const struct dsn *d, struct buf *out)
{
	buf_printf(out, "Content-Type: message/%s\r\n",
		   d->smtputf8 ? "global-delivery-status" : "delivery-status");
	if (d->smtputf8)
		buf_add_z(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_add_z(out, "Content-Description: Delivery report\r\n\r\n");
	if (d->envid.n > 0)
		add_field(out, "Original-Envelope-Id:", d->envid, false);
	add_typed(out, "Reporting-MTA:", "dns", d->hostname, false);
	add_field(out, "X-Mailstead-Queue-ID:", d->letter, false);
	add_address(d, out, "X-Mailstead-Sender:", d->sender);
	add_date(out, "Arrival-Date:", d->arrival_us);
	for (size_t i = 0; i < d->count; i++)
		add_recipient(d, &d->recipients[i], out);
}

/* --- the letter ------------------------------------------------------------------------------- */

static void add_returned(const struct dsn *d, struct buf *out)
{
	const char *type = d->smtputf8      ? d->header_only ? "message/global-headers" : "message/global"
			   : d->header_only ? "text/rfc822-headers"
					    : "message/rfc822";

	buf_printf(out, "Content-Type: %s\r\n", type);
	if (dsn_has_8bit(d->original))
		buf_add_z(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_printf(out, "Content-Description: %s\r\n\r\n",
		   d->header_only ? "Undelivered message header" : "Undelivered message");
	buf_add_str(out, d->original);
}

/* One that stands nowhere in what is returned; the rest is filtered text in short lines. */
static void choose_boundary(const struct dsn *d, char boundary[BOUNDARY_MAX])
{
	for (unsigned i = 0; i < BOUNDARIES; i++) {
		snprintf(boundary, BOUNDARY_MAX, "=_%.*s.%u", (int)(d->id.n < 24 ? d->id.n : 24), d->id.p, i);
		if (str_find_str(d->original, str_of(boundary)) == STR_NONE)
			return;
	}
}

static void add_header(const struct dsn *d, const char *boundary, struct buf *out)
{
	add_date(out, "Date:", d->now_us);
	buf_printf(out, "From: MAILER-DAEMON@%.*s (Mail Delivery System)\r\nTo: ", STR_ARG(d->hostname));
	add_clean(out, d->sender, true);
	buf_printf(out,
		   "\r\nSubject: Undelivered Mail Returned to Sender\r\n"
		   "Message-ID: <%.*s@%.*s>\r\n"
		   "Auto-Submitted: auto-replied\r\n"
		   "MIME-Version: 1.0\r\n"
		   "Content-Type: multipart/report; report-type=%s;\r\n\tboundary=\"%s\"\r\n"
		   "Content-Transfer-Encoding: 8bit\r\n\r\n"
		   "This is a report of the mail system in several parts.\r\n",
		   STR_ARG(d->id), STR_ARG(d->hostname),
		   d->smtputf8 ? "global-delivery-status" : "delivery-status", boundary);
}

void dsn_write(const struct dsn *d, struct buf *out)
{
	char boundary[BOUNDARY_MAX];

	choose_boundary(d, boundary);
	add_header(d, boundary, out);
	buf_printf(out, "\r\n--%s\r\n", boundary);
	add_person(d, out);
	buf_printf(out, "\r\n--%s\r\n", boundary);
	add_program(d, out);
	buf_printf(out, "\r\n--%s\r\n", boundary);
	add_returned(d, out);
	buf_printf(out, "\r\n--%s--\r\n", boundary);
}
