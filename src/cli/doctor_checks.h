/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_checks: the parts of doctor, each with its findings. */
#ifndef CLI_DOCTOR_CHECKS_H
#define CLI_DOCTOR_CHECKS_H

#include "run/settings.h"

#include <stdio.h>

enum doctor_level { DOCTOR_OK, DOCTOR_WARNING, DOCTOR_WRONG };

struct doctor {
	FILE *out;
	const char *file; /* the configuration's */
	const struct settings *s; /* NULL until it was read */
	bool served; /* a server runs with this data_dir */
	unsigned count[3]; /* of each level */
};

/* One finding: a line. */
__attribute__((format(printf, 4, 5))) void doctor_say(struct doctor *d, enum doctor_level level,
						      const char *subject, const char *fmt, ...);

/* Whether each listener answers, as that service; without a server whether its port is free,
 * and whose it is. */
void doctor_check_ports(struct doctor *d);
/* Certificate and key: readable, a pair, for this host, in their time, by whom. */
void doctor_check_certificate(struct doctor *d);
/* Who may read and change what is ours. */
void doctor_check_files(struct doctor *d);
/* Accounts and aliases: lines that mean nothing, twins, aliases to nobody. */
void doctor_check_tables(struct doctor *d);
/* What this server knows of a domain. */
void doctor_check_domain(struct doctor *d, struct str domain);
/* Clock, disk, open files. */
void doctor_check_machine(struct doctor *d);

/* What free space means: bytes or inodes that are left of all (0: the file system has no such
 * number). */
enum doctor_level doctor_judge_space(uint64_t left, uint64_t all, uint64_t enough);

#endif
