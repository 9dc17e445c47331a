/* SPDX-License-Identifier: MIT */
/* Copies what one part of a live segment's log holds, by the reader's side of publish.h. */
#ifndef MEMSHIM_READER_RING_H
#define MEMSHIM_READER_RING_H

#include "report/reader/file.h"

struct ring_copy {
	struct segment_event *events; /* sorted by time; belongs to the caller */
	uint64_t count;
	uint64_t overwritten; /* gone before they were read */
	uint64_t torn;        /* never published: their writers died */
	bool gone;            /* the mapping is: the file shrank */
};

enum ring_unpublished {
	RING_SKIP_UNPUBLISHED, /* go on behind events that are still being written */
	RING_WAIT,             /* stop before the first of them */
};

/*
 * Copies the events of `part` from claim number *position on, and moves it to where the copy ends.
 * A hole is torn when `nobody_writes`, or when an event behind it is older than `patience_clock`.
 * False without memory.
 */
bool ring_read(const struct file *segment, uint32_t part, uint64_t *position,
	       enum ring_unpublished unpublished, bool nobody_writes, uint64_t patience_clock,
	       struct ring_copy *copy);

/* Sorts events by time; those of one instant stay in the order of their claims. */
void ring_sort(struct segment_event *events, uint64_t count);

#endif
