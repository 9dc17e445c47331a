/* SPDX-License-Identifier: MIT */
/*
 * A folder that segments live in, opened and judged.
 *
 * Whoever can put a segment there can end the programs that join it, by truncating it, and reads
 * their command lines. So a folder is opened once, judged by its descriptor, and everything else
 * goes by openat(2) below it: what is put at its path later changes nothing. It must be a directory
 * of the effective user that nobody else may write to, root's included, and stand in one where
 * others may not rename it: theirs to write to only when it is sticky.
 *
 * Folders further up are not looked at, nor are symbolic links on the way. Whoever may change those
 * decides to which folder a path leads; but it is used only if it is another folder of this same
 * user, which nobody else may write to. Then one user's process logs into another session of that
 * user: no other user's file is ever used, and no other user can write to what is used. A link in
 * the folder's own place is not followed, but for MEMSHIM_SESSION one that is root's or the user's
 * own: systemd makes such a link to a service's run-time folder (DynamicUser=).
 */
#ifndef MEMSHIM_COMMON_FOLDER_H
#define MEMSHIM_COMMON_FOLDER_H

#include <linux/magic.h>
#include <sys/vfs.h>

#include "files.h"
#include "owner.h"

/* A folder of live segments. */
struct folder {
	int fd;                       /* negative: not open */
	uid_t self;                   /* the effective uid */
	bool is_known;                /* the folder above it was judged before, and is not again */
	char path[SYSTEM_PATH_BYTES]; /* without a slash at its end */
};

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOATIME)

/* fstatat(2), of the link itself where the name is one. */
static inline int folder_stat(int fd, const char *name, struct stat *st)
{
#if defined(SYS_newfstatat)
	return (int)raw_call6(SYS_newfstatat, fd, (long)name, (long)st, AT_SYMLINK_NOFOLLOW, 0, 0);
#else
	return (int)raw_call6(SYS_fstatat, fd, (long)name, (long)st, AT_SYMLINK_NOFOLLOW, 0, 0);
#endif
}

/*
 * Whether an owner may be root or the user itself, unseen: in a user namespace that maps few users.
 * A namespace that maps them all has one line that ends in 4294967295.
 */
static inline bool folder_may_be_unmapped(uid_t owner)
{
	char map[256];
	long used = owner == OWNER_UNMAPPED ? sys_read_file("/proc/self/uid_map", map, sizeof map)
					    : 0;

	return used > 11 && memcmp(map + used - 11, "4294967295\n", 11) != 0;
}

/* Of the folder above: 0, or -EDOTDOT where others could rename what is in it. */
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
		ret = folder_stat(folder->fd, "..", &st);
		if (ret == 0)
			ret = folder_check_above(&st, folder->self);
	}
	return ret;
}

/* Opens folder->path, and judges it. 0 or -errno: see folder_open. */
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

/* The length of a path without its last component: 0 where it has but one. */
static inline size_t folder_length_above(const char *path)
{
	size_t length = 0;

	for (size_t i = 0; path[i]; i++)
		if (path[i] == '/')
			length = i;
	return length;
}

/* Makes folder->path, in a folder where others cannot exchange it. 0 or -errno. */
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
 * Opens the folder at an absolute `path`, and makes it if it is missing and `make`. Of *folder,
 * self and is_known are set. 0, or -errno, with nothing left open: -ENOTDIR (a link, too), -EPERM
 * (another user's), -EACCES (others may write to it), -EDOTDOT (others may write to the folder that
 * it is in).
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

/* Whether it is in memory, where a segment belongs: write-back of a disk's pages stalls writers. */
static inline bool folder_is_in_memory(const struct folder *folder)
{
	struct statfs fs;

	return raw_call3(SYS_fstatfs, folder->fd, (long)&fs, 0) == 0 && fs.f_type == TMPFS_MAGIC;
}

/* Where folder->path is a link of root's or of the user's own: the path that it leads to. */
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

/* As folder_open, of the path in MEMSHIM_SESSION. */
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

#endif
