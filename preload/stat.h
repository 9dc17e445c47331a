/* SPDX-License-Identifier: MIT */
/*
 * The few fields of /proc/self/stat that registration needs, proc(5). May make system calls.
 */
#ifndef MEMSHIM_STAT_H
#define MEMSHIM_STAT_H

#include <stdbool.h>
#include <stdint.h>

struct stat_facts {
	uint64_t start_time;  /* field 22: clock ticks after boot */
	uint64_t start_break; /* field 47: start_brk; 0 where the kernel does not tell */
};

/* False, and zeroes, when /proc is not there. */
bool stat_read(struct stat_facts *facts);

#endif
