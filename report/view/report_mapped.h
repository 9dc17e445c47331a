/* SPDX-License-Identifier: MIT */
/* Memory past the break, as `record -a` saw it: on the page, and in JSON. */
#ifndef MEMSHIM_VIEW_REPORT_MAPPED_H
#define MEMSHIM_VIEW_REPORT_MAPPED_H

#include "report/view/json.h"
#include "report/view/report_tables.h"

/* The table of purposes: of all processes that pass the filter together. */
void report_mapped(struct out *out, const struct model *model, const struct filter *filter,
		   bool exact);

/* The member "mapped" of a process: null without `record -a`. */
void report_mapped_json(struct json *json, const struct model_process *process);

#endif
