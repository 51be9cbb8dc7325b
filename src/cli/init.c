/* SPDX-License-Identifier: Apache-2.0 */
/* The first set-up (see init.h). */
#include "cli/init.h"

#include "cli/config.h"
#include "cli/dns_records.h"
#include "cli/options.h"
#include "cli/reload.h"
#include "cli/setup.h"
#include "cli/table_edit.h"
#include "run/accounts_file.h"
#include "run/password.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOST_OVERRIDE_MAX 300
#define RECORDS_MAX 8192

struct init {
	const struct settings_sources *given;
	/* The given ones, and a host name where the machine's will not do. */
	const char *overrides[OPTIONS_OVERRIDES_MAX + 1];
	char host[HOST_OVERRIDE_MAX];
	struct settings_sources sources;
	const char *address; /* NULL: none was given */
	struct settings s;
	FILE *out;
};

static int fail(const struct err *e)
{
	fprintf(stderr, "mailstead: %s\n", e->text);
	return EXIT_FAILED;
}

/* --- settings ------------------------------------------------------------------------------- */

static int load(struct init *in)
{
	struct err e;

	settings_free(&in->s);
	if (settings_load(&in->s, &in->sources, &e) == 0)
		return EXIT_DONE;
	for (size_t i = 0; i < in->s.note_count; i++)
		fprintf(stderr, "mailstead: %.*s\n", STR_ARG(in->s.notes[i].text));
	return in->s.note_count ? EXIT_FAILED : fail(&e);
}

static bool has_good_host(const struct settings *s)
{
	return str_find(settings_text(s, SET_HOSTNAME), '.') != STR_NONE;
}

/* No server is found, or believed, under a name without a dot. */
static int choose_host(struct init *in)
{
	struct str domain = account_address_domain(str_of(in->address));

	if (has_good_host(&in->s) || domain.n == 0 || !settings_is_default(&in->s, SET_HOSTNAME))
		return EXIT_DONE;
	if (snprintf(in->host, sizeof(in->host), "hostname=mail.%.*s", STR_ARG(domain)) >=
	    (int)sizeof(in->host))
		return EXIT_DONE;
	memcpy(in->overrides, in->given->overrides, in->given->override_count * sizeof(in->overrides[0]));
	in->overrides[in->given->override_count] = in->host;
	in->sources.overrides = in->overrides;
	in->sources.override_count = in->given->override_count + 1;
	return load(in);
}

/* --- the file --------------------------------------------------------------------------------- */

static int make_folder_of(const char *file, struct err *e)
{
	struct str folder = str_head(str_of(file), str_rfind(str_of(file), '/'));
	struct buf path;

	if (folder.n == strlen(file) || folder.n == 0)
		return 0;
	buf_init(&path, 4096);
	buf_add_str(&path, folder);
	buf_add_c(&path, 0);
	int code = buf_failed(&path) ? err_set(e, ERR_TOO_BIG, "the path '%s' is too long", file)
				     : table_folder_make(path.p, 0755, e);

	buf_free(&path);
	return code;
}

/* Only root may read a file that has a secret in it. */
static mode_t mode_for(const struct settings *s)
{
	for (unsigned key = 0; key < SET_COUNT; key++)
		if (setting_rows[key].secret && !settings_is_default(s, (enum setting_key)key))
			return 0600;
	return 0644;
}

/* Complete, or not there. */
static int write_new(const struct init *in, const char *file, int fd, struct err *e)
{
	FILE *f = fdopen(fd, "w");

	if (!f)
		return err_errno(e, "cannot write %s", file);
	config_write_file(&in->s, f);
	bool good = fflush(f) == 0 && fchmod(fd, mode_for(&in->s)) == 0 && fsync(fd) == 0;

	if (!good)
		err_errno(e, "cannot write %s", file);
	good = fclose(f) == 0 && good;
	if (!good)
		unlink(file);
	return good ? 0 : e->code;
}

static int write_file(struct init *in)
{
	const char *file = in->sources.file;
	struct err e;
	int fd, code = make_folder_of(file, &e);

	if (code)
		return fail(&e);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		err_errno(&e, "cannot write %s", file);
		return fail(&e);
	}
	if (write_new(in, file, fd, &e) != 0)
		return fail(&e);
	fprintf(in->out, "%s: written, with every setting and its meaning.\n", file);
	if (in->sources.override_count > in->given->override_count)
		fprintf(in->out, "hostname: set to %s there, because the machine's own name has no dot.\n",
			settings_text(&in->s, SET_HOSTNAME).p);
	return EXIT_DONE;
}

static int provide_file(struct init *in)
{
	if (access(in->sources.file, F_OK) == 0) {
		fprintf(in->out, "%s: there already, left as it is.\n", in->sources.file);
		return EXIT_DONE;
	}
	int status = choose_host(in);

	return status == EXIT_DONE ? write_file(in) : status;
}

/* --- folders ----------------------------------------------------------------------------------- */

static int provide_folder(struct init *in, enum setting_key key, mode_t mode)
{
	const char *path = settings_text(&in->s, key).p;
	bool there = access(path, F_OK) == 0;
	struct err e;

	if (table_folder_make(path, mode, &e) != 0)
		return fail(&e);
	fprintf(in->out, "%s: %s, %s.\n", path, setting_rows[key].name, there ? "there already" : "made");
	return EXIT_DONE;
}

