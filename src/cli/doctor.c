/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at everything in turn (see doctor.h). */
#include "cli/doctor.h"

#include "cli/ask.h"
#include "cli/doctor_checks.h"
#include "cli/options.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

void doctor_say(struct doctor *d, enum doctor_level level, const char *subject, const char *fmt, ...)
{
	static const char *const words[] = {"ok", "warning", "wrong"};
	va_list ap;

	d->count[level]++;
	fprintf(d->out, "%-8s %s: ", words[level], subject);
	va_start(ap, fmt);
	vfprintf(d->out, fmt, ap);
	va_end(ap);
	fputc('\n', d->out);
}

static void say_notes(struct doctor *d, const struct settings *s)
{
	for (size_t i = 0; i < s->note_count; i++)
		doctor_say(d, s->notes[i].warning ? DOCTOR_WARNING : DOCTOR_WRONG, "configuration", "%.*s",
			   STR_ARG(s->notes[i].text));
}

static int check_settings(struct doctor *d, struct settings *s, const struct settings_sources *sources)
{
	struct err e;
	int code = settings_load(s, sources, &e);

	say_notes(d, s);
	if (code && s->note_count == 0)
		doctor_say(d, DOCTOR_WRONG, "configuration", "%s", e.text);
	if (code)
		return code;
	d->s = s;
	if (access(d->file, F_OK) != 0)
		doctor_say(d, DOCTOR_OK, "configuration", "there is no %s, all settings have their defaults",
			   d->file);
	else
		doctor_say(d, DOCTOR_OK, "configuration", "%s can be used", d->file);
	return 0;
}

static void check_host(struct doctor *d)
{
	struct str host = settings_text(d->s, SET_HOSTNAME);

	if (str_find(host, '.') == STR_NONE)
		doctor_say(d, DOCTOR_WRONG, "hostname",
			   "'%s' has no dot, so no other server can find or believe it; write hostname = "
			   "mail.example.org, with your domain, into %s",
			   host.p, d->file);
	else
		doctor_say(d, DOCTOR_OK, "hostname", "%s", host.p);
}

static void check_server(struct doctor *d)
{
	const char *data = settings_text(d->s, SET_DATA_DIR).p;

	errno = 0;
	d->served = ask_is_served(d->s, "master");
	if (d->served)
		doctor_say(d, DOCTOR_OK, "server", "it runs with data_dir %s", data);
	else if (errno == EACCES || errno == EPERM)
		doctor_say(d, DOCTOR_WARNING, "server",
			   "this user may not ask it, so much cannot be seen; run doctor as root");
	else
		doctor_say(d, DOCTOR_WRONG, "server", "none runs with data_dir %s; start it: mailstead serve",
			   data);
}

static void check_all(struct doctor *d, const char *domain)
{
	check_host(d);
	check_server(d);
	doctor_check_ports(d);
	doctor_check_certificate(d);
	doctor_check_files(d);
	doctor_check_tables(d);
	if (domain)
		doctor_check_domain(d, str_of(domain));
	doctor_check_machine(d);
}

int cmd_doctor(int argc, char **argv, const struct settings_sources *sources, FILE *out)
{
	struct doctor d = {.out = out, .file = sources->file};
	struct settings s;

	if (argc > 2 || (argc == 2 && (argv[1][0] == '-' || strchr(argv[1], '@')))) {
		fprintf(stderr, "usage: mailstead doctor [DOMAIN]\n");
		return EXIT_USAGE;
	}
	if (check_settings(&d, &s, sources) == 0)
		check_all(&d, argc == 2 ? argv[1] : NULL);
	settings_free(&s);
	fprintf(out, "%u wrong, %u warnings\n", d.count[DOCTOR_WRONG], d.count[DOCTOR_WARNING]);
	return d.count[DOCTOR_WRONG] ? EXIT_FAILED : EXIT_DONE;
}
