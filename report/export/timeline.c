/* SPDX-License-Identifier: MIT */
#include "report/export/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "report/util/array.h"

/* A process starts or ends. */
struct timeline_turn {
	uint64_t time_ns;
	uint32_t instance;
	bool ends;
};

static int timeline_compare(const void *a, const void *b)
{
	const struct timeline_turn *x = a, *y = b;

	return x->time_ns < y->time_ns ? -1 : x->time_ns > y->time_ns;
}

static void timeline_add_turn(struct timeline *timeline, uint64_t time_ns, uint32_t instance,
			      bool ends)
{
	if (!ARRAY_RESERVE(timeline->turns, timeline->turn_capacity, timeline->turn_count + 1)) {
		timeline->no_memory = true;
		return;
	}
	timeline->turns[timeline->turn_count++] = (struct timeline_turn){time_ns, instance, ends};
}

void timeline_begin(struct timeline *timeline, const struct model *model)
{
	timeline->began = true;
	timeline->turn_count = timeline->turn = 0;
	if (timeline->share_capacity)
		memset(timeline->shares, 0, timeline->share_capacity * sizeof *timeline->shares);
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];

		if (!process || !filter_process(timeline->filter, process))
			continue;
		timeline_add_turn(timeline, process->facts.start_ns, i, false);
		if (process->facts.ended)
			timeline_add_turn(timeline, process->facts.end_ns, i, true);
	}
	if (timeline->turn_count)
		qsort(timeline->turns, timeline->turn_count, sizeof *timeline->turns,
		      timeline_compare);
}

static void timeline_set(struct timeline *timeline, const struct model_process *process,
			 const struct timeline_share *share)
{
	uint32_t instance = process->facts.instance;

	if (!ARRAY_RESERVE_ZEROED(timeline->shares, timeline->share_capacity, instance + 1)) {
		timeline->no_memory = true;
		return;
	}
	timeline->change(timeline->context, process, &timeline->shares[instance], share);
	timeline->shares[instance] = *share;
}

static void timeline_renew(struct timeline *timeline, const struct model_process *process)
{
	const struct process_facts *facts = &process->facts;
	uint64_t end = process->heap ? process->heap->end : facts->break_at_start;
	struct timeline_share share = {true, 0, process->attached_bytes};

	if (end > facts->break_initial)
		share.heap = end - facts->break_initial;
	timeline_set(timeline, process, &share);
}

bool timeline_has_end(const struct timeline *timeline)
{
	return timeline->turn_count && timeline->turns[timeline->turn_count - 1].ends;
}

bool timeline_is_over(const struct timeline *timeline)
{
	return timeline_has_end(timeline) && timeline->turn == timeline->turn_count;
}

void timeline_turn_to(struct timeline *timeline, const struct model *model, uint64_t time_ns)
{
	for (; timeline->turn < timeline->turn_count; timeline->turn++) {
		const struct timeline_turn *turn = &timeline->turns[timeline->turn];
		const struct model_process *process = model_process(model, turn->instance);

		if (turn->time_ns > time_ns)
			break;
		if (timeline->last && turn->ends && timeline->turn + 1 == timeline->turn_count)
			timeline->last(timeline->context, model, turn->time_ns);
		if (process && turn->ends)
			timeline_set(timeline, process, &(struct timeline_share){0});
		else if (process)
			timeline_renew(timeline, process);
	}
}

void timeline_add_event(struct timeline *timeline, const struct model *model,
			const struct event *event)
{
	const struct model_process *process = model_process(model, event->process);

	if (process && event->process < timeline->share_capacity &&
	    timeline->shares[event->process].runs)
		timeline_renew(timeline, process);
}

void timeline_free(struct timeline *timeline)
{
	free(timeline->shares);
	free(timeline->turns);
}
