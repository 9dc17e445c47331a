/* SPDX-License-Identifier: MIT */
/*
 * Merges many sorted runs of events into the order of time. A run is a chunk of a recording, read a
 * stretch at a time, or a copy of a ring. A run joins the merge only when its first event may be
 * the next one, so memory depends on how many runs overlap, not on how many there are.
 */
#ifndef MEMSHIM_READER_RUNS_H
#define MEMSHIM_READER_RUNS_H

#include "report/reader/chunk_payload.h"

struct run {
	uint64_t min_clock;
	uint64_t order;     /* among equal times: the order of the file */
	struct chunk chunk; /* offset and count: the part not yet read */
	struct segment_event *buffer;
	const struct segment_event *at, *end;
};

struct runs {
	const struct file *file;
	struct run *waiting; /* sorted by min_clock */
	uint64_t waiting_count, waiting_capacity, next;
	struct run **heap; /* the earliest event first */
	uint64_t heap_count, heap_capacity;
	uint64_t decompressed; /* runs whose whole payload is in memory */
	uint64_t damaged;      /* events that could not be read */
};

void runs_begin(struct runs *runs, const struct file *file);
void runs_free(struct runs *runs);

/* Only before the first runs_peek. False without memory. The runs take over `events`. */
bool runs_add_chunk(struct runs *runs, const struct chunk *chunk);
bool runs_add_events(struct runs *runs, struct segment_event *events, uint64_t count);
void runs_sort(struct runs *runs);

/*
 * The next events in order: the event at `at`, and the following ones before `end` whose clock is
 * before `until`.
 */
struct stretch {
	const struct segment_event *at, *end;
	uint64_t until;
};

/*
 * False at the end, or without memory, which sets *no_memory. After true, the caller passes to
 * runs_advance where it stopped in the stretch, at least one event further.
 */
bool runs_peek(struct runs *runs, struct stretch *stretch, bool *no_memory);
void runs_advance(struct runs *runs, const struct segment_event *to);

#endif
