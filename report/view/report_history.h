/* SPDX-License-Identifier: MIT */
#ifndef MEMSHIM_VIEW_REPORT_HISTORY_H
#define MEMSHIM_VIEW_REPORT_HISTORY_H

#include "report/view/report.h"

/* What happened to one segment, line by line: who made, held, changed and removed it, and when. */
void report_history(struct out *out, const struct model *model,
		    const struct model_segment *segment, bool exact);

#endif
