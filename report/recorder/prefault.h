/* SPDX-License-Identifier: MIT */
/*
 * The kernel clears a reserved page at its first touch, which would cost the first event on it more
 * than all others together. The recorder touches pages ahead of the writers: the beginning of each
 * table at once, the log a little before its head. It only reads, so it cannot overwrite an event.
 * Huge pages replace small ones before any process writes.
 */
#ifndef MEMSHIM_RECORDER_PREFAULT_H
#define MEMSHIM_RECORDER_PREFAULT_H

#include "report/recorder/drain_types.h"

/* Replaces pages of the segment by huge pages where possible, before COMMAND runs. */
void prefault_huge(const struct drain *drain);

/* The first part of each table. */
void prefault_tables(const struct drain *drain);

/* Part i of the log, some way beyond its head. */
void prefault_log(struct drain *drain, uint32_t i, uint64_t head);

/*
 * Keeps the IPC namespace's file in /proc open: each process reads it, and the kernel would
 * otherwise make its inode each time.
 */
int prefault_namespace(void);

#endif
