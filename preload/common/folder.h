/* SPDX-License-Identifier: MIT */
/*
 * A folder that segments live in, opened and checked.
 *
 * Which folder: $MEMSHIM_DIR, else /dev/shm/memshim-UID, else $XDG_RUNTIME_DIR/memshim, else
 * $TMPDIR/memshim-UID; or the folder of the path in $MEMSHIM_SESSION. A recorder before it starts
 * COMMAND, and a preloaded program that joins by itself, must choose the same one. A segment is
 * NAME.seg in it, mode 0600.
 *
 * A user who can put a segment into it can read the command lines of the programs that join the
 * segment, and can end them by truncating it. So the folder is opened once and checked by its
 * descriptor, and all else uses openat(2) below that descriptor: a later change of its path has no
 * effect. It must be a directory of the effective user (also when that is root) that no other user
 * may write to. The directory above it must not let other users rename it: if they may write to
 * that directory, it must be sticky.
 *
 * Directories further up are not checked, nor are symbolic links on the way. A user who may change
 * those decides to which folder a path leads. But the folder is used only if it belongs to the
 * effective user and no other user may write to it. So a process of this user may log into another
 * session of this user, but never uses a file of another user, and no other user can write to its
 * files. The last component of the path must not be a symbolic link. MEMSHIM_SESSION may name a
 * link that root or the effective user owns: systemd creates such a link to a service's run-time
 * folder (DynamicUser=).
 */
#ifndef MEMSHIM_COMMON_FOLDER_H
#define MEMSHIM_COMMON_FOLDER_H

#include <linux/magic.h>
#include <sys/vfs.h>

#include "files.h"
#include "owner.h"

/* A folder of live segments. */
struct folder {
	int fd;        /* negative: not open */
	uid_t self;    /* the effective uid */
	bool is_known; /* the folder above it was checked before, and is not checked again */
	char path[SYSTEM_PATH_BYTES]; /* without a slash at its end */
};

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOATIME)

/*
 * Whether an owner may be root or the effective user although its uid differs: in a user namespace
 * that maps few users. A namespace that maps all of them has one line that ends in 4294967295.
 */
static inline bool folder_may_be_unmapped(uid_t owner)
{
	char map[256];
	long used = owner == OWNER_UNMAPPED ? sys_read_file("/proc/self/uid_map", map, sizeof map)
					    : 0;

	return used > 11 && memcmp(map + used - 11, "4294967295\n", 11) != 0;
}

/* Checks the folder above: 0, or -EDOTDOT where other users could rename its entries. */
static inline int folder_check_above(const struct stat *st, uid_t self)
{
	bool theirs = st->st_uid != self && st->st_uid != 0 && !folder_may_be_unmapped(st->st_uid);

	return (theirs || st->st_mode & 022) && !(st->st_mode & S_ISVTX) ? -EDOTDOT : 0;
}

static inline int folder_check(const struct folder *folder)
{
	struct stat st;
	int ret = sys_fstat(folder->fd, &st);

	if (ret == 0)
		ret = owner_check(&st, folder->self, OWNER_WRITES);
	if (ret == 0 && !folder->is_known) {
		ret = sys_fstatat(folder->fd, "..", &st);
		if (ret == 0)
			ret = folder_check_above(&st, folder->self);
	}
	return ret;
}

/* Opens folder->path and checks it. 0 or -errno: see folder_open. */
static inline int folder_open_path(struct folder *folder)
{
	int ret;

	folder->fd = sys_above_standard(sys_open(folder->path, FOLDER_FLAGS, 0));
	if (folder->fd < 0)
		return folder->fd;
	ret = folder_check(folder);
	if (ret == 0)
		return 0;
	sys_close(folder->fd);
	folder->fd = -1;
	return ret;
}

static inline void folder_close(struct folder *folder)
{
	if (folder->fd >= 0)
		sys_close(folder->fd);
	folder->fd = -1;
}

/* The length of a path without its last component; 0 where it has only one. */
static inline size_t folder_length_above(const char *path)
{
	size_t length = 0;

	for (size_t i = 0; path[i]; i++)
		if (path[i] == '/')
			length = i;
	return length;
}

