/* SPDX-License-Identifier: MIT */
/* Whether a process still runs. A process that reuses its pid is another one. */
#ifndef MEMSHIM_PROCFS_ALIVE_H
#define MEMSHIM_PROCFS_ALIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "report/procfs/kernel_rows.h"

/*
 * `start_time`: proc(5) stat field 22 as the process itself read it, 0 unknown. A zombie has ended.
 */
bool alive_process(int32_t pid, uint64_t start_time);

/* The start time of the running process, in this program's time namespace; 0: it has ended. */
uint64_t alive_start(int32_t pid, uint64_t start_time);

/*
 * The same where a wrong answer costs data: STILL_UNKNOWN when the kernel does not say, because
 * /proc is missing or hidden, or the start time is not known.
 */
enum still alive_still(int32_t pid, uint64_t start_time);

#endif
