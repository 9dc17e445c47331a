/* SPDX-License-Identifier: MIT */
#include "report/recorder/kernel_snapshot.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>

#include "preload/segment/window.h"
#include "report/procfs/proc.h"
#include "report/procfs/sysvipc.h"
#include "report/recorder/caller_snapshot.h"
#include "report/recorder/drain_struct.h"
#include "report/recorder/object_snapshot.h"
#include "report/recorder/slots.h"

/* ---- the segments ---- */

/* The segments of one creator that exist. */
struct creator {
	int32_t pid;
	uint32_t segments;
	uint64_t pages;
	uint64_t since; /* seconds since 1970: when the first of them was created or changed */
};

/* Finds the name of a creator that still runs, "" unknown. False when none runs. */
static bool snapshot_name_creator(pid_t pid, uint64_t since, char name[16])
{
	struct proc_facts facts;

	name[0] = '\0';
	if (pid <= 0 || kill(pid, 0) != 0)
		return pid <= 0 || errno != ESRCH;
	if (!proc_facts(pid, &facts))
		return true;
	if (facts.state == 'Z' || !proc_started_by(&facts, since))
		return false;
	snprintf(name, 16, "%s", facts.comm);
	return true;
}

struct survey {
	struct segment_snapshot *snapshot;
	uint32_t page_bytes;
	uint32_t creator_count;
	struct creator
		creator[256]; /* only the first: a creator that fills the table is among them */
};

static void fill_row(struct segment_snapshot *snapshot, const struct kernel_segment *row)
{
	snapshot->shmid = row->shmid;
	snapshot->key = row->key;
	snapshot->size = row->size;
	snapshot->mode = row->mode;
	snapshot->owner_uid = row->owner_uid;
	snapshot->creator_pid = row->creator_pid;
	snapshot->nattch = (uint32_t)row->nattch;
	snapshot_name_creator(row->creator_pid, row->changed, snapshot->creator_name);
}

static void count_creator(struct survey *survey, const struct kernel_segment *row, uint64_t pages)
{
	uint32_t i = 0;

	while (i < survey->creator_count && survey->creator[i].pid != row->creator_pid)
		i++;
	if (i == sizeof survey->creator / sizeof *survey->creator)
		return;
	if (i == survey->creator_count) {
		survey->creator[i] = (struct creator){.pid = row->creator_pid,
						      .since = row->changed};
		survey->creator_count++;
	}
	survey->creator[i].segments++;
	survey->creator[i].pages += pages;
	if (row->changed < survey->creator[i].since)
		survey->creator[i].since = row->changed;
}

static void survey_row(void *context, const struct kernel_segment *row)
{
	struct survey *survey = context;
	struct segment_snapshot *snapshot = survey->snapshot;
	uint64_t pages = (row->size + survey->page_bytes - 1) / survey->page_bytes;

	snapshot->used_segments++;
	snapshot->used_pages += pages;
	if (snapshot->key && row->key == snapshot->key)
		fill_row(snapshot, row);
	count_creator(survey, row, pages);
}

static void name_the_most(struct survey *survey)
{
	struct segment_snapshot *snapshot = survey->snapshot;
	bool by_count = snapshot->used_segments >= snapshot->limit_segments;
	const struct creator *most = NULL;

	for (uint32_t i = 0; i < survey->creator_count; i++) {
		const struct creator *m = &survey->creator[i];

		if (!most || (by_count ? m->segments > most->segments : m->pages > most->pages))
			most = m;
	}
	if (!most)
		return;
	snapshot->most_pid = most->pid;
	snapshot->most_segments = most->segments;
	snapshot->most_pages = most->pages;
	if (!snapshot_name_creator(most->pid, most->since, snapshot->most_name))
		snapshot->flags |= SNAPSHOT_MOST_ENDED;
}

static void snapshot_table(const struct drain *drain, struct segment_snapshot *snapshot)
{
	struct survey survey = {.snapshot = snapshot, .page_bytes = drain->header.page_bytes};
	struct sysvipc_limits limits;

	sysvipc_limits(&limits);
	snapshot->limit_segments = limits.segments;
	snapshot->limit_pages = limits.pages;
	snapshot->limit_size = limits.size_bytes;
	sysvipc_segments(survey_row, &survey);
	name_the_most(&survey);
}

/*
 * Whether the id still means the same segment: the shims note each removal and each new segment in
 * the ledger at once.
 */
static bool is_still_it(const struct drain *drain, int32_t shmid, uint64_t clock)
{
	const struct segment_entry *ledger = drain_region(drain, REGION_LEDGER);
	uint64_t count = drain->header.region[REGION_LEDGER].count;
	uint64_t object = segment_object(OBJECT_SHM, shmid);

	for (uint32_t i = 0; i < SEGMENT_LEDGER_PROBES; i++) {
		const struct segment_entry *entry = ledger + segment_ledger_place(object, i, count);

		if ((word_accept(&entry->claim) & ~0xffull) == object &&
		    (word_load(&entry->removed_clock) > clock ||
		     word_load(&entry->seen_clock) > clock))
			return false;
	}
	return true;
}

