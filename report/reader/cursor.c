/* SPDX-License-Identifier: MIT */
/*
 * Opening takes runs: each LOG chunk of the recording, and a copy of what each part of the live
 * ring holds behind them. Following goes on from there: every few milliseconds it copies what is
 * new, and holds back what is so fresh that an older event may still be on its way.
 *
 *    chunks ─┐
 *    ring ───┴─▶ runs (merged) ─▶ batch ─▶ cursor_next
 *    new ring events, exit events ─▶ pending (sorted) ─▶ batch
 */
#include "report/reader/cursor.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "preload/segment/files.h"
#include "report/reader/holes.h"
#include "report/reader/inside.h"
#include "report/reader/ring.h"
#include "report/reader/runs.h"
#include "report/reader/timens.h"

#define BATCH 256u
#define PERIOD_MS 20        /* between two looks at a live session */
#define HOLD_NS 10000000ull /* an event may be this late */
#define PATIENCE_NS 1000000000ull
#define LOOKS_PER_STATE_CHECK 5u

struct cursor {
	struct source *source;
	bool follow, never_waits;
	int output; /* following: where the events go; -1: nobody can go away */
	bool over;  /* the session has ended, and everything of it has been copied */
	struct runs runs;
	uint64_t runs_limit; /* clock: what is later is for `pending` */
	struct event batch[BATCH];
	uint32_t batch_at, batch_count;
	uint64_t last_ns;
	uint64_t overwritten, torn, damaged;
	struct {
		uint64_t overwritten, torn, damaged;
	} by_chunks;     /* of these, what the recording told */
	uint64_t missed; /* following: overwritten before this reader came, not before the recorder
			  */
	uint64_t told;   /* following: how many were gone when an OVERRUN was answered */
	uint64_t position[SEGMENT_PARTS_MAX];
	uint64_t chunks_seen;
	uint32_t looks;
	struct segment_event *pending; /* sorted, from pending_at on */
	uint64_t pending_at, pending_count, pending_room;
};

static uint64_t clock_now(const struct source *source)
{
	return source_header(source)->clock == CLOCK_COUNTER ? clock_counter()
							     : timens_monotonic_ns();
}

static uint64_t clock_before(const struct source *source, uint64_t ns)
{
	struct timescale scale = source->scale;
	uint64_t ticks = timescale_clock(&scale, ns) - scale.start_clock;

	return clock_now(source) - ticks;
}

/* ---- opening ---- */

/* What the chunks have lost since they were asked last. */
static void count_chunk_losses(struct cursor *cursor)
{
	const struct chunks *chunks = &cursor->source->chunks;
	uint64_t damaged = chunks->damaged + chunks->truncated;

	cursor->overwritten += chunks->overwritten - cursor->by_chunks.overwritten;
	cursor->torn += chunks->torn - cursor->by_chunks.torn;
	cursor->damaged += damaged - cursor->by_chunks.damaged;
	cursor->by_chunks.overwritten = chunks->overwritten;
	cursor->by_chunks.torn = chunks->torn;
	cursor->by_chunks.damaged = damaged;
}

static bool add_chunks(struct cursor *cursor)
{
	const struct chunks *chunks = &cursor->source->chunks;

	for (uint64_t i = 0; i < chunks->count; i++) {
		const struct chunk *chunk = &chunks->table[i];

		if (chunk->kind == REGION_LOG &&
		    !runs_add_chunk(&cursor->runs, chunk->min_clock, chunk->offset, chunk->count))
			return false;
	}
	cursor->chunks_seen = chunks->count;
	count_chunk_losses(cursor);
	return true;
}

/* While a session is recorded, what is lost to all is told by the recording. */
static void count_losses(struct cursor *cursor, const struct ring_copy *copy)
{
	if (cursor->looks && file_is_open(&cursor->source->recording)) {
		cursor->missed += copy->overwritten;
	} else {
		cursor->overwritten += copy->overwritten;
		cursor->torn += copy->torn;
	}
	cursor->damaged += copy->gone;
	cursor->over |= copy->gone;
}

static bool read_part(struct cursor *cursor, uint32_t part, struct ring_copy *copy)
{
	const struct source *source = cursor->source;
	bool live = source->facts.state == SESSION_LIVE;
	bool ok = ring_read(&source->segment, part, &cursor->position[part],
			    cursor->follow ? RING_WAIT : RING_SKIP_HOLES, !live,
			    clock_before(source, PATIENCE_NS), copy);

	count_losses(cursor, copy);
	return ok;
}

/* What the recorder passed by, and had not gone back to. */
static bool read_holes(struct cursor *cursor, uint32_t part, struct ring_copy *copy)
{
	bool live = cursor->source->facts.state == SESSION_LIVE;
	bool ok = holes_read(cursor->source, part, !live, copy);

	count_losses(cursor, copy);
	return ok;
}

