/* SPDX-License-Identifier: MIT */
/* The report as one JSON object. */
#ifndef MEMSHIM_VIEW_REPORT_JSON_H
#define MEMSHIM_VIEW_REPORT_JSON_H

#include "report/model/filter.h"
#include "report/view/out.h"

void report_json(struct out *out, const struct model *model, const struct filter *filter,
		 const char *version);

#endif
