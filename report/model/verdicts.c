/* SPDX-License-Identifier: MIT */
/*
 * The state of the segments when the session ended, and now. A recording has the first, as the
 * recorder found it; later facts do not change it. Without a recorder, or while the session is
 * live, the kernel's present rows give both.
 *
 * The present state is given only for objects that are certainly the same: same IPC namespace, id,
 * key, size and creator. Equal inodes do not prove that two namespaces are the same, because the
 * kernel reuses inodes. An object with the same time of change, too, proves it.
 */
#include <stdlib.h>

#include "report/model/model.h"
#include "report/model/objects.h"
#include "report/model/verdicts.h"

#define SHM_DEST_BIT 01000u /* the kernel's mark for removal, in the mode */
#define SECOND_NS 1000000000
/* the event's time is later than the kernel's: shmget returns after the kernel sets its time */
#define CTIME_EARLIER_NS 5000000000
#define CTIME_LATER_NS 2000000000

/* ---- rows ---- */

void model_add_object(struct model *model, const struct object_facts *object)
{
	struct model_object_row *row;

	HASH_FIND(hh, model->kernel.object_rows, &object->segment.kind, KERNEL_KEY_BYTES, row);
	if (row) {
		row->facts = *object;
		return;
	}
	row = calloc(1, sizeof *row);
	if (row) {
		row->facts = *object;
		HASH_ADD(hh, model->kernel.object_rows, facts.segment.kind, KERNEL_KEY_BYTES, row);
	}
	if (!row || !row->hh.tbl) {
		model->no_memory = true;
		free(row);
	}
}

void model_add_reaped(struct model *model, const struct kernel_segment *segment, uint64_t removed_s,
		      uint32_t uid)
{
	struct model_reaped_row *row;

	HASH_FIND(hh, model->kernel.reaped_rows, &segment->kind, KERNEL_KEY_BYTES, row);
	if (row)
		return;
	row = calloc(1, sizeof *row);
	if (row) {
		row->segment = *segment;
		row->removed_s = removed_s;
		row->uid = uid;
		HASH_ADD(hh, model->kernel.reaped_rows, segment.kind, KERNEL_KEY_BYTES, row);
	}
	if (!row || !row->hh.tbl) {
		model->no_memory = true;
		free(row);
	}
}

static const struct model_reaped_row *reaped_row(const struct model *model, uint32_t kind,
						 int32_t id)
{
	struct kernel_segment wanted = {.kind = kind, .shmid = id};
	struct model_reaped_row *row;

	HASH_FIND(hh, model->kernel.reaped_rows, &wanted.kind, KERNEL_KEY_BYTES, row);
	return row;
}

void verdict_free_rows(struct model *model)
{
	struct model_object_row *row, *next;
	struct model_reaped_row *reaped, *next_reaped;

	HASH_ITER (hh, model->kernel.reaped_rows, reaped, next_reaped) {
		HASH_DEL(model->kernel.reaped_rows, reaped);
		free(reaped);
	}

	HASH_ITER (hh, model->kernel.object_rows, row, next) {
		HASH_DEL(model->kernel.object_rows, row);
		free(row);
	}
}

static const struct object_facts *object_row(const struct model *model, uint32_t kind, int32_t id)
{
	struct kernel_segment wanted = {.kind = kind, .shmid = id};
	struct model_object_row *row;

	HASH_FIND(hh, model->kernel.object_rows, &wanted.kind, KERNEL_KEY_BYTES, row);
	return row ? &row->facts : NULL;
}

static const struct kernel_segment *row_now(const struct model *model, uint32_t kind, int32_t id)
{
	struct kernel_segment wanted = {.kind = kind, .shmid = id};
	struct model_kernel_row *row;

	HASH_FIND(hh, model->kernel.rows, &wanted.kind, KERNEL_KEY_BYTES, row);
	return row ? &row->segment : NULL;
}

const struct kernel_segment *verdict_row(const struct model *model, uint32_t kind, int32_t id)
{
	const struct object_facts *object = object_row(model, kind, id);

	if (model->session.finished)
		return object && !object->gone ? &object->segment : NULL;
	if (!model->session.same_ipc)
		return NULL;
	/* The segment existed when the session ended; `memshim reap` removed it afterwards. */
	return row_now(model, kind, id) || !reaped_row(model, kind, id)
		       ? row_now(model, kind, id)
		       : &reaped_row(model, kind, id)->segment;
}