/* Creates folder->path in a folder where other users cannot replace it. 0 or -errno. */
static inline int folder_make_path(const struct folder *folder)
{
	char above[SYSTEM_PATH_BYTES];
	size_t length = folder_length_above(folder->path);
	struct stat st;
	int fd, ret;

	memcpy(above, folder->path, length);
	above[length] = '\0';
	fd = sys_above_standard((int)raw_call6(SYS_openat, AT_FDCWD, (long)(length ? above : "/"),
					       O_PATH | O_DIRECTORY | O_CLOEXEC, 0, 0, 0));
	if (fd < 0)
		return fd;
	ret = sys_fstat(fd, &st);
	if (ret == 0)
		ret = folder_check_above(&st, folder->self);
	if (ret == 0)
		ret = (int)raw_call3(SYS_mkdirat, fd, (long)(folder->path + length + 1), 0700);
	sys_close(fd);
	return ret == -EEXIST ? 0 : ret;
}

static inline bool folder_set_path(struct folder *folder, const char *path)
{
	size_t length = 0;

	folder->path[0] = '\0';
	if (!path_append(folder->path, path))
		return false;
	while (folder->path[length])
		length++;
	while (length > 1 && folder->path[length - 1] == '/')
		folder->path[--length] = '\0';
	return true;
}

/*
 * Opens the folder at an absolute `path`. Creates it if it is missing and `make` is set.
 * folder->self and folder->is_known must be set. Returns 0, or -errno with nothing left open:
 * -ENOTDIR (a file, or a link), -EPERM (another user's), -EACCES (other users may write to it),
 * -EDOTDOT (other users may write to the folder above it).
 */
static inline int folder_open(struct folder *folder, const char *path, bool make)
{
	int ret;

	folder->fd = -1;
	if (!folder_set_path(folder, path))
		return -ENAMETOOLONG;
	ret = folder_open_path(folder);
	if (ret == -ENOENT && make) {
		ret = folder_make_path(folder);
		if (ret == 0)
			ret = folder_open_path(folder);
	}
	return ret;
}

/*
 * Whether it is on tmpfs, where a segment belongs: the write-back of a disk's pages stalls writers.
 */
static inline bool folder_is_in_memory(const struct folder *folder)
{
	struct statfs fs;

	return raw_call3(SYS_fstatfs, folder->fd, (long)&fs, 0) == 0 && fs.f_type == TMPFS_MAGIC;
}

/* Replaces folder->path, if it is a link of root or of the effective user, by the link's target. */
static inline int folder_read_link(struct folder *folder)
{
	char target[SYSTEM_PATH_BYTES];
	struct stat st;
	long used = -EPERM;
	int fd = sys_above_standard(sys_open(folder->path, O_PATH, 0));

	if (fd < 0)
		return fd;
	if (sys_fstat(fd, &st) == 0 && S_ISLNK(st.st_mode) &&
	    owner_check(&st, folder->self, OWNER_READS) == 0)
		used = raw_call6(SYS_readlinkat, fd, (long)"", (long)target, sizeof target - 1, 0,
				 0);
	sys_close(fd);
	if (used <= 0)
		return used < 0 ? (int)used : -ENOENT;
	target[used] = '\0';
	if (target[0] != '/')
		folder->path[folder_length_above(folder->path) + 1] = '\0';
	else
		folder->path[0] = '\0';
	return path_append(folder->path, target) ? 0 : -ENAMETOOLONG;
}

/* As folder_open, for the folder of the path in MEMSHIM_SESSION: it may be a link. */
static inline int folder_open_named(struct folder *folder, const char *path)
{
	int ret = folder_open(folder, path, false);

	if (ret == -ENOTDIR || ret == -ELOOP) {
		ret = folder_read_link(folder);
		if (ret == 0)
			ret = folder_open_path(folder);
	}
	return ret;
}

/* ---- its files ---- */

static inline void folder_remove_file(const struct folder *folder, const char *name)
{
	raw_call3(SYS_unlinkat, folder->fd, (long)name, 0);
}

/*
 * Opens a file of the folder; *st is its stat. A process may have only one descriptor left. Then
 * the folder is closed while the file is open, and the file must be checked with folder_confirm
 * before it is used.
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
		if (flags & O_CREAT) /* perhaps created, and refused for its low number */
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

/* After the file was closed: 0 when the folder still has this file under that name, else -errno. */
static inline int folder_confirm(struct folder *folder, const char *name, const struct stat *st)
{
	struct stat now;
	int ret;

	if (folder->fd >= 0)
		return 0;
	ret = folder_open_path(folder);
	if (ret == 0)
		ret = sys_fstatat(folder->fd, name, &now);
	if (ret == 0 && (now.st_dev != st->st_dev || now.st_ino != st->st_ino))
		ret = -EPERM;
	return ret;
}

#endif
