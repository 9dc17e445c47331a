/* SPDX-License-Identifier: MIT */
#ifndef MEMSHIM_VIEW_REPORT_HISTORY_H
#define MEMSHIM_VIEW_REPORT_HISTORY_H

#include "report/model/filter.h"
#include "report/view/out.h"

/* The history of one segment: each creation, attach, detach, change and removal, by time. */
void report_history(struct out *out, const struct model *model, const struct model_segment *segment,
		    bool exact);

#endif
