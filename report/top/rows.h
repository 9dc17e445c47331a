/* SPDX-License-Identifier: MIT */
/* The rows of the lists and their cells. */
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

/* A segment and the names of the processes that have it attached. */
struct rows_segment {
	const struct model_segment *segment;
	unsigned holder_count;
	char held[256]; /* three names, of several bytes a letter */
};

/* The data behind the cells; valid until rows_gather is called again. */
struct rows {
	struct live *live;
	const struct filter *filter;
	bool exact, utf8;
	bool frozen; /* the display: the trends still change */
	struct site_group *sites;
	struct rows_segment *segments;
	uint32_t site_count;
};

/* Makes empty lists in their default order. */
void rows_lists(struct list lists[VIEW_COUNT], struct rows *rows);
void rows_free(struct rows *rows);

/*
 * Gathers the rows of one view. live->now must not be null. False without memory.
 */
bool rows_gather(struct rows *rows, enum top_view view, struct list *list, unsigned columns);

/* An event's call as text, valid until the next call of this function. */
const char *rows_event_line(const struct rows *rows, const struct event *event);

#endif
