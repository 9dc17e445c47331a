/* SPDX-License-Identifier: MIT */
/* The history of segments, from the events: which process named, changed and removed which one. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#include "report/model/attachments.h"
#include "report/model/model.h"
#include "report/model/objects.h"
#include "report/model/segments.h"
#include "report/model/verdicts.h"

#define CHANGES_MAX 10000u /* more is not worth the memory */

#define KEY_BYTES (offsetof(struct model_segment, key) - offsetof(struct model_segment, space))

struct model_segment *model_segment_in(const struct model *model, uint64_t space, int32_t shmid)
{
	struct model_segment wanted = {.space = space, .shmid = shmid}, *segment;

	HASH_FIND(hh, model->segments.by_shmid, &wanted.space, KEY_BYTES, segment);
	return segment;
}

struct model_segment *model_segment(const struct model *model, int32_t shmid)
{
	return model_segment_in(model, 0, shmid);
}

bool segments_index(struct model *model, struct model_segment *segment)
{
	HASH_ADD(hh, model->segments.by_shmid, space, KEY_BYTES, segment);
	return segment->hh.tbl != NULL;
}

const struct model_segment *model_event_segment(const struct model *model,
						const struct event *event)
{
	int32_t shmid;

	return event_shmid(event, &shmid)
		       ? model_segment_in(model, model_space(model, event->process), shmid)
		       : NULL;
}

bool model_segment_mode(const struct model_segment *segment, uint32_t *mode)
{
	*mode = (segment->in_kernel ? segment->kernel.mode : segment->mode) & 0777;
	return segment->in_kernel || segment->owner_known;
}

bool model_segment_owner(const struct model_segment *segment, uint32_t *uid)
{
	*uid = segment->in_kernel ? segment->kernel.owner_uid : segment->owner_uid;
	return segment->in_kernel || segment->owner_known;
}

/* ---- the kernel's rows ---- */

void model_add_kernel_segment(struct model *model, const struct kernel_segment *segment)
{
	struct model_kernel_row *row = calloc(1, sizeof *row);

	model->kernel.known = true;
	if (row) {
		row->segment = *segment;
		HASH_ADD(hh, model->kernel.rows, segment.kind, KERNEL_KEY_BYTES, row);
	}
	if (!row || !row->hh.tbl) {
		model->no_memory = true;
		free(row);
	}
}

/*
 * The kernel snapshot that was taken at the event of this time; null when there is none. Later,
 * another segment may have the id.
 */
static const struct snapshot_facts *segment_snapshot_of(const struct model *model, int32_t shmid,
							uint64_t time_ns)
{
	struct model_find *find;

	HASH_FIND(hh, model->kernel.finds, &time_ns, sizeof time_ns, find);
	return find && find->snapshot.shmid == shmid ? &find->snapshot : NULL;
}

/* ---- one segment ---- */

static struct model_segment *segment_make(struct model *model, uint64_t space, int32_t shmid,
					  uint64_t time_ns)
{
	struct model_segment *old = model_segment_in(model, space, shmid);
	struct model_segment *segment;

	if (!MODEL_RESERVE(model, model->segments.rows, model->segments.capacity,
			   model->segments.count + 1))
		return NULL;
	segment = calloc(1, sizeof *segment);
	if (!segment) {
		model->no_memory = true;
		return NULL;
	}
	segment->place = model->segments.count;
	segment->space = space;
	segment->shmid = shmid;
	segment->seen_ns = time_ns;
	if (old)
		HASH_DEL(model->segments.by_shmid, old);
	if (!segments_index(model, segment)) {
		model->no_memory = true;
		free(segment);
		return NULL;
	}
	model->segments.rows[model->segments.count++] = segment;
	return segment;
}

static void set_owner(struct model_segment *segment, uint32_t mode, uint32_t uid)
{
	segment->mode = mode & 0777;
	segment->owner_uid = uid;
	segment->owner_known = true;
}

/* Sets the owner and the mode as shmget does. */
static void set_creator(const struct model *model, struct model_segment *segment)
{
	const struct model_process *creator = model_process(model, segment->creator);

	if (creator && !creator->facts.placeholder)
		set_owner(segment, segment->flags, creator->facts.uid);
}

/* Whether IPC_CREAT created the segment or found it: the snapshot has its creator. */
static enum model_created created_by_snapshot(const struct model *model,
					      const struct model_segment *segment,
					      const struct snapshot_facts *snapshot)
{
	const struct model_process *creator = model_process(model, segment->creator);

	int32_t pid = creator && !creator->facts.placeholder ? model_recorders_pid(&creator->facts)
							     : 0;

	if (pid == 0)
		return CREATED_LIKELY;
	return snapshot->creator_pid == pid ? CREATED_SURELY : CREATED_NOT;
}