/* ---- at the end ---- */

/*
 * The creator's pid in the pid namespace of the program that read the row: the recorder, or this
 * program. 0 unknown.
 */
static int32_t creator_pid(const struct model *model, const struct model_segment *segment)
{
	const struct model_process *creator = model_process(model, segment->creator);

	if (!creator || (creator->facts.placeholder && !creator->facts.kept_with_object))
		return 0;
	return model->session.finished ? model_recorders_pid(&creator->facts)
				       : model_pid_here(model, &creator->facts);
}

/*
 * Whether nothing contradicts that the kernel's row is this segment, and not a later one with its
 * id. Where data are missing, this is enough to show the row, but not to act on it.
 */
static bool verdict_is_same(const struct model *model, const struct model_segment *segment,
			    const struct kernel_segment *row)
{
	int32_t pid;

	if (segment->removed)
		return row->mode & SHM_DEST_BIT;
	if (segment->key_known && row->key != segment->key && !(row->mode & SHM_DEST_BIT))
		return false;
	if (segment->created != CREATED_SURELY || segment->kind != SHARED_MEMORY)
		return true;
	pid = creator_pid(model, segment);
	return pid == 0 || row->creator_pid == pid;
}

/*
 * Whether a kernel time, in seconds, can be that of an event. The wall clock may have been set in
 * between.
 */
static bool is_time_of(const struct model *model, uint64_t seconds, uint64_t event_ns)
{
	int64_t drift = model->session.wall_drift_ns;
	__int128 then = (__int128)model->session.started_realtime_ns + event_ns;
	__int128 time = (__int128)seconds * SECOND_NS;

	return time >= then + (drift < 0 ? drift : 0) - CTIME_EARLIER_NS &&
	       time <= then + (drift > 0 ? drift : 0) + CTIME_LATER_NS;
}

/* Whether a kernel time is certainly earlier than an event. */
static bool is_before(const struct model *model, uint64_t seconds, uint64_t event_ns)
{
	int64_t drift = model->session.wall_drift_ns;
	__int128 then = (__int128)model->session.started_realtime_ns + event_ns;

	return (__int128)seconds * SECOND_NS < then + (drift < 0 ? drift : 0) - CTIME_EARLIER_NS;
}

/* Whether it is the time at which the session created the segment, or changed it. */
static bool is_time_of_segment(const struct model *model, const struct model_segment *segment,
			       uint64_t seconds)
{
	if (is_time_of(model, seconds, segment->seen_ns) ||
	    (segment->changed_ns && is_time_of(model, seconds, segment->changed_ns)))
		return true;
	for (uint32_t i = 0; i < model->history.change_count; i++)
		if (model->history.changes[i].segment == segment &&
		    is_time_of(model, seconds, model->history.changes[i].time_ns))
			return true;
	return false;
}

/* Whether all facts that identify the segment are known, and agree with the kernel's row. */
static bool is_surely(const struct model *model, const struct model_segment *segment,
		      const struct kernel_segment *row)
{
	int32_t pid = creator_pid(model, segment);

	return segment->created == CREATED_SURELY && !segment->removed && !segment->space &&
	       (segment->kind != SHARED_MEMORY || (pid != 0 && row->creator_pid == pid)) &&
	       segment->key_known && row->key == segment->key && row->size == segment->size &&
	       is_time_of_segment(model, segment, row->changed);
}

/*
 * Whether the kernel was asked about the segment. If the recorder has no row of it, its state is
 * unknown.
 */
static bool verdict_is_asked(const struct model *model, struct model_segment *segment,
			     bool is_latest)
{
	const struct object_facts *object = object_row(model, segment->kind, segment->shmid);

	if (!model->session.finished)
		return model->kernel.known && model->session.same_ipc;
	if (!model->session.objects_known)
		return false;
	if (object && is_latest) {
		segment->was_seen = object->was_seen;
		segment->elsewhere = object->gone && object->elsewhere && !segment->removed;
	}
	return (object && !segment->elsewhere) || segment->removed || !is_latest;
}

/*
 * Whether the log is newer than the kernel's rows. The rows of a live session are read before its
 * events, at session.duration_ns: a segment may have been created or removed in between.
 */
static bool is_outdated(const struct model *model, const struct model_segment *segment,
			const struct kernel_segment *row)
{
	if (model->session.finished)
		return false;
	if (segment->removed)
		return row && !(row->mode & SHM_DEST_BIT);
	return !row && segment->seen_ns >= model->session.duration_ns;
}

