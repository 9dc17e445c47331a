/* SPDX-License-Identifier: MIT */
/* Processes and the segments that they attach, P1 ▶ segment ◀ P2, as a drawing. */
#ifndef MEMSHIM_VIEW_GRAPH_TEXT_H
#define MEMSHIM_VIEW_GRAPH_TEXT_H

#include "report/model/graph.h"
#include "report/view/out.h"

void graph_text(struct out *out, const struct graph *graph, const struct model *model);

#endif
