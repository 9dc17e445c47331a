/* SPDX-License-Identifier: MIT */
/*
 * The call stack of an event, as a number: an entry of region STACKS.
 *
 * A stack that repeats costs a comparison. A memo, with thread, return address, stack and frame
 * pointer as its key, stores where each return address lay in the last walk. If all of them are
 * unchanged, the stack is the same. They are compared innermost first, because an unchanged return
 * address proves that its caller's frame, and so the next place to compare, is still there.
 *
 * A frame of no fixed size (alloca) has its place by the frame pointer. Then the frame pointer is
 * compared too: where it was saved, or as the hook's caller has it. In other functions it is a
 * general register, and its value means nothing. A frame that a signal interrupted may lie
 * anywhere, so a stack with such a frame is walked each time. After a library was loaded, an
 * address may belong to another file, so stacks are walked again.
 *
 * It waits for no lock, allocates nothing and makes no system call: any thread, any signal handler,
 * under malloc's lock. A memo that is in use, by another thread or by the code that a signal
 * handler interrupted, is skipped.
 */
#ifndef MEMSHIM_STACK_H
#define MEMSHIM_STACK_H

#include <stdint.h>

#include "shim.h"

struct link_map;

/*
 * The caller of a hook: its return address, the canonical frame address that belongs to it, and the
 * frame pointer, which both architectures save where the function's own frame pointer points to.
 */
struct stack_caller {
	uint64_t pc;
	uint64_t cfa;
	uint64_t fp;
};

/* For the hook's own function only. */
#define STACK_CALLER()                                                                \
	((struct stack_caller){                                                       \
		(uint64_t)__builtin_extract_return_addr(__builtin_return_address(0)), \
		(uint64_t)__builtin_dwarf_cfa(), *(const uint64_t *)__builtin_frame_address(0)})

/* Start-up only. Then shim.stack_depth is the number of frames taken; 0 none. */
void stack_set_up(const struct link_map *libc, const struct link_map *loader);

/* The number of the caller's stack; 0 none. */
uint32_t stack_take(const struct stack_caller *caller);

#endif
