/* SPDX-License-Identifier: MIT */
/* Whether a process still runs; a pid that was used again is not the same process. */
#ifndef MEMSHIM_PROCFS_ALIVE_H
#define MEMSHIM_PROCFS_ALIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "report/procfs/kernel_rows.h"

/*
 * `start_time`: proc(5) stat field 22 as the process has read it, 0 when it is not known. A zombie
 * has ended.
 */
bool alive_process(int32_t pid, uint64_t start_time);

/* The same, told by the start time that is read here, in a time namespace of our own; 0: ended. */
uint64_t alive_start(int32_t pid, uint64_t start_time);

/*
 * The same where a wrong answer costs data: STILL_UNKNOWN when the kernel does not say, because
 * /proc is missing or hidden, or the start time is not known.
 */
enum still alive_still(int32_t pid, uint64_t start_time);

#endif
