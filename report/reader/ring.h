/* SPDX-License-Identifier: MIT */
/* Copies the events of one per-CPU ring of a live segment, by the reader's side of publish.h. */
#ifndef MEMSHIM_READER_RING_H
#define MEMSHIM_READER_RING_H

#include "report/reader/file.h"

struct ring_copy {
	struct segment_event *events; /* sorted by time; the caller frees them */
	uint64_t count;
	uint64_t overwritten; /* before they were read */
	uint64_t torn;        /* never published: their writers died */
	bool gone;            /* the mapping is gone: the file shrank */
};

enum ring_unpublished {
	RING_SKIP_UNPUBLISHED, /* skip events that are still being written */
	RING_WAIT,             /* stop before the first of these */
};

/*
 * Copies the events of ring `ring` from claim number *position on, and moves *position to the end
 * of the copy. An unpublished event is torn when `no_writers`, or when a later claim's event is
 * older than `patience_clock`. False without memory.
 */
bool ring_read(const struct file *segment, uint32_t ring, uint64_t *position,
	       enum ring_unpublished unpublished, bool no_writers, uint64_t patience_clock,
	       struct ring_copy *copy);

/* Sorts events by time; events of the same time stay in the order of their claims. */
void ring_sort(struct segment_event *events, uint64_t count);

#endif
