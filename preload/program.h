/* SPDX-License-Identifier: MIT */
/* Identifies the program: its file, command line and short name. Start-up and registration. */
#ifndef MEMSHIM_PROGRAM_H
#define MEMSHIM_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "shim.h"

/* Fills in shim.exe and shim.cmdline. Start-up only. */
void program_learn(int argc, char **argv);

/* The current short name of the process. */
void program_name(char comm[PROGRAM_COMM_BYTES]);

/* The fields of /proc/self/stat that registration needs, proc(5). */
struct stat_facts {
	uint64_t start_time;  /* field 22: clock ticks after boot */
	uint64_t start_break; /* field 47: start_brk; 0 where the kernel hides it */
};

/* False, and both are 0, when /proc is not mounted. */
bool stat_read(struct stat_facts *facts);

#endif
