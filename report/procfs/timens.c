/* SPDX-License-Identifier: MIT */
#include "report/procfs/timens.h"

#include <pthread.h>
#include <stdio.h>

#include "preload/common/timens.h"

static struct timens here_timens;

static void learn_here(void)
{
	here_timens = timens_read(TIMENS_SELF);
}

static const struct timens *timens_own(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, learn_here);
	return &here_timens;
}

uint64_t timens_monotonic_ns(void)
{
	return sys_clock_ns(CLOCK_MONOTONIC) - (uint64_t)timens_own()->monotonic_ns;
}

/* A shift need not be of whole ticks: what is rounded twice may differ by one. */
bool timens_same_start(pid_t pid, uint64_t here, uint64_t there)
{
	char path[64];
	int64_t shift, rest;

	if (here == there)
		return true;
	snprintf(path, sizeof path, "/proc/%ld/timens_offsets", (long)pid);
	shift = timens_read(path).boottime_ns - timens_own()->boottime_ns;
	rest = (int64_t)(there - here) - shift / TIMENS_TICK_NS;
	return shift != 0 && rest >= -1 && rest <= 1;
}
