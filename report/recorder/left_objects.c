/* SPDX-License-Identifier: MIT */
#include "report/recorder/left_objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/procfs/holders.h"
#include "report/procfs/proc.h"
#include "report/procfs/sysvipc.h"
#include "report/recorder/caller_snapshot.h"
#include "report/recorder/drain_struct.h"
#include "report/recorder/slots.h"
#include "report/util/array.h"
#include "report/util/path.h"

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15 /* Linux 4.17 */
#endif

#define ROWS_MOST (1u << 20)
#define START_SLACK_S 1u /* the kernel counts seconds from its last tick */

struct left_rows {
	struct segment_object *rows; /* by kind and id, after left_rows_read */
	uint64_t count, capacity;
	bool complete;
};

static void left_rows_add(struct left_rows *left, const struct segment_object *row)
{
	if (left->count == ROWS_MOST || !ARRAY_RESERVE(left->rows, left->capacity, left->count + 1))
		left->complete = false;
	else
		left->rows[left->count++] = *row;
}

static void left_rows_visit(void *context, const struct kernel_segment *from)
{
	struct segment_object row = {
		.kind = OBJECT_SHM,
		.id = from->shmid,
		.state = OBJECT_PRESENT,
		.key = from->key,
		.mode = from->mode,
		.creator_pid = from->creator_pid,
		.last_pid = from->last_pid,
		.owner_uid = from->owner_uid,
		.owner_gid = from->owner_gid,
		.creator_uid = from->creator_uid,
		.creator_gid = from->creator_gid,
		.size = from->size,
		.nattch = from->nattch,
		.attached = from->attached,
		.detached = from->detached,
		.changed = from->changed,
		.resident_bytes = from->resident_bytes,
		.swap_bytes = from->swap_bytes,
	};

	left_rows_add(context, &row);
}

/* The kernel keeps no creator of these. */
static void left_rows_visit_object(void *context, const struct kernel_object *from)
{
	bool is_set = from->kind == OBJECT_SEMAPHORES;
	struct segment_object row = {
		.kind = is_set ? OBJECT_SEM : OBJECT_MSG,
		.id = from->id,
		.state = OBJECT_PRESENT,
		.key = from->key,
		.mode = from->mode,
		.last_pid = from->sent_pid,
		.owner_uid = from->owner_uid,
		.owner_gid = from->owner_gid,
		.creator_uid = from->creator_uid,
		.creator_gid = from->creator_gid,
		.size = is_set ? from->count : 0,
		.nattch = is_set ? 0 : from->count,
		.attached = from->used,
		.detached = from->taken,
		.changed = from->changed,
		.resident_bytes = from->bytes,
	};

	left_rows_add(context, &row);
}

static uint64_t object_order(const struct segment_object *row)
{
	return (uint64_t)row->kind << 32 | (uint32_t)row->id;
}

static int by_object(const void *a, const void *b)
{
	uint64_t x = object_order(a), y = object_order(b);

	return x < y ? -1 : x > y;
}

static bool left_rows_read(struct left_rows *left)
{
	left->complete = true;
	if (!sysvipc_segments(left_rows_visit, left) ||
	    !sysvipc_objects(OBJECT_SEMAPHORES, left_rows_visit_object, left) ||
	    !sysvipc_objects(OBJECT_QUEUE, left_rows_visit_object, left) || !left->complete)
		return false;
	if (left->count)
		qsort(left->rows, left->count, sizeof *left->rows, by_object);
	return true;
}

static bool left_rows_have(const struct left_rows *left, uint32_t kind, int32_t id)
{
	struct segment_object wanted = {.kind = kind, .id = id};

	return left->count && bsearch(&wanted, left->rows, left->count, sizeof wanted, by_object);
}

static bool ledger_has(const struct drain *drain, uint32_t kind, int32_t id)
{
	const struct segment_entry *ledger = drain_region(drain, REGION_LEDGER);
	uint64_t count = drain->header.region[REGION_LEDGER].count;
	uint64_t object = segment_object(kind, id);

	for (uint32_t i = 0; i < SEGMENT_LEDGER_PROBES; i++) {
		uint64_t claim = word_accept(&ledger[segment_ledger_place(object, i, count)].claim);

		if ((claim & 0xff) != ENTRY_FREE && (claim & ~0xffull) == object)
			return true;
	}
	return false;
}

/* ---- right after shmget ---- */

static bool left_object_is_there(int32_t shmid)
{
	static const int index_bits[] = {15, 24}; /* ipc/util.h: IPCMNI_SHIFT, and extended */
	struct shmid_ds facts;

	for (size_t i = 0; i < sizeof index_bits / sizeof *index_bits; i++)
		if (shmctl(shmid & ((1 << index_bits[i]) - 1), SHM_STAT_ANY, &facts) == shmid)
			return true;
	return false;
}

/* Whether the process has left the session's IPC namespace since it registered. */
static bool has_moved(const struct drain *drain, uint32_t instance)
{
	const struct segment_process *slot = snapshot_slot(drain, instance);
	uint64_t inode = 0;

	if (slot && snapshot_pid(slot) > 0)
		inode = proc_ipc_namespace(snapshot_pid(slot));
	return inode && inode != drain->header.ipc_namespace;
}

