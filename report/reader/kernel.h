/* SPDX-License-Identifier: MIT */
/*
 * The second witness: what the kernel itself says, of segments in /proc/sysvipc/shm and of
 * processes in /proc/PID/maps. Only asked about sessions of this machine's present life.
 */
#ifndef MEMSHIM_READER_KERNEL_H
#define MEMSHIM_READER_KERNEL_H

#include "report/reader/facts_visitor.h"
#include "report/reader/source.h"

/* False when the kernel's table cannot be read, or is not the session's: nothing is known then. */
bool kernel_read_segments(const struct source *source, const struct facts_visitor *visitor);

/* The running images of a live session that this user may look at. */
void kernel_read_processes(const struct source *source, const struct facts_visitor *visitor);

#endif
