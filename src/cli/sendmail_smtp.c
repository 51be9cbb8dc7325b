/* SPDX-License-Identifier: Apache-2.0 */
/* Handing a letter to the server. */
#include "cli/sendmail_smtp.h"

#include "format/smtp_data.h"
#include "format/smtp_reply.h"
#include "format/xtext.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLY_LINE_MAX 4096
#define COMMAND_MAX 2048
#define CHUNK ((size_t)32 << 10)

struct dialogue {
	int fd;
	const struct sendmail_job *job;
	FILE *errors;
	struct buf in; /* read, not yet taken */
	struct smtp_reply reply; /* the last one */
	struct smtp_ehlo can;
	int broken; /* errno, or EPROTO: there is nobody to talk to any more */
};

/* --- bytes ------------------------------------------------------------------------------- */

static bool send_all(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		s = str_skip(s, (size_t)n);
	}
	return true;
}

static enum sendmail_status lost(struct dialogue *d)
{
	bool late = d->broken == EAGAIN || d->broken == EWOULDBLOCK;

	fprintf(d->errors, "sendmail: the server %s\n",
		d->broken == EPROTO ? "does not speak SMTP"
		: late              ? "does not answer"
				    : "ended the connection");
	return SENDMAIL_TRY_LATER;
}

/* A line with its end; false when there is none. */
static bool take_line(struct dialogue *d, struct buf *line)
{
	size_t end;

	while ((end = str_find(buf_str(&d->in), '\n')) == STR_NONE) {
		char *room = buf_room(&d->in, 1024);
		ssize_t n = room ? recv(d->fd, room, 1024, 0) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			d->broken = !room ? EPROTO : n == 0 ? ECONNRESET : errno;
		if (n <= 0)
			return false;
		buf_grow(&d->in, (size_t)n);
	}
	buf_clear(line);
	buf_add(line, d->in.p, end + 1);
	buf_drop(&d->in, end + 1);
	return true;
}

/* The next reply whole.  0, or a status. */
static enum sendmail_status read_reply(struct dialogue *d)
{
	struct buf line;
	int state = SMTP_REPLY_MORE;

	buf_init(&line, REPLY_LINE_MAX);
	smtp_reply_clear(&d->reply);
	while (state == SMTP_REPLY_MORE && take_line(d, &line))
		state = smtp_reply_line(&d->reply, str_trim_line(buf_str(&line)));
	buf_free(&line);
	if (state < 0)
		d->broken = EPROTO;
	return state == SMTP_REPLY_DONE ? SENDMAIL_DONE : lost(d);
}

/* --- replies ----------------------------------------------------------------------------- */

/* What a refusal for good means, by where it came and the subject of its code (RFC 3463 3.2
 * to 3.8); the first row that fits counts. */
static const struct {
	enum stage { AT_MAIL, AT_RCPT, AT_DATA, ANYWHERE } stage;
	unsigned subject; /* 0: any */
	enum sendmail_status status;
} meanings[] = {
	{ANYWHERE, 7, SENDMAIL_NOT_ALLOWED}, {AT_RCPT, 1, SENDMAIL_NO_USER},
	{AT_MAIL, 0, SENDMAIL_DATA_ERROR},   {AT_DATA, 2, SENDMAIL_DATA_ERROR},
	{AT_DATA, 3, SENDMAIL_DATA_ERROR},   {AT_DATA, 6, SENDMAIL_DATA_ERROR},
	{ANYWHERE, 0, SENDMAIL_UNAVAILABLE},
};

static enum sendmail_status meaning_of(const struct smtp_reply *r, enum stage stage)
{
	size_t i = 0;

	if (r->code < 500)
		return SENDMAIL_TRY_LATER;
	while ((meanings[i].stage != ANYWHERE && meanings[i].stage != stage) ||
	       (meanings[i].subject && (r->class == 0 || meanings[i].subject != r->subject)))
		i++;
	return meanings[i].status;
}

/* "sendmail: WHAT: CODE text", whatever bytes the text has. */
static void say_reply(struct dialogue *d, const char *what)
{
	struct str text = smtp_reply_text(&d->reply);

	fprintf(d->errors, "sendmail: %s: %u ", what, d->reply.code);
	if (d->reply.class)
		fprintf(d->errors, "%u.%u.%u ", d->reply.class, d->reply.subject, d->reply.detail);
	for (size_t i = 0; i < text.n; i++)
		fputc(text.p[i] >= ' ' && text.p[i] != 0x7F ? text.p[i] : ' ', d->errors);
	fputc('\n', d->errors);
}

static enum sendmail_status expect(struct dialogue *d, unsigned class, enum stage stage, const char *what)
{
	enum sendmail_status status = read_reply(d);

	if (status != SENDMAIL_DONE || d->reply.code / 100 == class)
		return status;
	say_reply(d, what);
	return meaning_of(&d->reply, stage);
}

static enum sendmail_status say(struct dialogue *d, struct buf *command, unsigned class, enum stage stage,
				const char *what)
{
	buf_add_z(command, "\r\n");
	if (buf_failed(command)) {
		fprintf(d->errors, "sendmail: %s is too long\n", what);
		return SENDMAIL_DATA_ERROR;
	}
	/* A server that refuses may have closed already; its words are still there. */
	send_all(d->fd, buf_str(command));
	return expect(d, class, stage, what);
}

/* --- commands ------------------------------------------------------------------------------ */

