/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sendmail: what programs of this machine call to send a letter (cron, mail(1), PHP ...).
 *
 * It speaks SMTP to data_dir/run/submit; the server knows the caller by its uid, so no
 * right is needed here, and none is had: the program is not set-uid.  The whole letter
 * is read before the server is asked, so that a slow writer runs into no time-out.
 */
#ifndef CLI_SENDMAIL_H
#define CLI_SENDMAIL_H

#include "run/settings.h"

/* argv[0] is the program's name.  A configuration that must exist must be good as well;
 * of any other that cannot be read data_dir alone is looked for.  Returns an enum
 * sendmail_status. */
int cmd_sendmail(int argc, char **argv, const struct settings_sources *sources);

#endif
