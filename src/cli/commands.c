/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands. */
#include "cli/commands.h"

#include "base/spell.h"

const struct command_row command_rows[CMD_COUNT] = {
	[CMD_CONFIG] = {"config", "[-n] [KEY...]",
			"Shows each setting with its value, default and meaning; with -n those that differ "
			"from their "
			"default."},
	[CMD_DOCTOR] =
		{"doctor", "[DOMAIN]",
		 "Says what is wrong with this machine, the configuration and the server, and the exact "
		 "fix; asks no other machine."},
	[CMD_INIT] = {"init", "[ADDRESS]",
		      "Writes a configuration with every setting explained, makes the folders, adds a first "
		      "account and shows the DNS records to publish; what is there already stays as it is."},
	[CMD_LOOKUP] = {"lookup", "NAME [TYPE]",
			"Shows what the resolver of the running server answers, with its DNSSEC state."},
	[CMD_QUEUE] =
		{"queue", "[list] | flush [ID...] | hold|release|delete ID...|ALL | show ID...",
		 "Shows the letters that wait, in the form of mailq, and changes what becomes of them (- "
		 "instead of an ID reads IDs from standard input); under the names mailq, postqueue, "
		 "postsuper and postcat the program takes the usual options of these."},
	[CMD_RELOAD] = {"reload", "[--wait]",
			"Makes the running server read its configuration again; returns when every room has "
			"switched, or "
			"with the sentence of the one that refused."},
	[CMD_SENDMAIL] = {"sendmail", "[-ti] [-f ADDRESS] [-F NAME] [-bs] [RECIPIENT...]",
			  "Sends the letter on standard input, as sendmail(1) does everywhere; also by the "
			  "name sendmail."},
	[CMD_SERVE] = {"serve", "",
		       "Runs the server in the foreground until SIGTERM or SIGINT; SIGHUP reloads."},
	[CMD_SETUP] = {"setup", "email|alias ...",
		       "Edits accounts and aliases in the language of docker-mailserver, which `setup help` "
		       "shows; a "
		       "running server has taken the change over when it returns."},
	[CMD_TRACE] = {"trace", "ID|ADDRESS",
		       "Shows what the log knows of a letter, or of all letters from and to an address."},
};

enum command command_find(struct str name)
{
	for (unsigned i = 0; i < CMD_COUNT; i++)
		if (str_eq(name, str_of(command_rows[i].name)))
			return (enum command)i;
	return CMD_COUNT;
}

struct str command_nearest(struct str name)
{
	struct spell s;

	spell_init(&s, name);
	for (unsigned i = 0; i < CMD_COUNT; i++)
		spell_try(&s, str_of(command_rows[i].name));
	return spell_found(&s);
}
