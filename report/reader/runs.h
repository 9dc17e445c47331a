/* SPDX-License-Identifier: MIT */
/*
 * Many sorted runs of events, merged into one order in time. A run is a chunk of a recording, read
 * a stretch at a time, or a copy of a ring. It joins the merge only when the time of its first
 * event has come, so memory follows how many runs overlap, not how many there are.
 */
#ifndef MEMSHIM_READER_RUNS_H
#define MEMSHIM_READER_RUNS_H

#include "report/reader/chunk_payload.h"

struct run {
	uint64_t min_clock;
	uint64_t order;     /* among equals: the order of the file */
	struct chunk chunk; /* its offset and count are of what is still in the file */
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

/* Before the first runs_look only; false without memory. `events` then belongs to the runs. */
bool runs_add_chunk(struct runs *runs, const struct chunk *chunk);
bool runs_add_events(struct runs *runs, struct segment_event *events, uint64_t count);
void runs_sort(struct runs *runs);

/*
 * The next events in order: the one at `at`, and those behind it, before `end`, as long as they are
 * before the clock `until`.
 */
struct stretch {
	const struct segment_event *at, *end;
	uint64_t until;
};

/*
 * False at the end, and with *no_memory when there is none. runs_took then says up to where the
 * stretch was used, one event at least.
 */
bool runs_look(struct runs *runs, struct stretch *stretch, bool *no_memory);
void runs_took(struct runs *runs, const struct segment_event *to);

#endif
