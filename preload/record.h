/* SPDX-License-Identifier: MIT */
/*
 * hook -> record -> segment: one struct segment_event, written once. No system call, no lock, no
 * allocation; any thread, any signal handler.
 */
#ifndef MEMSHIM_RECORD_H
#define MEMSHIM_RECORD_H

#include "thread.h"

#define RECORD_PAGE_EVENTS (4096u / sizeof(struct segment_event))

/* Completes the event with what all events have, and publishes it. */
INLINE void record_event(struct segment_event *event)
{
	struct segment_part *part;
	struct segment_event *slot;
	uint32_t number;
	uint64_t n;

	if (UNLIKELY(!shim.parts)) {
		shim_lose(LOSS_NO_SPACE);
		return;
	}
	event->tid = thread_id();
	number = thread_part();
	part = shim.parts + number;
	n = segment_claim(part);
	slot = shim.log + number * shim.part_events + (n & (shim.part_events - 1));
	/* A page is met by a load: at a read fault the kernel maps its neighbours too, if it can.
	 */
	if (UNLIKELY(n % RECORD_PAGE_EVENTS == 0))
		word_load(&slot->published);
	segment_publish(slot, event, n);
}

#endif
