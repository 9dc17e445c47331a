/* SPDX-License-Identifier: MIT */
/*
 * The log. Each pass copies the new events of every ring, sorts them by time, and appends them as
 * chunks [first, next).
 *
 * An event that is claimed and not yet published is an unpublished event. Later passes read it
 * again. Once published it is appended late, in a chunk of its own with first == next == the ring's
 * position, which advances nothing; its events are older than those around it. An event that stays
 * unpublished for PATIENCE_NS is torn: its writer died, or was overtaken. If the ring has wrapped
 * past it, it is counted as overwritten. Such a chunk carries both counts, too.
 */
#include "report/recorder/drain.h"

#include <errno.h>
#include <string.h>

#include "report/recorder/drain_struct.h"
#include "report/recorder/kernel_snapshot.h"
#include "report/recorder/left_objects.h"
#include "report/recorder/prefault.h"
#include "report/recorder/slots.h"
#include "report/recorder/truncation_guard.h"

#define PASS_DUE_NS 1000000ull
#define PATIENCE_NS 1000000000ull

static struct segment_ring *drain_ring_at(const struct drain *drain, uint32_t i)
{
	return (struct segment_ring *)drain_region(drain, REGION_RINGS) + i;
}

static enum segment_read read_one(const struct drain *drain, uint32_t i, uint64_t n,
				  struct segment_event *out)
{
	const struct segment_event *log = drain_region(drain, REGION_LOG);
	uint64_t ring_events = drain->header.ring_events;

	return segment_read(drain_ring_at(drain, i), log + i * ring_events, ring_events, n, out);
}

/*
 * Insertion sort: a ring is nearly in order, because the shim reads the clock just before it claims
 * an event.
 */
static void sort_by_clock(struct segment_event *events, uint64_t count)
{
	for (uint64_t i = 1; i < count; i++) {
		struct segment_event event;
		uint64_t j = i;

		if (events[i - 1].clock <= events[i].clock)
			continue;
		event = events[i];
		for (; j > 0 && events[j - 1].clock > event.clock; j--)
			events[j] = events[j - 1];
		events[j] = event;
	}
}

/* Appends the batch as one chunk; when the disk is full, its events are counted instead. */
static void append_batch(struct drain *drain, struct segment_chunk chunk)
{
	chunk.kind = REGION_LOG;
	chunk.record_bytes = sizeof(struct segment_event);
	if (chunk.count > 0) {
		sort_by_clock(drain->batch, chunk.count);
		chunk.min_clock = drain->batch[0].clock;
		chunk.max_clock = drain->batch[chunk.count - 1].clock;
	}
	if (!recording_append(&drain->recording, chunk, drain->batch) &&
	    chunk.ring != SEGMENT_CHUNK_NO_RING)
		drain->ring[chunk.ring].unwritten += chunk.count + chunk.overwritten + chunk.torn;
}

void drain_append_event(struct drain *drain, const struct segment_event *event)
{
	drain->batch[0] = *event;
	append_batch(drain, (struct segment_chunk){.ring = SEGMENT_CHUNK_NO_RING, .count = 1});
}

static void fill_unpublished(struct drain *drain, uint32_t i, uint64_t now_ns)
{
	struct drain_ring *ring = &drain->ring[i];
	struct segment_chunk late = {.ring = i, .first = ring->next, .next = ring->next};
	uint32_t left = 0;

	for (uint32_t k = 0; k < ring->unpublished_count; k++) {
		struct drain_unpublished unpublished = ring->unpublished[k];

		switch (read_one(drain, i, unpublished.n, &drain->batch[late.count])) {
		case READ_WHOLE:
			late.count++;
			break;
		case READ_OVERWRITTEN:
			late.overwritten++;
			break;
		case READ_UNPUBLISHED:
			if (now_ns - unpublished.since_ns > PATIENCE_NS)
				late.torn++;
			else
				ring->unpublished[left++] = unpublished;
			break;
		}
	}
	ring->unpublished_count = left;
	append_batch(drain, late);
}

static void remember_unpublished(struct drain_ring *ring, uint64_t now_ns,
				 struct segment_chunk *chunk)
{
	if (ring->unpublished_count == DRAIN_UNPUBLISHED)
		chunk->torn++;
	else
		ring->unpublished[ring->unpublished_count++] = (struct drain_unpublished){
			ring->next, now_ns};
}

/* Reads new events of the ring, up to `head`, as many as the batch holds. */
static void fill_batch(struct drain *drain, uint32_t i, uint64_t head, uint64_t now_ns)
{
	struct drain_ring *ring = &drain->ring[i];
	struct segment_chunk chunk = {.ring = i, .first = ring->next};
	uint64_t ring_events = drain->header.ring_events;

	if (head - ring->next > ring_events) {
		chunk.overwritten = head - ring_events - ring->next;
		ring->next = head - ring_events;
	}
	for (; ring->next != head && chunk.count < DRAIN_BATCH; ring->next++) {
		switch (read_one(drain, i, ring->next, &drain->batch[chunk.count])) {
		case READ_WHOLE:
			chunk.count++;
			break;
		case READ_UNPUBLISHED:
			remember_unpublished(ring, now_ns, &chunk);
			break;
		case READ_OVERWRITTEN:
			chunk.overwritten++;
			break;
		}
	}
	chunk.next = ring->next;
	objects_note_new(drain, chunk.count); /* before a reader can see the events */
	append_batch(drain, chunk);
	snapshots_take(drain, chunk.count);
}

unsigned drain_log(struct drain *drain)
{
	uint64_t now_ns = sys_clock_ns(CLOCK_MONOTONIC);
	uint64_t ring_events = drain->header.ring_events;
	unsigned fullest = 0;

	truncation_guard_turn(drain);
	for (uint32_t i = 0; i < drain->header.ring_count; i++) {
		/*
		 * Up to the present head: a program that logs without a pause must not keep the
		 * pass in one ring.
		 */
		uint64_t head = word_load(&drain_ring_at(drain, i)->head);
		uint64_t waiting = head - drain->ring[i].next;
		unsigned full = waiting >= ring_events ? 100
						       : (unsigned)(waiting * 100 / ring_events);

		if (full > fullest)
			fullest = full;
		prefault_log(drain, i, head);
		fill_unpublished(drain, i, now_ns);
		while (drain->ring[i].next != head)
			fill_batch(drain, i, head, now_ns);
	}
	drain->passed_ns = sys_clock_ns(CLOCK_MONOTONIC);
	return fullest;
}

void drain_log_if_due(struct drain *drain)
{
	if (sys_clock_ns(CLOCK_MONOTONIC) - drain->passed_ns >= PASS_DUE_NS)
		drain_log(drain);
}

void drain_give_up(struct drain *drain)
{
	for (uint32_t i = 0; i < drain->header.ring_count; i++) {
		struct drain_ring *ring = &drain->ring[i];
		struct segment_chunk last = {
			.kind = REGION_LOG,
			.record_bytes = sizeof(struct segment_event),
			.ring = i,
			.first = ring->next,
			.next = ring->next,
		};

		fill_unpublished(drain, i, UINT64_MAX);
		last.overwritten = ring->unwritten;
		recording_append(&drain->recording, last, NULL);
	}
}
