/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/doctor.h"
#include "base/test_temp.h"
#include "base/unit.h"
#include "cli/doctor_checks.h"
#include "cli/doctor_holder.h"
#include "cli/options.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A folder of its own for each test, and what the last run printed. */
struct house {
	char top[TEMP_NAME_MAX], file[80];
	char *texts[12]; /* what set() made */
	const char *overrides[12];
	size_t override_count;
	char *out;
};

static void set(struct house *h, const char *key, const char *value)
{
	char **text = &h->texts[h->override_count];

	assert_true(asprintf(text, "%s=%s", key, value) > 0);
	h->overrides[h->override_count++] = *text;
}

static int set_up(void **state)
{
	static const char *const listeners[] = {"listen_smtp", "listen_submission", "listen_submissions",
						"listen_imap", "listen_imaps",      "listen_web"};
	struct house *h = calloc(1, sizeof(*h));
	char path[80];

	*state = h;
	if (!h)
		return -1;
	if (!mkdtemp(temp_name(h->top, "test_doctor")))
		return -1;
	snprintf(h->file, sizeof(h->file), "%s/m.conf", h->top);
	snprintf(path, sizeof(path), "%s/data", h->top);
	set(h, "data_dir", path);
	set(h, "config_dir", h->top);
	set(h, "hostname", "mx.a.test");
	for (size_t i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++)
		set(h, listeners[i], "off");
	return mkdir(path, 0700);
}

static const char *path_of(const struct house *h, const char *name)
{
	static char path[120];

	snprintf(path, sizeof(path), "%s/%s", h->top, name);
	return path;
}

static int tear_down(void **state)
{
	static const char *const names[] = {
		"m.conf", "postfix-accounts.cf", "postfix-virtual.cf", "postfix-regexp.cf", "cert.pem",
		"key.pem"};
	struct house *h = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(path_of(h, names[i]));
	rmdir(path_of(h, "data"));
	int code = rmdir(h->top);

	for (size_t i = 0; i < sizeof(h->texts) / sizeof(h->texts[0]); i++)
		free(h->texts[i]);
	free(h->out);
	free(h);
	return code;
}

static void put(const struct house *h, const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(path_of(h, name), "we");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fchmod(fileno(f), mode), 0);
	fclose(f);
}

static int run(struct house *h, const char *domain)
{
	char *argv[] = {(char *)(uintptr_t) "doctor", (char *)(uintptr_t)domain, NULL};
	struct settings_sources sources = {
		.file = h->file, .overrides = h->overrides, .override_count = h->override_count};
	size_t size;

	free(h->out);
	h->out = NULL;
	FILE *out = open_memstream(&h->out, &size);

	assert_non_null(out);
	int status = cmd_doctor(domain ? 2 : 1, argv, &sources, out);

	fclose(out);
	return status;
}

static void check_says(const struct house *h, const char *text)
{
	if (!strstr(h->out, text)) {
		print_error("not there: %s\n%s\n", text, h->out);
		fail();
	}
}

static void check_silent(const struct house *h, const char *text)
{
	if (strstr(h->out, text)) {
		print_error("there: %s\n%s\n", text, h->out);
		fail();
	}
}

/* --- findings ------------------------------------------------------------------------------------ */

static void no_server(void **state)
{
	struct house *h = *state;

	assert_int_equal(run(h, NULL), EXIT_FAILED);
	check_says(h, "ok       hostname: mx.a.test\n");
	check_says(h, "wrong    server: none runs with data_dir ");
	check_says(h, "ok       certificate: a self-signed one is made at the first start\n");
	check_says(h, "warning  accounts: there is none");
	check_says(h, "open files: a process may open ");
	check_says(h, " MiB are free for ");
	check_says(h, " clock: ");
	/* every line is a finding, but for the last */
	for (const char *at = h->out; *at; at = strchr(at, '\n') + 1)
		assert_true(strncmp(at, "ok       ", 9) == 0 || strncmp(at, "warning  ", 9) == 0 ||
			    strncmp(at, "wrong    ", 9) == 0 || strstr(at, " wrong, ") != NULL);
}

static void bad_settings(void **state)
{
	struct house *h = *state;

	put(h, "m.conf", "gates = none\nhostnmae = x\n", 0644);
	assert_int_equal(run(h, NULL), EXIT_FAILED);
	check_says(h, "m.conf:1: ");
	check_says(h, "m.conf:2: ");
	check_says(h, "hostname");
	check_silent(h, "server:");
	check_says(h, "2 wrong, 0 warnings\n");
}

