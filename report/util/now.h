/* SPDX-License-Identifier: MIT */
#ifndef MEMSHIM_UTIL_NOW_H
#define MEMSHIM_UTIL_NOW_H

#include <stdint.h>
#include <time.h>

/* For intervals: CLOCK_MONOTONIC, in nanoseconds. */
static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#endif
