/* SPDX-License-Identifier: MIT */
/*
 * What every hook does around its call: count it as begun, take the stack, count how it went, log
 * it. For hooks.c alone: what is out of line here stands beside the hooks.
 */
#ifndef MEMSHIM_HOOK_H
#define MEMSHIM_HOOK_H

#include <errno.h>

#include "process.h"
#include "record.h"
#include "stack.h"

/* What a hook carries from before the call to after it. */
struct hook {
	struct segment_process *process; /* null: not watched */
	struct stack_caller caller;
	struct segment_event event;
	struct record_place place; /* of hook_end_in_place */
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

/* After the call and its stamp: a walk takes time. */
static inline void hook_take_stack(struct hook *hook)
{
	if (shim.stack_depth)
		hook->event.stack = stack_take(&hook->caller);
}

INLINE void count_end(struct hook *hook, bool failed, int error)
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

/* Not in each hook, but beside them: the copies would be longer than a call. */
HOT static __attribute__((noinline)) void hook_end(struct hook *hook, bool failed, int error)
{
	count_end(hook, failed, error);
	record_event(&hook->event);
}

/* For a call that succeeded and is written into tables too, after its place was claimed. */
HOT static __attribute__((noinline)) void hook_end_in_place(struct hook *hook)
{
	count_end(hook, false, 0);
	record_publish(&hook->event, hook->place);
}

SELDOM static long hook_fail(struct hook *hook, long ret)
{
	hook_end(hook, true, (int)-ret);
	return ret;
}

/* As libc: -1 and errno, or the result. */
static inline long libc_result(long ret)
{
	if (UNLIKELY(raw_failed(ret))) {
		errno = (int)-ret;
		return -1;
	}
	return ret;
}

#endif
