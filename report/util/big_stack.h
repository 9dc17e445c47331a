/* SPDX-License-Identifier: MIT */
/*
 * A library may need more stack than `ulimit -s` allows: libdw about 200 KB, ncurses 100 KB. Then
 * the code that calls it runs in a thread with a larger stack, while the caller waits. A small
 * file: only the callers of these libraries need it.
 */
#ifndef MEMSHIM_UTIL_BIG_STACK_H
#define MEMSHIM_UTIL_BIG_STACK_H

/* Calls `work`, in another thread when this stack is small. */
void call_on_big_stack(void (*work)(void *context), void *context);

#endif
