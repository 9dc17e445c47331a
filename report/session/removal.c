/* SPDX-License-Identifier: MIT */
#include "report/session/removal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/session/find.h"
#include "report/session/left_behind.h"
#include "report/session/session.h"
#include "report/util/error.h"
#include "report/util/path.h"
#include "report/util/trust.h"

struct removal {
	char path[PATH_MAX];
	int folder, fd;
	struct stat st; /* of the segment */
};

/* The folder and the file belong to this user, and nobody else may rename files in the folder. */
static const char *removal_open(struct removal *removal)
{
	char above[PATH_MAX];
	struct stat st;

	snprintf(above, sizeof above, "%.*s", (int)(path_base_name(removal->path) - removal->path),
		 removal->path);
	removal->folder = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (removal->folder < 0 || fstat(removal->folder, &st) != 0)
		return strerror(errno);
	if (!owner_is_self(removal->folder, &st) || st.st_mode & 022)
		return "other users may change its folder";
	removal->fd = regular_open(removal->folder, path_base_name(removal->path), O_NOFOLLOW);
	if (removal->fd < 0 || fstat(removal->fd, &removal->st) != 0)
		return strerror(errno);
	return owner_is_self(removal->fd, &removal->st) ? NULL : "belongs to another user";
}

static const char *removal_lease(const struct removal *removal)
{
	/* The kernel sends SIGIO when another process opens the file for writing. */
	signal(SIGIO, SIG_IGN);
	if (fcntl(removal->fd, F_SETLEASE, F_RDLCK) == 0)
		return NULL;
	return errno == EAGAIN ? "it is live: a process still has it open" : strerror(errno);
}

/*
 * The session's own claim; also keeps the creators of the objects that it left. "": a line was
 * printed.
 */
static const char *removal_check_state(const struct removal *removal)
{
	struct session session;
	enum session_state state;

	if (session_all(&session, removal->path) != 0)
		return "";
	state = session.model->session.state;
	if (!session.model->session.recorded)
		left_behind_keep(&session);
	session_close(&session);
	return state == SESSION_LIVE ? "it is live: its processes still run" : NULL;
}

/* The lease is being broken when a process has begun to open the file for writing. */
static const char *removal_unlink(const struct removal *removal)
{
	const char *name = path_base_name(removal->path);
	struct stat st;

	if (fcntl(removal->fd, F_GETLEASE) != F_RDLCK)
		return "it is live: a process has just opened it";
	if (fstatat(removal->folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return strerror(errno);
	if (st.st_dev != removal->st.st_dev || st.st_ino != removal->st.st_ino)
		return "another session has taken its name";
	return unlinkat(removal->folder, name, 0) == 0 ? NULL : strerror(errno);
}

bool removal_remove(const char *name)
{
	struct removal removal = {.folder = -1, .fd = -1};
	enum find_answer answer = find_session(name, removal.path);
	const char *why;

	if (answer == FIND_NONE)
		error_line(name, "no such session; 'memshim ls' lists them (rm(1) removes a "
				 "recording)");
	if (answer != FIND_FOUND)
		return false;
	why = removal_open(&removal);
	if (!why)
		why = removal_lease(&removal);
	if (!why)
		why = removal_check_state(&removal);
	if (!why)
		why = removal_unlink(&removal);
	if (why && *why)
		error_line(name, why);
	if (removal.fd >= 0)
		close(removal.fd);
	if (removal.folder >= 0)
		close(removal.folder);
	return !why;
}
