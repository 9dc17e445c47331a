/* SPDX-License-Identifier: MIT */
/*
 * Where segments live: a recorder's before it starts COMMAND, or the one a preloaded program joins
 * by itself. Both must choose alike. Makes system calls, so none of it runs in a hook.
 *
 * The folder: $MEMSHIM_DIR, else /dev/shm/memshim-UID, else $XDG_RUNTIME_DIR/memshim, else
 * $TMPDIR/memshim-UID; or that of the path in $MEMSHIM_SESSION: see folder.h. A segment is NAME.seg
 * in it, 0600.
 */
#ifndef MEMSHIM_COMMON_PLACE_H
#define MEMSHIM_COMMON_PLACE_H

#include "folder.h"

static inline void folder_remove_file(const struct folder *folder, const char *name)
{
	raw_call3(SYS_unlinkat, folder->fd, (long)name, 0);
}

/*
 * Opens a file of the folder; *st is its stat. A limit may leave room for one descriptor alone:
 * then the folder is closed while the file is open, and folder_confirm must be asked before the
 * file is believed.
 */
static inline int folder_open_file(struct folder *folder, const char *name, int flags,
				   struct stat *st)
{
	char path[SYSTEM_PATH_BYTES] = "";
	int fd, ret = folder->fd < 0 ? folder_open_path(folder) : 0;

	if (ret != 0)
		return ret;
	flags |= O_NOATIME | O_NOFOLLOW | O_CLOEXEC;
	fd = sys_above_standard(
		(int)raw_call6(SYS_openat, folder->fd, (long)name, flags, 0600, 0, 0));
	if (fd == -EMFILE && path_append(path, folder->path) && path_append(path, "/") &&
	    path_append(path, name)) {
		if (flags & O_CREAT) /* made, perhaps, and then of too low a number to be kept */
			folder_remove_file(folder, name);
		folder_close(folder);
		fd = sys_above_standard(sys_open(path, flags, 0600));
	}
	if (fd < 0)
		return fd;
	ret = sys_fstat(fd, st);
	if (ret == 0)
		return fd;
	if (flags & O_CREAT && folder->fd >= 0)
		folder_remove_file(folder, name);
	sys_close(fd);
	return ret;
}

/* The file is closed. 0 when it is the one that the folder has under that name, else -errno. */
static inline int folder_confirm(struct folder *folder, const char *name, const struct stat *st)
{
	struct stat now;
	int ret;

	if (folder->fd >= 0)
		return 0;
	ret = folder_open_path(folder);
	if (ret == 0)
		ret = folder_stat(folder->fd, name, &now);
	if (ret == 0 && (now.st_dev != st->st_dev || now.st_ino != st->st_ino))
		ret = -EPERM;
	return ret;
}

#endif
