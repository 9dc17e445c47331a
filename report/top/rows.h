/* SPDX-License-Identifier: MIT */
/* The rows of the lists, and what is in their cells. */
#ifndef MEMSHIM_TOP_ROWS_H
#define MEMSHIM_TOP_ROWS_H

#include "report/model/filter.h"
#include "report/session/live_session.h"
#include "report/top/list.h"
#include "report/view/sites.h"

enum top_view {
#define VIEW(id, name, title) VIEW_##id,
#include "report/top/views.def"
#undef VIEW
	VIEW_COUNT
};

/* A segment, and who has it attached, in words. */
struct rows_segment {
	const struct model_segment *segment;
	unsigned holder_count;
	char held[128];
};

/* What the cells are made of; belongs to the rows until they are gathered again. */
struct rows {
	struct live *live;
	const struct filter *filter;
	bool exact, utf8;
	struct site_group *sites;
	struct rows_segment *segments;
	uint32_t site_count;
};

/* Empty lists, each in its usual order. */
void rows_lists(struct list lists[VIEW_COUNT], struct rows *rows);
void rows_free(struct rows *rows);

/* Gathers what a view shows now; feed->now must be there. False without memory. */
bool rows_gather(struct rows *rows, enum top_view view, struct list *list, unsigned columns);

/* An event's call in words, valid until the next one. */
const char *rows_event_line(const struct rows *rows, const struct event *event);

#endif