void verdict_learn_row(struct model *model, struct model_segment *segment)
{
	bool is_latest = segment == model_latest(model, segment);
	const struct kernel_segment *row = is_latest ? verdict_row(model, segment->kind,
								   segment->shmid)
						     : NULL;
	int32_t pid = creator_pid(model, segment);

	if (segment->space || !verdict_is_asked(model, segment, is_latest) ||
	    is_outdated(model, segment, row))
		return;
	segment->kernel_asked = true;
	if (!row || !verdict_is_same(model, segment, row))
		return;
	if (segment->created == CREATED_LIKELY && pid && segment->kind == SHARED_MEMORY)
		segment->created = row->creator_pid == pid ? CREATED_SURELY : CREATED_NOT;
	segment->surely_same = is_surely(model, segment, row);
	segment->in_kernel = true;
	segment->kernel = *row;
	segment->size = row->size;
	/* It was last changed before its first semget or msgget here, so that call found it. */
	if (segment->created == CREATED_LIKELY && segment->kind != SHARED_MEMORY &&
	    is_before(model, row->changed, segment->seen_ns))
		segment->created = CREATED_NOT;
}

/* ---- now ---- */

/*
 * PRESENCE_HERE: `now` is the object that was there `then`, in the same namespace.
 * PRESENCE_REMOVED: certainly, another object has its id. The kernel reuses an id only after all
 * others. So the same creator is enough, even if the time of change is later (IPC_SET).
 */
static enum model_presence compare_rows(const struct model *model,
					const struct kernel_segment *then,
					const struct kernel_segment *now)
{
	bool pids_known = model->session.same_pids && then->creator_pid && now->creator_pid;

	if (now->size != then->size || (now->key != then->key && !(now->mode & SHM_DEST_BIT)) ||
	    (pids_known && now->creator_pid != then->creator_pid))
		return PRESENCE_REMOVED;
	if (now->creator_uid != then->creator_uid)
		return PRESENCE_UNKNOWN;
	return now->changed == then->changed || (pids_known && now->changed > then->changed)
		       ? PRESENCE_HERE
		       : PRESENCE_UNKNOWN;
}

static enum model_presence presence_of(const struct model *model,
				       const struct model_segment *segment)
{
	const struct kernel_segment *row = row_now(model, segment->kind, segment->shmid);

	if (segment->space || !model->kernel.known || !model->session.same_ipc ||
	    !segment->kernel_asked)
		return PRESENCE_UNKNOWN;
	if (!segment->in_kernel || !row)
		return PRESENCE_REMOVED;
	return model->session.finished ? compare_rows(model, &segment->kernel, row) : PRESENCE_HERE;
}

void verdict_learn_presence(const struct model *model, struct model_segment *segment)
{
	const struct model_reaped_row *reaped = reaped_row(model, segment->kind, segment->shmid);

	segment->presence = presence_of(model, segment);
	if (segment->presence == PRESENCE_REMOVED && segment->in_kernel && reaped &&
	    reaped->segment.size == segment->kernel.size)
		segment->reaped = reaped;
	if (segment->presence == PRESENCE_HERE)
		segment->current = *row_now(model, segment->kind, segment->shmid);
}

/* ---- which namespace this is ---- */

static bool any_object_is_here(const struct model *model)
{
	const struct model_object_row *object, *next;

	HASH_ITER (hh, model->kernel.object_rows, object, next) {
		const struct kernel_segment *row = row_now(model, object->facts.segment.kind,
							   object->facts.segment.shmid);

		if (row && !object->facts.gone && row->creator_pid != 0 &&
		    row->creator_pid == object->facts.segment.creator_pid &&
		    row->changed == object->facts.segment.changed &&
		    compare_rows(model, &object->facts.segment, row) == PRESENCE_HERE)
			return true;
	}
	for (uint32_t i = 0; i < model->segments.count && !model->session.finished; i++) {
		const struct kernel_segment *row = row_now(model, SHARED_MEMORY,
							   model->segments.rows[i]->shmid);

		if (row && is_surely(model, model->segments.rows[i], row))
			return true;
	}
	return false;
}

void model_recognize_namespace(struct model *model)
{
	if (!model->session.same_ipc && model->session.maybe_ipc && model->kernel.known)
		model->session.same_ipc = any_object_is_here(model);
}
