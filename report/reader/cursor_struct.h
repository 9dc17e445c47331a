/* SPDX-License-Identifier: MIT */
/* The cursor's state, for cursor.c and follow.c only. */
#ifndef MEMSHIM_READER_CURSOR_STRUCT_H
#define MEMSHIM_READER_CURSOR_STRUCT_H

#include "report/reader/cursor.h"
#include "report/reader/ring.h"
#include "report/reader/runs.h"
#include "report/reader/source_struct.h"

#define CURSOR_BATCH 256u
#define FOLLOW_HOLD_NS 10000000ull /* an event is published at most this late */

struct cursor {
	struct source *source;
	bool follow, never_waits;
	int output; /* following: where the caller writes the events; -1: do not poll(2) it */
	bool over;  /* the session has ended, and all its events are copied */
	struct runs runs;
	uint64_t runs_limit; /* clock: later events go to `pending` */
	struct event batch[CURSOR_BATCH];
	uint32_t batch_at, batch_count;
	uint64_t last_ns;
	uint64_t overwritten, torn, damaged;
	struct {
		uint64_t overwritten, torn, damaged;
	} by_chunks;       /* the part of these that the recording counted */
	uint64_t missed;   /* following: overwritten for this reader, not for the recorder */
	uint64_t reported; /* following: cursor_gone at the last CURSOR_OVERRUN */
	uint64_t position[SEGMENT_RINGS_MAX];
	uint64_t chunks_seen;
	uint32_t polls;
	struct segment_event *pending; /* sorted, from pending_at on */
	uint64_t pending_at, pending_count, pending_capacity;
};

#endif
