/* SPDX-License-Identifier: MIT */
/*
 * The segments' story, told again from the events: who named, attached, detached and removed what,
 * and what a fork copied and an end took away.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#include "report/model/inside.h"

/* Past these a file is not believed, or not worth the memory. */
#define ATTACHMENTS_MAX (1u << 20)
#define PAST_MAX 10000u

struct model_segment *model_segment(const struct model *model, int32_t shmid)
{
	struct model_segment *segment;

	HASH_FIND_INT(model->by_shmid, &shmid, segment);
	return segment;
}

const struct model_segment *model_event_segment(const struct model *model,
						const struct event *event)
{
	int32_t shmid;

	return event_shmid(event, &shmid) ? model_segment(model, shmid) : NULL;
}

/* ---- the kernel's rows ---- */

void model_add_kernel_segment(struct model *model, const struct kernel_segment *segment)
{
	struct model_kernel_row *row = calloc(1, sizeof *row);

	model->kernel_known = true;
	if (row) {
		row->segment = *segment;
		HASH_ADD(hh, model->kernel_rows, segment.shmid, sizeof segment->shmid, row);
	}
	if (!row || !row->hh.tbl) {
		model->no_memory = true;
		free(row);
	}
}

static const struct kernel_segment *kernel_row(const struct model *model, int32_t shmid)
{
	struct model_kernel_row *row;

	HASH_FIND(hh, model->kernel_rows, &shmid, sizeof shmid, row);
	return row ? &row->segment : NULL;
}

/* What the recorder saw of a segment that was found. */
static const struct sight_facts *sight_of(const struct model *model, int32_t shmid)
{
	for (uint32_t i = 0; i < model->sight_count; i++)
		if (model->sights[i].error == 0 && model->sights[i].shmid == shmid)
			return &model->sights[i];
	return NULL;
}

/* ---- one segment ---- */

static struct model_segment *make_segment(struct model *model, int32_t shmid, uint64_t time_ns)
{
	struct model_segment *old = model_segment(model, shmid);
	struct model_segment *segment;

	if (!model_grow(model, (void **)&model->segments, &model->segment_room,
			model->segment_count, sizeof *model->segments))
		return NULL;
	segment = calloc(1, sizeof *segment);
	if (!segment) {
		model->no_memory = true;
		return NULL;
	}
	segment->place = model->segment_count;
	segment->shmid = shmid;
	segment->seen_ns = time_ns;
	if (old)
		HASH_DEL(model->by_shmid, old);
	HASH_ADD_INT(model->by_shmid, shmid, segment);
	if (!segment->hh.tbl) {
		model->no_memory = true;
		free(segment);
		return NULL;
	}
	model->segments[model->segment_count++] = segment;
	return segment;
}

static struct model_segment *find_or_make(struct model *model, int32_t shmid, uint64_t time_ns)
{
	struct model_segment *segment = model_segment(model, shmid);
	const struct sight_facts *sight = sight_of(model, shmid);
	const struct kernel_segment *row;

	if (segment)
		return segment;
	segment = make_segment(model, shmid, time_ns);
	row = kernel_row(model, shmid);
	if (segment && (row || sight)) { /* it was there before: the kernel knows what it is */
		segment->size = sight ? sight->size : row->size;
		segment->key = sight ? sight->key : row->key;
		segment->key_known = segment->key != 0;
	}
	return segment;
}

static enum model_created created_by(const struct event *event, bool new)
{
	uint32_t flags = event->u.shmget.flags;

	if (event->u.shmget.key == IPC_PRIVATE)
		return CREATED_SURELY;
	if (flags & IPC_CREAT && flags & IPC_EXCL)
		return CREATED_SURELY;
	return flags & IPC_CREAT && new ? CREATED_LIKELY : CREATED_NOT;
}

/* IPC_CREAT made it, or found it: the kernel has its creator. */
static enum model_created created_by_sight(const struct model *model,
					   const struct model_segment *segment,
					   const struct sight_facts *sight)
{
	const struct model_process *maker = model_process(model, segment->maker);

	if (!maker || maker->facts.placeholder || maker->facts.pid_namespace)
		return CREATED_LIKELY;
	return sight->creator_pid == maker->facts.pid ? CREATED_SURELY : CREATED_NOT;
}

