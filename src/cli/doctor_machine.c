/* SPDX-License-Identifier: Apache-2.0 */
/* Clock, disk and limits. */
#include "cli/doctor_checks.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

#define YEAR_2025 INT64_C(1735689600)
#define YEAR_2100 INT64_C(4102444800)
#define GIB (UINT64_C(1) << 30)
#define FILES_WANTED 16384

static void check_clock(struct doctor *d)
{
	int64_t now = clock_wall_us() / 1000000;
	struct timex state = {.modes = 0};

	if (now < YEAR_2025 || now > YEAR_2100) {
		doctor_say(d, DOCTOR_WRONG, "clock",
			   "it is %lld seconds after 1970, which cannot be; set it: timedatectl set-ntp true",
			   (long long)now);
		return;
	}
	if (adjtimex(&state) < 0 || (state.status & STA_UNSYNC))
		doctor_say(d, DOCTOR_WARNING, "clock",
			   "nothing keeps it right; run a time service: timedatectl set-ntp true, or install "
			   "chrony");
	else
		doctor_say(d, DOCTOR_OK, "clock", "it is kept right by a time service");
}

enum doctor_level doctor_judge_space(uint64_t left, uint64_t all, uint64_t enough)
{
	if (all == 0 || left >= enough)
		return DOCTOR_OK;
	return left < enough / 10 || left < all / 50 ? DOCTOR_WRONG : DOCTOR_WARNING;
}

static void check_disk(struct doctor *d)
{
	const char *data = settings_text(d->s, SET_DATA_DIR).p;
	struct statvfs fs;

	/* doctor_check_files says when it is not there */
	if (statvfs(data, &fs) != 0)
		return;
	uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize, all = (uint64_t)fs.f_blocks * fs.f_frsize;
	enum doctor_level space = doctor_judge_space(left, all, GIB);
	enum doctor_level inodes = doctor_judge_space(fs.f_favail, fs.f_files, 10000);

	doctor_say(d, space, "disk", "%llu MiB are free for %s%s", (unsigned long long)(left >> 20), data,
		   space == DOCTOR_OK ? "" : "; make room, or no letter can be taken");
	if (inodes != DOCTOR_OK)
		doctor_say(d, inodes, "disk", "%llu inodes are free for %s; remove small files there",
			   (unsigned long long)fs.f_favail, data);
}

static void check_limits(struct doctor *d)
{
	struct rlimit files;

	/* The rooms take all that they may have. */
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	if (files.rlim_max < FILES_WANTED)
		doctor_say(d, DOCTOR_WARNING, "open files",
			   "a process may open %llu, so few clients can be there at once; raise it: "
			   "LimitNOFILE=65536 in the service, or ulimit -n 65536",
			   (unsigned long long)files.rlim_max);
	else
		doctor_say(d, DOCTOR_OK, "open files", "a process may open %llu",
			   (unsigned long long)files.rlim_max);
}

void doctor_check_machine(struct doctor *d)
{
	check_clock(d);
	check_disk(d);
	check_limits(d);
}
