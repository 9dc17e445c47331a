/* SPDX-License-Identifier: MIT */
/*
 * Whose growth a heap consists of. The break is last in, first out: a shrink gives back the newest
 * growth. So the heap of an image is a stack of pieces, each with the call site that added it:
 *
 *    base            end          end     end = break      highest
 *     |-- site 3 -----|- unknown --|- site 7 -|- gone: 2, 7 --|
 *
 * A child of fork inherits the pieces of its parent; exec drops them. A piece is unknown where the
 * log has no event of the move, or the event no call stack. `gone` has what the heap had at its
 * peak and gave back later.
 */
#ifndef MEMSHIM_MODEL_HEAP_H
#define MEMSHIM_MODEL_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include "report/model/growth.h"

struct event;
struct model;
struct model_process;

#define HEAP_SITE_UNKNOWN 0u
#define HEAP_SITE_HIDDEN UINT32_MAX /* a site that the filter left out */

struct heap_piece {
	uint64_t end;  /* it begins at the end of the piece below, the lowest one at `base` */
	uint32_t site; /* index + 1; or HEAP_SITE_... */
	bool inherited;
};

/* Pieces, the lowest first. */
struct heap_pieces {
	struct heap_piece *rows;
	uint32_t count, capacity;
};

struct heap {
	bool dropped;       /* by exec: nothing is left */
	uint64_t base, end; /* end: the break */
	struct heap_pieces now;
	uint64_t highest;        /* the break at the peak */
	uint64_t common;         /* below it, the heap is as it was at the peak */
	struct heap_pieces gone; /* of the peak, from `common` to `highest`, the highest first */
	struct growth growth;
};

/* A successful move of the process's break by the site (index + 1, or HEAP_SITE_...). */
void heap_add_event(struct model *model, struct model_process *process, const struct event *event,
		    uint32_t site);

/* The process was forked: it inherits the heap of its parent. */
void heap_fork(struct model *model, struct model_process *child, const struct event *event);

/* What is left of the heap is gone. What it had at its peak stays known. */
void heap_drop(struct model_process *process);

void heap_free(struct heap *heap);

/* Visits the image's own growth above the address `from` that is still there, by site. */
typedef void heap_visit(void *context, uint32_t site, uint64_t bytes);
void heap_visit_own(const struct heap *heap, uint64_t from, heap_visit *visit, void *context);

/* Adds to each site what it keeps, and what it had at the peak of each image. */
void heaps_finalize(struct model *model);

#endif
