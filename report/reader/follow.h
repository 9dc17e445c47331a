/* SPDX-License-Identifier: MIT */
/* The part of a cursor that follows a live session. */
#ifndef MEMSHIM_READER_FOLLOW_H
#define MEMSHIM_READER_FOLLOW_H

#include "report/reader/cursor_struct.h"

/* Adds events to `pending`. False without memory. */
bool follow_remember(struct cursor *cursor, const struct segment_event *events, uint64_t count);
/* Waits for events; with never_waits, reads once. False without events or without memory. */
bool follow_more(struct cursor *cursor, bool *no_memory);
/* Keeps times in the batch from going backwards after the timescale was measured again. */
void follow_keep_order(struct cursor *cursor);

#endif
