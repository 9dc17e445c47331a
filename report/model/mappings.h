/* SPDX-License-Identifier: MIT */
/*
 * Whose anonymous mappings an image has. The log's mmap, munmap, mremap and mprotect calls are
 * replayed into pieces of its address space, which do not overlap and are in order:
 *
 *     |-- site 3, block --|   |- no access, arena -|- site 7, arena -|
 *
 * Bytes are taken when they become accessible: by an mmap with access, or by an mprotect of a
 * reservation, as malloc makes of a heap of an arena. They are given back when they are unmapped or
 * lose access, and that is charged to the site that took them. A child of fork inherits the pieces
 * of its parent, and exec drops them.
 *
 * mremap has its time after the call. If another thread maps the range that it left before that,
 * the range is taken from the mremap's piece too early. The sums are right after the mremap.
 */
#ifndef MEMSHIM_MODEL_MAPPINGS_H
#define MEMSHIM_MODEL_MAPPINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "report/model/growth.h"
#include "report/reader/event.h"

struct model;
struct model_process;

struct mapping_piece {
	uint64_t begin, end;
	uint32_t site;   /* that took it: index + 1; or HEAP_SITE_... */
	uint8_t purpose; /* enum mapping_purpose */
	bool accessible;
	bool inherited; /* by fork */
};

/* Of one purpose in one image. */
struct mapping_sums {
	uint64_t mmaps;                         /* successful calls */
	uint64_t taken_bytes, given_back_bytes; /* of its own, not inherited */
	uint64_t own_peak_bytes;                /* the most of those at one time */
	uint64_t now_bytes, peak_bytes;         /* accessible, inherited too */
	uint64_t reserved_bytes;                /* not accessible now */
};

/* What it has taken and not given back. */
static inline uint64_t mapping_own_bytes(const struct mapping_sums *sums)
{
	return sums->taken_bytes - sums->given_back_bytes;
}

struct mappings {
	bool dropped; /* by exec */
	uint8_t last; /* enum mapping_purpose + 1: what the last call was about; 0: not known */
	struct mapping_piece *rows;
	uint32_t count, capacity;
	struct mapping_sums sums[MAPPED_COUNT];
	uint64_t now_bytes, peak_bytes; /* of all purposes */
	uint64_t blocks_returned;       /* large blocks that were given back */
	uint64_t blocks_returned_bytes;
	uint64_t blocks_again; /* of them, followed by an mmap of about the same size */
	uint64_t last_returned_bytes;
	uint32_t again_stack; /* of the last such mmap */
	struct growth growth; /* of now_bytes */
};

/* A successful call by the site (index + 1, or HEAP_SITE_...). */
void mappings_add_event(struct model *model, struct model_process *process,
			const struct event *event, uint32_t site);

void mappings_fork(struct model *model, struct model_process *child, const struct event *event);
void mappings_drop(struct model_process *process);
void mappings_free(struct mappings *mappings);

/*
 * How many heaps of arenas the image has: each has 64 MiB of address space for itself. `own`:
 * except those of its parent.
 */
uint32_t mappings_arena_heaps(const struct mappings *mappings, bool own);

/* Adds to each site what it keeps of mappings, and the most that it had. After heaps_finalize. */
void mappings_finalize(struct model *model);

#endif
