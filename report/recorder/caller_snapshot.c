/* SPDX-License-Identifier: MIT */
/*
 * For the recorder: the process whose call failed, its limits and its memory. Who frees its memory
 * or ends at once has no more of that when it is looked at, so what a process began with is kept
 * from its registration on, where it has a limit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "report/procfs/proc.h"
#include "report/recorder/drain_internal.h"

/* ---- memory ---- */

static uint64_t read_meminfo(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

void snapshot_memory(struct segment_snapshot *snapshot, bool huge)
{
	char text[4096];

	if (sys_read_file("/proc/sys/vm/overcommit_memory", text, sizeof text) > 0)
		snapshot->overcommit = (uint32_t)(text[0] - '0');
	if (sys_read_file("/proc/meminfo", text, sizeof text) <= 0)
		return;
	snapshot->memory_bytes = (read_meminfo(text, "MemTotal:") +
				  read_meminfo(text, "SwapTotal:"))
				 << 10;
	if (!huge)
		return;
	snapshot->limit_pages = read_meminfo(text, "HugePages_Total:");
	snapshot->used_pages = snapshot->limit_pages - read_meminfo(text, "HugePages_Free:") +
			       read_meminfo(text, "HugePages_Rsvd:");
}

/* ---- the process and its addresses ---- */

/* The image's slot; null when it has ended. */
const struct segment_process *snapshot_slot(const struct drain *drain, uint32_t instance)
{
	uint32_t used = drain_slots_used(drain);

	for (uint32_t i = 0; i < used; i++)
		if (drain_slot(drain, i)->instance == instance)
			return drain_slot(drain, i);
	return NULL;
}

/* Its pid here; 0 when it is not known. */
pid_t snapshot_pid(const struct segment_process *slot)
{
	if (!slot)
		return 0;
	if (slot->host_pid)
		return slot->host_pid;
	return slot->pid_namespace ? 0 : slot->pid;
}

/* A number of /proc/PID/status, there in kB. */
static uint64_t status_bytes(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtoull(line + strlen(name), NULL, 10) << 10 : 0;
}

/*
 * RLIMIT_DATA or RLIMIT_AS; 0 unknown. Of a process that acts as another user, prlimit(2) tells
 * only who has CAP_SYS_RESOURCE, and /proc everybody.
 */
static uint64_t limit_of(pid_t pid, int resource)
{
	const char *name = resource == RLIMIT_AS ? "\nMax address space" : "\nMax data size";
	struct rlimit limit;
	char text[4096], *line;

	if (prlimit(pid, resource, NULL, &limit) == 0)
		return limit.rlim_cur;
	if (proc_read(pid, "limits", text, sizeof text) <= 0 || !(line = strstr(text, name)))
		return 0;
	line += strlen(name);
	line += strspn(line, " ");
	return *line == 'u' ? RLIM_INFINITY : strtoull(line, NULL, 10);
}

/* ---- what it began with ---- */

void drain_note_limits(struct drain *drain, const struct drain_process *process, pid_t pid)
{
	struct drain_limits *limits = &drain->limits[process->slot];
	const struct segment_process *slot = drain_slot(drain, process->slot);
	uint64_t heap = word_load(&slot->break_current) - slot->break_initial, mapped, data;
	char text[4096];

	*limits = (struct drain_limits){
		.instance = process->instance,
		.data = limit_of(pid, RLIMIT_DATA),
		.space = limit_of(pid, RLIMIT_AS),
	};
	if ((limits->data == RLIM_INFINITY && limits->space == RLIM_INFINITY) ||
	    slot->instance != process->instance || proc_read(pid, "status", text, sizeof text) <= 0)
		return;
	mapped = status_bytes(text, "\nVmSize:");
	data = status_bytes(text, "\nVmData:");
	limits->mapped_bytes = mapped > heap ? mapped - heap : 0;
	limits->data_bytes = data > heap ? data - heap : 0;
}

static const struct drain_limits *limits_at_start(const struct drain *drain, uint32_t instance)
{
	uint32_t used = drain_slots_used(drain);

	for (uint32_t i = 0; i < used; i++)
		if (drain->limits[i].instance == instance)
			return &drain->limits[i];
	return NULL;
}

/* ---- what it has now ---- */

void snapshot_caller(const struct drain *drain, struct segment_snapshot *snapshot, pid_t pid)
{
	const struct drain_limits *first = limits_at_start(drain, snapshot->instance);
	char text[4096], *line;

	if (first) {
		snapshot->limit_data = first->data;
		snapshot->limit_size = first->space;
		snapshot->first_mapped_bytes = first->mapped_bytes;
		snapshot->first_data_bytes = first->data_bytes;
	}
	snapshot->flags |= SNAPSHOT_PROCESS_GONE;
	if (pid <= 0 || proc_read(pid, "status", text, sizeof text) <= 0)
		return;
	line = strstr(text, "\nUid:");
	if (line)
		sscanf(line + 5, "%*u %u", &snapshot->caller_uid);
	snapshot->mapped_bytes = status_bytes(text, "\nVmSize:");
	snapshot->data_bytes = status_bytes(text, "\nVmData:");
	if (snapshot->mapped_bytes == 0) /* a zombie: its memory is gone */
		return;
	snapshot->limit_data = limit_of(pid, RLIMIT_DATA);
	snapshot->limit_size = limit_of(pid, RLIMIT_AS);
	snapshot->flags &= ~(uint32_t)SNAPSHOT_PROCESS_GONE;
}

/* The first mapping that ends above `address`; the heap is in nobody's way. */
void snapshot_next_mapping(struct segment_snapshot *snapshot, pid_t pid, uint64_t address)
{
	unsigned long long start, end;
	char line[4352], *name;
	FILE *maps;

	snprintf(line, sizeof line, "/proc/%ld/maps", (long)pid);
	maps = fopen(line, "re");
	while (maps && fgets(line, sizeof line, maps)) {
		if (sscanf(line, "%llx-%llx", &start, &end) != 2 || end <= address ||
		    proc_is_heap(line))
			continue;
		snapshot->next_start = start;
		name = strpbrk(line, "/[");
		if (!name)
			break;
		name[strcspn(name, "\n")] = '\0';
		snprintf(snapshot->next_name, sizeof snapshot->next_name, "%.*s",
			 (int)sizeof snapshot->next_name - 1, name);
		break;
	}
	if (maps)
		fclose(maps);
}
