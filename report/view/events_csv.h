/* SPDX-License-Identifier: MIT */
/* The log as CSV: one row per event. A cell that does not apply is empty. */
#ifndef MEMSHIM_VIEW_EVENTS_CSV_H
#define MEMSHIM_VIEW_EVENTS_CSV_H

#include "report/view/events.h"

enum event_column {
#define EVENT_COLUMN(id, name, meaning) EVENT_COLUMN_##id,
#include "report/view/event_columns.def"
#undef EVENT_COLUMN
	EVENT_COLUMN_COUNT
};

void events_csv_heading(struct out *out, const enum event_column *columns, unsigned count);
void events_csv(struct out *out, const struct event_view *view, const enum event_column *columns,
		unsigned count);

/* The index of a column; -1 when no column has that name. */
int events_column(const char *name);

#endif
