/* SPDX-License-Identifier: MIT */
/*
 * Adds events, one after the other. There may be millions, so a move of the break must cost little.
 */
#include "report/model/apply_event.h"

#include <errno.h>

#include "report/model/attachments.h"
#include "report/model/explain.h"
#include "report/model/failures.h"
#include "report/model/filter.h"
#include "report/model/findings_segments.h"
#include "report/model/heap.h"
#include "report/model/mappings.h"
#include "report/model/model.h"
#include "report/model/segments.h"
#include "report/model/sites.h"

/*
 * If a move does not begin where the last one ended, another caller moved the break in between. If
 * it begins where the last one began, the two overlapped, in a signal handler.
 */
static inline void apply_move(const struct model *model, struct model_process *process,
			      const struct event *event)
{
	uint64_t before = event->u.brk.before;

	if (before != process->last_after && before != process->last_before)
		process->gaps++;
	process->last_before = before;
	process->last_after = event->u.brk.after;
	process->last_move_ns = event->time_ns;
	spark_add_move(&process->spark, &process->facts, event, model->session.duration_ns);
	if (!(event->flags & FLAG_MALLOC))
		process->direct_stack = event->stack;
	else if (event->u.brk.after < before)
		process->shrink_stack = event->stack;
	if (event->u.brk.after > process->highest) {
		process->highest = event->u.brk.after;
		process->highest_stack = event->stack;
	}
}

/* A placeholder has no slot: its counters are counted from its events. */
static void count_for_placeholder(struct process_facts *facts, const struct event *event)
{
	struct move_facts
		*moves = &facts->moves[event->flags & FLAG_MALLOC ? BY_MALLOC : BY_DIRECT];
	uint64_t before = event->u.brk.before, after = event->u.brk.after;

	if (event->kind >= KIND_CALLS)
		return;
	facts->begun[event->kind]++;
	if (event_failed(event)) {
		facts->failed[event->kind]++;
		return;
	}
	facts->ok[event->kind]++;
	if (event->kind > KIND_SBRK)
		return;
	if (facts->break_initial == 0)
		facts->break_initial = facts->break_at_start = before;
	facts->break_current = after;
	if (after > facts->break_peak)
		facts->break_peak = after;
	moves->grows += after > before;
	moves->shrinks += after < before;
	moves->stills += after == before;
	moves->grown_bytes += after > before ? after - before : 0;
	moves->shrunk_bytes += after < before ? before - after : 0;
}

static void apply_lifecycle(struct model *model, struct model_process *process,
			    const struct event *event)
{
	switch (event->kind) {
	case KIND_FORK:
		attachments_fork(model, process, event);
		heap_fork(model, process, event);
		mappings_fork(model, process, event);
		break;
	case KIND_EXEC:
		attachments_drop_all(model, process, ENDED_BY_EXEC, event->time_ns);
		heap_drop(process);
		mappings_drop(process);
		if (process->facts.placeholder)
			process->facts.state = STATE_EXEC;
		break;
	case KIND_EXIT:
		attachments_drop_all(model, process, ENDED_BY_EXIT, event->time_ns);
		if (process->facts.placeholder) {
			process->facts.state = event->u.life.signal ? STATE_KILLED : STATE_EXITED;
			process->facts.exit_status = event->u.life.status;
			process->facts.exit_signal = event->u.life.signal;
		}
		break;
	default:
		break;
	}
}

/* A site counts all processes with the same stack together. */
static uint32_t apply_site(struct model *model, const struct model_process *process,
			   const struct event *event)
{
	if (model->sites.filter &&
	    !filter_event(model->sites.filter, event, process, model_event_segment(model, event)))
		return HEAP_SITE_HIDDEN;
	return event->stack || model->sites.by_process ? sites_add_event(model, event)
						       : HEAP_SITE_UNKNOWN;
}

static inline void apply_event(struct model *model, const struct event *event)
{
	struct model_process *process = model_process(model, event->process);
	uint32_t site;

	if (!process && !(process = model_make_placeholder(model, event)))
		return;
	model->event_count++;
	model->last_ns = event->time_ns;
	process->event_count++;
	if (process->facts.placeholder)
		count_for_placeholder(&process->facts, event);
	if (event->kind >= KIND_CALLS) {
		apply_lifecycle(model, process, event);
		return;
	}
	process->many_threads |= event->tid != process->facts.pid;
	if (event->flags & FLAG_FAILED && event->kind == KIND_SHMDT && event->detail == EINVAL)
		attachments_miss(model, process, event);
	if (event->flags & FLAG_FAILED && event_is_of_mapping(event) && !event_lacks_memory(event))
		; /* no fault */
	else if (event->flags & FLAG_FAILED)
		findings_note_failure(model, process, event);
	else if (event->kind <= KIND_SBRK)
		apply_move(model, process, event);
	else if (event_is_of_object(event))
		segments_add_event(model, process, event);
	if (event->kind == KIND_SHMAT && !event_failed(event))
		findings_note_attach(process, event);
	site = apply_site(model, process, event);
	if (event->kind <= KIND_SBRK && !event_failed(event))
		heap_add_event(model, process, event, site);
	else if (event_is_of_mapping(event) && !event_failed(event))
		mappings_add_event(model, process, event, site);
}

void model_add_events(struct model *model, const struct event *events, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		apply_event(model, &events[i]);
}
