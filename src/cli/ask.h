/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask: how a command speaks with the running server.
 *
 * Each room has a socket in data_dir/run/control; a command opens one and asks the
 * questions that the rooms ask each other (net/messages.def).
 */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "net/chan.h"
#include "run/settings.h"

/* Runs co_fn(chan, arg) in a fiber with a channel to that room's socket ("resolver",
 * "gate.1") and returns what it returns, an enum exit_status.  Without a server
 * (EXIT_TRY_LATER), or without the right to its socket (EXIT_FAILED), a sentence goes
 * to standard error and co_fn is not called. */
int ask_room(const struct settings *s, const char *room, int (*co_fn)(struct chan *c, void *arg), void *arg);

/* Whether a server answers on that socket.  Says nothing. */
bool ask_is_served(const struct settings *s, const char *room);

#endif
