/* SPDX-License-Identifier: MIT */
/* What the user wants to see: the shared options --pid, --exe, -m, -M, --call and -Z. */
#ifndef MEMSHIM_MODEL_FILTER_H
#define MEMSHIM_MODEL_FILTER_H

#include "report/model/model.h"

struct filter {
	int32_t pid;     /* 0: any */
	const char *exe; /* null: any; a path, a program's name or a thread's name */
	bool by_id, by_key;
	enum object_kind kind; /* of `id`; a key may be one of each kind */
	int32_t id;
	uint32_t key;
	uint32_t kinds; /* bit per enum event_kind; 0: any */
	bool failed;
};

/* Whether it asks for less than everything. */
bool filter_is_set(const struct filter *filter);

bool filter_process(const struct filter *filter, const struct model_process *process);
/* Of a segment, a semaphore set or a queue. */
bool filter_segment(const struct filter *filter, const struct model_segment *segment);

/*
 * Whether the finding is about this process, program or segment. A finding without one is about
 * none.
 */
bool filter_finding(const struct filter *filter, const struct model *model,
		    const struct finding *finding);

/* Removes the findings that it does not want. Before findings_group. */
void filter_findings(const struct filter *filter, struct model *model);

/* `process` and `segment` are the event's, or null. After model_add_event. */
bool filter_event(const struct filter *filter, const struct event *event,
		  const struct model_process *process, const struct model_segment *segment);

#endif
