/* SPDX-License-Identifier: MIT */
/*
 * Where segments live: a recorder's before it starts COMMAND, or the one a preloaded program joins
 * by itself. Both must choose alike. Makes system calls, so none of it runs in a hook.
 *
 * The folder: $MEMSHIM_DIR, else /dev/shm/memshim-UID, else $XDG_RUNTIME_DIR/memshim, else
 * $TMPDIR/memshim-UID. It must be a directory of ours that nobody else may write to (0700).
 * A segment is NAME.seg in it, 0600.
 */
#ifndef MEMSHIM_COMMON_PLACE_H
#define MEMSHIM_COMMON_PLACE_H

#include <linux/magic.h>
#include <sys/vfs.h>

#include "files.h"

/*
 * Makes the folder if it is missing and checks it: a directory, ours, closed to others, and on
 * tmpfs unless `any_file_system`. Returns 0 or -errno; -ENOTDIR, -EPERM (not ours), -EACCES (open
 * to others), -EMEDIUMTYPE (not in memory).
 */
static inline int place_check_folder(const char *path, bool any_file_system)
{
	struct stat st;
	struct statfs fs;
	int fd, ret;

	raw_call3(SYS_mkdirat, AT_FDCWD, (long)path, 0700);
	fd = place_above_standard(place_open(path, O_RDONLY | O_DIRECTORY, 0));
	if (fd < 0)
		return fd;
	ret = place_stat_fd(fd, &st);
	if (ret == 0 && st.st_uid != (uid_t)raw_call3(SYS_geteuid, 0, 0, 0))
		ret = -EPERM;
	if (ret == 0 && st.st_mode & 022)
		ret = -EACCES;
	if (ret == 0 && !any_file_system) {
		ret = (int)raw_call3(SYS_fstatfs, fd, (long)&fs, 0);
		if (ret == 0 && fs.f_type != TMPFS_MAGIC)
			ret = -EMEDIUMTYPE;
	}
	place_close(fd);
	return ret;
}

/*
 * Chooses the folder, into `path` of PLACE_PATH_BYTES. The three variables may be null. Returns 0,
 * 1 when it is not in memory (a warning is due), or the -errno of the first choice.
 */
static inline int place_folder(char *path, const char *memshim_dir, const char *runtime_dir,
			       const char *tmp_dir)
{
	uint64_t uid = (uint64_t)raw_call3(SYS_geteuid, 0, 0, 0);
	int first, ret;

	path[0] = '\0';
	if (memshim_dir && *memshim_dir) {
		if (!place_append(path, memshim_dir))
			return -ENAMETOOLONG;
		ret = place_check_folder(path, false);
		return ret == -EMEDIUMTYPE ? 1 : ret;
	}
	place_append(path, "/dev/shm/memshim-");
	place_append_number(path, uid);
	first = place_check_folder(path, false);
	if (first == 0)
		return 0;
	path[0] = '\0';
	if (runtime_dir && *runtime_dir && place_append(path, runtime_dir) &&
	    place_append(path, "/memshim") && place_check_folder(path, false) == 0)
		return 0;
	path[0] = '\0';
	if (place_append(path, tmp_dir && *tmp_dir ? tmp_dir : "/tmp") &&
	    place_append(path, "/memshim-") && place_append_number(path, uid) &&
	    place_check_folder(path, true) == 0)
		return 1;
	return first;
}

#endif
