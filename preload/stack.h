/* SPDX-License-Identifier: MIT */
/*
 * The call stack of an event, as a number: a place in region STACKS. A stack that repeats costs a
 * comparison: a memo, keyed by thread, return address, stack and frame pointer, remembers of the
 * last walk where each return address lay. If all are there still, innermost first, it is the same
 * stack; innermost first, because a return address that is still there proves that its caller's
 * frame, and so the next place to look at, is there too. A frame of no fixed size (alloca) has its
 * place by the frame pointer: then that is compared as well, where it was saved, or as the hook's
 * caller has it. Else it is a register like any other, and its value says nothing. What a signal
 * interrupted may stand anywhere, so a stack with such a frame is walked each time. And after a
 * library was loaded, the same address may be another's.
 *
 * No lock is waited for, no memory is allocated, no system call is made: any thread, any signal
 * handler, under malloc's lock. A memo entry in use by another thread, or by what a signal handler
 * interrupted, is passed by.
 */
#ifndef MEMSHIM_STACK_H
#define MEMSHIM_STACK_H

#include <stdint.h>

#include "shim.h"

struct link_map;

/* Who called a hook: the return address, the canonical frame address that it belongs to, and the
 * frame pointer, as both architectures save it: where a function's own points to. */
struct stack_caller {
	uint64_t pc;
	uint64_t cfa;
	uint64_t fp;
};

/* For use in the hook's own function only. */
#define STACK_CALLER()                                                                \
	((struct stack_caller){                                                       \
		(uint64_t)__builtin_extract_return_addr(__builtin_return_address(0)), \
		(uint64_t)__builtin_dwarf_cfa(), *(const uint64_t *)__builtin_frame_address(0)})

/* Start-up only; afterwards shim.stack_depth says how many frames are taken, 0 none. */
void stack_set_up(const struct link_map *libc, const struct link_map *loader);

/* The stack that the caller stands on; 0 none. */
uint32_t stack_take(const struct stack_caller *caller);

#endif
