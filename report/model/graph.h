/* SPDX-License-Identifier: MIT */
/*
 * Processes and the segments that they attach, the semaphore sets and queues that they operate on:
 * one edge for each pair, whatever the number of attachments or operations. Holders outside all
 * sessions are nodes, too. After model_finalize; no input or output.
 */
#ifndef MEMSHIM_MODEL_GRAPH_H
#define MEMSHIM_MODEL_GRAPH_H

#include "report/model/filter.h"

struct graph_edge {
	const struct model_segment *segment;
	const struct model_process *process; /* null: not of the session */
	int32_t pid;
	char name[96];  /* of the program */
	uint64_t bytes; /* the most that it had attached at one time; of a set or queue: operations
			 */
	uint32_t count; /* attachments; 1 if it operated on a set or queue */
	bool waits;     /* for a semaphore, or on a queue, now */
	bool live;      /* one of them exists now */
	bool writes;    /* one of them is not read-only */
	bool inherited; /* all of them were copied by fork */
	bool made;      /* the process created the segment */
};

struct graph_box {
	const struct model_segment **segments; /* in the order in which they were first seen */
	uint32_t segment_count, segment_capacity;
	uint64_t bytes;           /* of all of them */
	struct graph_edge *edges; /* of the first segment; `bytes` are of all of them */
	uint32_t edge_count;
	struct graph_edge **sorted; /* these edges by process */
	uint64_t hash;
};

struct graph {
	struct graph_edge *edges; /* by segment, in the order the segments were first seen */
	uint32_t edge_count, edge_capacity;
	struct graph_box *boxes; /* in the order of their first segments */
	uint32_t box_count, box_capacity;
	bool no_memory;
};

/* Fills an empty graph. */
void graph_draw(struct graph *graph, const struct model *model, const struct filter *filter);
void graph_free(struct graph *graph);

#endif
