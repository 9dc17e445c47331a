/* SPDX-License-Identifier: MIT */
/*
 * Where everything is in a recording: one pass over the heads of its chunks. A head that makes no
 * sense is skipped up to the next one that does, and counted.
 */
#ifndef MEMSHIM_READER_CHUNKS_H
#define MEMSHIM_READER_CHUNKS_H

#include "preload/segment/recorded.h"
#include "report/reader/file.h"

struct chunk {
	uint64_t offset;        /* of the payload */
	uint64_t count;         /* records that are there */
	uint64_t payload_bytes; /* uncompressed */
	uint64_t stored_bytes;  /* compressed; 0: it is not */
	uint64_t min_clock;
	uint64_t next; /* LOG: as in struct segment_chunk */
	uint32_t kind;
	uint32_t part;
};

struct chunks {
	struct chunk *table; /* in file order */
	uint64_t count, capacity;
	uint64_t read_to; /* offset up to which the file was looked at */
	uint64_t event_count;
	uint64_t overwritten, torn;
	uint64_t damaged;                 /* places skipped */
	bool truncated;                   /* the file ends before it should */
	uint64_t next[SEGMENT_PARTS_MAX]; /* claim number that each part was drained up to */
	uint64_t open[SEGMENT_PARTS_MAX]; /* claims before that of which nothing is told: see
					     holes.h */
};

/* Begins with nothing. */
void chunks_begin(struct chunks *chunks, const struct segment_header *header);
void chunks_free(struct chunks *chunks);

/* Takes in what is committed by now. False when there is no memory for it. */
bool chunks_update(struct chunks *chunks, const struct file *file);

#endif
