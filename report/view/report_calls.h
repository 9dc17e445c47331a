/* SPDX-License-Identifier: MIT */
/* The calls of the session and their errors, as strace -c counts them. */
#ifndef MEMSHIM_VIEW_REPORT_CALLS_H
#define MEMSHIM_VIEW_REPORT_CALLS_H

#include "report/model/filter.h"
#include "report/view/out.h"

/* Of the processes that pass the filter; nothing when they made no call. */
void report_calls(struct out *out, const struct model *model, const struct filter *filter);

#endif
