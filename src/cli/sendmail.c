/* SPDX-License-Identifier: Apache-2.0 */
/* sendmail(1): reading, connecting, sending (see sendmail.h). */
#include "cli/sendmail.h"

#include "base/file.h"
#include "cli/sendmail_dialogue.h"
#include "cli/sendmail_options.h"
#include "run/settings_file.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_DATA_DIR "/var/lib/mailstead"
#define LETTER_MAX ((size_t)1 << 30) /* the largest message_size_limit */
#define CHUNK 65536
#define PATIENCE_S 600 /* RFC 5321 4.5.3.2.6 */
#define LOGIN_MAX 1024

/* --- where the server is ----------------------------------------------------------------- */

struct place {
	char socket[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char host[256];
};

/* Of a file whose other lines may be wrong, or name secrets that only root can read. */
static void find_data_dir(const char *file, struct buf *out)
{
	struct settings_reader r;
	struct settings_line line;
	struct buf text;
	struct err e;

	buf_init(&text, SETTINGS_FILE_MAX);
	if (file_read(file, &text, &e) == 0) {
		settings_reader_init(&r, buf_str(&text));
		while (settings_reader_next(&r, &line))
			if (!line.wrong && str_eq(line.key, STR("data_dir"))) {
				buf_clear(out);
				settings_join(line.raw, true, out);
			}
	}
	buf_free(&text);
}

static int set_place(struct place *p, struct str data, struct str host)
{
	int n = snprintf(p->socket, sizeof(p->socket), "%.*s/run/submit", STR_ARG(data));

	snprintf(p->host, sizeof(p->host), "%.*s", STR_ARG(host));
	if (n < (int)sizeof(p->socket))
		return SENDMAIL_DONE;
	fprintf(stderr, "sendmail: data_dir is too long for a socket: %.*s\n", STR_ARG(data));
	return SENDMAIL_CONFIGURATION;
}

static int find_by_defaults(const struct settings_sources *sources, struct place *p)
{
	struct buf data;

	buf_init(&data, sizeof(p->socket));
	buf_add_z(&data, DEFAULT_DATA_DIR);
	find_data_dir(sources->file, &data);
	int status = set_place(p, buf_str(&data), STR("localhost"));

	buf_free(&data);
	return status;
}

static int find_place(const struct settings_sources *sources, struct place *p)
{
	struct settings s;
	struct err e;
	int status;

	if (settings_load(&s, sources, &e) == 0) {
		status = set_place(p, settings_text(&s, SET_DATA_DIR), settings_text(&s, SET_HOSTNAME));
	} else if (sources->file_must_exist) {
		fprintf(stderr, "sendmail: %s\n", e.text);
		status = SENDMAIL_CONFIGURATION;
	} else {
		status = find_by_defaults(sources, p);
	}
	settings_free(&s);
	return status;
}

static int connect_to(const struct place *p, int *fd)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = PATIENCE_S};
	struct err e;

	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(at.sun_path, p->socket, sizeof(at.sun_path));
	if (*fd >= 0 && connect(*fd, (struct sockaddr *)&at, sizeof(at)) == 0) {
		setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
		return SENDMAIL_DONE;
	}
	bool denied = errno == EACCES || errno == EPERM;

	err_errno(&e, "no server takes mail at %s", p->socket);
	fprintf(stderr, "sendmail: %s\n", e.text);
	if (*fd >= 0)
		close(*fd);
	return denied ? SENDMAIL_NOT_ALLOWED : SENDMAIL_TRY_LATER;
}

/* --- the letter ---------------------------------------------------------------------------- */

/* All of standard input, up to its end or the line with a dot. */
static int read_letter(const struct sendmail_options *o, struct buf *letter)
{
	struct sendmail_end end = {0, 0};
	bool ended = false;

	while (!ended) {
		char *room = buf_room(letter, CHUNK);
		ssize_t n = room ? read(STDIN_FILENO, room, CHUNK) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || !room) {
			fprintf(stderr, "sendmail: %s\n",
				room ? "cannot read the letter" : "the letter is larger than 1 GiB");
			return SENDMAIL_DATA_ERROR;
		}
		buf_grow(letter, (size_t)n);
		ended = n == 0;
		if (!o->dots_are_text && sendmail_end_found(&end, letter, ended))
			ended = true;
	}
	return SENDMAIL_DONE;
}

static int find_login(struct buf *out)
{
	struct passwd entry, *found = NULL;
	char text[1500];

	if (getpwuid_r(getuid(), &entry, text, sizeof(text), &found) == 0 && found) {
		buf_add_z(out, found->pw_name);
		return SENDMAIL_DONE;
	}
	fprintf(stderr, "sendmail: user %u has no login name; name the sender with -f\n", getuid());
	return SENDMAIL_SYSTEM_ERROR;
}

