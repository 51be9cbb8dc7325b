/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate and its key. */
#include "cli/doctor_checks.h"

#include "base/file.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

#define PATH_ROOM 4200
#define PEM_MAX ((size_t)1 << 20)
#define SOON_DAYS 21

#define SUBJECT "certificate"

struct pair {
	char cert_path[PATH_ROOM], key_path[PATH_ROOM];
	bool own; /* the self-signed one of data_dir/tls */
	X509 *cert;
	unsigned chain; /* certificates behind it */
	EVP_PKEY *key;
};

static void find_paths(const struct doctor *d, struct pair *p)
{
	struct str cert = settings_text(d->s, SET_TLS_CERT_FILE);
	const char *data = settings_text(d->s, SET_DATA_DIR).p;

	p->own = cert.n == 0;
	if (p->own) {
		snprintf(p->cert_path, sizeof(p->cert_path), "%s/tls/cert.pem", data);
		snprintf(p->key_path, sizeof(p->key_path), "%s/tls/key.pem", data);
		return;
	}
	snprintf(p->cert_path, sizeof(p->cert_path), "%s", cert.p);
	snprintf(p->key_path, sizeof(p->key_path), "%s", settings_text(d->s, SET_TLS_KEY_FILE).p);
}

static BIO *open_file(struct doctor *d, const char *path, struct buf *content)
{
	struct err e;

	if (file_read(path, content, &e) == 0)
		return BIO_new_mem_buf(content->p, (int)content->n);
	doctor_say(d, DOCTOR_WRONG, SUBJECT, "%s; run doctor as root, or name another file in %s", e.text,
		   d->file);
	return NULL;
}

static bool read_certificate(struct doctor *d, struct pair *p)
{
	struct buf content;
	X509 *next = NULL;

	buf_init(&content, PEM_MAX);
	BIO *file = open_file(d, p->cert_path, &content);

	if (file) {
		p->cert = PEM_read_bio_X509(file, NULL, NULL, NULL);
		while (p->cert && (next = PEM_read_bio_X509(file, NULL, NULL, NULL))) {
			p->chain++;
			X509_free(next);
		}
		if (!p->cert)
			doctor_say(d, DOCTOR_WRONG, SUBJECT, "%s holds no certificate in PEM; put one there",
				   p->cert_path);
	}
	BIO_free(file);
	buf_free(&content);
	ERR_clear_error();
	return p->cert != NULL;
}

/* A key with a password asks nobody for it. */
static int no_password(char *text, int size, int writes, void *arg)
{
	return 0;
}

static bool read_key(struct doctor *d, struct pair *p)
{
	struct buf content;

	buf_init(&content, PEM_MAX);
	BIO *file = open_file(d, p->key_path, &content);

	if (file) {
		p->key = PEM_read_bio_PrivateKey(file, NULL, no_password, NULL);
		if (!p->key)
			doctor_say(d, DOCTOR_WRONG, SUBJECT,
				   "%s holds no private key in PEM without a password; put one there",
				   p->key_path);
	}
	BIO_free(file);
	buf_wipe(&content);
	ERR_clear_error();
	return p->key != NULL;
}

static void check_pair(struct doctor *d, const struct pair *p)
{
	if (X509_check_private_key(p->cert, p->key) == 1)
		doctor_say(d, DOCTOR_OK, SUBJECT, "%s and its key are a pair", p->cert_path);
	else
		doctor_say(d, DOCTOR_WRONG, SUBJECT,
			   "the key %s is not that of %s; set tls_key_file to its own", p->key_path,
			   p->cert_path);
	ERR_clear_error();
}

static void check_names(struct doctor *d, const struct pair *p)
{
	struct str host = settings_text(d->s, SET_HOSTNAME);

	if (X509_check_host(p->cert, host.p, host.n, 0, NULL) == 1)
		doctor_say(d, DOCTOR_OK, SUBJECT, "it is for %s", host.p);
	else
		doctor_say(d, p->own ? DOCTOR_WARNING : DOCTOR_WRONG, SUBJECT, "it is not for %s; %s%s",
			   host.p,
			   p->own ? "remove it and start the server again: rm " : "get one for that name",
			   p->own ? p->cert_path : "");
}

static void check_dates(struct doctor *d, const struct pair *p)
{
	int days = 0, seconds = 0;

	if (X509_cmp_current_time(X509_get0_notBefore(p->cert)) > 0)
		doctor_say(d, DOCTOR_WRONG, SUBJECT, "its time has not begun; look at the clock");
	else if (X509_cmp_current_time(X509_get0_notAfter(p->cert)) < 0)
		doctor_say(d, DOCTOR_WRONG, SUBJECT, "it has expired; renew it, then mailstead reload");
	else if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(p->cert)) == 1)
		doctor_say(d, days < SOON_DAYS ? DOCTOR_WARNING : DOCTOR_OK, SUBJECT, "%d days are left%s",
			   days, days < SOON_DAYS ? "; renew it, then mailstead reload" : "");
}

static void check_issuer(struct doctor *d, const struct pair *p)
{
	bool self_signed = X509_check_issued(p->cert, p->cert) == X509_V_OK;

	if (self_signed)
		doctor_say(d, DOCTOR_WARNING, SUBJECT,
			   "it is self-signed, so mail programs ask whether to trust it; get one that they "
			   "know, and set tls_cert_file and tls_key_file");
	else if (p->chain == 0)
		doctor_say(d, DOCTOR_WARNING, SUBJECT,
			   "%s holds no chain behind it, so some mail programs do not trust it; use the file "
			   "with the full chain (fullchain.pem)",
			   p->cert_path);
}

static void check(struct doctor *d, struct pair *p)
{
	find_paths(d, p);
	if (p->own && access(p->cert_path, F_OK) != 0 && !d->served) {
		doctor_say(d, DOCTOR_OK, SUBJECT, "a self-signed one is made at the first start");
		return;
	}
	bool has_cert = read_certificate(d, p), has_key = read_key(d, p);

	if (has_cert && has_key)
		check_pair(d, p);
	if (!has_cert)
		return;
	check_names(d, p);
	check_dates(d, p);
	check_issuer(d, p);
}

void doctor_check_certificate(struct doctor *d)
{
	struct pair *p = calloc(1, sizeof(*p));

	if (!p)
		return;
	check(d, p);
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
	free(p);
}
