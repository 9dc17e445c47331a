/* SPDX-License-Identifier: MIT */
/*
 * The index of a recording: one pass over the heads of its chunks. When a head is not valid, the
 * pass counts it as damage and continues at the next valid head.
 */
#ifndef MEMSHIM_READER_CHUNKS_H
#define MEMSHIM_READER_CHUNKS_H

#include "preload/segment/recorded.h"
#include "report/reader/file.h"

struct chunk {
	uint64_t offset;        /* of the payload */
	uint64_t count;         /* records in the file */
	uint64_t payload_bytes; /* uncompressed */
	uint64_t stored_bytes;  /* compressed size; 0: not compressed */
	uint64_t min_clock;
	uint64_t next; /* LOG: as in struct segment_chunk */
	uint32_t kind;
	uint32_t ring;
};

struct chunks {
	struct chunk *table; /* in file order */
	uint64_t count, capacity;
	uint64_t read_to; /* offset up to which the file was read */
	uint64_t event_count;
	uint64_t overwritten, torn;
	uint64_t damaged;                 /* places skipped */
	bool truncated;                   /* the file is shorter than its heads say */
	uint64_t next[SEGMENT_RINGS_MAX]; /* claim number that each ring was drained up to */
	uint64_t open[SEGMENT_RINGS_MAX]; /* claims before `next` that no chunk holds or
					     counts as lost: see unpublished.h */
};

/* Starts with an empty index. */
void chunks_begin(struct chunks *chunks, const struct segment_header *header);
void chunks_free(struct chunks *chunks);

/* Indexes the committed chunks. False without memory. */
bool chunks_update(struct chunks *chunks, const struct file *file);

#endif
