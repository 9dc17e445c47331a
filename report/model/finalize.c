/* SPDX-License-Identifier: MIT */
/* Conclusions that need all events: totals, calls in flight, and the state of each segment. */
#include "report/model/finalize.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>

#include "report/model/attachments.h"
#include "report/model/explain.h"
#include "report/model/family.h"
#include "report/model/findings.h"
#include "report/model/findings_removals.h"
#include "report/model/heap.h"
#include "report/model/holders.h"
#include "report/model/mappings.h"
#include "report/model/model.h"
#include "report/model/objects.h"
#include "report/model/verdicts.h"
#include "report/util/path.h"

#define COMPARISONS_MOST \
	(1u << 28)          /* unfollowed processes times images: a file may claim any number */
#define SHM_DEST_BIT 01000u /* the kernel's mark for removal, in the mode */

/*
 * Calls that began and did not return. A query, which moves nothing, is done, too. Those of semop,
 * msgsnd and msgrcv stand in the table of waiting calls, and their log is not incomplete.
 */
static uint64_t in_flight(const struct process_facts *facts)
{
	uint64_t begun = 0, done = facts->queries;

	if (facts->state == STATE_RUNNING || facts->placeholder)
		return 0;
	for (int call = 0; call < KIND_CALLS; call++) {
		if (call >= KIND_SEMOP && call <= KIND_MSGRCV)
			continue;
		begun += facts->begun[call];
		done += facts->ok[call] + facts->failed[call];
	}
	return begun > done ? begun - done : 0;
}

static void process_finalize(struct model *model, struct model_process *process)
{
	const struct process_facts *facts = &process->facts;

	for (int loss = 0; loss < LOST_COUNT; loss++)
		if (facts->lost[loss])
			model_add_loss(model, (enum loss)loss, facts->lost[loss]);
	for (uint32_t i = 0; facts->ran_at_end && i < process->attached_count; i++)
		process->attached[i].segment->held_at_end++;
	if (facts->state != STATE_RUNNING)
		attachments_drop_all(model, process,
				     facts->state == STATE_EXEC ? ENDED_BY_EXEC : ENDED_BY_EXIT,
				     facts->ended ? facts->end_ns : model->last_ns);
	model->losses.in_flight += in_flight(facts);
	if (facts->ended && facts->end_ns > model->last_ns)
		model->last_ns = facts->end_ns;
	if (!facts->placeholder && (enum coverage)facts->coverage < model->losses.level)
		model->losses.level = (enum coverage)facts->coverage;
}

#define COMM_LENGTH 15 /* TASK_COMM_LEN - 1: proc(5), /proc/PID/comm */

/* Whether the last program of this process has registered after all. */
static bool is_that_process(const struct process_facts *image, const struct unfollowed_facts *w)
{
	return !image->placeholder && image->state != STATE_EXEC &&
	       model_recorders_pid(image) == w->pid &&
	       strncmp(image->exe, w->exe, sizeof image->exe - 1) == 0;
}

/*
 * Whether it may be that process: the image's pid in the recorder's namespace is not known, and it
 * ran the same program. Without /proc only the program's name is known.
 */
static bool may_be_that_process(const struct process_facts *image, const struct unfollowed_facts *w)
{
	if (image->placeholder || image->forked || model_recorders_pid(image) != 0)
		return false;
	if (image->exe[0])
		return strncmp(image->exe, w->exe, sizeof image->exe - 1) == 0;
	return image->comm[0] && strncmp(image->comm, path_base_name(w->exe), COMM_LENGTH) == 0;
}

/* An image whose pid is not known refutes one suspicion only. */
static bool is_refuted(const struct model *model, const struct unfollowed_facts *w)
{
	struct model_process *possible = NULL;

	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		struct model_process *process = model->processes.by_instance[i];

		if (process && is_that_process(&process->facts, w))
			return true;
		if (process && !possible && !process->refuted &&
		    may_be_that_process(&process->facts, w))
			possible = process;
	}
	if (possible)
		possible->refuted = true;
	return possible != NULL;
}

/* Removes what the recorder only suspected, where the process registered later. */
static void drop_refuted(struct model *model)
{
	uint32_t kept = 0;

	if ((uint64_t)model->processes.unfollowed_count * model->processes.instance_capacity >
	    COMPARISONS_MOST)
		return;
	for (uint32_t i = 0; i < model->processes.unfollowed_count; i++)
		if (!model->processes.unfollowed[i].suspected ||
		    !is_refuted(model, &model->processes.unfollowed[i]))
			model->processes.unfollowed[kept++] = model->processes.unfollowed[i];
	model->processes.unfollowed_count = kept;
}

/*
 * A lost row (the table was full, or its slot was reused) matters only if the log has gaps. A
 * complete log has every call that the row would show.
 */
static void forgive_rows(struct model *model)
{
	static const enum loss gaps[] = {LOST_OVERWRITTEN, LOST_TORN,    LOST_NO_SPACE,
					 LOST_NESTED,      LOST_NO_SLOT, LOST_DAMAGED};
	static const enum loss rows[] = {LOST_SLOT_REUSED, LOST_ATTACHMENTS_FULL, LOST_LEDGER_FULL};

	for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++)
		if (model->losses.lost[gaps[i]])
			return;
	for (size_t i = 0; i < sizeof rows / sizeof *rows && !model->losses.missed; i++)
		model->losses.lost[rows[i]] = 0;
}

/*
 * Adds the recorder's break checks: breaks that differed from the kernel's while the processes ran.
 */
