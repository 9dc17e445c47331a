/* SPDX-License-Identifier: MIT */
/* The log, one line per event: text, JSON Lines or CSV. */
#ifndef MEMSHIM_VIEW_EVENTS_H
#define MEMSHIM_VIEW_EVENTS_H

#include "report/model/model.h"
#include "report/view/out.h"

enum event_column {
#define EVENT_COLUMN(id, name, meaning) EVENT_COLUMN_##id,
#include "report/view/event_columns.def"
#undef EVENT_COLUMN
	EVENT_COLUMN_COUNT
};

/* One event and the model's facts about it; `process` and `segment` may be null. */
struct event_view {
	uint64_t seq;
	const struct event *event;
	const struct model *model;
	const struct model_process *process;
	const struct model_segment *segment;
};

/*
 * `exact`: print numbers of bytes instead of K and M. `stacks`: print the call stack below the
 * line.
 */
void events_text(struct out *out, const struct event_view *view, bool exact, bool stacks);

/* The call or the lifecycle event alone, without time, pid and end of line. */
void events_call(struct out *out, const struct event_view *view, bool exact);

void events_json(struct out *out, const struct event_view *view);

void events_csv_heading(struct out *out, const enum event_column *columns, unsigned count);
void events_csv(struct out *out, const struct event_view *view, const enum event_column *columns,
		unsigned count);

/* A call's arguments as in C, without name and parentheses: "3, NULL, SHM_RDONLY". */
void events_arguments(struct out *out, const struct event *event);

/* The index of a column; -1 when no column has that name. */
int events_column(const char *name);

#endif