static void object_note_new(struct drain *drain, const struct segment_event *event)
{
	uint32_t shmid = (uint32_t)event->u.shmget.shmid, place = shmid % OBJECT_NOTES;

	if (left_object_is_there((int32_t)shmid))
		drain->notes.seen[place] = shmid + 1;
	else if (has_moved(drain, event->process))
		drain->notes.other_ipc_namespace[place] = shmid + 1;
}

void objects_note_new(struct drain *drain, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		const struct segment_event *event = &drain->batch[i];

		if (event->kind == CALL_SHMGET && !(event->flags & EVENT_FAILED) &&
		    (event->u.shmget.flags & IPC_CREAT || event->u.shmget.key == IPC_PRIVATE))
			object_note_new(drain, event);
	}
}

static uint32_t object_flags(const struct drain *drain, int32_t shmid)
{
	uint32_t name = (uint32_t)shmid + 1, place = (uint32_t)shmid % OBJECT_NOTES;

	return (drain->notes.seen[place] == name ? OBJECT_WAS_SEEN : 0) |
	       (drain->notes.other_ipc_namespace[place] == name ? OBJECT_ELSEWHERE : 0);
}

/* ---- at the end ---- */

/* Rows that are gathered into one chunk. */
struct object_batch {
	struct drain *drain;
	uint64_t count, all_count;
};

static void object_batch_flush(struct object_batch *batch)
{
	drain_append(batch->drain, REGION_OBJECTS, batch->drain->batch,
		     sizeof(struct segment_object), batch->count);
	batch->count = 0;
}

static void object_batch_add(struct object_batch *batch, const struct segment_object *row)
{
	struct segment_object *rows = (void *)batch->drain->batch;

	batch->all_count++;
	rows[batch->count++] = *row;
	if (batch->count == sizeof batch->drain->batch / (sizeof *rows))
		object_batch_flush(batch);
}

/*
 * Appends the session's objects, and all that were created since it began, because the ledger may
 * lack some.
 */
static void append_present(struct object_batch *batch, const struct left_rows *left)
{
	uint64_t start_s = batch->drain->header.start.realtime_ns / 1000000000u - START_SLACK_S;

	for (uint64_t i = 0; i < left->count; i++)
		if (left->rows[i].changed >= start_s ||
		    ledger_has(batch->drain, left->rows[i].kind, left->rows[i].id))
			object_batch_add(batch, &left->rows[i]);
}

/*
 * Appends ledger entries without an object. The entries are read after the kernel's table, so that
 * one still present there was not removed by a call.
 */
static void append_gone(struct object_batch *batch, const struct left_rows *left)
{
	const struct segment_entry *ledger = drain_region(batch->drain, REGION_LEDGER);
	uint64_t count = batch->drain->header.region[REGION_LEDGER].count;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t claim = word_accept(&ledger[i].claim);
		struct segment_object gone = {.kind = claim >> 8 & 0xff,
					      .id = (int32_t)(claim >> 32),
					      .state = OBJECT_GONE};

		if (gone.kind == OBJECT_SHM)
			gone.flags = object_flags(batch->drain, gone.id);

		if (gone.kind < OBJECT_KINDS && (claim & 0xff) == ENTRY_PRESENT &&
		    !left_rows_have(left, gone.kind, gone.id))
			object_batch_add(batch, &gone);
	}
}

/* ---- unregistered processes that may use them ---- */

#define MEMBER_SLACK_NS 60000000000ull /* as in model/family.c */
#define TICK_NS 10000000ull

static bool left_object_has_slot(const struct drain *drain, pid_t pid)
{
	uint32_t used = drain_slots_used(drain);

	for (uint32_t i = 0; i < used; i++)
		if ((uint32_t)word_accept(drain_word(drain, i)) != 0 &&
		    snapshot_pid(drain_slot(drain, i)) == pid)
			return true;
	return false;
}

static void member_visit(void *context, const struct kernel_holder *row)
{
	struct drain *drain = context;
	struct segment_header *header = &drain->recording.header;

	if (row->pid == getpid())
		return;
	if (row->shmid == HOLDER_READ && row->member && !left_object_has_slot(drain, row->pid))
		header->unregistered_pid = row->pid;
	if (row->shmid == HOLDER_UNREADABLE && row->same_user &&
	    row->start_time * TICK_NS + MEMBER_SLACK_NS >= header->start.monotonic_ns)
		header->unreadable_pid = row->pid;
}

/* Searches processes that map the session's segment and have not registered. */
static void left_members_find(struct drain *drain)
{
	struct holders_session session = {0};
	struct stat st;

	if (drain->fd >= 0 && fstat(drain->fd, &st) == 0) {
		session.device = st.st_dev;
		session.inode = st.st_ino;
	}
	snprintf(session.name, sizeof session.name, "%.255s", path_base_name(drain->path));
	drain->recording.header.members_scanned = holders_each(&session, member_visit, drain);
}

void objects_append(struct drain *drain)
{
	struct object_batch batch = {.drain = drain};
	struct left_rows left = {0};

	if (left_rows_read(&left)) {
		append_present(&batch, &left);
		if (batch.all_count)
			left_members_find(drain);
		append_gone(&batch, &left);
		object_batch_flush(&batch);
		drain->recording.header.objects_known = 1;
		drain->recording.header.rmid_forced = sysvipc_rmid_forced();
	}
	free(left.rows);
}
