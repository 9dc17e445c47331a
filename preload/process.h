/* SPDX-License-Identifier: MIT */
/*
 * Registration: how an address space gets its slot in the session, at start, after fork and after
 * exec. May make system calls, unlike a hook; runs with all signals blocked.
 */
#ifndef MEMSHIM_PROCESS_H
#define MEMSHIM_PROCESS_H

#include "shim.h"
#include "thread.h"

/* First registration of a new image. `argv` is the program's. */
void process_start(int argc, char **argv);

/*
 * Around libc's fork, in the thread that forks: what the child has is what its parent had then, and
 * not when the child has found the time to register.
 */
static inline void process_fork_begins(void)
{
	thread_memo.fork_clock = thread_clock();
}

static inline void process_fork_is_over(void)
{
	thread_memo.fork_clock = 0;
}

/* This address space is a copy that has not registered: do it now. Returns its slot or null. */
struct segment_process *process_register(void);

/* For every hook: the slot of this address space, null when it is not watched. */
static inline struct segment_process *process_self(void)
{
	if (LIKELY(word_accept(shim.alive)))
		return shim.process;
	return process_register();
}

/* The program ends in good order, with exit(3)'s status. Makes no system call. */
void process_end(int status);

#endif
