/* SPDX-License-Identifier: MIT */
/*
 * The CPU's counter, for CLOCK_COUNTER. It costs a third of the vdso clock, needs no libc, and is
 * the same in every time namespace. A session uses it only when the kernel keeps time by it. May be
 * read in a hook.
 */
#ifndef MEMSHIM_COMMON_CLOCK_H
#define MEMSHIM_COMMON_CLOCK_H

#include <stdint.h>

static inline uint64_t clock_counter(void)
{
#if defined(__x86_64__)
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
#else
	uint64_t ticks;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
#endif
}

#endif
