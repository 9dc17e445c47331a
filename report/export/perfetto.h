/* SPDX-License-Identifier: MIT */
/*
 * A trace for Perfetto. Each process has a track with the counters break, attached and anonymous,
 * the lives of its images and of its attachments, and its findings. Arrows go from fork to child,
 * and from the creation of a segment to its users. The events are added in a second reading.
 */
#ifndef MEMSHIM_EXPORT_PERFETTO_H
#define MEMSHIM_EXPORT_PERFETTO_H

#include "report/export/perfetto_packet.h"
#include "report/model/filter.h"

/* What the counters of an image show. */
struct perfetto_counters {
	bool known;
	uint64_t heap, attached;
};

struct perfetto_events {
	struct perfetto trace;
	const struct filter *filter;
	struct perfetto_counters *counters; /* by instance */
	uint32_t counter_capacity;
};

/* All but the moves. The call sites are by process, and have names. False without memory. */
bool perfetto_begin(struct perfetto_events *events, struct out *out, const struct model *model,
		    const struct filter *filter);

/* After the model of the second reading has got the event. */
void perfetto_add_event(struct perfetto_events *events, const struct model *model,
			const struct event *event);

/* False without memory. */
bool perfetto_end(struct perfetto_events *events);

#endif