static bool has_8bit(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 0x7F)
			return true;
	return false;
}

static bool needs_utf8(const struct sendmail_job *job)
{
	bool any = has_8bit(job->sender) || has_8bit(job->front);

	for (size_t i = 0; i < job->recipients->count; i++)
		any = any || has_8bit(job->recipients->address[i]);
	return any;
}

static enum sendmail_status greet(struct dialogue *d, struct buf *command)
{
	enum sendmail_status status = expect(d, 2, ANYWHERE, "the server refuses to talk");

	if (status != SENDMAIL_DONE)
		return status;
	buf_printf(command, "EHLO %s", d->job->host);
	status = say(d, command, 2, ANYWHERE, "EHLO");
	if (status == SENDMAIL_DONE)
		smtp_ehlo_parse(smtp_reply_text(&d->reply), &d->can);
	return status;
}

static enum sendmail_status say_mail(struct dialogue *d, struct buf *command)
{
	const struct sendmail_job *job = d->job;

	buf_printf(command, "MAIL FROM:<%.*s>", STR_ARG(job->sender));
	if (d->can.size)
		buf_printf(command, " SIZE=%zu", job->front.n + job->body.n);
	if (d->can.eightbitmime && (has_8bit(job->front) || has_8bit(job->body)))
		buf_add_z(command, " BODY=8BITMIME");
	if (d->can.smtputf8 && needs_utf8(job))
		buf_add_z(command, " SMTPUTF8");
	if (d->can.dsn && job->ret)
		buf_printf(command, " RET=%s", job->ret);
	if (d->can.dsn && job->envid) {
		buf_add_z(command, " ENVID=");
		xtext_encode(str_of(job->envid), command);
	}
	return say(d, command, 2, AT_MAIL, "the sender");
}

static enum sendmail_status say_rcpt(struct dialogue *d, struct str address, struct buf *command)
{
	char what[SENDMAIL_ADDRESS_MAX + 3];

	snprintf(what, sizeof(what), "<%.*s>", STR_ARG(address));
	buf_printf(command, "RCPT TO:<%.*s>", STR_ARG(address));
	if (d->can.dsn && d->job->notify)
		buf_printf(command, " NOTIFY=%s", d->job->notify);
	return say(d, command, 2, AT_RCPT, what);
}

/* All are asked, so that all refusals are seen at once; one for good outweighs those for
 * now. */
static enum sendmail_status say_recipients(struct dialogue *d, struct buf *command)
{
	const struct sendmail_recipients *all = d->job->recipients;
	enum sendmail_status worst = SENDMAIL_DONE, status;
	size_t refused = 0;

	for (size_t i = 0; i < all->count; i++) {
		buf_clear(command);
		status = say_rcpt(d, all->address[i], command);
		if (d->broken)
			return status;
		if (worst == SENDMAIL_DONE || (worst == SENDMAIL_TRY_LATER && status != SENDMAIL_DONE))
			worst = status;
		refused += status != SENDMAIL_DONE;
	}
	if (refused && all->count > refused)
		fprintf(d->errors, "sendmail: nothing was sent, to the other recipients neither\n");
	return worst;
}

static bool send_part(struct dialogue *d, struct smtp_data *coder, struct str part, struct buf *out)
{
	bool good = true;

	while (part.n && good) {
		struct str chunk = str_head(part, CHUNK);

		part = str_skip(part, chunk.n);
		buf_clear(out);
		smtp_data_feed(coder, &chunk, out);
		good = send_all(d->fd, buf_str(out));
	}
	return good;
}

static enum sendmail_status send_letter(struct dialogue *d)
{
	struct smtp_data coder;
	struct buf out;

	smtp_data_init(&coder, SMTP_DATA_SENDING, SMTP_BARE_NORMALISE, SIZE_MAX);
	buf_init(&out, 3 * CHUNK + 8);
	/* Where sending fails the server has spoken first, or is gone. */
	if (send_part(d, &coder, d->job->front, &out) && send_part(d, &coder, d->job->body, &out)) {
		buf_clear(&out);
		smtp_data_finish(&coder, &out);
		send_all(d->fd, buf_str(&out));
	}
	buf_free(&out);
	return expect(d, 2, AT_DATA, "the letter");
}

static enum sendmail_status run(struct dialogue *d, struct buf *command)
{
	enum sendmail_status status = greet(d, command);

	buf_clear(command);
	if (status == SENDMAIL_DONE)
		status = say_mail(d, command);
	if (status == SENDMAIL_DONE)
		status = say_recipients(d, command);
	buf_clear(command);
	buf_add_z(command, "DATA");
	if (status == SENDMAIL_DONE)
		status = say(d, command, 3, AT_DATA, "DATA");
	return status == SENDMAIL_DONE ? send_letter(d) : status;
}

enum sendmail_status sendmail_smtp(int fd, const struct sendmail_job *job, FILE *errors)
{
	struct dialogue d = {.fd = fd, .job = job, .errors = errors};
	struct buf command;

	buf_init(&command, COMMAND_MAX);
	buf_init(&d.in, REPLY_LINE_MAX + 1024);
	smtp_reply_init(&d.reply);
	enum sendmail_status status = run(&d, &command);

	/* The letter's fate is decided; nobody waits for the reply. */
	send_all(fd, STR("QUIT\r\n"));
	smtp_reply_free(&d.reply);
	buf_free(&d.in);
	buf_free(&command);
	return status;
}
