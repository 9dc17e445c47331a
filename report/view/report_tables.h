/* SPDX-License-Identifier: MIT */
/* The cells of the report's two tables. */
#ifndef MEMSHIM_VIEW_REPORT_TABLES_H
#define MEMSHIM_VIEW_REPORT_TABLES_H

#include "report/model/filter.h"
#include "report/view/out.h"
#include "report/view/table.h"

extern const struct table_column report_process_columns[];
extern const struct table_column report_segment_columns[];

/* Rows are struct model_process and struct model_segment. */
struct report_context {
	const struct model *model;
	bool exact;
	bool utf8; /* of the page: names may be shortened by "…" */
};

void report_process_cell(const void *row, unsigned column, struct cell *cell, const void *context);
void report_segment_cell(const void *row, unsigned column, struct cell *cell, const void *context);

/* How important a row is, for struct table's `weigh`: failures, growth, segments. */
uint64_t report_process_weight(const void *row);
uint64_t report_segment_weight(const void *row);

#endif
