/* SPDX-License-Identifier: MIT */
#include "report/reader/timescale.h"

#include "preload/common/timens.h"

#define ONE (1ull << 40)

/* Nanoseconds per tick between two instants; 0 when the quotient is out of range. */
static uint64_t factor_between(uint64_t ticks, uint64_t ns)
{
	unsigned __int128 factor;

	if (ticks == 0 || ns == 0)
		return 0;
	factor = ((unsigned __int128)ns << 40) / ticks;
	return factor >= ONE / 64 && factor <= ONE * 1024 ? (uint64_t)factor : 0;
}

static uint64_t counter_factor(const struct segment_header *header, bool same_boot)
{
	const struct segment_instant *start = &header->start;
	struct segment_instant end = header->end;
	uint64_t factor;

	if (!header->finished && same_boot)
		end = timens_now(CLOCK_COUNTER);
	factor = factor_between(end.clock - start->clock, end.monotonic_ns - start->monotonic_ns);
	/* No second instant: the counter and the monotonic clock both began with the machine. */
	if (factor == 0)
		factor = factor_between(start->clock, start->monotonic_ns);
	return factor ? factor : ONE;
}

struct timescale timescale_make(const struct segment_header *header, bool same_boot)
{
	struct timescale scale = {header->start.clock, ONE};

	if (header->clock == CLOCK_COUNTER)
		scale.factor = counter_factor(header, same_boot);
	return scale;
}

uint64_t timescale_clock(const struct timescale *scale, uint64_t ns)
{
	return scale->start_clock + (uint64_t)(((unsigned __int128)ns << 40) / scale->factor);
}
