/* SPDX-License-Identifier: MIT */
/*
 * Processes that have a segment attached, traced or not: the inode of a "/SYSV..." line in
 * /proc/PID/maps is the segment's shmid.
 */
#ifndef MEMSHIM_PROCFS_HOLDERS_H
#define MEMSHIM_PROCFS_HOLDERS_H

#include "report/procfs/kernel_rows.h"

/* How a session's own segment is found among the mappings of its processes. */
struct holders_session {
	uint64_t device,
		inode;  /* of its file; inode 0: the file is gone, and only its name is known */
	char name[256]; /* last part of its path; "" unknown */
};

/*
 * Calls `visit` for each mapping of a segment in each process that this user may read, and once
 * for each process: with shmid HOLDER_READ when it was read through, HOLDER_UNREADABLE when not.
 * `session` null: no process is a member. False when /proc cannot be read.
 */
bool holders_each(const struct holders_session *session,
		  void (*visit)(void *context, const struct kernel_holder *holder), void *context);

#endif