/* What -f says, or else the caller's login name. */
static int find_sender(const struct sendmail_options *o, struct buf *sender)
{
	struct err e;

	if (!o->sender)
		return find_login(sender);
	if (sendmail_sender(o->sender, sender, &e) == 0)
		return SENDMAIL_DONE;
	fprintf(stderr, "sendmail: -f: %s\n", e.text);
	return SENDMAIL_DATA_ERROR;
}

/* The From field that -F asks for goes in front. */
static void add_from(const struct sendmail_options *o, const struct place *p, struct str sender,
		     struct buf *front)
{
	struct buf address, field;

	buf_init(&address, SENDMAIL_ADDRESS_MAX + sizeof(p->host));
	buf_init(&field, 16384);
	buf_add_str(&address, sender);
	if (str_find(sender, '@') == STR_NONE)
		buf_printf(&address, "@%s", p->host);
	sendmail_from_field(str_of(o->name), buf_str(&address), &field);
	if (!buf_failed(&field)) {
		buf_add_str(&field, buf_str(front));
		front->max += field.n;
		buf_clear(front);
		buf_add_str(front, buf_str(&field));
	}
	buf_free(&field);
	buf_free(&address);
}

static int add_operands(const struct sendmail_options *o, struct sendmail_recipients *r, struct err *e)
{
	int code = 0;

	for (int i = 0; i < o->recipient_count && code == 0; i++)
		code = sendmail_recipients_add(r, str_of(o->recipients[i]), e);
	return code;
}

static int send_job(const struct place *p, const struct sendmail_job *job)
{
	int fd, status = connect_to(p, &fd);

	if (status != SENDMAIL_DONE)
		return status;
	status = (int)sendmail_smtp(fd, job, stderr);
	close(fd);
	return status;
}

static int send_letter(const struct sendmail_options *o, const struct place *p, struct str letter,
		       struct sendmail_recipients *r)
{
	struct sendmail_job job = {
		.host = p->host, .recipients = r, .notify = o->notify, .ret = o->ret, .envid = o->envid};
	struct sendmail_header header;
	struct buf sender;
	struct err e;
	int status = SENDMAIL_DATA_ERROR;

	buf_init(&sender, LOGIN_MAX);
	int code = add_operands(o, r, &e);

	if (code == 0)
		code = sendmail_header_make(letter, o->from_header ? r : NULL, &header, &e);
	else
		header = (struct sendmail_header){0};
	if (code) {
		fprintf(stderr, "sendmail: %s\n", e.text);
	} else if (r->count == 0) {
		fprintf(stderr, "sendmail: No recipient addresses found in message header\n");
		status = SENDMAIL_USAGE;
	} else if ((status = find_sender(o, &sender)) == SENDMAIL_DONE) {
		job.sender = buf_str(&sender);
		if (o->name && !header.has_from && sender.n)
			add_from(o, p, job.sender, &header.front);
		job.front = buf_str(&header.front);
		job.body = header.rest;
		status = send_job(p, &job);
	}
	sendmail_header_free(&header);
	buf_free(&sender);
	return status;
}

static int take_letter(const struct sendmail_options *o, const struct place *p)
{
	struct sendmail_recipients r;
	struct buf letter;

	if (!o->from_header && o->recipient_count == 0) {
		fprintf(stderr, "sendmail: Recipient addresses must be specified on the command line or via "
				"the -t option\n");
		return SENDMAIL_USAGE;
	}
	buf_init(&letter, LETTER_MAX + CHUNK);
	int status = read_letter(o, &letter);

	if (status == SENDMAIL_DONE && sendmail_recipients_init(&r) != 0)
		status = SENDMAIL_SYSTEM_ERROR;
	if (status == SENDMAIL_DONE) {
		status = send_letter(o, p, buf_str(&letter), &r);
		sendmail_recipients_free(&r);
	}
	buf_free(&letter);
	return status;
}

/* The program waits for SMTP, so it is told in SMTP. */
static int hold_dialogue(const struct place *p)
{
	int fd, status = connect_to(p, &fd);

	if (status != SENDMAIL_DONE) {
		printf("421 4.3.2 %s the mail server does not answer, try later\r\n", p->host);
		return status;
	}
	status = (int)sendmail_dialogue(fd, STDIN_FILENO, STDOUT_FILENO);
	close(fd);
	return status;
}

int cmd_sendmail(int argc, char **argv, const struct settings_sources *sources)
{
	struct sendmail_options o;
	struct place place;
	struct err e;

	if (sendmail_options_parse(argc, argv, &o, &e) != 0) {
		fprintf(stderr, "sendmail: %s\n", e.text);
		return SENDMAIL_USAGE;
	}
	if (o.mode == SENDMAIL_NOTHING)
		return SENDMAIL_DONE;
	int status = find_place(sources, &place);

	if (status != SENDMAIL_DONE)
		return status;
	return o.mode == SENDMAIL_DIALOGUE ? hold_dialogue(&place) : take_letter(&o, &place);
}
