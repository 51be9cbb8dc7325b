/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sendmail_place: where the server takes letters of this machine.
 *
 * Anybody may send, but not everybody may read all of the configuration: of one that
 * cannot be used as a whole (a secret in a file of root's) data_dir alone is looked for.
 */
#ifndef CLI_SENDMAIL_PLACE_H
#define CLI_SENDMAIL_PLACE_H

#include "run/settings.h"

#include <sys/un.h>

struct sendmail_place {
	char socket[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char host[256]; /* this machine, for EHLO */
};

/* ERR_INVALID: a configuration that must exist cannot be used, or data_dir is too long for a
 * socket. */
int sendmail_place_find(const struct settings_sources *sources, struct sendmail_place *p, struct err *e);

#endif