static void host_without_dot(void **state)
{
	struct house *h = *state;

	h->overrides[2] = "hostname=box";
	run(h, NULL);
	check_says(h, "wrong    hostname: 'box' has no dot");
}

static void accounts_and_aliases(void **state)
{
	struct house *h = *state;

	put(h, "postfix-accounts.cf",
	    "anna@a.test|{PLAIN}x\n# c\nbert\nAnna@A.test|{PLAIN}y\ncarl@a.test|\ndora@b.test|{PLAIN}x\n",
	    0640);
	put(h, "postfix-virtual.cf",
	    "info@a.test anna@a.test, nobody@a.test\nfar@a.test x@far.test\ntag@a.test anna+x@a.test\n"
	    "info@a.test dora@b.test\n@b.test dora@b.test\nx@a.test any@b.test\nlone@a.test\n"
	    "self@a.test self@a.test\npm@a.test postmaster@a.test\n",
	    0644);
	assert_int_equal(run(h, NULL), EXIT_FAILED);
	check_says(h, "postfix-accounts.cf:3: ");
	check_says(h, "postfix-accounts.cf:4: 'Anna@A.test' is there a second time");
	check_says(h, "postfix-accounts.cf:5: 'carl@a.test' has no password; mend the line\n");
	check_says(h, "postfix-virtual.cf:1: 'info@a.test' leads to 'nobody@a.test', who is nobody here; ");
	check_says(h, "warning  aliases: ");
	check_says(h, "postfix-virtual.cf:4: 'info@a.test' is there a second time");
	check_says(h, "postfix-virtual.cf:7: Alias 'lone@a.test' has no target; mend the line\n");
	check_silent(h, "virtual.cf:2");
	check_silent(h, "virtual.cf:3");
	check_silent(h, "virtual.cf:6");
	check_silent(h, "virtual.cf:8");
	check_silent(h, "virtual.cf:9");
	/* with patterns nobody can say who is nobody */
	put(h, "postfix-regexp.cf", "/x/ y\n", 0644);
	run(h, NULL);
	check_silent(h, "who is nobody here");
}

static void good_tables(void **state)
{
	struct house *h = *state;

	put(h, "postfix-accounts.cf", "anna@a.test|{PLAIN}x\n", 0640);
	put(h, "postfix-virtual.cf", "postmaster@a.test anna@a.test\n", 0644);
	run(h, "A.test");
	check_says(h, "ok       accounts: 1, each in order\n");
	check_says(h, "ok       aliases: 1, each in order\n");
	check_says(h, "ok       domain: A.test is ours; accounts: 1\n");
	check_says(h, "ok       domain: postmaster@a.test has an owner\n");
	put(h, "postfix-virtual.cf", "", 0644);
	run(h, "a.test");
	check_says(h, "warning  domain: nobody is named for postmaster@a.test");
	run(h, "b.test");
	check_says(h, "wrong    domain: b.test is none of this server's");
	put(h, "postfix-virtual.cf", "@b.test anna@a.test\n", 0644);
	run(h, "b.test");
	check_says(h, "domain: b.test is ours, with a catch-all; accounts: 0\n");
	check_says(h, "postmaster@b.test has an owner\n");
}

static void modes(void **state)
{
	struct house *h = *state;

	put(h, "postfix-accounts.cf", "anna@a.test|{PLAIN}x\n", 0644);
	put(h, "m.conf", "relay_host = mx.b.test\nrelay_user = u\nrelay_password = x\n", 0644);
	run(h, NULL);
	check_says(h, "warning  accounts: ");
	check_says(h, "with the password hashes in it; chmod o-rwx ");
	check_says(h, "wrong    configuration: ");
	check_says(h, "with the secrets in it; chmod o-rwx ");
	put(h, "m.conf", "gates = 1\n", 0644);
	run(h, NULL);
	check_silent(h, "with the secrets");
	put(h, "m.conf", "gates = 1\n", 0666);
	run(h, NULL);
	check_says(h, "m.conf: every user may change it; chmod o-w ");
	assert_int_equal(rmdir(path_of(h, "data")), 0);
	run(h, NULL);
	check_says(h, "wrong    data_dir: ");
	check_says(h, "No such file or directory; mailstead init makes it\n");
}

/* --- certificates ----------------------------------------------------------------------------------- */

