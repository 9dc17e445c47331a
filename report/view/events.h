/* SPDX-License-Identifier: MIT */
/* An event as the views get it: see events_text.h, events_json.h and events_csv.h. */
#ifndef MEMSHIM_VIEW_EVENTS_H
#define MEMSHIM_VIEW_EVENTS_H

#include "report/model/model.h"
#include "report/view/out.h"

/* One event and the model's facts about it; `process` and `segment` may be null. */
struct event_view {
	uint64_t seq;
	const struct event *event;
	const struct model *model;
	const struct model_process *process;
	const struct model_segment *segment;
	/*
	 * Of a call that maps memory: enum mapping_purpose + 1, if the event is the last one that
	 * was added to the model; 0 not known.
	 */
	uint8_t purpose;
};

#endif