struct by_id {
	struct segment_snapshot *snapshot;
	int32_t shmid;
};

static void survey_by_id(void *context, const struct kernel_segment *row)
{
	struct by_id *wanted = context;

	if (row->shmid == wanted->shmid)
		fill_row(wanted->snapshot, row);
}

/*
 * Reads the segment by its id: /proc/sysvipc/shm has it even where this user may not call IPC_STAT.
 */
static void snapshot_segment(struct segment_snapshot *snapshot, int32_t shmid)
{
	struct by_id wanted = {snapshot, shmid};
	struct shmid_ds facts;

	if (shmctl(shmid, IPC_STAT, &facts) != 0) {
		if (errno == EACCES)
			sysvipc_segments(survey_by_id, &wanted);
		return;
	}
	snapshot->shmid = shmid;
	snapshot->key = (uint32_t)facts.shm_perm.__key;
	snapshot->size = facts.shm_segsz;
	snapshot->mode = facts.shm_perm.mode;
	snapshot->owner_uid = facts.shm_perm.uid;
	snapshot->creator_pid = facts.shm_cpid;
	snapshot->nattch = (uint32_t)facts.shm_nattch;
	snapshot_name_creator(facts.shm_cpid, (uint64_t)facts.shm_ctime, snapshot->creator_name);
}

static void snapshot_break(struct segment_snapshot *snapshot, pid_t pid,
			   const struct segment_event *event)
{
	snapshot_memory(snapshot, false);
	if (pid > 0)
		snapshot_next_mapping(snapshot, pid, event->u.brk.before);
}

static void snapshot_attach(struct segment_snapshot *snapshot, pid_t pid,
			    const struct segment_event *event)
{
	snapshot_segment(snapshot, event->u.shmat.shmid);
	if (pid > 0 && event->u.shmat.address)
		snapshot_next_mapping(snapshot, pid, event->u.shmat.address);
}

/* ---- which events ---- */

/* One snapshot for each kind of failure in each image. */
static bool is_new_failure(struct snapshots *snapshots, const struct segment_event *event)
{
	uint64_t kind = (uint64_t)event->process << 32 | (uint64_t)event->kind << 16 |
			event->detail;

	for (uint32_t i = 0; i < SNAPSHOTS_SEEN; i++)
		if (snapshots->seen[i] == kind)
			return false;
	snapshots->seen[snapshots->seen_next++ % SNAPSHOTS_SEEN] = kind;
	return true;
}

static bool snapshot_is_known(struct snapshots *snapshots, int32_t shmid)
{
	uint32_t *known = &snapshots->known[(uint32_t)shmid % SNAPSHOTS_KNOWN];
	bool is_known = *known == (uint32_t)shmid + 1;

	*known = (uint32_t)shmid + 1;
	return is_known;
}

/* The kernel may reuse the id for another segment. */
static void forget_removed(struct snapshots *snapshots, const struct segment_event *event)
{
	uint32_t shmid = (uint32_t)event->u.shmctl.shmid;

	if (event->u.shmctl.command == IPC_RMID && !(event->flags & EVENT_FAILED))
		snapshots->known[shmid % SNAPSHOTS_KNOWN] = 0;
}

static bool wants_failure(struct snapshots *snapshots, const struct segment_event *event)
{
	bool by_rights = event->detail == EPERM || event->detail == EACCES;

	if (event->flags & EVENT_LIBC_ONLY || event->kind == CALL_SHMDT ||
	    (event->kind == CALL_SHMCTL && !by_rights) ||
	    (event->kind > CALL_SHMCTL && !object_snapshot_is_wanted(event)))
		return false;
	return is_new_failure(snapshots, event);
}

/*
 * Whether a shmget of this session created it, by the ledger: it keeps entries longer than the log.
 */
static bool snapshot_is_ours(const struct drain *drain, int32_t shmid)
{
	const struct segment_entry *ledger = drain_region(drain, REGION_LEDGER);
	uint64_t count = drain->header.region[REGION_LEDGER].count;
	uint64_t object = segment_object(OBJECT_SHM, shmid);

	for (uint32_t i = 0; i < SEGMENT_LEDGER_PROBES; i++) {
		const struct segment_entry *entry = ledger + segment_ledger_place(object, i, count);

		if ((word_accept(&entry->claim) & ~0xffull) == object &&
		    half_load(&entry->creator_instance) &&
		    (half_load(&entry->key) == IPC_PRIVATE || half_load(&entry->flags) & IPC_CREAT))
			return true;
	}
	return false;
}

