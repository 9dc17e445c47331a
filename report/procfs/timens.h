/* SPDX-License-Identifier: MIT */
/*
 * Clocks and start times across time namespaces: of the machine, of this program, of a process.
 * A small file: it reads one file of /proc, for the rooms that compare clocks.
 */
#ifndef MEMSHIM_PROCFS_TIMENS_H
#define MEMSHIM_PROCFS_TIMENS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The machine's CLOCK_MONOTONIC. */
uint64_t timens_monotonic_ns(void);

/*
 * Whether a start time that this program reads in /proc/PID/stat is the one that the process itself
 * read there.
 */
bool timens_same_start(pid_t pid, uint64_t here, uint64_t there);

#endif
