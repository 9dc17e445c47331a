/* SPDX-License-Identifier: MIT */
/*
 * Time namespaces, time_namespaces(7). In a namespace other than the machine's first one,
 * CLOCK_MONOTONIC, CLOCK_BOOTTIME and the start times in /proc are shifted by the offsets in
 * /proc/PID/timens_offsets. A session uses the times of the first namespace. May make system calls:
 * not for hooks.
 */
#ifndef MEMSHIM_COMMON_TIMENS_H
#define MEMSHIM_COMMON_TIMENS_H

#include "files.h"

#define TIMENS_SELF "/proc/self/timens_offsets"
#define TIMENS_TICK_NS 10000000ll /* of a start time in /proc/PID/stat */

/* What the namespace adds to the machine's clocks; 0 where there are no time namespaces. */
struct timens {
	int64_t monotonic_ns, boottime_ns;
};

static inline int64_t timens_number(const char **at)
{
	uint64_t value = 0;
	bool negative;

	while (**at == ' ')
		(*at)++;
	negative = **at == '-';
	*at += negative;
	for (; **at >= '0' && **at <= '9'; (*at)++)
		value = value * 10 + (uint64_t)(**at - '0');
	return (int64_t)(negative ? 0 - value : value);
}

/* A line: "monotonic   SECONDS   NANOSECONDS". */
static inline int64_t timens_line(const char **at)
{
	uint64_t seconds;

	while (**at && **at != ' ')
		(*at)++;
	seconds = (uint64_t)timens_number(at);
	seconds = seconds * 1000000000u + (uint64_t)timens_number(at);
	*at += **at == '\n';
	return (int64_t)seconds;
}

static inline struct timens timens_read(const char *path)
{
	struct timens timens = {0, 0};
	char text[256];
	const char *at = text;

	if (sys_read_file(path, text, sizeof text) <= 0)
		return timens;
	timens.monotonic_ns = timens_line(&at);
	timens.boottime_ns = timens_line(&at);
	return timens;
}

/*
 * The pair of readings with the smallest distance of 8 tries: the thread may be interrupted between
 * two readings.
 */
static inline struct segment_instant timens_now(uint32_t clock)
{
	uint64_t shift = (uint64_t)timens_read(TIMENS_SELF).monotonic_ns;
	struct segment_instant best = {0, 0, 0};
	uint64_t best_width = UINT64_MAX;

	for (int i = 0; i < 8; i++) {
		uint64_t before = clock == CLOCK_COUNTER ? clock_counter() : 0;
		uint64_t monotonic = sys_clock_ns(CLOCK_MONOTONIC) - shift;
		uint64_t after = clock == CLOCK_COUNTER ? clock_counter() : 1;

		if (after - before >= best_width)
			continue;
		best_width = after - before;
		best.monotonic_ns = monotonic;
		best.clock = clock == CLOCK_COUNTER ? before + best_width / 2 : monotonic;
	}
	best.realtime_ns = sys_clock_ns(CLOCK_REALTIME);
	return best;
}

#endif