static void segment_learn(const struct model *model, struct model_segment *segment,
			  uint64_t time_ns)
{
	const struct snapshot_facts *snapshot = segment_snapshot_of(model, segment->shmid, time_ns);

	if (!snapshot)
		return;
	if (segment->created == CREATED_LIKELY)
		segment->created = created_by_snapshot(model, segment, snapshot);
	if (segment->created != CREATED_NOT)
		return;
	segment->met = snapshot;
	segment->size = snapshot->size;
	segment->key_known |= snapshot->key != 0;
	if (snapshot->key)
		segment->key = snapshot->key;
	set_owner(segment, snapshot->mode, snapshot->owner_uid);
}

struct model_segment *segments_find(struct model *model, uint32_t instance, int32_t shmid,
				    uint64_t time_ns)
{
	uint64_t space = model_space(model, instance);
	struct model_segment *segment = model_segment_in(model, space, shmid);
	const struct kernel_segment *row = space ? NULL : verdict_row(model, SHARED_MEMORY, shmid);

	if (!segment) {
		segment = segment_make(model, space, shmid, time_ns);
		if (segment && row) { /* it existed before the session: the kernel has its facts */
			segment->size = row->size;
			segment->key = row->key;
			segment->key_known = segment->key != 0;
			set_owner(segment, row->mode, row->owner_uid);
		}
	}
	if (segment)
		segment_learn(model, segment, time_ns);
	return segment;
}

/* ---- users ---- */

static bool segment_has_ended(const struct model *model, uint32_t instance)
{
	const struct model_process *process = model_process(model, instance);

	return process && !process->facts.placeholder &&
	       (process->facts.state == STATE_EXITED || process->facts.state == STATE_KILLED ||
		process->facts.state == STATE_GONE);
}

void segments_note_user(const struct model *model, struct model_segment *segment, uint32_t instance)
{
	int place = -1;

	if (segment_has_ended(model, instance))
		return;
	for (int i = 0; i < (int)SEGMENT_USERS; i++) {
		if (segment->users[i] == instance)
			return;
		if (!segment->users[i] || segment_has_ended(model, segment->users[i]))
			place = i;
	}
	if (place >= 0)
		segment->users[place] = instance;
	else
		segment->users_unknown = true;
}

/* A process that names a segment, or asks for it, knows its id and may attach it later. */
static void note_caller(const struct model *model, const struct event *event)
{
	struct model_segment *segment = NULL;
	int32_t shmid;

	if (event_shmid(event, &shmid))
		segment = model_segment_in(model, model_space(model, event->process), shmid);
	if (segment)
		segments_note_user(model, segment, event->process);
}

/* ---- the calls ---- */

static enum model_created created_by(const struct event *event, bool new)
{
	uint32_t flags = event->u.shmget.flags;

	if (event->u.shmget.key == IPC_PRIVATE)
		return CREATED_SURELY;
	if (flags & IPC_CREAT && flags & IPC_EXCL)
		return CREATED_SURELY;
	return flags & IPC_CREAT && new ? CREATED_LIKELY : CREATED_NOT;
}

static void segment_begin(struct model *model, struct model_segment *segment,
			  const struct event *event, enum model_created created)
{
	segment->created = created;
	segment->creator = event->process;
	segment->creator_stack = event->stack;
	segment->flags = event->u.shmget.flags;
	segment->flags_known = true;
	segment->size = event->u.shmget.size;
	if (created != CREATED_NOT)
		set_creator(model, segment);
}

static void segments_apply_shmget(struct model *model, const struct event *event)
{
	int32_t shmid = event->u.shmget.shmid;
	uint64_t space = model_space(model, event->process);
	struct model_segment *segment = model_segment_in(model, space, shmid);
	enum model_created created = created_by(event, !segment || segment->removed);
	const struct kernel_segment *row = space ? NULL : verdict_row(model, SHARED_MEMORY, shmid);

	if (!segment || segment->removed || created == CREATED_SURELY) {
		segment = segment_make(model, space, shmid, event->time_ns);
		if (segment)
			segment_begin(model, segment, event, created);
	}
	if (!segment)
		return;
	segment->key = (uint32_t)event->u.shmget.key;
	segment->key_known = true;
	if (segment->created == CREATED_NOT && row && row->key == segment->key) {
		segment->size = row->size;
		set_owner(segment, row->mode, row->owner_uid);
	} else if (event->u.shmget.size > segment->size) {
		segment->size = event->u.shmget.size;
	}
	segment_learn(model, segment, event->time_ns);
}