static void feed_shmget(struct model *model, const struct event *event)
{
	int32_t shmid = event->u.shmget.shmid;
	struct model_segment *segment = model_segment(model, shmid);
	enum model_created created = created_by(event, !segment || segment->removed);
	bool new = !segment || segment->removed || created == CREATED_SURELY;
	const struct kernel_segment *row;
	const struct sight_facts *sight;

	if (new)
		segment = make_segment(model, shmid, event->time_ns);
	if (!segment)
		return;
	segment->key = (uint32_t)event->u.shmget.key;
	segment->key_known = true;
	if (new) {
		segment->created = created;
		segment->maker = event->process;
		segment->maker_stack = event->stack;
		segment->flags = event->u.shmget.flags;
		segment->flags_known = true;
		segment->size = event->u.shmget.size;
	}
	row = kernel_row(model, shmid);
	sight = sight_of(model, shmid);
	if (new &&created == CREATED_LIKELY && sight)
		segment->created = created = created_by_sight(model, segment, sight);
	if (created != CREATED_SURELY && sight && sight->key == segment->key)
		segment->size = sight->size;
	else if (created != CREATED_SURELY && row && row->key == segment->key)
		segment->size = row->size;
	else if (event->u.shmget.size > segment->size)
		segment->size = event->u.shmget.size;
}

/* ---- attachments ---- */

static void keep_past(struct model *model, const struct model_process *process,
		      const struct model_attachment *attachment, enum model_ending how,
		      uint64_t time_ns)
{
	struct model_past *past;

	if (model->past_count >= PAST_MAX ||
	    !model_grow(model, (void **)&model->past, &model->past_room, model->past_count,
			sizeof *model->past)) {
		model->past_omitted++;
		return;
	}
	past = &model->past[model->past_count++];
	*past = (struct model_past){process, *attachment, time_ns, how};
}

void segments_drop(struct model *model, struct model_process *process, uint32_t i,
		   enum model_ending how, uint64_t time_ns)
{
	struct model_attachment *attachment = &process->attached[i];

	keep_past(model, process, attachment, how, time_ns);
	attachment->segment->now--;
	process->attached_bytes -= attachment->segment->size;
	model->attachment_count--;
	process->attached_count--;
	memmove(attachment, attachment + 1, (process->attached_count - i) * sizeof *attachment);
}

static void attach(struct model *model, struct model_process *process,
		   const struct model_attachment *attachment)
{
	struct model_segment *segment = attachment->segment;

	if (model->attachment_count >= ATTACHMENTS_MAX ||
	    !model_grow(model, (void **)&process->attached, &process->attached_room,
			process->attached_count, sizeof *process->attached))
		return;
	process->attached[process->attached_count++] = *attachment;
	process->attached_bytes += segment->size;
	if (process->attached_bytes > process->attached_peak_bytes)
		process->attached_peak_bytes = process->attached_bytes;
	model->attachment_count++;
	if (++segment->now > segment->peak)
		segment->peak = segment->now;
}

/* The latest attachment at an address; -1 when there is none. */
static int find_attachment(const struct model_process *process, uint64_t address)
{
	for (uint32_t i = process->attached_count; i > 0; i--)
		if (process->attached[i - 1].address == address)
			return (int)(i - 1);
	return -1;
}

/* SHM_REMAP took the place of what began in the new attachment's range. */
static void drop_all_below(struct model *model, struct model_process *process,
			   const struct model_attachment *new)
{
	uint64_t size = new->segment->size ? new->segment->size : 1;

	for (uint32_t i = process->attached_count; i > 0; i--)
		if (process->attached[i - 1].address - new->address < size)
			segments_drop(model, process, i - 1, ENDED_BY_REMAP, new->since_ns);
}

static void feed_shmat(struct model *model, struct model_process *process,
		       const struct event *event)
{
	struct model_attachment attachment = {
		.segment = find_or_make(model, event->u.shmat.shmid, event->time_ns),
		.address = event->u.shmat.address,
		.since_ns = event->time_ns,
		.readonly = event->u.shmat.flags & SHM_RDONLY,
	};

	if (!attachment.segment)
		return;
	if (event->u.shmat.flags & SHM_REMAP)
		drop_all_below(model, process, &attachment);
	attachment.segment->attaches++;
	attach(model, process, &attachment);
}

static void feed_shmdt(struct model *model, struct model_process *process,
		       const struct event *event)
{
	int there = find_attachment(process, event->u.shmdt.address);
	struct model_segment *segment;

	if (there >= 0) {
		process->attached[there].segment->detaches++;
		segments_drop(model, process, (uint32_t)there, ENDED_BY_SHMDT, event->time_ns);
	} else if (event->flags & FLAG_SHMID_KNOWN) {
		segment = find_or_make(model, event->u.shmdt.shmid, event->time_ns);
		if (segment)
			segment->detaches++;
	}
}

