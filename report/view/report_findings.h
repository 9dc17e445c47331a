/* SPDX-License-Identifier: MIT */
#ifndef MEMSHIM_VIEW_REPORT_FINDINGS_H
#define MEMSHIM_VIEW_REPORT_FINDINGS_H

#include "report/model/filter.h"
#include "report/view/out.h"

/* The report's last section; without `all` a few of each kind stand for the rest. */
void report_findings(struct out *out, const struct model *model, const struct filter *filter,
		     bool all);

#endif
