/* SPDX-License-Identifier: MIT */
/*
 * Registration: gives an address space its slot in the session, at start, after fork and after
 * exec. May make system calls, unlike a hook. Runs with all signals blocked.
 */
#ifndef MEMSHIM_PROCESS_H
#define MEMSHIM_PROCESS_H

#include "shim.h"
#include "thread.h"

/* Registers a new image. `argv` is the program's. */
void process_start(int argc, char **argv);

/*
 * Called around libc's fork, in the thread that forks: the child has what its parent had at this
 * time, not what the parent has when the child registers.
 */
static inline void process_fork_begins(void)
{
	thread_memo.fork_clock = thread_clock();
}

static inline void process_fork_is_over(void)
{
	thread_memo.fork_clock = 0;
}

/* Registers this address space, a copy that has no slot yet. Returns its slot, or null. */
struct segment_process *process_register(void);

/* For every hook: the slot of this address space; null when it is not watched. */
static inline struct segment_process *process_self(void)
{
	if (LIKELY(word_accept(shim.alive)))
		return shim.process;
	return process_register();
}

/* The program ends by exit(3) with this status. Makes no system call. */
void process_end(int status);

#endif