static uint32_t part_count(const struct source *source)
{
	uint32_t count = source->segment.header.part_count;

	if (!file_is_open(&source->segment))
		return 0;
	return count < SEGMENT_PARTS_MAX ? count : SEGMENT_PARTS_MAX;
}

static bool add_rings(struct cursor *cursor)
{
	struct ring_copy copy;

	for (uint32_t i = 0; i < part_count(cursor->source); i++) {
		cursor->position[i] = cursor->source->chunks.next[i];
		if (!read_holes(cursor, i, &copy) ||
		    !runs_add_events(&cursor->runs, copy.events, copy.count) ||
		    !read_part(cursor, i, &copy) ||
		    !runs_add_events(&cursor->runs, copy.events, copy.count))
			return false;
	}
	return true;
}

static uint64_t gone(const struct cursor *cursor)
{
	return cursor->overwritten + cursor->missed;
}

struct cursor *cursor_open(struct source *source, bool follow)
{
	struct cursor *cursor = calloc(1, sizeof *cursor);

	if (!cursor)
		return NULL;
	cursor->source = source;
	cursor->follow = follow && source_is_live(source);
	cursor->output = -1;
	cursor->runs_limit = cursor->follow ? clock_before(source, HOLD_NS) : UINT64_MAX;
	runs_begin(&cursor->runs, &source->recording);
	if (source_update(source) && add_chunks(cursor) && add_rings(cursor)) {
		runs_sort(&cursor->runs);
		cursor->told = gone(cursor);
		return cursor;
	}
	cursor_close(cursor);
	return NULL;
}

void cursor_close(struct cursor *cursor)
{
	if (!cursor)
		return;
	runs_free(&cursor->runs);
	free(cursor->pending);
	free(cursor);
}

uint64_t cursor_lost(const struct cursor *cursor, enum loss loss)
{
	switch (loss) {
	case LOST_OVERWRITTEN:
		return gone(cursor);
	case LOST_TORN:
		return cursor->torn;
	case LOST_DAMAGED:
		return cursor->damaged + cursor->runs.damaged;
	default:
		return 0;
	}
}

uint64_t cursor_missed(const struct cursor *cursor)
{
	return cursor->missed;
}

/* ---- the batch ---- */

static void convert(struct cursor *cursor, const struct segment_event *from, uint64_t count)
{
	struct event *to = cursor->batch + cursor->batch_count;

	for (; count > 0; count--, from++) {
		if (from->kind >= EVENT_KIND_COUNT || from->process == 0) {
			cursor->damaged++;
			continue;
		}
		to->time_ns = timescale_ns(&cursor->source->scale, from->clock);
		to->process = from->process;
		to->tid = from->tid;
		to->stack = from->stack;
		to->kind = from->kind;
		to->flags = from->flags;
		to->detail = from->detail;
		memcpy(&to->u, &from->u, sizeof to->u);
		to++;
	}
	cursor->batch_count = (uint32_t)(to - cursor->batch);
}

static bool remember(struct cursor *cursor, const struct segment_event *events, uint64_t count)
{
	uint64_t need = cursor->pending_count + count;

	if (need > cursor->pending_room) {
		uint64_t room = need * 2;
		struct segment_event *pending = realloc(cursor->pending,
							room * sizeof *cursor->pending);

		if (!pending)
			return false;
		cursor->pending = pending;
		cursor->pending_room = room;
	}
	if (count)
		memcpy(cursor->pending + cursor->pending_count, events, count * sizeof *events);
	cursor->pending_count = need;
	return true;
}

/* One stretch of the merge into the batch. False at the end of the runs. */
static bool take_stretch(struct cursor *cursor, bool *no_memory)
{
	uint64_t count;
	const struct segment_event *events = runs_look(&cursor->runs, &count, no_memory);
	uint32_t room = BATCH - cursor->batch_count;

	if (!events)
		return false;
	if (count > room)
		count = room;
	if (events->clock > cursor->runs_limit)
		*no_memory |= !remember(cursor, events, count);
	else
		convert(cursor, events, count);
	runs_took(&cursor->runs, count);
	return true;
}

/* ---- following ---- */

