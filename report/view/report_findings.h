/* SPDX-License-Identifier: MIT */
#ifndef MEMSHIM_VIEW_REPORT_FINDINGS_H
#define MEMSHIM_VIEW_REPORT_FINDINGS_H

#include "report/model/model.h"
#include "report/view/out.h"

/*
 * Without `all`, at most a few findings of each kind; without `notes`, none that is true of many
 * sound programs.
 */
void report_findings(struct out *out, const struct model *model, bool all, bool notes);

#endif
