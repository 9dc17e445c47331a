/* SPDX-License-Identifier: MIT */
/*
 * Processes and the segments between them: one edge for each pair, however often one has the other
 * attached. Holders that no session follows are nodes too. After model_finalize; no input or
 * output.
 */
#ifndef MEMSHIM_MODEL_GRAPH_H
#define MEMSHIM_MODEL_GRAPH_H

#include "report/model/filter.h"

struct graph_edge {
	const struct model_segment *segment;
	const struct model_process *process; /* null: not of the session */
	int32_t pid;
	char name[96];  /* of the program */
	uint64_t bytes; /* attached at most at once */
	uint32_t count; /* attachments */
	bool live;      /* one of them still is */
	bool writes;    /* one of them is not read-only */
	bool inherited; /* all of them were copied by fork */
	bool made;      /* the process made the segment */
};

struct graph {
	struct graph_edge *edges; /* by segment, in the order the segments were first seen */
	uint32_t edge_count, edge_capacity;
	bool no_memory;
};

/* Fills an empty graph. */
void graph_draw(struct graph *graph, const struct model *model, const struct filter *filter);
void graph_free(struct graph *graph);

#endif
