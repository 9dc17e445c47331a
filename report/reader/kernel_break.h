/* SPDX-License-Identifier: MIT */
/* The break check: the kernel's break of a running image against the break by its calls. */
#ifndef MEMSHIM_READER_KERNEL_BREAK_H
#define MEMSHIM_READER_KERNEL_BREAK_H

#include "preload/segment/layout.h"

#include <stdbool.h>

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
