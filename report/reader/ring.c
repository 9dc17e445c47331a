/* SPDX-License-Identifier: MIT */
#include "report/reader/ring.h"

#include <stdlib.h>
#include <string.h>

#include "preload/segment/publish.h"
#include "report/reader/mapping_guard.h"

struct pass {
	const struct segment_ring *ring;
	const struct segment_event *log; /* of the ring */
	uint64_t ring_events;
	uint64_t head; /* when the pass began */
	uint64_t at;   /* claim number */
	enum ring_unpublished unpublished;
	bool no_writers;
	uint64_t patience_clock;
	uint64_t open_unpublished; /* unpublished so far, not known to be torn */
	uint64_t old; /* unpublished events before this claim are torn: its event is old */
	struct ring_copy *copy;
};

static int by_clock(const void *a, const void *b)
{
	const struct segment_event *left = a, *right = b;
	uint64_t n;

	if (left->clock != right->clock)
		return left->clock < right->clock ? -1 : 1;
	n = left->published - right->published; /* claim numbers wrap */
	return n == 0 ? 0 : n > UINT64_MAX / 2 ? -1 : 1;
}

void ring_sort(struct segment_event *events, uint64_t count)
{
	for (uint64_t i = 1; i < count; i++)
		if (events[i].clock < events[i - 1].clock) {
			qsort(events, count, sizeof *events, by_clock);
			return;
		}
}

/*
 * An old event was claimed after the unpublished ones before it, so their writers are not merely
 * late: they will never publish.
 */
static void ring_give_up_unpublished(struct pass *pass, const struct segment_event *event)
{
	if (pass->open_unpublished && event->clock < pass->patience_clock) {
		pass->copy->torn += pass->open_unpublished;
		pass->open_unpublished = 0;
	}
}

/* Whether an unpublished event may still be published: the next published one is not old. */
static bool may_still_come(struct pass *pass)
{
	struct segment_event next;

	if (pass->no_writers || pass->old - pass->at < pass->ring_events)
		return false;
	for (uint64_t n = pass->at + 1; n != pass->head; n++) {
		if (segment_read(pass->ring, pass->log, pass->ring_events, n, &next) != READ_WHOLE)
			continue;
		pass->old = n;
		return next.clock >= pass->patience_clock;
	}
	return true;
}

/* False when the pass has to wait here. */
static bool ring_read_unpublished(struct pass *pass)
{
	if (pass->unpublished == RING_WAIT) {
		if (may_still_come(pass))
			return false;
		pass->copy->torn++;
	} else {
		pass->open_unpublished++;
	}
	return true;
}

static void ring_read_events(void *context)
{
	struct pass *pass = context;
	struct ring_copy *copy = pass->copy;

	for (; pass->at != pass->head; pass->at++) {
		struct segment_event *to = copy->events + copy->count;

		switch (segment_read(pass->ring, pass->log, pass->ring_events, pass->at, to)) {
		case READ_WHOLE:
			ring_give_up_unpublished(pass, to);
			copy->count++;
			break;
		case READ_OVERWRITTEN:
			copy->overwritten++;
			break;
		case READ_UNPUBLISHED:
			if (!ring_read_unpublished(pass))
				return;
		}
	}
}

bool ring_read(const struct file *segment, uint32_t ring, uint64_t *position,
	       enum ring_unpublished unpublished, bool no_writers, uint64_t patience_clock,
	       struct ring_copy *copy)
{
	const struct segment_header *header = &segment->header;
	struct pass pass = {
		.ring = (const void *)(segment->base + header->region[REGION_RINGS].offset),
		.log = (const void *)(segment->base + header->region[REGION_LOG].offset),
		.ring_events = header->ring_events,
		.at = *position,
		.old = *position - 1,
		.unpublished = unpublished,
		.no_writers = no_writers,
		.patience_clock = patience_clock,
		.copy = copy,
	};
	struct segment_ring now;

	memset(copy, 0, sizeof *copy);
	pass.ring += ring;
	pass.log += ring * pass.ring_events;
	if (!file_record(segment, REGION_RINGS, ring, &now)) {
		copy->gone = true;
		return true;
	}
	pass.head = now.head;
	if (pass.head == pass.at || pass.head - pass.at > UINT64_MAX / 2)
		return true; /* no new events, or a head that is not valid */
	if (pass.head - pass.at > pass.ring_events) {
		copy->overwritten = pass.head - pass.ring_events - pass.at;
		pass.at = pass.head - pass.ring_events;
	}
	copy->events = malloc((pass.head - pass.at) * sizeof *copy->events);
	if (!copy->events)
		return false;
	copy->gone = !guard_run(ring_read_events, &pass);
	if (no_writers)
		copy->torn += pass.open_unpublished;
	*position = pass.at;
	ring_sort(copy->events, copy->count);
	return true;
}
