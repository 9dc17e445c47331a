/* SPDX-License-Identifier: MIT */
/*
 * A library may take more stack than `ulimit -s` leaves: libdw some 200 KB, ncurses 100. What
 * calls it runs on a stack of its own then, while the caller waits.
 */
#ifndef MEMSHIM_UTIL_BIG_STACK_H
#define MEMSHIM_UTIL_BIG_STACK_H

/* Calls `work`. */
void call_on_big_stack(void (*work)(void *context), void *context);

#endif