static void recall_break_checks(struct model *model)
{
	for (uint32_t i = 0; i < model->kernel.snapshot_count; i++) {
		const struct snapshot_facts *snapshot = &model->kernel.snapshots[i];
		struct model_process *process = model_process(model, snapshot->instance);

		if (process && snapshot->error == 0 && snapshot->call <= KIND_SBRK)
			process->break_differs = true;
	}
}

/*
 * A gap in the moves proves an unseen move only if the log is complete and one thread made all
 * moves. A break that differs from the kernel's always proves one.
 */
static void count_unseen_moves(struct model *model)
{
	bool complete = model_lost(model) == 0 && model->losses.missed == 0;

	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		struct model_process *process = model->processes.by_instance[i];
		bool sure;

		if (!process)
			continue;
		sure = !process->facts.placeholder && process->facts.coverage == COVERED_FULL;
		if (!sure || !complete || process->many_threads)
			process->gaps = 0;
		if (sure && !process->gaps && process->break_differs)
			process->gaps = 1;
		model->losses.unseen_moves += process->gaps;
	}
}

/* The attachments that the session's processes had when the session ended, or have now. */
static uint64_t finalize_held(const struct model *model, const struct model_segment *segment)
{
	return model->session.finished ? segment->held_at_end : segment->now;
}

static enum model_segment_state finalize_state_of(const struct model *model,
						  const struct model_segment *segment)
{
	if (!segment->kernel_asked) {
		if (!segment->removed)
			return SEGMENT_PRESENT;
		return finalize_held(model, segment) ? SEGMENT_MARKED : SEGMENT_DESTROYED;
	}
	if (!segment->in_kernel)
		return segment->removed ? SEGMENT_DESTROYED : SEGMENT_VANISHED;
	return segment->kernel.mode & SHM_DEST_BIT ? SEGMENT_MARKED : SEGMENT_PRESENT;
}

/* Sets and queues are not attached: who used them counts, see family.c. */
static uint64_t finalize_attached(const struct model_segment *segment,
				  const struct kernel_segment *row)
{
	return segment->kind == SHARED_MEMORY ? row->nattch : 0;
}

/*
 * Whether the segment exists and no process has it attached. Not for a segment of another IPC
 * namespace, which may have ended with that namespace, and not if the session's segment is gone:
 * then it is not known which processes run. For a recorded session, the recorder's row decides.
 */
static bool is_unused(const struct model *model, const struct model_segment *segment)
{
	return !model->session.segment_missing && segment->created != CREATED_NOT &&
	       segment->state == SEGMENT_PRESENT && !segment->space && !segment->elsewhere &&
	       finalize_held(model, segment) == 0 &&
	       (segment->in_kernel ? finalize_attached(segment, &segment->kernel) == 0
				   : !model->session.objects_known);
}

/* The same, by what is known now. */
static bool is_unused_now(const struct model *model, const struct model_segment *segment)
{
	if (!model->session.finished)
		return is_unused(model, segment) && segment->presence != PRESENCE_REMOVED;
	return segment->presence == PRESENCE_HERE && segment->created != CREATED_NOT &&
	       !(segment->current.mode & SHM_DEST_BIT) && segment->now == 0 &&
	       finalize_attached(segment, &segment->current) == 0;
}

/*
 * Whether all users have ended and only relatives of the creator run. That there were no other
 * users is certain only if the log is complete.
 */
static bool finalize_is_orphaned(const struct model *model, const struct model_segment *segment)
{
	const struct model_family *family = &segment->family;

	return segment->created == CREATED_SURELY && family->doubt == DOUBT_NONE &&
	       family->creator.still == STILL_ENDED && family->relatives.still == STILL_RUNS &&
	       family->users.still == STILL_ENDED && model_lost(model) == 0 &&
	       model->losses.missed == 0;
}

static void segment_finalize(struct model *model, struct model_segment *segment,
			     const struct families *at_end, const struct families *now)
{
	bool unused;

	verdict_learn_row(model, segment);
	segment->state = finalize_state_of(model, segment);
	families_judge(at_end, segment);
	unused = is_unused(model, segment);
	segment->leaked = unused && family_has_ended(&segment->family);
	segment->orphaned = unused && finalize_is_orphaned(model, segment);
	verdict_learn_presence(model, segment);
	families_judge(now, segment);
	unused = is_unused_now(model, segment);
	segment->leaked_now = unused && family_has_ended(&segment->family);
	segment->orphaned_now = unused && finalize_is_orphaned(model, segment);
	if (segment->in_kernel && finalize_attached(segment, &segment->kernel) > segment->peak)
		segment->peak = segment->kernel.nattch;
}

static void segments_finalize(struct model *model)
{
	struct families at_end, now;

	families_begin(&at_end, model, model->session.finished);
	families_begin(&now, model, false);
	for (uint32_t i = 0; i < model->segments.count; i++)
		segment_finalize(model, model->segments.rows[i], &at_end, &now);
	for (uint32_t i = 0; i < model->objects.count; i++)
		segment_finalize(model, model->objects.rows[i], &at_end, &now);
	families_end(&at_end);
	families_end(&now);
}

void model_finalize(struct model *model)
{
	model->losses.level = COVERED_FULL;
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++)
		if (model->processes.by_instance[i])
			process_finalize(model, model->processes.by_instance[i]);
	if (model->processes.count == model->processes.placeholder_count)
		model->losses.level = model->processes.count ? COVERED_CALLS : COVERED_NOT;
	forgive_rows(model);
	drop_refuted(model);
	recall_break_checks(model);
	count_unseen_moves(model);
	holders_finalize(model);
	objects_add_users(model);
	segments_finalize(model);
	if (!model->session.finished && model->session.state != SESSION_LIVE)
		model->session.duration_ns = model->last_ns;
	heaps_finalize(model);
	mappings_finalize(model);
	removals_link_keys(model);
	findings_check(model);
}
