/* SPDX-License-Identifier: MIT */
/* Call sites: who moved the break, and who shared memory. */
#ifndef MEMSHIM_VIEW_SITES_H
#define MEMSHIM_VIEW_SITES_H

#include "report/view/json.h"
#include "report/view/report.h"
#include "report/view/table.h"

extern const struct table_column report_site_columns[];

/* Sites of one call that are one function's, whichever way it was reached. */
struct site_group {
	struct model_site site; /* the first one, with the sums of all */
	uint32_t stack_count;
	char where[224];
};

/* A malloc'd array, most bytes first; null without memory. */
struct site_group *sites_group(const struct model *model, const struct filter *filter,
			       uint32_t *count);

/* A cell of the table; rows are struct site_group, context is struct report_context. */
void report_site_cell(const void *row, unsigned column, struct cell *cell, const void *context);

/* The sites in the order that matters: most bytes first. A malloc'd array, null without memory. */
const struct model_site **sites_sorted(const struct model *model);

/* The member "sites" of the report. */
void sites_json(struct json *json, const struct model *model, const struct filter *filter);

/* In short, whose call a stack is: "function (module)" of the frame that wanted memory. */
const char *sites_where(const struct model *model, uint32_t instance, uint32_t stack, char *text,
			size_t bytes);

/* Once: files whose addresses could not be named, and what would help; `all`, or the worst few. */
void sites_nameless(struct out *out, const struct model *model, bool all);

#endif
