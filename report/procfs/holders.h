/* SPDX-License-Identifier: MIT */
/*
 * Who has a segment attached, traced or not: the inode of a "/SYSV..." line in /proc/PID/maps is
 * the segment's shmid.
 */
#ifndef MEMSHIM_PROCFS_HOLDERS_H
#define MEMSHIM_PROCFS_HOLDERS_H

#include "report/reader/facts.h"

/*
 * Calls `take` for each mapping of a segment in each process that this user may look at, and once,
 * with shmid -1, for each such process when it was read through. False when /proc cannot be read.
 */
bool holders_each(void (*take)(void *context, const struct kernel_holder *holder), void *context);

#endif
