/* SPDX-License-Identifier: MIT */
/*
 * hook -> record -> segment: writes one struct segment_event, once. No system call, no lock, no
 * allocation. Any thread, any signal handler.
 */
#ifndef MEMSHIM_RECORD_H
#define MEMSHIM_RECORD_H

#include "thread.h"

#define RECORD_PAGE_EVENTS (4096u / sizeof(struct segment_event))

/* The place of an event in the log. */
struct record_place {
	struct segment_event *slot; /* null: the log is not mapped */
	uint64_t n;
};

/*
 * Claims the next place in the log. Called as soon after the call as possible: the atomic add waits
 * until all earlier stores have left the processor, which takes long while the caches are cold.
 */
INLINE struct record_place record_claim(void)
{
	struct record_place place = {NULL, 0};
	struct segment_ring *ring;
	uint32_t number;

	if (UNLIKELY(!shim.rings))
		return place;
	number = thread_ring();
	ring = shim.rings + number;
	place.n = segment_claim(ring);
	place.slot = shim.log + number * shim.ring_events + (place.n & (shim.ring_events - 1));
	/*
	 * A new page is first touched by a load: at a read fault, the kernel maps its neighbours
	 * too, if it can.
	 */
	if (UNLIKELY(place.n % RECORD_PAGE_EVENTS == 0))
		word_load(&place.slot->published);
	return place;
}

/* Completes the event with the thread's id, and publishes it. */
INLINE void record_publish(struct segment_event *event, struct record_place place)
{
	if (UNLIKELY(!place.slot)) {
		shim_lose(LOSS_NO_SPACE);
		return;
	}
	event->tid = thread_id();
	segment_publish(place.slot, event, place.n);
}

INLINE void record_event(struct segment_event *event)
{
	record_publish(event, record_claim());
}

#endif
