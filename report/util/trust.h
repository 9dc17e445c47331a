/* SPDX-License-Identifier: MIT */
/*
 * Files that another user may have named or written.
 *
 * Opens files whose names come from a recording, from another program's file, or from a folder that
 * other users write to. Such a name may mean a fifo, a device or a kernel file: opening it can
 * block, remove a message, or start a watchdog. So the name is opened with O_PATH, which does not
 * affect the file; its type is checked; and then that same file is opened.
 *
 * Trusted are the files of the effective user and of root, by preload/common/owner.h. A recording,
 * a segment, a folder or a file of suppressions of another user is refused; --foreign allows it for
 * commands that only read.
 */
#ifndef MEMSHIM_UTIL_TRUST_H
#define MEMSHIM_UTIL_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/*
 * A descriptor to read from, or -1 with errno: EISDIR for a folder, ENXIO for a file that is not
 * regular or is in a kernel file system. `flags`: 0 or O_NOFOLLOW. `folder` as for openat(2).
 */
int regular_open(int folder, const char *path, int flags);

/* The descriptor that /dev/stdin, /dev/stdout, /dev/stderr or /dev/fd/N names; -1: another path. */
int regular_named_descriptor(const char *path);

/* ---- whose files ---- */

enum owner_rule {
	OWNER_REFUSE,         /* the command removes or writes: it has no --foreign */
	OWNER_REFUSE_FOREIGN, /* it has --foreign, which was not given */
	OWNER_ALLOW_FOREIGN,
};

void owner_set_rule(enum owner_rule rule);

/*
 * Whether the open file `fd` belongs to the effective user; *st is its stat. --foreign changes
 * nothing: it is meant for files that the user names.
 */
bool owner_is_self(int fd, const struct stat *st);

/*
 * Whether the open file `fd` is trusted; *st is its stat. False with the reason in why. Call it
 * before a byte of the file is used.
 */
bool owner_is_believed(int fd, const struct stat *st, char *why, size_t size);

#endif
