/* SPDX-License-Identifier: MIT */
#include "report/util/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "preload/common/owner.h"

/* File systems whose regular files call the kernel when read: /proc/kmsg removes messages. */
static bool is_kernel_file(int fd)
{
	static const unsigned long kernels[] = {
		PROC_SUPER_MAGIC,
		SYSFS_MAGIC,
		DEBUGFS_MAGIC,
		TRACEFS_MAGIC,
		SECURITYFS_MAGIC,
		PSTOREFS_MAGIC,
		NSFS_MAGIC,
		EFIVARFS_MAGIC,
		CGROUP_SUPER_MAGIC,
		BPF_FS_MAGIC,
		CGROUP2_SUPER_MAGIC,
		SELINUX_MAGIC,
		0x62656570ul /* configfs */,
	};
	struct statfs system;

	if (fstatfs(fd, &system) != 0)
		return true;
	for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
		if ((unsigned long)system.f_type == kernels[i])
			return true;
	return false;
}

/* A path below /dev, except the files of shared memory in /dev/shm. */
static bool is_device_path(const char *path)
{
	return strncmp(path, "/dev/", 5) == 0 && strncmp(path, "/dev/shm/", 9) != 0;
}

static bool regular_is_for_data(int fd, const char *link)
{
	char path[64];
	ssize_t used = readlink(link, path, sizeof path - 1);

	path[used > 0 ? used : 0] = '\0';
	return !is_device_path(path) && !is_kernel_file(fd);
}

/*
 * Without /proc: opens by name, and checks that it is still the same file. O_NONBLOCK: opening a
 * fifo does not block.
 */
static int regular_open_by_name(int folder, const char *path, int flags, const struct stat *checked)
{
	int fd = openat(folder, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags);
	struct stat st;

	if (fd < 0 ||
	    (fstat(fd, &st) == 0 && st.st_dev == checked->st_dev && st.st_ino == checked->st_ino))
		return fd;
	close(fd);
	errno = ENXIO;
	return -1;
}

/* Opens the file of the O_PATH descriptor `by_path`, even if its name means another file now. */
static int regular_open_checked(int by_path, int folder, const char *path, int flags)
{
	struct stat st;
	char link[32];
	int fd;

	if (fstat(by_path, &st) != 0)
		return -1;
	snprintf(link, sizeof link, "/proc/self/fd/%d", by_path);
	if (!S_ISREG(st.st_mode) || !regular_is_for_data(by_path, link)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : S_ISLNK(st.st_mode) ? ELOOP : ENXIO;
		return -1;
	}
	fd = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		fd = regular_open_by_name(folder, path, flags, &st);
	return fd;
}

int regular_open(int folder, const char *path, int flags)
{
	int by_path = openat(folder, path, O_PATH | O_CLOEXEC | flags), fd, error;

	if (by_path < 0)
		return -1;
	fd = regular_open_checked(by_path, folder, path, flags);
	error = errno;
	close(by_path);
	errno = error;
	return fd;
}

int regular_named_descriptor(const char *path)
{
	static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
	static const char *const names[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};

	for (int i = 0; i < 3; i++)
		if (strcmp(path, names[i]) == 0)
			return i;
	for (int i = 0; i < 2; i++) {
		size_t length = strlen(folders[i]);
		const char *number = path + length;

		if (strncmp(path, folders[i], length) == 0 && *number &&
		    strspn(number, "0123456789") == strlen(number) && strlen(number) < 8)
			return atoi(number);
	}
	return -1;
}

/* ---- whose files ---- */

static enum owner_rule owner_rule;

void owner_set_rule(enum owner_rule rule)
{
	owner_rule = rule;
}

/* Whether the kernel treats the caller as the owner: it allows only an owner to set O_NOATIME. */
static bool is_granted(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NOATIME) == 0;
}

bool owner_is_self(int fd, const struct stat *st)
{
	return st->st_uid == geteuid() && (st->st_uid != OWNER_UNMAPPED || is_granted(fd));
}

bool owner_is_believed(int fd, const struct stat *st, char *why, size_t size)
{
	if (owner_is_self(fd, st) || st->st_uid == 0 || owner_rule == OWNER_ALLOW_FOREIGN)
		return true;
	snprintf(why, size, "belongs to another user (uid %lu)%s", (unsigned long)st->st_uid,
		 owner_rule == OWNER_REFUSE_FOREIGN ? "; --foreign reads it" : "");
	return false;
}
