/* SPDX-License-Identifier: MIT */
#ifndef MEMSHIM_VIEW_REPORT_FINDINGS_H
#define MEMSHIM_VIEW_REPORT_FINDINGS_H

#include "report/model/filter.h"
#include "report/view/out.h"

/* The last section of the report. Without `all`, at most a few findings of each kind. */
void report_findings(struct out *out, const struct model *model, const struct filter *filter,
		     bool all);

#endif
