/* SPDX-License-Identifier: MIT */
/* All images of a pid are on one track: they follow each other. */
#include "report/export/perfetto_lives.h"

#include <stdlib.h>

#include "report/export/intern.h"

/* The last image of a pid names the process. */
static void perfetto_put_tracks(struct perfetto *trace, const struct model_process *process)
{
	int32_t pid = perfetto_pid(process);
	uint64_t parent = perfetto_track(TRACK_OF_PROCESS, 0, pid);

	perfetto_process_track(trace, parent, pid, model_program_name(&process->facts),
			       process->facts.cmdline);
	perfetto_counter_track(trace, perfetto_track(TRACK_OF_BREAK, 0, pid), parent, "break");
	perfetto_counter_track(trace, perfetto_track(TRACK_OF_ATTACHED, 0, pid), parent,
			       "attached");
	perfetto_counter_track(trace, perfetto_track(TRACK_OF_ANONYMOUS, 0, pid), parent,
			       "anonymous");
	perfetto_open_track(trace, perfetto_track(TRACK_OF_IMAGES, 0, pid), parent, "programs");
	perfetto_close_track(trace);
}

static void perfetto_annotate_end(struct perfetto *trace, const struct process_facts *facts)
{
	if (facts->state == STATE_EXITED && facts->exit_status >= 0)
		perfetto_annotate_number(trace, "exit_status", facts->exit_status);
	if (facts->state == STATE_KILLED)
		perfetto_annotate_number(trace, "signal", facts->exit_signal);
}

/* All processes of a trace. */
struct lives {
	struct perfetto *trace;
	const struct model *model;
	const struct filter *filter;
	uint64_t *end_ns; /* of images, by instance; UINT64_MAX: it goes on */
};

/* The process that forked this one, if the trace has both. */
static const struct model_process *lives_parent(const struct lives *lives,
						const struct process_facts *facts)
{
	const struct model_process *parent = model_process(lives->model, facts->parent_instance);

	return facts->forked && parent && parent->facts.instance != facts->instance &&
			       filter_process(lives->filter, parent)
		       ? parent
		       : NULL;
}

static void lives_put_fork(struct perfetto *trace, const struct model_process *parent,
			   const struct process_facts *child)
{
	perfetto_open_event(trace, EVENT_INSTANT,
			    perfetto_track(TRACK_OF_IMAGES, 0, perfetto_pid(parent)),
			    child->start_ns, "fork");
	perfetto_annotate_number(trace, "child", child->pid);
	perfetto_flow(trace, perfetto_flow_number(FLOW_OF_FORK, child->instance), false);
	perfetto_close_event(trace);
}

static void lives_put_image(const struct lives *lives, const struct model_process *process)
{
	const struct process_facts *facts = &process->facts;
	const struct model_process *parent = lives_parent(lives, facts);
	uint64_t track = perfetto_track(TRACK_OF_IMAGES, 0, perfetto_pid(process));
	struct perfetto *trace = lives->trace;

	if (parent)
		lives_put_fork(trace, parent, facts);
	perfetto_open_event(trace, EVENT_BEGIN, track, facts->start_ns, model_program_name(facts));
	perfetto_annotate(trace, "program", facts->exe);
	perfetto_annotate(trace, "command", facts->cmdline);
	perfetto_annotate_number(trace, "pid", facts->pid);
	perfetto_annotate_number(trace, "uid", facts->uid);
	perfetto_annotate_end(trace, facts);
	if (parent)
		perfetto_flow(trace, perfetto_flow_number(FLOW_OF_FORK, facts->instance), true);
	perfetto_close_event(trace);
	if (lives->end_ns[facts->instance] == UINT64_MAX)
		return;
	perfetto_open_event(trace, EVENT_END, track, lives->end_ns[facts->instance], NULL);
	perfetto_close_event(trace);
}

static void lives_put_anonymous(struct perfetto *trace, const struct model_process *process)
{
	const struct usage_facts *usage = &process->identity.usage;
	uint64_t track = perfetto_track(TRACK_OF_ANONYMOUS, 0, perfetto_pid(process));

	if (usage->samples && usage->anonymous_peak_ns < usage->sampled_ns)
		perfetto_put_counter(trace, track, usage->anonymous_peak_ns,
				     usage->anonymous_peak_bytes);
	if (usage->samples)
		perfetto_put_counter(trace, track, usage->sampled_ns, usage->anonymous_bytes);
}

/* The break at the start; nothing is left at the end. The moves between come with the events. */
static void lives_put_counters(const struct lives *lives, const struct model_process *process)
{
	const struct process_facts *facts = &process->facts;
	int32_t pid = perfetto_pid(process);
	uint64_t end_ns = lives->end_ns[facts->instance], before = 0;
	uint64_t track = perfetto_track(TRACK_OF_BREAK, 0, pid);

	if (facts->break_at_start > facts->break_initial)
		before = facts->break_at_start - facts->break_initial;
	perfetto_put_counter(lives->trace, track, facts->start_ns, before);
	lives_put_anonymous(lives->trace, process);
	if (end_ns == UINT64_MAX)
		return;
	perfetto_put_counter(lives->trace, track, end_ns, 0);
	if (process->attached_peak_bytes)
		perfetto_put_counter(lives->trace, perfetto_track(TRACK_OF_ATTACHED, 0, pid),
				     end_ns, 0);
}

static const struct model_process *lives_process(const struct lives *lives, uint32_t instance)
{
	const struct model_process *process = model_process(lives->model, instance);

	return process && filter_process(lives->filter, process) ? process : NULL;
}

/*
 * Describes the tracks of each pid once, and sets when each image ended: at the latest when the
 * next image of its pid began, though the recorder may have seen its end later.
 */
static bool lives_begin(struct lives *lives)
{
	struct intern pids = {0};
	uint64_t *next_ns = calloc((size_t)lives->model->processes.instance_capacity + 1,
				   sizeof *next_ns);
	bool is_new, whole;

	for (uint32_t i = lives->model->processes.instance_capacity; next_ns && i-- > 1;) {
		const struct model_process *process = lives_process(lives, i);
		int32_t pid = process ? perfetto_pid(process) : 0;
		uint64_t end_ns = process && process->facts.ended ? process->facts.end_ns
								  : UINT64_MAX;
		uint64_t id = process ? intern_key(&pids, &pid, sizeof pid, &is_new) : 0;

		if (!id)
			continue;
		if (is_new)
			perfetto_put_tracks(lives->trace, process);
		lives->end_ns[i] = !is_new && next_ns[id] < end_ns ? next_ns[id] : end_ns;
		next_ns[id] = process->facts.start_ns;
	}
	whole = next_ns && !pids.no_memory;
	free(next_ns);
	intern_free(&pids);
	return whole;
}

bool perfetto_put_processes(struct perfetto *trace, const struct model *model,
			    const struct filter *filter)
{
	struct lives lives = {trace, model, filter, NULL};
	bool whole;

	lives.end_ns = calloc((size_t)model->processes.instance_capacity + 1, sizeof *lives.end_ns);
	whole = lives.end_ns && lives_begin(&lives);
	for (uint32_t i = 1; whole && i < model->processes.instance_capacity; i++) {
		const struct model_process *process = lives_process(&lives, i);

		if (!process)
			continue;
		lives_put_image(&lives, process);
		lives_put_counters(&lives, process);
	}
	free(lives.end_ns);
	return whole;
}
