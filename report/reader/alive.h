/* SPDX-License-Identifier: MIT */
/* Whether a process still runs; a pid that was used again is not the same process. */
#ifndef MEMSHIM_READER_ALIVE_H
#define MEMSHIM_READER_ALIVE_H

#include <stdbool.h>
#include <stdint.h>

/* `start_time`: proc(5) stat field 22, 0 when it is not known. A zombie has ended. */
bool alive_process(int32_t pid, uint64_t start_time);

#endif