static void feed_shmctl(struct model *model, const struct event *event)
{
	struct model_segment *segment;

	if ((event->u.shmctl.command & ~0x100 /* IPC_64 */) != IPC_RMID)
		return;
	segment = find_or_make(model, event->u.shmctl.shmid, event->time_ns);
	if (!segment || segment->removed)
		return;
	segment->removed = true;
	segment->removed_ns = event->time_ns;
	segment->remover = event->process;
	segment->remover_stack = event->stack;
}

void segments_feed(struct model *model, struct model_process *process, const struct event *event)
{
	switch (event->kind) {
	case KIND_SHMGET:
		feed_shmget(model, event);
		break;
	case KIND_SHMAT:
		feed_shmat(model, process, event);
		break;
	case KIND_SHMDT:
		feed_shmdt(model, process, event);
		break;
	case KIND_SHMCTL:
		feed_shmctl(model, event);
		break;
	default:
		break;
	}
}

void segments_drop_all(struct model *model, struct model_process *process, enum model_ending how,
		       uint64_t time_ns)
{
	for (uint32_t i = process->attached_count; i > 0; i--) {
		if (!process->attached[i - 1].inherited && how == ENDED_BY_EXIT) {
			process->held_at_end++;
			process->held_segment = process->attached[i - 1].segment;
		}
		segments_drop(model, process, i - 1, how, time_ns);
	}
}

/* What the parent detached after the fork, but before the child announced itself, is copied too. */
static void copy_just_detached(struct model *model, struct model_process *child,
			       const struct model_process *parent, uint32_t missing)
{
	for (uint32_t i = model->past_count; i > 0 && missing > 0; i--) {
		struct model_past past = model->past[i - 1];

		if (past.process != parent || past.how != ENDED_BY_SHMDT)
			continue;
		past.attachment.inherited = true;
		past.attachment.segment->inherited++;
		attach(model, child, &past.attachment);
		missing--;
	}
}

void segments_fork(struct model *model, struct model_process *child, uint32_t parent,
		   uint32_t inherited)
{
	const struct model_process *from = model_process(model, parent);
	uint32_t count = from && from != child ? from->attached_count : 0;

	if (count > inherited)
		count = inherited; /* the parent went on after the fork: the oldest are the child's
				    */
	for (uint32_t i = 0; i < count; i++) {
		struct model_attachment copy = from->attached[i];

		copy.inherited = true;
		copy.segment->inherited++;
		attach(model, child, &copy);
	}
	if (from && count < inherited)
		copy_just_detached(model, child, from, inherited - count);
}

/* ---- the tables, where the log does not tell all ---- */

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
	attachment.segment = find_or_make(model, facts->shmid, facts->since_ns);
	if (attachment.segment)
		attach(model, process, &attachment);
}

/* The same segment of the replay: of this id, and removed or not as the row is. */
static struct model_segment *segment_of_row(struct model *model, const struct ledger_facts *row)
{
	struct model_segment *latest = model_segment(model, row->shmid);

	if (!latest || latest->seen_ns == row->seen_ns || latest->removed == row->removed)
		return latest;
	for (uint32_t i = 0; i < model->segment_count; i++)
		if (model->segments[i]->shmid == row->shmid &&
		    model->segments[i]->seen_ns == row->seen_ns)
			return model->segments[i];
	return latest->removed ? NULL : latest;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void model_add_ledger(struct model *model, const struct ledger_facts *facts)
{
	struct model_segment *segment = segment_of_row(model, facts);

	if (!segment)
		segment = make_segment(model, facts->shmid, facts->seen_ns);
	if (!segment)
		return;
	if (facts->maker && !segment->flags_known) {
		segment->key = facts->key;
		segment->key_known = segment->flags_known = true;
		segment->flags = facts->flags;
		segment->maker = facts->maker;
		segment->maker_stack = facts->maker_stack;
		segment->created = facts->key == IPC_PRIVATE || (facts->flags & IPC_CREAT &&
								 facts->flags & IPC_EXCL)
					   ? CREATED_SURELY
				   : facts->flags & IPC_CREAT ? CREATED_LIKELY
							      : CREATED_NOT;
		segment->size = larger(segment->size, facts->size);
	}
	if (facts->removed && !segment->removed) {
		segment->removed = true;
		segment->remover = facts->remover;
		segment->remover_stack = facts->remover_stack;
		segment->removed_ns = facts->removed_ns;
	}
	segment->attaches = larger(segment->attaches, facts->attaches);
	segment->detaches = larger(segment->detaches, facts->detaches);
	segment->inherited = larger(segment->inherited, facts->inherited);
}