/* openssl makes them; `more` are its further options. */
static void make_pair(const struct house *h, const char *cert, const char *key, const char *more)
{
	char command[600], c[120];

	snprintf(c, sizeof(c), "%s", path_of(h, cert));
	snprintf(command, sizeof(command),
		 "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -keyout %s -out "
		 "%s %s",
		 path_of(h, key), c, more);
	char *argv[30] = {(char *)(uintptr_t) "openssl"}, *rest = command, *word;
	int argc = 1;

	while ((word = strsep(&rest, " ")) && argc < 29)
		argv[argc++] = word;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		assert_non_null(freopen("/dev/null", "w", stderr));
		execvp("openssl", argv);
		_exit(127);
	}
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void certificates(void **state)
{
	struct house *h = *state;

	set(h, "tls_cert_file", path_of(h, "cert.pem"));
	set(h, "tls_key_file", path_of(h, "key.pem"));
	run(h, NULL);
	check_says(h, "wrong    certificate: cannot read ");
	put(h, "cert.pem", "nothing", 0644);
	put(h, "key.pem", "nothing", 0600);
	run(h, NULL);
	check_says(h, "cert.pem holds no certificate in PEM");
	check_says(h, "key.pem holds no private key in PEM");

	make_pair(h, "cert.pem", "key.pem", "-days 100 -addext subjectAltName=DNS:mx.a.test");
	run(h, NULL);
	check_says(h, "cert.pem and its key are a pair\n");
	check_says(h, "ok       certificate: it is for mx.a.test\n");
	check_says(h, " days are left\n");
	check_says(h, "warning  certificate: it is self-signed");

	make_pair(h, "cert.pem", "key.pem", "-days 5 -addext subjectAltName=DNS:other.test");
	run(h, NULL);
	check_says(h, "wrong    certificate: it is not for mx.a.test");
	check_says(h, " days are left; renew it, then mailstead reload\n");

	make_pair(h, "cert.pem", "data/other.pem", "-days 5 -addext subjectAltName=DNS:other.test");
	unlink(path_of(h, "data/other.pem"));
	run(h, NULL);
	check_says(h, "key.pem is not that of ");
}

/* --- ports ------------------------------------------------------------------------------------------- */

static void held_port(void **state)
{
	struct house *h = *state;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[60], want[200];

	assert_true(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 1) == 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	snprintf(text, sizeof(text), "listen_smtp=127.0.0.1:%u", ntohs(at.sin_port));
	h->overrides[3] = text;
	run(h, NULL);
	snprintf(want, sizeof(want),
		 "wrong    smtp: test_doctor (process %d) holds 127.0.0.1:%u; stop it, or change "
		 "listen_smtp in ",
		 getpid(), ntohs(at.sin_port));
	check_says(h, want);
	close(fd);
	h->overrides[4] = "listen_submission=192.0.2.1:587";
	run(h, NULL);
	check_says(h, "ok       smtp: 127.0.0.1:");
	check_says(h, "wrong    submission: 192.0.2.1:587 is no address of this machine");
}

static void listening_inodes(void **state)
{
	static const char table[] =
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
		"inode\n"
		"   0: 0100007F:0019 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 "
		"111 1 0\n"
		"   1: 0100007F:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
		"222 1 0\n"
		"   2: 00000000000000000000000000000000:01BB 0:0 0A 0:0 00:0 0 0 0 333 1 0\n"
		"   3: broken\n"
		"   4: 0100007F:001A 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
		"x 1 0\n";

	assert_int_equal(doctor_listening_inode(STR(table), 25), 222);
	assert_int_equal(doctor_listening_inode(STR(table), 443), 333);
	assert_int_equal(doctor_listening_inode(STR(table), 26), 0);
	assert_int_equal(doctor_listening_inode(STR(table), 27), 0);
	assert_int_equal(doctor_listening_inode(STR(""), 25), 0);
}

static void space(void **state)
{
	assert_int_equal(doctor_judge_space(0, 0, 1000), DOCTOR_OK);
	assert_int_equal(doctor_judge_space(1000, 100000, 1000), DOCTOR_OK);
	assert_int_equal(doctor_judge_space(999, 10000, 1000), DOCTOR_WARNING);
	assert_int_equal(doctor_judge_space(99, 1000, 1000), DOCTOR_WRONG);
	assert_int_equal(doctor_judge_space(500, 100000, 1000), DOCTOR_WRONG);
}

static void usage(void **state)
{
	struct house *h = *state;

	assert_int_equal(run(h, "anna@a.test"), EXIT_USAGE);
	assert_int_equal(run(h, "-x"), EXIT_USAGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_server),
		TEST(bad_settings),
		TEST(host_without_dot),
		TEST(accounts_and_aliases),
		TEST(good_tables),
		TEST(modes),
		TEST(certificates),
		TEST(held_port),
		TEST(usage),
		cmocka_unit_test(listening_inodes),
		cmocka_unit_test(space),
	};

	return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
