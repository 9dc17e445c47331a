/* SPDX-License-Identifier: MIT */
/* The IPC table as text: keys and ids of segments, queues and semaphores. */
#ifndef MEMSHIM_VIEW_IPCS_TEXT_H
#define MEMSHIM_VIEW_IPCS_TEXT_H

#include "report/model/ipc.h"
#include "report/view/out.h"

/* A limit of the kernel, and how much of it is used. */
struct ipcs_limit {
	const char *name; /* "SHMMNI" */
	uint64_t used;
	uint64_t most; /* 0: unknown */
};

#define IPCS_LIMITS 2u /* of a kind of objects */

struct ipcs_options {
	const struct filter *filter;
	const char *sort;
	char *const *columns;
	unsigned column_count;
	bool exact, no_headings;
	struct ipcs_limit limits[OBJECT_KIND_COUNT][IPCS_LIMITS];
	const char *folder; /* the current folder; null if unknown */
};

/* False after one line when a column is unknown. */
bool ipcs_text(struct out *out, const struct ipc_table *table, const struct ipcs_options *options);

/* "in use", "unused", "orphaned", "marked". */
const char *ipcs_state(const struct ipc_segment *segment);

#endif
