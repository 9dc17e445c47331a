/* SPDX-License-Identifier: MIT */
/* The IPC table as text: keys and ids of segments, queues and semaphores. */
#ifndef MEMSHIM_VIEW_IPCS_TEXT_H
#define MEMSHIM_VIEW_IPCS_TEXT_H

#include "report/model/ipc.h"
#include "report/view/out.h"

struct ipcs_options {
	const struct filter *filter;
	const char *sort;
	char *const *columns;
	unsigned column_count;
	bool exact, no_headings;
	const char *folder; /* the current folder; null if unknown */
};

/* False after one line when a column is unknown. */
bool ipcs_text(struct out *out, const struct ipc_table *table, const struct ipcs_options *options);

/* "in use", "unused", "orphaned", "marked". */
const char *ipcs_state(const struct ipc_segment *segment);

#endif
