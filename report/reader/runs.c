/* SPDX-License-Identifier: MIT */
#include "report/reader/runs.h"

#include <stdlib.h>
#include <string.h>

#include "report/util/array.h"

#define STRETCH 1024u     /* events read at once: 64 KiB */
#define SMALL_STRETCH 64u /* when many runs overlap */
#define MANY 64u
/*
 * Chunks that a recorder wrote overlap at most as many times as there are rings. A file with more
 * overlapping chunks is damaged.
 */
#define DECOMPRESSED_MOST (2 * SEGMENT_RINGS_MAX)

void runs_begin(struct runs *runs, const struct file *file)
{
	memset(runs, 0, sizeof *runs);
	runs->file = file;
}

void runs_free(struct runs *runs)
{
	for (uint64_t i = 0; i < runs->waiting_count; i++)
		free(runs->waiting[i].buffer);
	free(runs->waiting);
	free(runs->heap);
	memset(runs, 0, sizeof *runs);
}

static struct run *run_add(struct runs *runs)
{
	struct run *run;

	if (!ARRAY_RESERVE(runs->waiting, runs->waiting_capacity, runs->waiting_count + 1))
		return NULL;
	run = &runs->waiting[runs->waiting_count];
	*run = (struct run){.order = runs->waiting_count++};
	return run;
}

bool runs_add_chunk(struct runs *runs, const struct chunk *chunk)
{
	struct run *run = run_add(runs);

	if (!run)
		return false;
	run->min_clock = chunk->min_clock;
	run->chunk = *chunk;
	return true;
}

bool runs_add_events(struct runs *runs, struct segment_event *events, uint64_t count)
{
	struct run *run = count ? run_add(runs) : NULL;

	if (!run) {
		free(events);
		return count == 0;
	}
	run->min_clock = events[0].clock;
	run->buffer = events;
	run->at = events;
	run->end = events + count;
	return true;
}

static int by_min_clock(const void *a, const void *b)
{
	const struct run *left = a, *right = b;

	if (left->min_clock != right->min_clock)
		return left->min_clock < right->min_clock ? -1 : 1;
	return left->order < right->order ? -1 : 1;
}

void runs_sort(struct runs *runs)
{
	if (runs->waiting_count)
		qsort(runs->waiting, runs->waiting_count, sizeof *runs->waiting, by_min_clock);
}

/* ---- the heap ---- */

static bool run_before(const struct run *a, const struct run *b)
{
	if (a->at->clock != b->at->clock)
		return a->at->clock < b->at->clock;
	return a->order < b->order;
}

static void run_sink(struct runs *runs, uint64_t i)
{
	struct run *run = runs->heap[i];

	for (uint64_t child; (child = 2 * i + 1) < runs->heap_count; i = child) {
		if (child + 1 < runs->heap_count &&
		    run_before(runs->heap[child + 1], runs->heap[child]))
			child++;
		if (!run_before(runs->heap[child], run))
			break;
		runs->heap[i] = runs->heap[child];
	}
	runs->heap[i] = run;
}

static void run_rise(struct runs *runs, uint64_t i)
{
	struct run *run = runs->heap[i];

	for (uint64_t parent; i > 0; i = parent) {
		parent = (i - 1) / 2;
		if (!run_before(run, runs->heap[parent]))
			break;
		runs->heap[i] = runs->heap[parent];
	}
	runs->heap[i] = run;
}

/* Decompresses the whole chunk at once. */
static bool run_decompress(struct runs *runs, struct run *run, bool *no_memory)
{
	uint64_t wanted = run->chunk.count, count = 0;

	run->chunk.count = 0;
	if (runs->decompressed >= DECOMPRESSED_MOST) {
		runs->damaged += wanted;
		return false;
	}
	run->buffer = malloc(run->chunk.payload_bytes);
	*no_memory |= !run->buffer;
	if (!run->buffer)
		return false;
	count = chunk_decompress(runs->file, &run->chunk, run->buffer) / sizeof *run->buffer;
	if (count > wanted)
		count = wanted;
	runs->damaged += wanted - count;
	if (count == 0) {
		free(run->buffer);
		run->buffer = NULL;
		return false;
	}
	runs->decompressed++;
	run->at = run->buffer;
	run->end = run->buffer + count;
	return true;
}

/* Reads the next stretch of a run; false when there is none. */
static bool run_refill(struct runs *runs, struct run *run, bool *no_memory)
{
	uint64_t count = runs->heap_count > MANY ? SMALL_STRETCH : STRETCH;

	if (run->chunk.count == 0)
		return false;
	if (run->chunk.stored_bytes)
		return run_decompress(runs, run, no_memory);
	if (!run->buffer) {
		count = run->chunk.count < count ? run->chunk.count : count;
		run->buffer = malloc(count * sizeof *run->buffer);
		run->end = run->buffer + count; /* the buffer's capacity */
	}
	*no_memory |= !run->buffer;
	if (!run->buffer)
		return false;
	count = (uint64_t)(run->end - run->buffer);
	count = run->chunk.count < count ? run->chunk.count : count;
	if (!file_read(runs->file, run->chunk.offset, run->buffer, count * sizeof *run->buffer)) {
		runs->damaged += run->chunk.count;
		run->chunk.count = 0;
		return false;
	}
	run->chunk.offset += count * sizeof *run->buffer;
	run->chunk.count -= count;
	run->at = run->buffer;
	run->end = run->buffer + count;
	return true;
}

static bool run_push(struct runs *runs, struct run *run)
{
	if (!ARRAY_RESERVE(runs->heap, runs->heap_capacity, runs->heap_count + 1))
		return false;
	runs->heap[runs->heap_count] = run;
	run_rise(runs, runs->heap_count++);
	return true;
}

/* Adds the runs to the merge whose first event may be the next one. */
static void run_admit(struct runs *runs, bool *no_memory)
{
	while (runs->next < runs->waiting_count && !*no_memory) {
		struct run *run = &runs->waiting[runs->next];

		if (runs->heap_count > 0 && run->min_clock > runs->heap[0]->at->clock)
			return;
		runs->next++;
		if (run->at || run_refill(runs, run, no_memory))
			*no_memory |= !run_push(runs, run);
	}
}

/* The clock up to which all next events are in the first run. */
static uint64_t run_horizon(const struct runs *runs)
{
	uint64_t clock = UINT64_MAX;

	for (uint64_t i = 1; i < 3 && i < runs->heap_count; i++)
		if (runs->heap[i]->at->clock < clock)
			clock = runs->heap[i]->at->clock;
	if (runs->next < runs->waiting_count && runs->waiting[runs->next].min_clock < clock)
		clock = runs->waiting[runs->next].min_clock;
	return clock;
}

bool runs_peek(struct runs *runs, struct stretch *stretch, bool *no_memory)
{
	run_admit(runs, no_memory);
	if (runs->heap_count == 0 || *no_memory)
		return false;
	*stretch = (struct stretch){runs->heap[0]->at, runs->heap[0]->end, run_horizon(runs)};
	return true;
}

void runs_advance(struct runs *runs, const struct segment_event *to)
{
	struct run *run = runs->heap[0];
	bool no_memory = false;

	run->at = to;
	if (run->at == run->end && !run_refill(runs, run, &no_memory)) {
		free(run->buffer);
		run->buffer = NULL;
		runs->decompressed -= run->chunk.stored_bytes != 0;
		runs->damaged += run->chunk.count;
		runs->heap[0] = runs->heap[--runs->heap_count];
	}
	if (runs->heap_count > 0)
		run_sink(runs, 0);
}
