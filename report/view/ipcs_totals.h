/* SPDX-License-Identifier: MIT */
/* What stands beside the title of a table of the IPC table: totals, and the kernel's limits. */
#ifndef MEMSHIM_VIEW_IPCS_TOTALS_H
#define MEMSHIM_VIEW_IPCS_TOTALS_H

#include "report/view/ipcs_text.h"

/* ", 1.1M, 6 orphaned": `rows` are struct ipc_segment. */
void ipcs_totals_segments(struct out *out, const void *const *rows, unsigned count);

/* "; SEMMNI 12 of 32000; SEMMNS 40 of 1024000000". A limit that is none is left out. */
void ipcs_totals_limits(struct out *out, const struct ipcs_limit limits[IPCS_LIMITS]);

#endif
