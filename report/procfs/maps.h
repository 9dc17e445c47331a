/* SPDX-License-Identifier: MIT */
/* A process's address space as the kernel tells it: /proc/PID/smaps, else maps. */
#ifndef MEMSHIM_PROCFS_MAPS_H
#define MEMSHIM_PROCFS_MAPS_H

#include <sys/types.h>

#include "report/procfs/mapping.h"

/*
 * Calls `take` for each mapping, lowest address first. 0, or -errno: ENOENT and ESRCH where there
 * is no such process, EACCES where this user may not look at it. A process without an address space
 * (a kernel's own, or one that has ended) has no mappings, and that is no error.
 */
int maps_each(pid_t pid, void (*take)(void *context, const struct mapping_facts *facts),
	      void *context);

/* The program's file, as its mappings name it; false, and "", where that is not to be known. */
bool maps_exe(pid_t pid, char *path, size_t bytes);

/* Whether two processes share one table of System V objects. */
bool maps_same_ipc(pid_t a, pid_t b);

#endif
