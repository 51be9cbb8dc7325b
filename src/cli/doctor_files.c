/* SPDX-License-Identifier: Apache-2.0 */
/* Who may read and change what is ours. */
#include "cli/doctor_checks.h"

#include "run/accounts_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_ROOM 2000

/* What nobody else may do with a file; the mode's bits, in words and as chmod takes them. */
struct rule {
	enum doctor_level level;
	mode_t forbidden;
	const char *what;
	const char *chmod;
};

static const struct rule not_written = {DOCTOR_WRONG, S_IWOTH, "every user may change it", "o-w"};
static const struct rule no_secret = {DOCTOR_WRONG, S_IROTH | S_IWOTH,
				      "every user may read it, with the secrets in it", "o-rwx"};
static const struct rule no_hash = {DOCTOR_WARNING, S_IROTH | S_IWOTH,
				    "every user may read it, with the password hashes in it", "o-rwx"};
static const struct rule ours_alone = {DOCTOR_WRONG, S_IRWXG | S_IRWXO, "others may read it, and it is a key",
				       "600"};

/* true: it is there and as it should be. */
static bool check_mode(struct doctor *d, const char *subject, const char *path, const struct rule *rule)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return false;
	if (!(st.st_mode & rule->forbidden))
		return true;
	doctor_say(d, rule->level, subject, "%s: %s; chmod %s %s", path, rule->what, rule->chmod, path);
	return false;
}

static void check_folder(struct doctor *d, enum setting_key key)
{
	const char *path = settings_text(d->s, key).p, *name = setting_rows[key].name;
	struct stat st;

	if (stat(path, &st) != 0)
		doctor_say(d, DOCTOR_WRONG, name, "%s: %s; mailstead init makes it", path,
			   strerrordesc_np(errno));
	else if (!S_ISDIR(st.st_mode))
		doctor_say(d, DOCTOR_WRONG, name, "%s is no folder; move it away, then mailstead init", path);
	else if (check_mode(d, name, path, &not_written))
		doctor_say(d, DOCTOR_OK, name, "%s", path);
}

static bool file_has_secret(const struct doctor *d)
{
	for (unsigned key = 0; key < SET_COUNT; key++)
		if (setting_rows[key].secret &&
		    str_starts(settings_origin(d->s, (enum setting_key)key), str_of(d->file)))
			return true;
	return false;
}

void doctor_check_files(struct doctor *d)
{
	const char *key = settings_text(d->s, SET_TLS_KEY_FILE).p;
	const char *data = settings_text(d->s, SET_DATA_DIR).p;
	char path[PATH_ROOM];

	check_folder(d, SET_CONFIG_DIR);
	check_folder(d, SET_DATA_DIR);
	check_mode(d, "configuration", d->file, file_has_secret(d) ? &no_secret : &not_written);
	snprintf(path, sizeof(path), "%s/" ACCOUNTS_FILE, settings_text(d->s, SET_CONFIG_DIR).p);
	check_mode(d, "accounts", path, &no_hash);
	snprintf(path, sizeof(path), "%s/secret", data);
	check_mode(d, "data_dir", path, &ours_alone);
	snprintf(path, sizeof(path), "%s/tls/key.pem", data);
	check_mode(d, "certificate", path, &ours_alone);
	if (key[0])
		check_mode(d, "certificate", key, &no_secret);
}
