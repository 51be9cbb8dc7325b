/* SPDX-License-Identifier: Apache-2.0 */
/* setup_server: the running server, as `setup` wants it. */
#ifndef CLI_SETUP_SERVER_H
#define CLI_SETUP_SERVER_H

#include "cli/setup.h"
#include "run/settings.h"

/* The settings outlive it. */
void setup_server_init(struct setup_server *server, const struct settings *s);

#endif
