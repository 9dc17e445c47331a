/* SPDX-License-Identifier: MIT */
/*
 * From readings of a session's clock to nanoseconds since its start. A small file: the arithmetic
 * is apart from the files of the session.
 */
#ifndef MEMSHIM_READER_TIMESCALE_H
#define MEMSHIM_READER_TIMESCALE_H

#include <stdbool.h>

#include "preload/segment/layout.h"

struct timescale {
	uint64_t start_clock;
	uint64_t factor; /* nanoseconds per tick, 24.40 fixed point */
};

/* `same_boot`: the session's clock still runs here, so the present time can be measured by it. */
struct timescale timescale_make(const struct segment_header *header, bool same_boot);

static inline uint64_t timescale_ns(const struct timescale *scale, uint64_t clock)
{
	uint64_t ticks = clock - scale->start_clock;

	if (clock < scale->start_clock)
		return 0;
	return (uint64_t)((unsigned __int128)ticks * scale->factor >> 40);
}

/* The reading of the session's clock `ns` after its start. */
uint64_t timescale_clock(const struct timescale *scale, uint64_t ns);

#endif
