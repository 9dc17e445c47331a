/* SPDX-License-Identifier: MIT */
/* Processes and the segments that they attach, for graphviz, for mermaid, and as JSON. */
#ifndef MEMSHIM_VIEW_GRAPH_FORMATS_H
#define MEMSHIM_VIEW_GRAPH_FORMATS_H

#include "report/model/graph.h"
#include "report/view/out.h"

void graph_dot(struct out *out, const struct graph *graph, const struct model *model);
void graph_mermaid(struct out *out, const struct graph *graph, const struct model *model);
void graph_json(struct out *out, const struct graph *graph, const struct model *model);

#endif
