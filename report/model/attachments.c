/* SPDX-License-Identifier: MIT */
/* Which process has which segment attached where: by calls, by fork, and by the end of an image. */
#include <string.h>
#include <sys/shm.h>

#include "report/model/attachments.h"
#include "report/model/model.h"
#include "report/model/segments.h"

/* More than this is not believed, or not worth the memory. */
#define ATTACHMENTS_MAX (1u << 20)
#define PAST_MAX 10000u
/* Attachments that ended between a fork and the registration of the child. */
#define RECENT_MAX (1u << 16)

/*
 * The time of a shmdt is taken before the call. So a shmdt with an earlier time than the fork may
 * have happened after it, while its thread waited for a CPU.
 */
#define UNDER_WAY_NS 1000000000u

static void keep_recent(struct model *model, const struct model_past *past)
{
	if (model->history.recent_capacity < RECENT_MAX &&
	    !MODEL_RESERVE(model, model->history.recent, model->history.recent_capacity,
			   model->history.recent_count + 1))
		return;
	model->history
		.recent[model->history.recent_count++ % model->history.recent_capacity] = *past;
}

const struct model_past *attachments_recent(const struct model *model, uint64_t back)
{
	if (back >= model->history.recent_count || back >= model->history.recent_capacity)
		return NULL;
	return &model->history.recent[(model->history.recent_count - 1 - back) %
				      model->history.recent_capacity];
}

static void keep_past(struct model *model, const struct model_process *process,
		      const struct model_attachment *attachment, enum model_ending how,
		      uint64_t time_ns)
{
	struct model_past past = {process, *attachment, time_ns, how};

	keep_recent(model, &past);
	if (model->history.past_count >= PAST_MAX ||
	    !MODEL_RESERVE(model, model->history.past, model->history.past_capacity,
			   model->history.past_count + 1)) {
		model->history.past_omitted++;
		return;
	}
	model->history.past[model->history.past_count++] = past;
}

void attachments_drop(struct model *model, struct model_process *process, uint32_t i,
		      enum model_ending how, uint64_t time_ns)
{
	struct model_attachment *attachment = &process->attached[i];

	keep_past(model, process, attachment, how, time_ns);
	attachment->segment->now--;
	process->attached_bytes -= attachment->bytes;
	model->attachment_count--;
	process->attached_count--;
	memmove(attachment, attachment + 1, (process->attached_count - i) * sizeof *attachment);
}

static void raise_peak(struct model_segment *segment, uint32_t now)
{
	if (now > segment->peak)
		segment->peak = now;
}

static void attachment_attach(struct model *model, struct model_process *process,
			      const struct model_attachment *attachment)
{
	struct model_segment *segment = attachment->segment;

	if (model->attachment_count >= ATTACHMENTS_MAX ||
	    !MODEL_RESERVE(model, process->attached, process->attached_capacity,
			   process->attached_count + 1))
		return;
	process->attached[process->attached_count] = *attachment;
	process->attached[process->attached_count++].bytes = segment->size;
	process->attached_bytes += segment->size;
	if (process->attached_bytes > process->attached_peak_bytes)
		process->attached_peak_bytes = process->attached_bytes;
	model->attachment_count++;
	raise_peak(segment, ++segment->now);
	segments_note_user(model, segment, process->facts.instance);
}

/* The latest attachment at an address; -1 when there is none. */
static int find_attachment(const struct model_process *process, uint64_t address)
{
	for (uint32_t i = process->attached_count; i > 0; i--)
		if (process->attached[i - 1].address == address)
			return (int)(i - 1);
	return -1;
}

/*
 * Ends the attachments that begin in the range of a new one: SHM_REMAP replaced them. Without
 * SHM_REMAP the range was free, so munmap had ended them.
 */
static void drop_all_below(struct model *model, struct model_process *process,
			   const struct model_attachment *new, bool remap)
{
	uint64_t size = new->segment->size ? new->segment->size : 1;

	for (uint32_t i = process->attached_count; i > 0; i--)
		if (process->attached[i - 1].address - new->address < size)
			attachments_drop(model, process, i - 1,
					 remap ? ENDED_BY_REMAP : ENDED_UNSEEN, new->since_ns);
}

static void attachments_apply_shmat(struct model *model, struct model_process *process,
				    const struct event *event)
{
	struct model_attachment attachment = {
		.segment = segments_find(model, event->process, event->u.shmat.shmid,
					 event->time_ns),
		.address = event->u.shmat.address,
		.since_ns = event->time_ns,
		.readonly = event->u.shmat.flags & SHM_RDONLY,
	};

	if (!attachment.segment)
		return;
	drop_all_below(model, process, &attachment, event->u.shmat.flags & SHM_REMAP);
	attachment.segment->attaches++;
	attachment_attach(model, process, &attachment);
}

static void attachments_apply_shmdt(struct model *model, struct model_process *process,
				    const struct event *event)
{
	int there = find_attachment(process, event->u.shmdt.address);
	struct model_segment *segment;

	if (there >= 0) {
		process->attached[there].segment->detaches++;
		attachments_drop(model, process, (uint32_t)there, ENDED_BY_SHMDT, event->time_ns);
	} else if (event->flags & FLAG_SHMID_KNOWN) {
		segment = segments_find(model, event->process, event->u.shmdt.shmid,
					event->time_ns);
		if (segment)
			segment->detaches++;
	}
}