/* A segment that the session did not create: one snapshot, and one more after its removal. */
static bool wants_foreign_segment(struct drain *drain, const struct segment_event *event,
				  int32_t *shmid)
{
	int32_t command = event->u.shmctl.command & ~0x100 /* IPC_64 */;

	*shmid = event->u.shmctl.shmid;
	if ((command != IPC_RMID && command != IPC_STAT && command != IPC_SET) ||
	    snapshot_is_ours(drain, *shmid))
		return false;
	return command == IPC_RMID || !snapshot_is_known(&drain->snapshots, *shmid);
}

/* A segment that this call created needs no snapshot; one that existed does, once. */
static bool wants_segment(struct drain *drain, const struct segment_event *event, int32_t *shmid)
{
	struct snapshots *snapshots = &drain->snapshots;

	if (event->kind == CALL_SHMCTL)
		return wants_foreign_segment(drain, event, shmid);
	if (event->kind == CALL_SHMGET) {
		*shmid = event->u.shmget.shmid;
		return !snapshot_is_known(snapshots, *shmid) &&
		       event->u.shmget.key != IPC_PRIVATE &&
		       !(event->u.shmget.flags & IPC_CREAT && event->u.shmget.flags & IPC_EXCL);
	}
	*shmid = event->kind == CALL_SHMAT ? event->u.shmat.shmid : -1;
	return *shmid >= 0 && !snapshot_is_known(snapshots, *shmid);
}

static void snapshot_failure(const struct drain *drain, struct segment_snapshot *snapshot,
			     const struct segment_event *event)
{
	const struct segment_process *slot = snapshot_slot(drain, event->process);
	pid_t pid = snapshot_pid(slot);

	snapshot->caller_uid =
		slot ? slot->uid
		     : 0; /* the real uid, until snapshot_caller knows the effective one */
	snapshot_caller(drain, snapshot, pid);
	if (event->kind <= CALL_SBRK) {
		snapshot_break(snapshot, pid, event);
	} else if (event->kind == CALL_SHMAT) {
		snapshot_attach(snapshot, pid, event);
	} else if (event->kind == CALL_SHMCTL) {
		snapshot_segment(snapshot, event->u.shmctl.shmid);
	} else if (event->kind > CALL_SHMCTL) {
		object_snapshot_take(snapshot, event);
	} else {
		snapshot->key = (uint32_t)event->u.shmget.key;
		snapshot_table(drain, snapshot);
		if (event->detail == ENOMEM)
			snapshot_memory(snapshot, event->u.shmget.flags & SHM_HUGETLB);
	}
}

/* Whether the image is in another IPC namespace: the recorder's table has other objects. */
static bool is_in_other_ipc_namespace(struct drain *drain, uint32_t instance)
{
	struct snapshots *snapshots = &drain->snapshots;
	uint32_t used = drain_slots_used(drain);

	if (snapshots->asked_instance == instance)
		return snapshots->other_ipc_namespace;
	snapshots->asked_instance = instance;
	snapshots->other_ipc_namespace = false;
	for (uint32_t i = 0; i < used; i++)
		if (drain_slot(drain, i)->instance == instance)
			snapshots->other_ipc_namespace = drain_slot(drain, i)->ipc_namespace != 0;
	return snapshots->other_ipc_namespace;
}

static void snapshot_take(struct drain *drain, const struct segment_event *event)
{
	struct segment_snapshot snapshot = {
		.clock = event->clock,
		.instance = event->process,
		.call = event->kind,
		.shmid = -1,
	};
	bool failed = event->flags & EVENT_FAILED;
	int32_t shmid = -1;

	if (event->kind > CALL_SBRK && is_in_other_ipc_namespace(drain, event->process))
		return;
	if (failed ? !wants_failure(&drain->snapshots, event)
		   : !wants_segment(drain, event, &shmid))
		return;
	snapshot.error = failed ? event->detail : 0;
	if (failed)
		snapshot_failure(drain, &snapshot, event);
	else
		snapshot_segment(&snapshot, shmid);
	if (!failed && !is_still_it(drain, shmid, event->clock))
		return;
	drain_append(drain, REGION_SNAPSHOTS, &snapshot, sizeof snapshot, 1);
	drain->snapshots.count++;
}

void snapshots_take(struct drain *drain, uint64_t count)
{
	for (uint64_t i = 0; i < count && drain->snapshots.count < SNAPSHOTS_MOST; i++) {
		const struct segment_event *event = &drain->batch[i];

		if (event->kind == CALL_SHMCTL)
			forget_removed(&drain->snapshots, event);
		if (event->kind <= CALL_MSGRCV &&
		    (event->flags & EVENT_FAILED || event->kind == CALL_SHMGET ||
		     event->kind == CALL_SHMAT || event->kind == CALL_SHMCTL))
			snapshot_take(drain, event);
	}
}
