/* SPDX-License-Identifier: MIT */
/*
 * The kernel cross-check: segments from /proc/sysvipc/shm, breaks from /proc/PID/maps. It is made
 * only for sessions of this boot.
 */
#ifndef MEMSHIM_READER_KERNEL_H
#define MEMSHIM_READER_KERNEL_H

#include "report/reader/facts_visitor.h"
#include "report/reader/source.h"

/* False when the kernel's table cannot be read, or is surely not the session's. */
bool kernel_read_segments(const struct source *source, const struct facts_visitor *visitor);

/* Visits the running images of a live session whose maps this user may read. */
void kernel_read_processes(const struct source *source, const struct facts_visitor *visitor);

#endif
