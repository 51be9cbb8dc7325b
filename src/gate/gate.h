/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate: the room that talks to clients (docs/architecture.md 1 and 3).
 *
 * Master opens the listening sockets and gives each gate a copy (`listener`); the gates
 * take connections off them side by side.  For each there is one fiber
 * (gate/smtp_session.h).  It asks keeper who may come in and who gets mail, scan what a letter
 * is, and spool to keep letters.
 *
 * Files that master sends along: tls_cert and tls_key (PEM; without them there is no
 * STARTTLS) and tls_tickets (gate/tls_server.h).
 */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include "run/role.h"

extern const struct room_ops gate_room;

#endif
