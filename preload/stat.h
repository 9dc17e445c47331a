/* SPDX-License-Identifier: MIT */
/* The fields of /proc/self/stat that registration needs, proc(5). May make system calls. */
#ifndef MEMSHIM_STAT_H
#define MEMSHIM_STAT_H

#include <stdbool.h>
#include <stdint.h>

struct stat_facts {
	uint64_t start_time;  /* field 22: clock ticks after boot */
	uint64_t start_break; /* field 47: start_brk; 0 where the kernel hides it */
};

/* False, and both are 0, when /proc is not mounted. */
bool stat_read(struct stat_facts *facts);

#endif
