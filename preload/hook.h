/* SPDX-License-Identifier: MIT */
/*
 * What every hook does around its call: count the call as begun, take the stack, count the result,
 * log the event. Only files of hooks include this one: each has its own copies of the functions out
 * of line, placed beside its hooks.
 */
#ifndef MEMSHIM_HOOK_H
#define MEMSHIM_HOOK_H

#include <errno.h>

#include "process.h"
#include "record.h"
#include "stack.h"

/* The state of a hook between its begin and its end. */
struct hook {
	struct segment_process *process; /* null: the process has no slot */
	struct stack_caller caller;
	struct segment_event event;
	struct record_place place; /* for hook_end_in_place */
};

static inline bool hook_begin(struct hook *hook, enum segment_call call, struct stack_caller caller)
{
	hook->process = process_self();
	if (UNLIKELY(!hook->process))
		return false;
	counter_add(&hook->process->begun[call], 1, thread_alone());
	hook->event.process = shim.instance;
	hook->event.kind = (uint8_t)call;
	hook->event.flags = 0;
	hook->event.detail = 0;
	hook->event.stack = 0;
	hook->caller = caller;
	return true;
}

/* Called after the clock was read, because the walk takes time. */
static inline void hook_take_stack(struct hook *hook)
{
	if (shim.stack_depth)
		hook->event.stack = stack_take(&hook->caller);
}

INLINE void hook_count_end(struct hook *hook, bool failed, int error)
{
	enum segment_call call = hook->event.kind;

	if (UNLIKELY(failed)) {
		hook->event.flags |= EVENT_FAILED;
		hook->event.detail = (uint16_t)error;
		counter_add(&hook->process->failed[call], 1, thread_alone());
	} else {
		counter_add(&hook->process->ok[call], 1, thread_alone());
	}
}

/* Out of line: copies of it in each hook would be longer than a call. */
HOT static __attribute__((noinline)) void hook_end(struct hook *hook, bool failed, int error)
{
	hook_count_end(hook, failed, error);
	record_event(&hook->event);
}

/* For a successful call that also changes tables: its place in the log was claimed before them. */
HOT static __attribute__((noinline)) void hook_end_in_place(struct hook *hook)
{
	hook_count_end(hook, false, 0);
	record_publish(&hook->event, hook->place);
}

SELDOM static long hook_fail(struct hook *hook, long ret)
{
	hook_end(hook, true, (int)-ret);
	return ret;
}

/* Whether libc itself called: its allocator, or for mappings also its threads. */
static inline uint8_t caller_origin(uint64_t caller)
{
	return caller - shim.libc_text_begin < shim.libc_text_end - shim.libc_text_begin
		       ? EVENT_MALLOC
		       : 0;
}

/* As libc returns it: the result, or -1 with errno. */
static inline long libc_result(long ret)
{
	if (UNLIKELY(raw_failed(ret))) {
		errno = (int)-ret;
		return -1;
	}
	return ret;
}

#endif
