/* SPDX-License-Identifier: MIT */
#include "report/model/growth.h"

#include <string.h>

#define FIRST_WINDOW_NS (1u << 24) /* 17 ms: one second in all */

/*
 * The parts of a life that are compared. The first is the program's start, and does not count. In
 * each other part, the growth must be at least a third of the mean.
 */
#define PARTS 8u
#define LEAST_OF_MEAN 3u

void growth_begin(struct growth *growth, uint64_t start_ns, uint64_t initial)
{
	*growth = (struct growth){.start_ns = start_ns,
				  .window_ns = FIRST_WINDOW_NS,
				  .low[0] = initial,
				  .next_ns = start_ns + FIRST_WINDOW_NS,
				  .last = initial};
}

static void growth_double(struct growth *growth)
{
	uint32_t windows = growth->newest + 1;

	for (uint32_t i = 0; i < windows; i += 2) {
		uint64_t low = growth->low[i];

		if (i + 1 < windows && growth->low[i + 1] < low)
			low = growth->low[i + 1];
		growth->low[i / 2] = low;
	}
	growth->newest /= 2;
	growth->window_ns *= 2;
}

/* Begins the window of that time. In the windows in between, the break stood still. */
static void growth_reach(struct growth *growth, uint64_t since_ns)
{
	while (since_ns / growth->window_ns >= GROWTH_WINDOWS)
		growth_double(growth);
	while (growth->newest < since_ns / growth->window_ns)
		growth->low[++growth->newest] = growth->last;
}

void growth_begin_window(struct growth *growth, uint64_t time_ns)
{
	growth_reach(growth, time_ns - growth->start_ns);
	growth->next_ns = growth->start_ns + (growth->newest + 1) * growth->window_ns;
}

/* The lowest break in one of the parts. */
static uint64_t growth_low(const struct growth *growth, uint64_t life_ns, uint32_t part)
{
	uint32_t first = (uint32_t)(life_ns / PARTS * part / growth->window_ns);
	uint32_t end = (uint32_t)(life_ns / PARTS * (part + 1) / growth->window_ns);
	uint64_t low = growth->last;

	for (uint32_t i = first; i < end && i <= growth->newest; i++)
		low = growth->low[i] < low ? growth->low[i] : low;
	return low;
}

bool growth_judge(const struct growth *growth, uint64_t end_ns, struct growth_facts *facts)
{
	struct growth whole = *growth;
	uint64_t life_ns = end_ns > growth->start_ns ? end_ns - growth->start_ns : 0;
	uint64_t lows[PARTS], mean;

	if (!growth->window_ns || life_ns / growth->window_ns < 2ull * PARTS)
		return false;
	growth_reach(&whole, life_ns);
	for (uint32_t part = 0; part < PARTS; part++)
		lows[part] = growth_low(&whole, life_ns, part);
	facts->from = lows[1];
	facts->until = lows[PARTS - 1];
	if (facts->until <= facts->from)
		return false;
	mean = (facts->until - facts->from) / (PARTS - 2);
	facts->steady = true;
	for (uint32_t part = 2; part < PARTS; part++)
		facts->steady &= lows[part] > lows[part - 1] &&
				 lows[part] - lows[part - 1] >= mean / LEAST_OF_MEAN;
	facts->bytes_per_s = (double)(facts->until - facts->from) /
			     ((double)life_ns / PARTS * (PARTS - 2) / 1e9);
	return true;
}