/* --- the account -------------------------------------------------------------------------------- */

/* 20 characters of 32: 100 bits. */
static int make_password(char *out, size_t size)
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
	unsigned char random[20];
	size_t n = 0;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -1;
	for (size_t i = 0; i < sizeof(random) && n + 2 < size; i++) {
		if (i > 0 && i % 5 == 0)
			out[n++] = '-';
		out[n++] = letters[random[i] & 31];
	}
	out[n] = 0;
	explicit_bzero(random, sizeof(random));
	return 0;
}

/* From standard input that is no terminal; *made when there was none. */
static int read_password(char *out, size_t size, bool *made)
{
	out[0] = 0;
	if (fgets(out, (int)size, stdin))
		out[strcspn(out, "\r\n")] = 0;
	*made = out[0] == 0;
	return *made ? make_password(out, size) : 0;
}

static int add_account(struct init *in, char *password, size_t size)
{
	bool made = false, asks = isatty(STDIN_FILENO);
	struct err e;

	if (!asks && read_password(password, size, &made) != 0) {
		err_errno(&e, "the system gives no random numbers");
		return fail(&e);
	}
	if (setup_add_account(settings_text(&in->s, SET_CONFIG_DIR).p, in->address, asks ? NULL : password,
			      &e) != 0)
		return fail(&e);
	fprintf(in->out, "%s: account added", in->address);
	if (made)
		fprintf(in->out, ", with the password %s (it is shown this once)", password);
	fputs(".\n", in->out);
	return reload_if_served(&in->s);
}

static int provide_account(struct init *in)
{
	char password[PASSWORD_MAX + 1];
	struct err e;

	if (!in->address)
		return EXIT_DONE;
	int code = setup_has_account(settings_text(&in->s, SET_CONFIG_DIR).p, in->address, &e);

	if (code == 0) {
		fprintf(in->out, "%s: there already, with its password.\n", in->address);
		return EXIT_DONE;
	}
	if (code != ERR_NOT_FOUND)
		return fail(&e);
	int status = add_account(in, password, sizeof(password));

	explicit_bzero(password, sizeof(password));
	return status;
}

/* --- what is left to do -------------------------------------------------------------------------- */

static int print_records(struct init *in)
{
	struct str host = settings_text(&in->s, SET_HOSTNAME);
	struct str domain = account_address_domain(str_of(in->address));
	struct dns_address addresses[DNS_ADDRESSES_MAX];
	struct buf records;
	struct err e;

	if (!has_good_host(&in->s)) {
		fprintf(in->out,
			"\nhostname is '%s', which no other server can find: set it in %s, to a name "
			"like mail.example.org.\n",
			host.p, in->sources.file);
		return EXIT_DONE;
	}
	if (domain.n == 0)
		return EXIT_DONE;
	buf_init(&records, RECORDS_MAX);
	int code = dns_records_write(domain, host, addresses, dns_own_addresses(addresses), &records, &e);

	if (code == 0)
		fprintf(in->out,
			"\nPublish these DNS records, and have whoever gives you the address set its reverse "
			"name (PTR) to %s:\n\n%.*s",
			host.p, STR_ARG(buf_str(&records)));
	buf_free(&records);
	return code ? fail(&e) : EXIT_DONE;
}

static int print_next(struct init *in)
{
	bool default_file = strcmp(in->sources.file, SETTINGS_FILE) == 0;

	if (settings_text(&in->s, SET_TLS_CERT_FILE).n == 0)
		fprintf(in->out,
			"\nAt its first start the server makes a certificate of its own in %s/tls, which "
			"mail "
			"programs will ask about; tls_cert_file and tls_key_file name a better one.\n",
			settings_text(&in->s, SET_DATA_DIR).p);
	fprintf(in->out, "\nStart it with: mailstead serve%s%s\n", default_file ? "" : " -c ",
		default_file ? "" : in->sources.file);
	return EXIT_DONE;
}

static int run(struct init *in)
{
	int status = load(in);

	if (status == EXIT_DONE)
		status = provide_file(in);
	if (status == EXIT_DONE)
		status = provide_folder(in, SET_CONFIG_DIR, 0755);
	/* Others must reach the sockets in it. */
	if (status == EXIT_DONE)
		status = provide_folder(in, SET_DATA_DIR, 0711);
	if (status == EXIT_DONE)
		status = provide_account(in);
	if (status == EXIT_DONE)
		status = print_records(in);
	return status == EXIT_DONE ? print_next(in) : status;
}

int cmd_init(int argc, char **argv, const struct settings_sources *sources, FILE *out)
{
	struct init in = {.given = sources, .sources = *sources, .out = out};
	struct err e;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		fprintf(stderr, "usage: mailstead init [ADDRESS]\n");
		return EXIT_USAGE;
	}
	if (argc == 2 &&
	    (str_find(str_of(argv[1]), '@') == STR_NONE || account_address_check(str_of(argv[1]), &e))) {
		fprintf(stderr, "mailstead: '%s' is no address, like anna@example.org\n", argv[1]);
		return EXIT_USAGE;
	}
	in.address = argc == 2 ? argv[1] : NULL;
	in.sources.file_must_exist = false;
	int status = run(&in);

	settings_free(&in.s);
	return status;
}
