/* SPDX-License-Identifier: MIT */
/* Below the IPC table: which recordings have details of its segments. */
#ifndef MEMSHIM_VIEW_IPCS_FILES_H
#define MEMSHIM_VIEW_IPCS_FILES_H

#include "report/view/out.h"
#include "report/view/table.h"

/* The table's rows are struct ipc_segment; `folder` is the current folder, null if unknown. */
void ipcs_files_text(struct out *out, const struct table *table, const char *folder);

#endif
