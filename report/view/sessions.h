/* SPDX-License-Identifier: MIT */
/* The list of sessions, as text or JSON. */
#ifndef MEMSHIM_VIEW_SESSIONS_H
#define MEMSHIM_VIEW_SESSIONS_H

#include <limits.h>

#include "report/model/model.h"
#include "report/view/table.h"

struct session_row {
	struct session_facts facts;
	uint64_t process_count, event_count, bytes;
	char path[PATH_MAX];
};

/* Rows are struct session_row; `context` null: sizes are rounded. */
extern const struct table_column sessions_columns[];
void sessions_cell(const void *row, unsigned column, struct cell *cell, const void *context);

struct sessions_options {
	const char *sort;
	char *const *columns;
	unsigned column_count;
	bool no_headings, exact;
};

/* False after a message if a column is unknown. */
bool sessions_text(struct out *out, const struct session_row *const *rows, unsigned count,
		   const struct sessions_options *options);

void sessions_json(struct out *out, const struct session_row *const *rows, unsigned count);

#endif
