/* SPDX-License-Identifier: MIT */
/*
 * cursor_open collects runs: each LOG chunk of the recording, and a copy of the newer events of
 * each per-CPU ring. follow.c reads what comes later.
 *
 *    chunks ─┐
 *    ring ───┴─▶ runs (merged) ─▶ batch ─▶ cursor_next
 *    new ring events, exit events ─▶ pending (sorted) ─▶ batch
 */
#include "report/reader/cursor.h"

#include <stdlib.h>
#include <string.h>

#include "preload/common/files.h"
#include "report/procfs/timens.h"
#include "report/reader/follow.h"
#include "report/reader/unpublished.h"

#define PATIENCE_NS 1000000000ull

static uint64_t clock_now(const struct source *source)
{
	return source_header(source)->clock == CLOCK_COUNTER ? clock_counter()
							     : timens_monotonic_ns();
}

uint64_t cursor_clock_before(const struct cursor *cursor, uint64_t ns)
{
	const struct source *source = cursor->source;
	struct timescale scale = source->scale;
	uint64_t ticks = timescale_clock(&scale, ns) - scale.start_clock;

	return clock_now(source) - ticks;
}

/* ---- opening ---- */

void cursor_count_chunk_losses(struct cursor *cursor)
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

		if (chunk->kind == REGION_LOG && !runs_add_chunk(&cursor->runs, chunk))
			return false;
	}
	cursor->chunks_seen = chunks->count;
	cursor_count_chunk_losses(cursor);
	return true;
}

/* While a recorder runs, the recording counts the events that are lost for every reader. */
static void cursor_count_losses(struct cursor *cursor, const struct ring_copy *copy)
{
	if (cursor->polls && file_is_open(&cursor->source->recording)) {
		cursor->missed += copy->overwritten;
	} else {
		cursor->overwritten += copy->overwritten;
		cursor->torn += copy->torn;
	}
	cursor->damaged += copy->gone;
	cursor->over |= copy->gone;
}

bool cursor_read_ring(struct cursor *cursor, uint32_t ring, struct ring_copy *copy)
{
	const struct source *source = cursor->source;
	bool live = source->facts.state == SESSION_LIVE;
	bool ok = ring_read(&source->segment, ring, &cursor->position[ring],
			    cursor->follow ? RING_WAIT : RING_SKIP_UNPUBLISHED, !live,
			    cursor_clock_before(cursor, PATIENCE_NS), copy);

	cursor_count_losses(cursor, copy);
	return ok;
}

/* Unpublished events that the recorder skipped and had not yet read again. */
static bool cursor_read_unpublished(struct cursor *cursor, uint32_t ring, struct ring_copy *copy)
{
	bool live = cursor->source->facts.state == SESSION_LIVE;
	bool ok = unpublished_read(cursor->source, ring, !live, copy);

	cursor_count_losses(cursor, copy);
	return ok;
}

uint32_t cursor_ring_count(const struct source *source)
{
	uint32_t count = source->segment.header.ring_count;

	if (!file_is_open(&source->segment))
		return 0;
	return count < SEGMENT_RINGS_MAX ? count : SEGMENT_RINGS_MAX;
}

static bool add_rings(struct cursor *cursor)
{
	struct ring_copy copy;

	for (uint32_t i = 0; i < cursor_ring_count(cursor->source); i++) {
		cursor->position[i] = cursor->source->chunks.next[i];
		if (!cursor_read_unpublished(cursor, i, &copy) ||
		    !runs_add_events(&cursor->runs, copy.events, copy.count) ||
		    !cursor_read_ring(cursor, i, &copy) ||
		    !runs_add_events(&cursor->runs, copy.events, copy.count))
			return false;
	}
	return true;
}

