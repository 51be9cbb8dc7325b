/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the server is to TLS clients: certificate, key and ticket keys; and the key by which
 * keeper knows its submission rights.
 *
 * The files of tls_cert_file and tls_key_file, or a self-signed pair that is made
 * once in data_dir/tls.  Master hands the contents to the gates; none of them opens
 * a file.  Ticket keys are made here, shared by all gates and renewed every 12 hours;
 * the one before is still accepted, so that sessions resume across gates and reloads.
 */
#include "master/house.h"

#include "base/file.h"
#include "net/log.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEM_MAX ((size_t)20 << 10)
#define SELF_SIGNED_DAYS 3650

/* --- the self-signed pair ------------------------------------------------------------------- */

static bool add_name(X509 *cert, const char *host)
{
	char text[300];
	X509_NAME *name = X509_get_subject_name(cert);

	snprintf(text, sizeof(text), "DNS:%s", host);
	X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);
	/* A common name is at most 64 bytes; the alternative name holds all of it. */
	bool ok = san && X509_add_ext(cert, san, -1) == 1 &&
		  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)host,
					     strlen(host) > 64 ? 64 : -1, -1, 0) == 1 &&
		  X509_set_issuer_name(cert, name) == 1;

	X509_EXTENSION_free(san);
	return ok;
}

static X509 *make_certificate(EVP_PKEY *key, const char *host)
{
	X509 *cert = X509_new();
	unsigned char serial[8];

	if (!cert || !key || RAND_bytes(serial, sizeof(serial)) != 1)
		goto failed;
	serial[0] &= 0x7F;
	BIGNUM *number = BN_bin2bn(serial, sizeof(serial), NULL);
	bool ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;

	BN_free(number);
	if (ok && X509_set_version(cert, 2) == 1 && X509_gmtime_adj(X509_getm_notBefore(cert), -3600) &&
	    X509_gmtime_adj(X509_getm_notAfter(cert), SELF_SIGNED_DAYS * 86400L) &&
	    X509_set_pubkey(cert, key) == 1 && add_name(cert, host) && X509_sign(cert, key, EVP_sha256()) > 0)
		return cert;
failed:
	X509_free(cert);
	return NULL;
}

/* A new file of mode 0600, durable under its name. */
static FILE *create_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	return fd < 0 ? NULL : fdopen(fd, "w");
}

static bool finish_file(FILE *f, bool ok)
{
	ok = ok && fflush(f) == 0 && fsync(fileno(f)) == 0;
	return fclose(f) == 0 && ok;
}

static bool write_key(const char *path, const EVP_PKEY *key)
{
	FILE *f = create_file(path);

	return f && finish_file(f, PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1);
}

static bool write_certificate(const char *path, const X509 *cert)
{
	FILE *f = create_file(path);

	return f && finish_file(f, PEM_write_X509(f, cert) == 1);
}

static int make_pair(const struct house *h, const struct settings *s, struct err *e)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = make_certificate(key, settings_text(s, SET_HOSTNAME).p);
	/* The certificate last: with it the pair is there. */
	bool ok = cert && write_key(h->key_path, key) && write_certificate(h->cert_path, cert);

	X509_free(cert);
	EVP_PKEY_free(key);
	if (!ok)
		return err_errno(e, "cannot make a self-signed certificate in %s", h->cert_path);
	log_line(LOG_WARNING,
		 "made a self-signed certificate, %s: clients will ask whether to trust it; set "
		 "tls_cert_file and tls_key_file",
		 h->cert_path);
	return ERR_OK;
}

static int use_self_signed(struct house *h, const struct settings *s, struct err *e)
{
	const char *data = settings_text(s, SET_DATA_DIR).p;
	char folder[320];

	snprintf(folder, sizeof(folder), "%s/tls", data);
	snprintf(h->cert_path, sizeof(h->cert_path), "%s/cert.pem", folder);
	snprintf(h->key_path, sizeof(h->key_path), "%s/key.pem", folder);
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return err_errno(e, "cannot make the folder %s", folder);
	return access(h->cert_path, R_OK) == 0 ? ERR_OK : make_pair(h, s, e);
}

/* --- what the gates get ------------------------------------------------------------------------ */

int identity_find(struct house *h, const struct settings *s, struct err *e)
{
	struct str cert = settings_text(s, SET_TLS_CERT_FILE);
	struct str key = settings_text(s, SET_TLS_KEY_FILE);

	if (cert.n == 0)
		return use_self_signed(h, s, e);
	if (cert.n >= sizeof(h->cert_path) || key.n >= sizeof(h->key_path))
		return err_set(e, ERR_TOO_BIG, "the path of tls_cert_file or tls_key_file is too long");
	snprintf(h->cert_path, sizeof(h->cert_path), "%s", cert.p);
	snprintf(h->key_path, sizeof(h->key_path), "%s", key.p);
	return ERR_OK;
}

int identity_renew_tickets(struct house *h)
{
	memcpy(h->tickets + TICKET_KEY_SIZE, h->tickets, TICKET_KEY_SIZE);
	return RAND_bytes(h->tickets, TICKET_KEY_SIZE) == 1 ? ERR_OK : ERR_IO;
}

static int add_file(const char *name, const char *path, struct buf *out, struct err *e)
{
	struct buf content;

	buf_init(&content, PEM_MAX);
	int code = file_read(path, &content, e);

	if (code == 0) {
		buf_put_str(out, str_of(name));
		buf_put_str(out, buf_str(&content));
	}
	buf_wipe(&content);
	return code;
}

int identity_put(const struct house *h, struct buf *out, struct err *e)
{
	int code = add_file("tls_cert", h->cert_path, out, e);

	if (code == 0)
		code = add_file("tls_key", h->key_path, out, e);
	buf_put_str(out, STR("tls_tickets"));
	buf_put_str(out, (struct str){(const char *)h->tickets, sizeof(h->tickets)});
	return code;
}

int identity_make_right_key(struct house *h)
{
	return RAND_bytes(h->right_key, sizeof(h->right_key)) == 1 ? ERR_OK : ERR_IO;
}

void identity_put_right_key(const struct house *h, struct buf *out)
{
	buf_put_str(out, STR("right_key"));
	buf_put_str(out, (struct str){(const char *)h->right_key, sizeof(h->right_key)});
}
