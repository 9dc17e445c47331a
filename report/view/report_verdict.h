/* SPDX-License-Identifier: MIT */
/* The verdict: the findings that matter in a line each, and what to type next. */
#ifndef MEMSHIM_VIEW_REPORT_VERDICT_H
#define MEMSHIM_VIEW_REPORT_VERDICT_H

#include "report/model/model.h"
#include "report/view/out.h"

/* "1 error, 2 warnings": those of each severity that the views show; `notes`: routine ones too. */
void report_verdict_counts(struct out *out, const struct model *model, bool notes);

/* The lines below that; each begins with `prefix`. */
void report_verdict_lines(struct out *out, const struct model *model, const char *prefix);

/* The verdict of a report. */
void report_verdict(struct out *out, const struct model *model);

#endif
