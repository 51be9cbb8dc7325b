/* SPDX-License-Identifier: Apache-2.0 */
/* settings_machine: defaults that the machine gives. */
#ifndef RUN_SETTINGS_MACHINE_H
#define RUN_SETTINGS_MACHINE_H

#include "run/settings.h"

/* What this machine gives for that default, added to out; nothing when it gives
 * none.  Reads uname, the processor mask, /etc/resolv.conf or the environment. */
void settings_machine(enum setting_computed what, char *const *environment, struct buf *out);

/* The first nameserver of a resolv.conf that is an address the resolver can
 * ask (one with a scope is not), or the empty view. */
struct str settings_nameserver(struct str resolv_conf);
/* The language for a value of LANG: "zh_CN" for zh_CN.UTF-8, else "en". */
struct str settings_language(struct str lang);
/* The value of that variable; {NULL, 0} when it is not there. */
struct str settings_variable(char *const *environment, struct str name);

#endif
