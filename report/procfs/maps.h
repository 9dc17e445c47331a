/* SPDX-License-Identifier: MIT */
/* The only parser of /proc/PID/maps and smaps. */
#ifndef MEMSHIM_PROCFS_MAPS_H
#define MEMSHIM_PROCFS_MAPS_H

#include <sys/types.h>

#include "report/procfs/kernel_rows.h"

/*
 * Calls `visit` for each mapping of /proc/PID/maps, lowest address first, until it returns false.
 * Returns 0, or -errno when the file could not be opened or read. Allocates nothing for a line.
 */
int maps_visit(pid_t pid, bool (*visit)(void *context, const struct mapping_facts *mapping),
	       void *context);

/*
 * The same for all mappings, from smaps where the kernel has it. 0, or -errno: ENOENT and ESRCH
 * where there is no such process, EACCES where this user may not read it. A process without an
 * address space (a kernel thread, or a zombie) has no mappings, which is no error.
 */
int maps_visit_pages(pid_t pid, void (*visit)(void *context, const struct mapping_facts *mapping),
		     void *context);

/* Whether the process maps a file whose path ends in `suffix`; the file may be deleted. */
bool maps_has_file(pid_t pid, const char *suffix);

/* Whether the mapping is the heap. The name is the kernel's own: a file's begins with a slash. */
bool mapping_is_heap(const struct mapping_facts *mapping);

#endif
