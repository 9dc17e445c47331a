/* SPDX-License-Identifier: MIT */
/*
 * What a hook needs to know about its thread, without a system call: its id, its CPU, the time. All
 * of it may run in signal handlers, under malloc's lock and in sandboxes.
 */
#ifndef MEMSHIM_THREAD_H
#define MEMSHIM_THREAD_H

#include <time.h>

#include "common/clock.h"
#include "common/raw.h"
#include "shim.h"

/*
 * The thread id from gettid(2), read once where libc's descriptor cannot be used; valid for
 * `instance`, because a fork changes it. `fork_clock`: when this thread began the libc fork that it
 * is in; 0: it is in none.
 */
struct thread_memo {
	uint32_t instance;
	int32_t tid;
	uint64_t fork_clock;
};
extern __thread struct thread_memo thread_memo __attribute__((tls_model("initial-exec")));

static inline char *thread_pointer(void)
{
	char *pointer;

#if defined(__x86_64__)
	__asm__("movq %%fs:0, %0" : "=r"(pointer));
#else
	__asm__("mrs %0, tpidr_el0" : "=r"(pointer));
#endif
	return pointer;
}

/*
 * The id as the thread itself sees it. One gettid per thread where libc's descriptor is not
 * understood.
 */
static inline int32_t thread_id(void)
{
	if (LIKELY(shim.tid_offset))
		return *(const int32_t *)(thread_pointer() + shim.tid_offset);
	if (thread_memo.instance != shim.instance) {
		thread_memo.tid = (int32_t)raw_call3(SYS_gettid, 0, 0, 0);
		thread_memo.instance = shim.instance;
	}
	return thread_memo.tid;
}

/*
 * The ring of the log to use: this CPU's, if rseq gives the CPU. Any ring is correct, only slower.
 */
static inline uint32_t thread_ring(void)
{
	uint32_t cpu = shim.instance;

	if (LIKELY(shim.rseq_offset)) {
		/* struct rseq: cpu_id_start, cpu_id; the first is always a valid number */
		cpu = *(const volatile uint32_t *)(thread_pointer() + shim.rseq_offset);
	}
	return LIKELY(cpu < shim.ring_count) ? cpu : cpu % shim.ring_count;
}

/* The session's clock. */
static inline uint64_t thread_clock(void)
{
	struct timespec ts = {0, 0};

	if (LIKELY(shim.clock == CLOCK_COUNTER))
		return clock_counter();
	if (!shim_libc_clock_gettime || shim_libc_clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec - shim.clock_shift_ns;
}

/* Whether this is the only thread that can change a counter of this address space. */
static inline bool thread_alone(void)
{
	return *(const volatile char *)shim.single_threaded != 0;
}

#endif
