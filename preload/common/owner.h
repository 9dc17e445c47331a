/* SPDX-License-Identifier: MIT */
/*
 * Which users' files memshim uses. One rule holds for segments, recordings, their folders, and all
 * other files that another user could have created first. A file is written to only if it belongs
 * to the effective user and no other user may write to it. Files of root are also read. The rule
 * holds for root too: root may open every file, but does not trust every file.
 *
 * The rule checks the fstat(2) of an open descriptor. A path could change between the check and the
 * open.
 */
#ifndef MEMSHIM_COMMON_OWNER_H
#define MEMSHIM_COMMON_OWNER_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

enum owner_use { OWNER_WRITES, OWNER_READS };

/*
 * The uid of every user that a user namespace does not map, the caller included
 * (/proc/sys/kernel/overflowuid, which almost no system changes). Equal uids may then be different
 * users. O_NOATIME decides: the kernel grants it only to the owner, and to a caller with CAP_FOWNER
 * over a mapped user. Files to be written to are opened with it, or get it by F_SETFL.
 */
#define OWNER_UNMAPPED 65534u

/* 0; -EPERM: another user's; -EACCES: other users may write to it. `self` is the effective uid. */
static inline int owner_check(const struct stat *st, uid_t self, enum owner_use use)
{
	if (st->st_uid != self && (use == OWNER_WRITES || st->st_uid != 0))
		return -EPERM;
	return use == OWNER_WRITES && st->st_mode & 022 ? -EACCES : 0;
}

#endif
