/* SPDX-License-Identifier: MIT */
/* A break over time, drawn with characters: a small chart in a row, a large one on a page. */
#ifndef MEMSHIM_TOP_CHART_H
#define MEMSHIM_TOP_CHART_H

#include "report/model/trend.h"
#include "report/top/pager.h"

#define CHART_SMALL_COLUMNS 12u

/* `now_ns`: the time at the right edge. A chart of an ended image ends at its exit. */
struct chart {
	const struct trends *trends;
	const struct model_process *process;
	uint64_t now_ns;
	bool utf8;
};

/* One line of CHART_SMALL_COLUMNS columns; "" if the break never moved. */
const char *chart_small(const struct chart *chart, char *text, size_t bytes);

/* Lines with a scale on the left, marks (+ grown, - shrunk) and the time axis below. */
void chart_large(const struct chart *chart, struct pager *pager, unsigned columns, unsigned lines);

#endif
