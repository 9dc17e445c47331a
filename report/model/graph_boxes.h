/* SPDX-License-Identifier: MIT */
/*
 * Segments that the same processes hold in the same way are one box of the drawing: 500 leaked
 * segments of one program are one picture, not 500.
 */
#ifndef MEMSHIM_MODEL_GRAPH_BOXES_H
#define MEMSHIM_MODEL_GRAPH_BOXES_H

#include "report/model/graph.h"

/* After graph_draw: fills graph->boxes. `each`: one for each segment. */
void graph_boxes_make(struct graph *graph, bool each);
/* graph_free calls it. */
void graph_boxes_free(struct graph *graph);

#endif
