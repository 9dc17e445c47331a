/* SPDX-License-Identifier: MIT */
/* A running image's break, as the kernel has it, beside what its calls made of it. */
#ifndef MEMSHIM_READER_KERNEL_BREAK_H
#define MEMSHIM_READER_KERNEL_BREAK_H

#include "preload/segment/layout.h"

#include <stdbool.h>

struct breaks {
	uint64_t segment_start; /* where the session's segment is mapped; 0: not at all */
	uint64_t heap_end;   /* 0: there is no heap */
	uint64_t next_start; /* of the first mapping above the break; 0: none seen */
};

/* By the maps of a process. `segment` is how the path of the session's segment ends. */
bool breaks_read(int32_t pid, const char *segment, uint64_t program_break, struct breaks *breaks);

/*
 * Whether they are this image's: one that executes has mapped the segment in another place before
 * it has a slot of its own.
 */
static inline bool breaks_are_of(const struct breaks *breaks, const struct segment_process *slot)
{
	return breaks->segment_start != 0 && breaks->segment_start == slot->segment_address;
}

/* No call was under way, and none came in between: then both looks saw one and the same break. */
bool breaks_were_quiet(const struct segment_process *before, const struct segment_process *after);

/* Whether it moved without a call that the shim could see. Only where they were quiet. */
bool breaks_differ(const struct breaks *breaks, const struct segment_process *slot,
		   uint64_t page_bytes);

#endif