/* The recorder's own events, of processes' ends, stand in the recording only. */
static bool read_new_chunks(struct cursor *cursor)
{
	struct source *source = cursor->source;
	const struct chunks *chunks = &source->chunks;

	if (!source_update(source))
		return false;
	count_chunk_losses(cursor);
	for (; cursor->chunks_seen < chunks->count; cursor->chunks_seen++) {
		const struct chunk *chunk = &chunks->table[cursor->chunks_seen];
		struct segment_event event;

		if (chunk->kind != REGION_LOG || chunk->part != SEGMENT_CHUNK_NO_PART)
			continue;
		for (uint64_t i = 0; i < chunk->count; i++)
			if (file_read(&source->recording, chunk->offset + i * sizeof event, &event,
				      sizeof event) &&
			    !remember(cursor, &event, 1))
				return false;
	}
	return true;
}

static bool read_new_events(struct cursor *cursor)
{
	struct ring_copy copy;

	for (uint32_t i = 0; i < part_count(cursor->source); i++) {
		bool ok = read_part(cursor, i, &copy) && remember(cursor, copy.events, copy.count);

		free(copy.events);
		if (!ok)
			return false;
	}
	return read_new_chunks(cursor);
}

/* Looks at what is new; whether the session is over is asked first, so that nothing comes after. */
static bool look(struct cursor *cursor)
{
	uint64_t kept = cursor->pending_count - cursor->pending_at;

	if (kept)
		memmove(cursor->pending, cursor->pending + cursor->pending_at,
			kept * sizeof *cursor->pending);
	cursor->pending_at = 0;
	cursor->pending_count = kept;
	if (cursor->looks++ % LOOKS_PER_STATE_CHECK == 0 && !source_is_live(cursor->source))
		cursor->over = true;
	cursor->source->scale = timescale_make(source_header(cursor->source), true);
	if (!read_new_events(cursor))
		return false;
	ring_sort(cursor->pending, cursor->pending_count);
	return true;
}

/* Moves what is old enough into the batch. */
static void take_pending(struct cursor *cursor, uint64_t limit)
{
	while (cursor->pending_at < cursor->pending_count && cursor->batch_count < BATCH &&
	       cursor->pending[cursor->pending_at].clock <= limit)
		convert(cursor, &cursor->pending[cursor->pending_at++], 1);
}

/* A quiet session must not keep one waiting whose words nobody hears any more. */
static void pause_until_next_look(struct cursor *cursor)
{
	struct pollfd output = {.fd = cursor->output, .events = 0};

	if (poll(&output, 1, PERIOD_MS) > 0)
		cursor->over = true;
}

/* Waits for events, or looks once; false when there are none, or without memory. */
static bool follow(struct cursor *cursor, bool *no_memory)
{
	bool looked = false;

	while (cursor->batch_count == 0) {
		uint64_t limit = clock_before(cursor->source, HOLD_NS);

		take_pending(cursor, cursor->over ? UINT64_MAX : limit);
		if (cursor->batch_count > 0 || cursor->over || (looked && cursor->never_waits))
			break;
		if (cursor->looks > 0 && !cursor->never_waits)
			pause_until_next_look(cursor);
		looked = true;
		if (!look(cursor))
			*no_memory = true;
		if (*no_memory || gone(cursor) > cursor->told)
			break;
	}
	return cursor->batch_count > 0;
}

static bool fill(struct cursor *cursor, bool *no_memory)
{
	cursor->batch_at = cursor->batch_count = 0;
	while (cursor->batch_count < BATCH && take_stretch(cursor, no_memory))
		;
	if (cursor->batch_count > 0 || *no_memory)
		return !*no_memory;
	return cursor->follow && follow(cursor, no_memory);
}

void cursor_never_wait(struct cursor *cursor)
{
	cursor->never_waits = true;
}

void cursor_watch(struct cursor *cursor, int output)
{
	cursor->output = output;
}

bool cursor_would_wait(const struct cursor *cursor)
{
	return cursor->follow && cursor->batch_at == cursor->batch_count &&
	       cursor->runs.heap_count == 0;
}

enum cursor_answer cursor_next(struct cursor *cursor, const struct event **event)
{
	bool no_memory = false;
	struct event *next;

	if (cursor->batch_at == cursor->batch_count && !fill(cursor, &no_memory)) {
		if (no_memory)
			return CURSOR_NO_MEMORY;
		if (cursor->follow && gone(cursor) > cursor->told) {
			cursor->told = gone(cursor);
			return CURSOR_OVERRUN;
		}
		if (cursor->follow && cursor->never_waits && !cursor->over)
			return CURSOR_LATER;
		return cursor->source->facts.state == SESSION_ABANDONED ? CURSOR_ABANDONED
									: CURSOR_END;
	}
	next = &cursor->batch[cursor->batch_at++];
	if (cursor->follow && next->time_ns < cursor->last_ns)
		next->time_ns = cursor->last_ns; /* the scale is measured again while following */
	cursor->last_ns = next->time_ns;
	*event = next;
	return CURSOR_MORE;
}
