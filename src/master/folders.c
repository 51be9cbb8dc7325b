/* SPDX-License-Identifier: Apache-2.0 */
/* The folders and sockets that master makes for the rooms. */
#include "master/house.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LOCK_WAIT_MS 5000
#define COMMAND_BACKLOG 16
#define SUBMIT_BACKLOG 256

static int make_folder(const char *path, mode_t mode, struct err *e)
{
	if (mkdir(path, mode) != 0 && errno != EEXIST)
		return err_errno(e, "cannot make the folder %s", path);
	/* The mode holds whatever the umask says, also for a folder from before. */
	if (chmod(path, mode) != 0 && errno != EPERM)
		return err_errno(e, "cannot set the mode of %s", path);
	return ERR_OK;
}

static int take_lock(struct house *h, struct err *e)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int64_t deadline = deadline_in(LOCK_WAIT_MS);
	char path[sizeof(h->run_folder) + 8];

	snprintf(path, sizeof(path), "%s/lock", h->run_folder);
	h->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (h->lock < 0)
		return err_errno(e, "cannot open %s", path);
	/* A master that was just killed leaves its lock in a moment. */
	while (fcntl(h->lock, F_OFD_SETLK, &lock) != 0) {
		if (clock_ms() > deadline)
			return err_set(e, ERR_EXISTS, "another mailstead serves from %s",
				       settings_text(&h->settings, SET_DATA_DIR).p);
		usleep(20000);
	}
	return ERR_OK;
}

static void give_to_group(const char *path, const char *user)
{
	struct group entry, *found = NULL;
	char text[2048];

	if (getgrnam_r(user, &entry, text, sizeof(text), &found) == 0 && found &&
	    chown(path, (uid_t)-1, entry.gr_gid) != 0)
		log_line(LOG_WARNING, "cannot give %s to group %s", path, user);
}

/* What spool and mailbox keep below the data folder, theirs alone. */
static int make_store_folders(struct house *h, const char *data, struct err *e)
{
	static const char *const names[] = {"volumes", "journal", "letters", "spool", "accounts"};
	char path[400];
	uid_t uid;
	gid_t gid;

	child_user(h, WALL_USER_STORE, &uid, &gid);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", data, names[i]);
		int code = make_folder(path, 0700, e);

		if (code)
			return code;
		if (chown(path, uid, gid) != 0)
			return err_errno(e, "cannot give %s to user %d", path, (int)uid);
	}
	/* spool makes `secret` and `lock` beside them; sticky, so that it cannot take what is
	 * master's out of the way. */
	if (chown(data, (uid_t)-1, gid) != 0 || chmod(data, 01771) != 0)
		return err_errno(e, "cannot give %s to group %d", data, (int)gid);
	return ERR_OK;
}

int folders_make(struct house *h, struct err *e)
{
	const char *data = settings_text(&h->settings, SET_DATA_DIR).p;
	char path[sizeof(h->run_folder) + 16];
	int code;

	if (strlen(data) > 300)
		return err_set(e, ERR_TOO_BIG, "data_dir is longer than 300 bytes");
	snprintf(h->run_folder, sizeof(h->run_folder), "%s/run", data);
	if ((code = make_folder(data, 0711, e)) || (code = make_folder(h->run_folder, 0755, e)))
		return code;
	snprintf(path, sizeof(path), "%s/log", data);
	if ((code = make_folder(path, 0700, e)))
		return code;
	snprintf(path, sizeof(path), "%s/control", h->run_folder);
	if ((code = make_folder(path, 0750, e)))
		return code;
	give_to_group(path, settings_text(&h->settings, SET_RUN_AS).p);
	snprintf(path, sizeof(path), "%s/empty", h->run_folder);
	if ((code = make_folder(path, 0755, e)))
		return code;
	if ((code = make_store_folders(h, data, e)))
		return code;
	h->empty_folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	h->data_folder = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (h->empty_folder < 0 || h->data_folder < 0)
		return err_errno(e, "cannot open the folders of %s", data);
	return take_lock(h, e);
}

/* A listening socket of that path below run, with that mode. */
static int open_socket(const struct sockaddr_un *at, int type, mode_t mode, int backlog, int *fd,
		       struct err *e)
{
	*fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return err_errno(e, "cannot make a socket");
	/* The lock of the house is ours, so a socket of that name is a dead one. */
	unlink(at->sun_path);
	if (bind(*fd, (const struct sockaddr *)at, sizeof(*at)) == 0 && listen(*fd, backlog) == 0 &&
	    chmod(at->sun_path, mode) == 0)
		return ERR_OK;
	err_errno(e, "cannot listen on %s", at->sun_path);
	close(*fd);
	*fd = -1;
	return e->code;
}

static int socket_path(const struct house *h, const char *folder, const char *name, struct sockaddr_un *at,
		       struct err *e)
{
	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	int n = snprintf(at->sun_path, sizeof(at->sun_path), "%s/%s%s", h->run_folder, folder, name);

	if (n < 0 || (size_t)n >= sizeof(at->sun_path))
		return err_set(e, ERR_TOO_BIG, "the path of data_dir is too long for a socket (%d bytes)", n);
	return ERR_OK;
}

int folders_command_socket(struct house *h, const char *name, int *fd, struct err *e)
{
	struct sockaddr_un at;
	int code = socket_path(h, "control/", name, &at, e);

	if (code == 0)
		code = open_socket(&at, SOCK_SEQPACKET, 0660, COMMAND_BACKLOG, fd, e);
	if (code == 0)
		give_to_group(at.sun_path, settings_text(&h->settings, SET_RUN_AS).p);
	return code;
}

int folders_submit_socket(struct house *h, int *fd, struct err *e)
{
	struct sockaddr_un at;
	int code = socket_path(h, "", "submit", &at, e);

	return code ? code : open_socket(&at, SOCK_STREAM, 0666, SUBMIT_BACKLOG, fd, e);
}

int folders_write_ports(struct house *h, struct err *e)
{
	char path[sizeof(h->run_folder) + 8], temporary[sizeof(h->run_folder) + 12];

	snprintf(path, sizeof(path), "%s/ports", h->run_folder);
	snprintf(temporary, sizeof(temporary), "%s/ports.new", h->run_folder);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_errno(e, "cannot write %s", temporary);
	for (size_t i = 0; i < h->listener_count; i++)
		if (h->listeners[i].port != 0)
			dprintf(fd, "%s %u\n", h->listeners[i].name, h->listeners[i].port);
	close(fd);
	return rename(temporary, path) == 0 ? 0 : err_errno(e, "cannot write %s", path);
}
