/* SPDX-License-Identifier: MIT */
/* The sections of the report below the findings: processes, segments, call sites, calls. */
#ifndef MEMSHIM_VIEW_REPORT_SECTIONS_H
#define MEMSHIM_VIEW_REPORT_SECTIONS_H

#include "report/view/report_text.h"

void report_sections(struct out *out, const struct model *model,
		     const struct report_options *options);

#endif
