/* SPDX-License-Identifier: MIT */
/*
 * Follows a live session: copies new events every PERIOD_MS, and keeps the newest ones back until
 * no older event can still be published.
 */
#include "report/reader/follow.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "report/util/array.h"

#define PERIOD_MS 20 /* between two reads of a live session */
#define POLLS_PER_STATE_CHECK 5u

bool follow_remember(struct cursor *cursor, const struct segment_event *events, uint64_t count)
{
	uint64_t need = cursor->pending_count + count;

	if (!ARRAY_RESERVE(cursor->pending, cursor->pending_capacity, need))
		return false;
	if (count)
		memcpy(cursor->pending + cursor->pending_count, events, count * sizeof *events);
	cursor->pending_count = need;
	return true;
}

/* The recorder's own events, the ends of processes, are in the recording only. */
static bool read_new_chunks(struct cursor *cursor)
{
	struct source *source = cursor->source;
	const struct chunks *chunks = &source->chunks;

	if (!source_update(source))
		return false;
	cursor_count_chunk_losses(cursor);
	for (; cursor->chunks_seen < chunks->count; cursor->chunks_seen++) {
		const struct chunk *chunk = &chunks->table[cursor->chunks_seen];
		struct segment_event event;

		if (chunk->kind != REGION_LOG || chunk->ring != SEGMENT_CHUNK_NO_RING)
			continue;
		for (uint64_t i = 0; i < chunk->count; i++)
			if (chunk_records_read(&source->cache, &source->recording, chunk, i, 1,
					       sizeof event, &event) &&
			    !follow_remember(cursor, &event, 1))
				return false;
	}
	return true;
}

static bool read_new_events(struct cursor *cursor)
{
	struct ring_copy copy;

	for (uint32_t i = 0; i < cursor_ring_count(cursor->source); i++) {
		bool ok = cursor_read_ring(cursor, i, &copy) &&
			  follow_remember(cursor, copy.events, copy.count);

		free(copy.events);
		if (!ok)
			return false;
	}
	return read_new_chunks(cursor);
}

/*
 * Copies new events. It checks first whether the session has ended: then no event comes after those
 * that it copies.
 */
static bool follow_poll(struct cursor *cursor)
{
	uint64_t kept = cursor->pending_count - cursor->pending_at;

	if (kept)
		memmove(cursor->pending, cursor->pending + cursor->pending_at,
			kept * sizeof *cursor->pending);
	cursor->pending_at = 0;
	cursor->pending_count = kept;
	if (cursor->polls++ % POLLS_PER_STATE_CHECK == 0 && !source_is_live(cursor->source))
		cursor->over = true;
	cursor->source->scale = timescale_make(source_header(cursor->source), true);
	if (!read_new_events(cursor))
		return false;
	ring_sort(cursor->pending, cursor->pending_count);
	return true;
}

/* Moves events up to the clock `limit` into the batch. */
static void follow_take_pending(struct cursor *cursor, uint64_t limit)
{
	while (cursor->pending_at < cursor->pending_count && cursor->batch_count < CURSOR_BATCH &&
	       cursor->pending[cursor->pending_at].clock <= limit) {
		const struct segment_event *next = &cursor->pending[cursor->pending_at++];

		cursor_append(cursor, (struct stretch){next, next + 1, 0});
	}
}

/* A quiet session must not keep the command running after the reader of its output has gone. */
static void follow_pause(struct cursor *cursor)
{
	struct pollfd output = {.fd = cursor->output, .events = 0};

	if (poll(&output, 1, PERIOD_MS) > 0)
		cursor->over = true;
}

bool follow_more(struct cursor *cursor, bool *no_memory)
{
	bool polled = false;

	while (cursor->batch_count == 0) {
		uint64_t limit = cursor_clock_before(cursor, FOLLOW_HOLD_NS);

		follow_take_pending(cursor, cursor->over ? UINT64_MAX : limit);
		if (cursor->batch_count > 0 || cursor->over || (polled && cursor->never_waits))
			break;
		if (cursor->polls > 0 && !cursor->never_waits)
			follow_pause(cursor);
		polled = true;
		if (!follow_poll(cursor))
			*no_memory = true;
		if (*no_memory || cursor_gone(cursor) > cursor->reported)
			break;
	}
	return cursor->batch_count > 0;
}

void follow_keep_order(struct cursor *cursor)
{
	for (uint32_t i = 0; i < cursor->batch_count; i++) {
		struct event *event = &cursor->batch[i];

		if (event->time_ns < cursor->last_ns)
			event->time_ns = cursor->last_ns;
		cursor->last_ns = event->time_ns;
	}
}
