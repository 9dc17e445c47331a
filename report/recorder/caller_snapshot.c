/* SPDX-License-Identifier: MIT */
#include "report/recorder/caller_snapshot.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "report/procfs/maps.h"
#include "report/procfs/status.h"
#include "report/recorder/drain_struct.h"

/* ---- memory ---- */

void snapshot_memory(struct segment_snapshot *snapshot, bool huge)
{
	struct meminfo_facts meminfo;

	meminfo_read(&meminfo);
	snapshot->overcommit = meminfo.overcommit;
	snapshot->memory_bytes = meminfo.memory_bytes;
	if (!huge)
		return;
	snapshot->limit_pages = meminfo.huge_pages;
	snapshot->used_pages = meminfo.huge_pages - meminfo.huge_free + meminfo.huge_reserved;
}

/* ---- the process and its addresses ---- */

const struct segment_process *snapshot_slot(const struct drain *drain, uint32_t instance)
{
	uint32_t used = drain_slots_used(drain);

	for (uint32_t i = 0; i < used; i++)
		if (drain_slot(drain, i)->instance == instance)
			return drain_slot(drain, i);
	return NULL;
}

pid_t snapshot_pid(const struct segment_process *slot)
{
	if (!slot)
		return 0;
	if (slot->host_pid)
		return slot->host_pid;
	return slot->pid_namespace ? 0 : slot->pid;
}

/* ---- when it registers ---- */

void drain_note_limits(struct drain *drain, const struct drain_process *process, pid_t pid)
{
	struct drain_limits *limits = &drain->limits[process->slot];
	const struct segment_process *slot = drain_slot(drain, process->slot);
	uint64_t heap = word_load(&slot->break_current) - slot->break_initial;
	struct status_facts status;

	*limits = (struct drain_limits){
		.instance = process->instance,
		.data = status_limit(pid, RLIMIT_DATA),
		.space = status_limit(pid, RLIMIT_AS),
	};
	if ((limits->data == RLIM_INFINITY && limits->space == RLIM_INFINITY) ||
	    slot->instance != process->instance || !status_read(pid, &status))
		return;
	limits->mapped_bytes = status.mapped_bytes > heap ? status.mapped_bytes - heap : 0;
	limits->data_bytes = status.data_bytes > heap ? status.data_bytes - heap : 0;
}

static const struct drain_limits *limits_at_start(const struct drain *drain, uint32_t instance)
{
	uint32_t used = drain_slots_used(drain);

	for (uint32_t i = 0; i < used; i++)
		if (drain->limits[i].instance == instance)
			return &drain->limits[i];
	return NULL;
}

/* ---- when its call has failed ---- */

void snapshot_caller(const struct drain *drain, struct segment_snapshot *snapshot, pid_t pid)
{
	const struct drain_limits *first = limits_at_start(drain, snapshot->instance);
	struct status_facts status;

	if (first) {
		snapshot->limit_data = first->data;
		snapshot->limit_size = first->space;
		snapshot->first_mapped_bytes = first->mapped_bytes;
		snapshot->first_data_bytes = first->data_bytes;
	}
	snapshot->flags |= SNAPSHOT_PROCESS_GONE;
	if (pid <= 0 || !status_read(pid, &status))
		return;
	if (status.uids_known)
		snapshot->caller_uid = status.effective_uid;
	snapshot->mapped_bytes = status.mapped_bytes;
	snapshot->data_bytes = status.data_bytes;
	if (snapshot->mapped_bytes == 0) /* a zombie: its memory is gone */
		return;
	snapshot->limit_data = status_limit(pid, RLIMIT_DATA);
	snapshot->limit_size = status_limit(pid, RLIMIT_AS);
	snapshot->flags &= ~(uint32_t)SNAPSHOT_PROCESS_GONE;
}

struct next_search {
	struct segment_snapshot *snapshot;
	uint64_t address;
};

static bool next_visit_mapping(void *context, const struct mapping_facts *mapping)
{
	const struct next_search *search = context;
	struct segment_snapshot *snapshot = search->snapshot;
	const char *name = strpbrk(mapping->name, "/[");

	if (mapping->end <= search->address || mapping_is_heap(mapping))
		return true;
	snapshot->next_start = mapping->start;
	if (name)
		snprintf(snapshot->next_name, sizeof snapshot->next_name, "%.*s",
			 (int)sizeof snapshot->next_name - 1, name);
	return false;
}

void snapshot_next_mapping(struct segment_snapshot *snapshot, pid_t pid, uint64_t address)
{
	struct next_search search = {snapshot, address};

	maps_visit(pid, next_visit_mapping, &search);
}
