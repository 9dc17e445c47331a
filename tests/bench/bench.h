/* SPDX-License-Identifier: MIT */
/*
 * Shared by the benchmark programs: a clock, a median, the choice of a CPU, and a function to fail.
 * Each program prints one line of JSON, which run.py reads.
 */
#ifndef MEMSHIM_BENCH_H
#define MEMSHIM_BENCH_H

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static inline int bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts `values`; count is at least 1. */
static inline double bench_median(double *values, size_t count)
{
	qsort(values, count, sizeof *values, bench_compare);
	return values[count / 2];
}

static inline void bench_fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Pins the process to one CPU; -1: to any CPU that the caller may use. */
static inline void bench_pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set) != 0)
		bench_fail("sched_setaffinity");
}

#endif