void attachments_miss(struct model *model, struct model_process *process, const struct event *event)
{
	int there = find_attachment(process, event->u.shmdt.address);

	if (there >= 0)
		attachments_drop(model, process, (uint32_t)there, ENDED_UNSEEN, event->time_ns);
}

void attachments_add_event(struct model *model, struct model_process *process,
			   const struct event *event)
{
	if (event->kind == KIND_SHMAT)
		attachments_apply_shmat(model, process, event);
	else
		attachments_apply_shmdt(model, process, event);
}

void attachments_drop_all(struct model *model, struct model_process *process, enum model_ending how,
			  uint64_t time_ns)
{
	for (uint32_t i = process->attached_count; i > 0; i--) {
		if (!process->attached[i - 1].inherited && how == ENDED_BY_EXIT) {
			process->held_at_end++;
			process->held_segment = process->attached[i - 1].segment;
		}
		attachments_drop(model, process, i - 1, how, time_ns);
	}
}

/* The child has the attachment since its fork. */
static void attachment_inherit(struct model *model, struct model_process *child,
			       struct model_attachment attachment)
{
	attachment.inherited = true;
	attachment.since_ns = child->facts.start_ns;
	attachment.segment->inherited++;
	attachment_attach(model, child, &attachment);
}

/* Whether the parent had it at `fork_ns`, and lost it before the child registered. */
static bool was_lost_since(const struct model_past *past, uint64_t fork_ns)
{
	return past->attachment.since_ns <= fork_ns && past->until_ns >= fork_ns;
}

static void inherit_lost(struct model *model, struct model_process *child,
			 const struct model_process *parent, uint64_t fork_ns, uint32_t *missing)
{
	const struct model_past *past;

	for (uint64_t i = 0; *missing > 0 && (past = attachments_recent(model, i)); i++) {
		if (past->process != parent || !was_lost_since(past, fork_ns))
			continue;
		attachment_inherit(model, child, past->attachment);
		raise_peak(past->attachment.segment, past->attachment.segment->now + 1);
		--*missing;
	}
}

/*
 * Gives the child what the parent attached before `fork_ns`, and still has; `after`: what it
 * attached later.
 */
static void inherit_kept(struct model *model, struct model_process *child,
			 const struct model_process *parent, uint64_t fork_ns, bool after,
			 uint32_t *missing)
{
	for (uint32_t i = 0; i<parent->attached_count && * missing> 0; i++) {
		if ((parent->attached[i].since_ns > fork_ns) != after)
			continue;
		attachment_inherit(model, child, parent->attached[i]);
		--*missing;
	}
}

/*
 * The time of the fork is not exact: gives the child what the parent detached last, from `since_ns`
 * on.
 */
static void inherit_detached(struct model *model, struct model_process *child,
			     const struct model_process *parent, uint64_t fork_ns,
			     uint64_t since_ns, uint32_t *missing)
{
	const struct model_past *past;

	for (uint64_t i = 0; *missing > 0 && (past = attachments_recent(model, i)); i++) {
		if (past->process != parent || past->how != ENDED_BY_SHMDT ||
		    past->until_ns < since_ns || was_lost_since(past, fork_ns))
			continue;
		attachment_inherit(model, child, past->attachment);
		--*missing;
	}
}

/*
 * The child's start is the time at which libc's fork began. So the child has what the parent had
 * then, except for what other threads changed until the kernel made the copy. For a bare clone(2)
 * only the time of the registration is known. The event has the number of attachments.
 */
void attachments_fork(struct model *model, struct model_process *child, const struct event *event)
{
	const struct model_process *parent = model_process(model, event->u.life.other);
	uint64_t fork_ns = child->facts.start_ns;
	bool sure = fork_ns < event->time_ns && fork_ns > UNDER_WAY_NS;
	uint64_t since_ns = sure ? fork_ns - UNDER_WAY_NS : 0;
	uint32_t missing = event->u.life.inherited;

	if (!parent || parent == child)
		return;
	inherit_kept(model, child, parent, fork_ns, false, &missing);
	inherit_lost(model, child, parent, fork_ns, &missing);
	inherit_kept(model, child, parent, fork_ns, true, &missing);
	inherit_detached(model, child, parent, fork_ns, since_ns, &missing);
}

/* ---- the table, where the log does not tell all ---- */

void model_add_attachment(struct model *model, const struct attachment_facts *facts)
{
	struct model_process *process = model_process(model, facts->instance);
	struct model_attachment attachment = {
		.address = facts->address,
		.since_ns = facts->since_ns,
		.readonly = facts->readonly,
		.inherited = facts->inherited,
	};

	if (!process || process->facts.state != STATE_RUNNING ||
	    find_attachment(process, facts->address) >= 0)
		return;
	attachment.segment = segments_find(model, facts->instance, facts->shmid, facts->since_ns);
	if (attachment.inherited)
		attachment.since_ns = process->facts.start_ns;
	if (attachment.segment)
		attachment_attach(model, process, &attachment);
}
