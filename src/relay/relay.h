/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay: brings letters to other servers (SMTP, RFC 5321).
 *
 * Answers `relay` (net/messages.def): one letter, recipients who share a next hop, an outcome
 * for each.  It keeps nothing: retries, bounces and the log's line about each recipient are
 * spool's.  Each question has a fiber and a connection of its own, so a slow server delays its
 * own letters only.
 */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include "run/role.h"

extern const struct room_ops relay_room;

#endif
