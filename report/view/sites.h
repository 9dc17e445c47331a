/* SPDX-License-Identifier: MIT */
/* Call sites: the functions that moved the break, or created or attached segments. */
#ifndef MEMSHIM_VIEW_SITES_H
#define MEMSHIM_VIEW_SITES_H

#include "report/model/filter.h"
#include "report/view/json.h"
#include "report/view/out.h"
#include "report/view/table.h"

extern const struct table_column report_site_columns[];

/* The sites of one call in one function, over all paths to it. */
struct site_group {
	struct model_site site; /* the first site, with the sums of all */
	uint32_t stack_count;
	char where[224];
};

/* A malloc'd array, who keeps most first; null without memory. */
struct site_group *sites_group(const struct model *model, const struct filter *filter,
			       uint32_t *count);

/* A cell of the table; rows are struct site_group, context is struct report_context. */
void report_site_cell(const void *row, unsigned column, struct cell *cell, const void *context);

/* All sites, who keeps most first: a malloc'd array; null without memory. */
const struct model_site **sites_sorted(const struct model *model);

/* One line about growth whose call site is not known; nothing when there is none. */
void sites_put_unknown(struct out *out, const struct model *model);

/* The members "sites" and "sites_unknown" of report --json. */
void sites_json(struct json *json, const struct model *model, const struct filter *filter);

/* "function (module)": the innermost frame that is not an allocator's. */
const char *sites_where(const struct model *model, uint32_t instance, uint32_t stack, char *text,
			size_t bytes);

/*
 * Lists the files whose functions could not be named, and why. Without `all`, stripped files share
 * one line.
 */
void sites_nameless(struct out *out, const struct model *model, bool all);

#endif
