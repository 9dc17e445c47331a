/* SPDX-License-Identifier: MIT */
/*
 * Reads the events of a session, recorded or live, in the order of time. cursor_open copies the log
 * as it is then; tables that are read afterwards name all processes of these events.
 */
#ifndef MEMSHIM_READER_CURSOR_H
#define MEMSHIM_READER_CURSOR_H

#include "report/reader/source.h"

struct cursor;
struct ring_copy;
struct segment_event;
struct stretch;

enum cursor_answer {
	CURSOR_MORE,      /* *event is the next one */
	CURSOR_END,       /* there are no more */
	CURSOR_ABANDONED, /* there are no more, because the recorder was killed */
	CURSOR_OVERRUN,   /* following: events were overwritten before they were read; go on */
	CURSOR_LATER,     /* following without waiting: there is no event yet */
	CURSOR_NO_MEMORY,
};

/* Null without memory. `follow`: follow a live session to its end. */
struct cursor *cursor_open(struct source *source, bool follow);
void cursor_close(struct cursor *cursor);

/* *event is valid until the next call. */
enum cursor_answer cursor_next(struct cursor *cursor, const struct event **event);

/* Returns several events at once: *count, at least 1, from *events on. */
enum cursor_answer cursor_take(struct cursor *cursor, const struct event **events, uint32_t *count);

/*
 * From now on following does not wait: when there is no event, cursor_next reads the log again
 * and then answers CURSOR_LATER.
 */
void cursor_never_wait(struct cursor *cursor);

/* Following ends also when poll(2) reports that the reader of this pipe or terminal is gone. */
void cursor_watch(struct cursor *cursor, int output);

/* Whether the next cursor_next may wait for a new event. */
bool cursor_would_wait(const struct cursor *cursor);

/* Events lost, as far as the cursor has read: overwritten, torn or damaged. */
uint64_t cursor_lost(const struct cursor *cursor, enum loss loss);

/* Following: overwritten events that this reader missed and the recorder did not. */
uint64_t cursor_missed(const struct cursor *cursor);

/* ---- for follow.c ---- */

/* The session's clock, `ns` before now. */
uint64_t cursor_clock_before(const struct cursor *cursor, uint64_t ns);
/* Adds the losses that the chunks have counted since the last call. */
void cursor_count_chunk_losses(struct cursor *cursor);
uint32_t cursor_ring_count(const struct source *source);
/* Copies the events of a ring since the last call. The caller frees the copy's events. */
bool cursor_read_ring(struct cursor *cursor, uint32_t ring, struct ring_copy *copy);
uint64_t cursor_gone(const struct cursor *cursor);
/* Appends a stretch to the batch while there is room. Returns where it stopped. */
const struct segment_event *cursor_append(struct cursor *cursor, struct stretch stretch);

#endif
