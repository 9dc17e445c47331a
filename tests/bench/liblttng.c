/* SPDX-License-Identifier: MIT */
/*
 * The six calls as LTTng-UST tracepoints: a production tracer's ring in shared memory. Built where
 * LTTng-UST is installed.
 */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "tests/bench/lttng_events.h"

#include <dlfcn.h>
#include <stdint.h>
#include <sys/shm.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))
#define TRACE(kind, argument, other, result)                                       \
	lttng_ust_tracepoint(memshim_bench, call, kind, (unsigned long)(argument), \
			     (unsigned long)(other), (unsigned long)(result))

enum kind { KIND_BRK, KIND_SBRK, KIND_SHMGET, KIND_SHMAT, KIND_SHMDT, KIND_SHMCTL };

/* calls.c calls it: the figures of a tracer that is not active would be worthless. */
int bench_is_traced(void);

int bench_is_traced(void)
{
	return lttng_ust_tracepoint_enabled(memshim_bench, call);
}

int brk(void *address)
{
	static __typeof__(&brk) next;
	int ret;

	if (!next)
		next = NEXT(brk);
	ret = next(address);
	TRACE(KIND_BRK, address, 0, ret);
	return ret;
}

void *sbrk(intptr_t increment)
{
	static __typeof__(&sbrk) next;
	char *ret;

	if (!next)
		next = NEXT(sbrk);
	ret = next(increment);
	TRACE(KIND_SBRK, increment, ret, ret + increment);
	return ret;
}

int shmget(key_t key, size_t size, int flags)
{
	static __typeof__(&shmget) next;
	int ret;

	if (!next)
		next = NEXT(shmget);
	ret = next(key, size, flags);
	TRACE(KIND_SHMGET, key, size, ret);
	return ret;
}

void *shmat(int shmid, const void *address, int flags)
{
	static __typeof__(&shmat) next;
	void *ret;

	if (!next)
		next = NEXT(shmat);
	ret = next(shmid, address, flags);
	TRACE(KIND_SHMAT, shmid, flags, ret);
	return ret;
}

int shmdt(const void *address)
{
	static __typeof__(&shmdt) next;
	int ret;

	if (!next)
		next = NEXT(shmdt);
	ret = next(address);
	TRACE(KIND_SHMDT, address, 0, ret);
	return ret;
}

int shmctl(int shmid, int command, struct shmid_ds *facts)
{
	static __typeof__(&shmctl) next;
	int ret;

	if (!next)
		next = NEXT(shmctl);
	ret = next(shmid, command, facts);
	TRACE(KIND_SHMCTL, shmid, command, ret);
	return ret;
}