uint64_t cursor_gone(const struct cursor *cursor)
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
	cursor->runs_limit = cursor->follow ? cursor_clock_before(cursor, FOLLOW_HOLD_NS)
					    : UINT64_MAX;
	runs_begin(&cursor->runs, &source->recording);
	if (source_update(source) && add_chunks(cursor) && add_rings(cursor)) {
		runs_sort(&cursor->runs);
		cursor->reported = cursor_gone(cursor);
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
		return cursor_gone(cursor);
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

/* An event is the log's record without its first word, with the time converted: see event.c. */
static inline void cursor_convert(const struct timescale *scale, const struct segment_event *from,
				  struct event *to)
{
	memcpy(to, (const char *)from + sizeof from->published, sizeof *to);
	to->time_ns = timescale_ns(scale, from->clock);
}

const struct segment_event *cursor_append(struct cursor *cursor, struct stretch stretch)
{
	const struct timescale scale = cursor->source->scale;
	struct event *to = cursor->batch + cursor->batch_count;
	const struct segment_event *from = stretch.at, *end = stretch.end;

	if (end - from > CURSOR_BATCH - cursor->batch_count)
		end = from + (CURSOR_BATCH - cursor->batch_count);

	do {
		if (from->kind >= EVENT_KIND_COUNT || from->process == 0)
			cursor->damaged++;
		else
			cursor_convert(&scale, from, to++);
	} while (++from < end && from->clock < stretch.until);
	cursor->batch_count = (uint32_t)(to - cursor->batch);
	return from;
}

/* Moves one stretch of the merge into the batch. False at the end of the runs. */
static bool cursor_take_stretch(struct cursor *cursor, bool *no_memory)
{
	struct stretch stretch;

	if (!runs_peek(&cursor->runs, &stretch, no_memory))
		return false;
	if (stretch.at->clock <= cursor->runs_limit) {
		runs_advance(&cursor->runs, cursor_append(cursor, stretch));
		return true;
	}
	*no_memory |= !follow_remember(cursor, stretch.at, 1);
	runs_advance(&cursor->runs, stretch.at + 1);
	return true;
}

static bool cursor_fill(struct cursor *cursor, bool *no_memory)
{
	cursor->batch_at = cursor->batch_count = 0;
	while (cursor->batch_count < CURSOR_BATCH && cursor_take_stretch(cursor, no_memory))
		;
	if (*no_memory)
		return false;
	if (cursor->batch_count == 0 && !(cursor->follow && follow_more(cursor, no_memory)))
		return false;
	if (cursor->follow)
		follow_keep_order(cursor);
	return true;
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

static enum cursor_answer answer_without_events(struct cursor *cursor)
{
	if (cursor->follow && cursor_gone(cursor) > cursor->reported) {
		cursor->reported = cursor_gone(cursor);
		return CURSOR_OVERRUN;
	}
	if (cursor->follow && cursor->never_waits && !cursor->over)
		return CURSOR_LATER;
	return cursor->source->facts.state == SESSION_ABANDONED ? CURSOR_ABANDONED : CURSOR_END;
}

static inline enum cursor_answer cursor_more(struct cursor *cursor)
{
	bool no_memory = false;

	if (cursor->batch_at < cursor->batch_count || cursor_fill(cursor, &no_memory))
		return CURSOR_MORE;
	return no_memory ? CURSOR_NO_MEMORY : answer_without_events(cursor);
}

enum cursor_answer cursor_next(struct cursor *cursor, const struct event **event)
{
	enum cursor_answer answer = cursor_more(cursor);

	if (answer == CURSOR_MORE)
		*event = &cursor->batch[cursor->batch_at++];
	return answer;
}

enum cursor_answer cursor_take(struct cursor *cursor, const struct event **events, uint32_t *count)
{
	enum cursor_answer answer = cursor_more(cursor);

	if (answer != CURSOR_MORE)
		return answer;
	*events = &cursor->batch[cursor->batch_at];
	*count = cursor->batch_count - cursor->batch_at;
	cursor->batch_at = cursor->batch_count;
	return answer;
}
