/* SPDX-License-Identifier: Apache-2.0 */
/* services: what is spoken on a listening socket (the `listener` message). */
#ifndef NET_SERVICES_H
#define NET_SERVICES_H

enum service {
	SERVICE_SMTP, /* listen_smtp: other servers' mail, never AUTH */
	SERVICE_SUBMISSION, /* listen_submission: our users' mail, STARTTLS before the password */
	SERVICE_SUBMISSIONS, /* listen_submissions: TLS from the first byte */
	SERVICE_SUBMIT, /* run/submit: programs of this machine, known by their uid */
	SERVICE_IMAP, /* listen_imap: STARTTLS before the password */
	SERVICE_IMAPS, /* listen_imaps: TLS from the first byte */
	SERVICE_COUNT
};

#endif
