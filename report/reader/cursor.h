/* SPDX-License-Identifier: MIT */
/*
 * One cursor over whatever a session consists of: its events in the order of time. The view of the
 * log is taken when the cursor is opened; tables that are read afterwards name all its processes.
 */
#ifndef MEMSHIM_READER_CURSOR_H
#define MEMSHIM_READER_CURSOR_H

#include "report/reader/source.h"

struct cursor;

enum cursor_answer {
	CURSOR_MORE,      /* *event is the next one */
	CURSOR_END,       /* there are no more */
	CURSOR_ABANDONED, /* there are no more, because the recorder was killed */
	CURSOR_OVERRUN,   /* following: some were overwritten before they were read; go on */
	CURSOR_LATER,     /* following without waiting: there is none yet */
	CURSOR_NO_MEMORY,
};

/* Null without memory. `follow`: a live session is followed to its end. */
struct cursor *cursor_open(struct source *source, bool follow);
void cursor_close(struct cursor *cursor);

/* *event holds until the next call. */
enum cursor_answer cursor_next(struct cursor *cursor, const struct event **event);

/* The same for as many as are at hand: *count of them, one at least, from *events on. */
enum cursor_answer cursor_take(struct cursor *cursor, const struct event **events, uint32_t *count);

/*
 * From now on following does not wait: where nothing is there, cursor_next looks once, and answers
 * CURSOR_LATER.
 */
void cursor_never_wait(struct cursor *cursor);

/* Following ends, too, when nobody reads from this pipe or terminal any more. */
void cursor_watch(struct cursor *cursor, int output);

/* Whether the next cursor_next may have to wait for something to happen. */
bool cursor_would_wait(const struct cursor *cursor);

/* What the log has lost, as far as the cursor has read: overwritten, torn or damaged. */
uint64_t cursor_lost(const struct cursor *cursor, enum loss loss);

/* Following: of the overwritten ones, those that only this reader came too late for. */
uint64_t cursor_missed(const struct cursor *cursor);

#endif
