/* SPDX-License-Identifier: MIT */
#include "report/reader/unpublished.h"

#include <stdlib.h>
#include <string.h>

#include "preload/segment/publish.h"
#include "report/reader/mapping_guard.h"

#define BATCH 64 /* events read at a time */

/* The claims before the recorder's position that the ring still holds, by distance to it. */
struct window {
	struct source *source;
	uint32_t ring;
	uint64_t position; /* claim number */
	uint64_t size;
	bool *reported; /* [distance - 1]: a chunk holds the claim's event */
	uint64_t unpublished;
	struct ring_copy *copy;
};

/* Computed from `published`, which lacks the highest bit of the claim number. */
static uint64_t unpublished_distance(const struct window *window, const struct segment_event *event)
{
	return (segment_published(window->position) - event->published) >> 1;
}

/* A chunk of late events has first == next, a position after these events. */
static bool may_concern(const struct window *window, const struct chunk *chunk)
{
	return chunk->kind == REGION_LOG && chunk->ring == window->ring &&
	       window->position - chunk->next < window->size;
}

static void unpublished_read_chunk(struct window *window, const struct chunk *chunk)
{
	struct segment_event events[BATCH];

	for (uint64_t i = 0; i < chunk->count;) {
		uint64_t count = chunk->count - i < BATCH ? chunk->count - i : BATCH;

		if (!chunk_records_read(&window->source->cache, &window->source->recording, chunk,
					i, count, sizeof *events, events))
			return;
		for (uint64_t k = 0; k < count; k++)
			if (unpublished_distance(window, &events[k]) - 1 < window->size)
				window->reported[unpublished_distance(window, &events[k]) - 1] =
					true;
		i += count;
	}
}

static void read_ring(void *context)
{
	struct window *window = context;
	const struct file *segment = &window->source->segment;
	const struct segment_header *header = &segment->header;
	const struct segment_ring *ring = (const void *)(segment->base +
							 header->region[REGION_RINGS].offset);
	const struct segment_event *log = (const void *)(segment->base +
							 header->region[REGION_LOG].offset);
	struct ring_copy *copy = window->copy;

	ring += window->ring;
	log += window->ring * header->ring_events;
	for (uint64_t back = window->size; back > 0; back--) {
		if (window->reported[back - 1])
			continue;
		switch (segment_read(ring, log, header->ring_events, window->position - back,
				     &copy->events[copy->count])) {
		case READ_WHOLE:
			copy->count++;
			break;
		case READ_UNPUBLISHED:
			window->unpublished++;
			break;
		case READ_OVERWRITTEN:
			break;
		}
	}
}

/* Counts the `open` claims that were not found; unpublished ones may still come. */
static void unpublished_count_losses(struct window *window, uint64_t open, bool no_writers)
{
	struct ring_copy *copy = window->copy;
	uint64_t missing = open > copy->count ? open - copy->count : 0;
	uint64_t unpublished = window->unpublished < missing ? window->unpublished : missing;

	if (no_writers)
		copy->torn += unpublished;
	copy->overwritten += missing - unpublished;
}

static uint64_t count_unreported(const struct window *window)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < window->size; i++)
		count += !window->reported[i];
	return count;
}

static bool unpublished_fill(struct window *window, uint64_t open, bool no_writers)
{
	const struct chunks *chunks = &window->source->chunks;
	struct ring_copy *copy = window->copy;

	for (uint64_t i = 0; i < chunks->count; i++)
		if (may_concern(window, &chunks->table[i]))
			unpublished_read_chunk(window, &chunks->table[i]);
	copy->events = malloc((count_unreported(window) + 1) * sizeof *copy->events);
	if (!copy->events)
		return false;
	copy->gone = !guard_run(read_ring, window);
	unpublished_count_losses(window, open, no_writers);
	ring_sort(copy->events, copy->count);
	return true;
}

bool unpublished_read(struct source *source, uint32_t ring, bool no_writers, struct ring_copy *copy)
{
	struct window window = {source, ring, source->chunks.next[ring], 0, NULL, 0, copy};
	uint64_t ring_events = source->segment.header.ring_events;
	struct segment_ring now;
	uint64_t drained, ahead;
	bool ok;

	memset(copy, 0, sizeof *copy);
	if (source->chunks.open[ring] == 0 ||
	    !file_record(&source->segment, REGION_RINGS, ring, &now))
		return true;
	drained = window.position - source->segment.header.first_claim;
	ahead = now.head - window.position;
	if (ahead < ring_events)
		window.size = ring_events - ahead < drained ? ring_events - ahead : drained;
	window.reported = calloc(window.size + 1, sizeof *window.reported);
	ok = window.reported && unpublished_fill(&window, source->chunks.open[ring], no_writers);
	free(window.reported);
	return ok;
}