static void segments_apply_set(struct model *model, const struct event *event)
{
	struct model_segment *segment = segments_find(model, event->process, event->u.shmctl.shmid,
						      event->time_ns);

	if (!segment)
		return;
	set_owner(segment, event->u.shmctl.mode, event->u.shmctl.uid);
	if (model->history.change_count >= CHANGES_MAX ||
	    !MODEL_RESERVE(model, model->history.changes, model->history.change_capacity,
			   model->history.change_count + 1)) {
		model->history.changes_omitted++;
		return;
	}
	model->history.changes[model->history.change_count++] = (struct model_change){
		.segment = segment,
		.instance = event->process,
		.stack = event->stack,
		.time_ns = event->time_ns,
		.mode = event->u.shmctl.mode & 0777,
		.uid = event->u.shmctl.uid,
		.gid = event->u.shmctl.gid,
	};
}

static void segments_apply_rmid(struct model *model, const struct event *event)
{
	struct model_find *find;
	struct model_segment *segment = segments_find(model, event->process, event->u.shmctl.shmid,
						      event->time_ns);

	if (!segment || segment->removed)
		return;
	segment->removed = true;
	segment->removed_ns = event->time_ns;
	segment->remover = event->process;
	segment->remover_stack = event->stack;
	HASH_FIND(hh, model->kernel.finds, &event->time_ns, sizeof event->time_ns, find);
	if (find && find->snapshot.call == KIND_SHMCTL && find->snapshot.instance == event->process)
		segment->removal = &find->snapshot;
}

static void segments_apply_shmctl(struct model *model, const struct event *event)
{
	int32_t command = event->u.shmctl.command & ~0x100 /* IPC_64 */;

	if (command == IPC_RMID)
		segments_apply_rmid(model, event);
	else if (command == IPC_SET && event->flags & FLAG_OWNER_KNOWN)
		segments_apply_set(model, event);
}

void segments_add_event(struct model *model, struct model_process *process,
			const struct event *event)
{
	switch (event->kind) {
	case KIND_SHMGET:
		segments_apply_shmget(model, event);
		note_caller(model, event);
		break;
	case KIND_SHMAT:
	case KIND_SHMDT:
		attachments_add_event(model, process, event);
		break;
	case KIND_SHMCTL:
		segments_apply_shmctl(model, event);
		note_caller(model, event);
		break;
	default:
		objects_add_event(model, event);
	}
}

/* ---- the tables, where the log does not tell all ---- */

/* The segment of a ledger row: with the same id, and removed or not as in the row. */
static struct model_segment *segment_of_row(struct model *model, const struct ledger_facts *row)
{
	struct model_segment *latest = model_segment(model, row->id);

	if (!latest || latest->seen_ns == row->seen_ns || latest->removed == row->removed)
		return latest;
	for (uint32_t i = 0; i < model->segments.count; i++)
		if (model->segments.rows[i]->shmid == row->id &&
		    model->segments.rows[i]->seen_ns == row->seen_ns)
			return model->segments.rows[i];
	return latest->removed ? NULL : latest;
}

static uint64_t segment_larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void model_add_ledger(struct model *model, const struct ledger_facts *facts)
{
	struct model_segment *segment;

	if (facts->kind != SHARED_MEMORY) {
		objects_add_ledger(model, facts);
		return;
	}
	segment = segment_of_row(model, facts);
	if (!segment)
		segment = segment_make(model, 0, facts->id, facts->seen_ns);
	if (!segment)
		return;
	if (facts->creator && !segment->flags_known) {
		segment->key = facts->key;
		segment->key_known = segment->flags_known = true;
		segment->flags = facts->flags;
		segment->creator = facts->creator;
		segment->creator_stack = facts->creator_stack;
		segment->created = facts->key == IPC_PRIVATE || (facts->flags & IPC_CREAT &&
								 facts->flags & IPC_EXCL)
					   ? CREATED_SURELY
				   : facts->flags & IPC_CREAT ? CREATED_LIKELY
							      : CREATED_NOT;
		segment->size = segment_larger(segment->size, facts->size);
		if (segment->created != CREATED_NOT)
			set_creator(model, segment);
	}
	if (facts->removed && !segment->removed) {
		segment->removed = true;
		segment->remover = facts->remover;
		segment->remover_stack = facts->remover_stack;
		segment->removed_ns = facts->removed_ns;
	}
	if (facts->creator && facts->creator == segment->creator)
		segment->creator_family = facts->creator_family;
	segment->user_families |= facts->user_families;
	segment->attaches = segment_larger(segment->attaches, facts->attaches);
	segment->detaches = segment_larger(segment->detaches, facts->detaches);
	segment->inherited = segment_larger(segment->inherited, facts->inherited);
}
