/* SPDX-License-Identifier: MIT */
/*
 * What a fleet asks, in Prometheus' text format 0.0.4 for node_exporter's textfile collector: sums
 * over sessions, by program. No timestamps: the collector drops files that have them.
 */
#ifndef MEMSHIM_EXPORT_METRICS_H
#define MEMSHIM_EXPORT_METRICS_H

#include "report/model/filter.h"
#include "report/view/out.h"

struct metrics;

/* Null without memory. */
struct metrics *metrics_make(void);
void metrics_free(struct metrics *metrics);

void metrics_add_session(struct metrics *metrics, const struct model *model,
			 const struct filter *filter);

/* What is used of a limit of the machine; a limit of 0 is not known. */
void metrics_add_limit(struct metrics *metrics, const char *name, uint64_t used, uint64_t limit);

/* False without memory. */
bool metrics_write(struct out *out, struct metrics *metrics);

#endif
