/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sendmail_dialogue: `sendmail -bs`, SMTP between a program and the server.
 *
 * What the program says is passed on with each bare LF as CRLF, for programs write
 * text as this system does and the server refuses bare ones; what the server says is passed on as it is.
 */
#ifndef CLI_SENDMAIL_DIALOGUE_H
#define CLI_SENDMAIL_DIALOGUE_H

#include "cli/sendmail_smtp.h"

/* Until the server ends the connection, which is the good end, or one side is gone.  The
 * program's end of input is passed on. */
enum sendmail_status sendmail_dialogue(int fd, int in, int out);

#endif
