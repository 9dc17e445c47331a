/* SPDX-License-Identifier: MIT */
/*
 * The kernel cross-check: segments from /proc/sysvipc/shm, breaks from /proc/PID/maps. It is made
 * only for sessions of this boot.
 */
#ifndef MEMSHIM_READER_KERNEL_CHECK_H
#define MEMSHIM_READER_KERNEL_CHECK_H

#include "preload/segment/layout.h"

#include "report/reader/facts_visitor.h"
#include "report/reader/source.h"

/* False when the kernel's table cannot be read, or is surely not the session's. */
bool kernel_read_segments(const struct source *source, const struct facts_visitor *visitor);

/* Visits the running images of a live session whose maps this user may read. */
void kernel_read_processes(const struct source *source, const struct facts_visitor *visitor);

/* ---- the break check: the kernel's break of an image against the break by its calls ---- */

struct breaks {
	uint64_t segment_start; /* where the session's segment is mapped; 0: it is not mapped */
	uint64_t heap_end;      /* 0: the process has no heap */
	uint64_t next_start;    /* start of the first mapping above the break; 0: none */
};

/* Reads /proc/PID/maps. `segment` is the end of the path of the session's segment. */
bool breaks_read(int32_t pid, const char *segment, uint64_t program_break, struct breaks *breaks);

/*
 * Whether the breaks are of this image. A new image maps the segment at another address before it
 * has a slot of its own.
 */
static inline bool breaks_are_of(const struct breaks *breaks, const struct segment_process *slot)
{
	return breaks->segment_start != 0 && breaks->segment_start == slot->segment_address;
}

/* Whether no call was in progress at, or came between, the two reads: both have the same break. */
bool breaks_were_quiet(const struct segment_process *before, const struct segment_process *after);

/* Whether the break moved without a call that the shim saw. Requires breaks_were_quiet. */
bool breaks_differ(const struct breaks *breaks, const struct segment_process *slot,
		   uint64_t page_bytes);

#endif
