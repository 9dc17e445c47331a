/* SPDX-License-Identifier: MIT */
/*
 * Whose files are used. One rule for segments, recordings, their folders and whatever else another
 * user could have put there first: only files of the effective user are written to, and only when
 * nobody else may write to them; files of root are read as well. The rule holds for root too: a
 * file that it may open is not therefore one that it should believe.
 *
 * The rule judges what fstat(2) says of an open descriptor. A path would be judged at one time and
 * opened at another.
 */
#ifndef MEMSHIM_COMMON_OWNER_H
#define MEMSHIM_COMMON_OWNER_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

enum owner_use { OWNER_WRITES, OWNER_READS };

/*
 * In a user namespace, each user that it does not map appears as this one, and so does the caller
 * if it is not mapped itself (/proc/sys/kernel/overflowuid, which nobody changes). The uids are
 * equal then, and the users need not be. O_NOATIME tells: the kernel grants it to the owner alone,
 * and to whoever has CAP_FOWNER over a user that is mapped. Files to be written to are opened with
 * it, or are asked for it with F_SETFL.
 */
#define OWNER_UNMAPPED 65534u

/* 0; -EPERM another user's; -EACCES open to others' writing. `self` is the effective uid. */
static inline int owner_check(const struct stat *st, uid_t self, enum owner_use use)
{
	if (st->st_uid != self && (use == OWNER_WRITES || st->st_uid != 0))
		return -EPERM;
	return use == OWNER_WRITES && st->st_mode & 022 ? -EACCES : 0;
}

#endif
