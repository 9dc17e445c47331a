/* SPDX-License-Identifier: MIT */
/*
 * What each running process has, from event to event: how far its break has grown, and the bytes
 * that it has attached. A process begins and ends when the recorder says so, with or without an
 * event.
 */
#ifndef MEMSHIM_EXPORT_TIMELINE_H
#define MEMSHIM_EXPORT_TIMELINE_H

#include "report/model/filter.h"

/* What a process has. */
struct timeline_share {
	bool runs;
	uint64_t heap, attached;
};

struct timeline {
	const struct filter *filter;
	/* A share has changed. */
	void (*change)(void *context, const struct model_process *process,
		       const struct timeline_share *before, const struct timeline_share *now);
	/* Before the last process ends; null: not wanted. */
	void (*last)(void *context, const struct model *model, uint64_t time_ns);
	void *context;
	bool began, no_memory;
	struct timeline_turn *turns; /* starts and ends, by time */
	uint32_t turn_count, turn_capacity, turn;
	struct timeline_share *shares; /* by instance */
	uint32_t share_capacity;
};

/* Starts again with the processes of the model, which has no events yet. */
void timeline_begin(struct timeline *timeline, const struct model *model);

/* Up to this time, before the event of that time is used. */
void timeline_turn_to(struct timeline *timeline, const struct model *model, uint64_t time_ns);

/* After the model has got the event, and after timeline_turn_to. */
void timeline_add_event(struct timeline *timeline, const struct model *model,
			const struct event *event);

/* Whether the last process has ended; whether each has an end. */
bool timeline_is_over(const struct timeline *timeline);
bool timeline_has_end(const struct timeline *timeline);

void timeline_free(struct timeline *timeline);

#endif
