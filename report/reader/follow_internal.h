/* SPDX-License-Identifier: MIT */
/* What cursor.c and follow.c share. Nobody else's. */
#ifndef MEMSHIM_READER_FOLLOW_INTERNAL_H
#define MEMSHIM_READER_FOLLOW_INTERNAL_H

#include "report/reader/cursor.h"
#include "report/reader/reader_internal.h"
#include "report/reader/ring.h"
#include "report/reader/runs.h"

#define CURSOR_BATCH 256u
#define FOLLOW_HOLD_NS 10000000ull /* an event may be this late */

struct cursor {
	struct source *source;
	bool follow, never_waits;
	int output; /* following: where the events go; -1: nobody can go away */
	bool over;  /* the session has ended, and everything of it has been copied */
	struct runs runs;
	uint64_t runs_limit; /* clock: what is later is for `pending` */
	struct event batch[CURSOR_BATCH];
	uint32_t batch_at, batch_count;
	uint64_t last_ns;
	uint64_t overwritten, torn, damaged;
	struct {
		uint64_t overwritten, torn, damaged;
	} by_chunks;     /* of these, what the recording told */
	uint64_t missed; /* following: overwritten before this reader came, not before the recorder
			  */
	uint64_t reported; /* following: how many were gone when an OVERRUN was answered */
	uint64_t position[SEGMENT_PARTS_MAX];
	uint64_t chunks_seen;
	uint32_t looks;
	struct segment_event *pending; /* sorted, from pending_at on */
	uint64_t pending_at, pending_count, pending_capacity;
};

/* ---- cursor.c ---- */
/* The session's clock `ns` ago. */
uint64_t cursor_clock_before(const struct cursor *cursor, uint64_t ns);
/* What the chunks have lost since they were asked last. */
void cursor_count_chunk_losses(struct cursor *cursor);
uint32_t cursor_part_count(const struct source *source);
/* What a part of the live log holds since it was asked last; the copy's events are the caller's. */
bool cursor_read_part(struct cursor *cursor, uint32_t part, struct ring_copy *copy);
uint64_t cursor_gone(const struct cursor *cursor);
/* A stretch into the batch, as far as there is room; up to where it was taken. */
const struct segment_event *cursor_append(struct cursor *cursor, struct stretch stretch);

/* ---- follow.c ---- */
/* Events for later. False without memory. */
bool follow_remember(struct cursor *cursor, const struct segment_event *events, uint64_t count);
/* Waits for events, or looks once; false when there are none, or without memory. */
bool follow_more(struct cursor *cursor, bool *no_memory);
/* The scale is measured again while following: times in the batch do not go back for that. */
void follow_keep_order(struct cursor *cursor);

#endif
