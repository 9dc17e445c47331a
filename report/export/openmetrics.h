/* SPDX-License-Identifier: MIT */
/*
 * The history of a session in the OpenMetrics text format, with timestamps: `promtool tsdb
 * create-blocks-from openmetrics` makes a block of it for Prometheus. Sums by program.
 */
#ifndef MEMSHIM_EXPORT_OPENMETRICS_H
#define MEMSHIM_EXPORT_OPENMETRICS_H

#include "report/export/intern.h"
#include "report/export/timeline.h"
#include "report/view/out.h"

struct openmetrics {
	struct timeline timeline;
	uint64_t step_ns, next_ns; /* of the samples */
	struct intern names;       /* of programs */
	struct openmetrics_program *programs;
	uint32_t program_count, program_capacity;
	bool no_memory;
};

void openmetrics_begin(struct openmetrics *history, const struct filter *filter);
void openmetrics_free(struct openmetrics *history);

/* After the model has got the event. */
void openmetrics_add_event(struct openmetrics *history, const struct model *model,
			   const struct event *event);

/* After all events. False without memory. */
bool openmetrics_write(struct out *out, struct openmetrics *history, const struct model *model);

#endif
