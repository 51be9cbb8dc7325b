/* SPDX-License-Identifier: Apache-2.0 */
/* services: what is spoken on a listening socket (the `listener` message). */
#ifndef NET_SERVICES_H
#define NET_SERVICES_H

enum service {
	SERVICE_SMTP, /* listen_smtp: other servers' mail, never AUTH */
	SERVICE_COUNT
};

#endif
