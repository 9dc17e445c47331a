/* SPDX-License-Identifier: MIT */
/*
 * Reap depends on source_process_still and on same_ipc: a wrong answer there destroys data, so both
 * are certain or unknown.
 */
#include "report/reader/presence.h"

#include <stdio.h>
#include <string.h>

#include "preload/common/files.h"
#include "report/procfs/proc.h"

#define IPC_NAMESPACE_FIRST 0xefffffffull /* linux/proc_ns.h: PROC_IPC_INIT_INO */

bool source_same_boot(const char *theirs)
{
	char boot_id[64];

	return sys_read_file("/proc/sys/kernel/random/boot_id", boot_id, sizeof boot_id) >= 36 &&
	       memcmp(boot_id, theirs, 36) == 0;
}

bool source_same_namespace(uint64_t theirs, const char *ours)
{
	return theirs == 0 || theirs == sys_inode(ours);
}

/* ---- processes ---- */

bool source_process_since(const struct source *source, const struct segment_process *slot,
			  uint64_t *start_time)
{
	uint64_t theirs = slot->pid_namespace, start;

	if (slot->state != PROCESS_RUNNING || !source->facts.same_boot)
		return false;
	if (theirs == SEGMENT_NAMESPACE_UNKNOWN && !slot->host_pid)
		theirs = 0; /* assume the session's own */
	if (source->same_pids && slot->host_pid)
		start = alive_start(slot->host_pid, slot->start_time);
	else if (!source->same_pids ||
		 (theirs && !source_same_namespace(theirs, "/proc/self/ns/pid")))
		return true; /* cannot be checked from here */
	else
		start = alive_start(slot->pid, slot->start_time);
	if (start && slot->start_time)
		*start_time = start;
	return start != 0;
}

bool source_process_runs(const struct source *source, const struct segment_process *slot)
{
	uint64_t unused;

	return source_process_since(source, slot, &unused);
}

bool source_recorder_runs(const struct source *source)
{
	const struct segment_header *header = source_header(source);

	return header->recorder_pid > 0 && source->facts.same_boot && source->same_pids &&
	       alive_process(header->recorder_pid, header->recorder_start_time);
}

/* Asks the kernel, where the process's pid in this namespace is known for certain. */
static enum still ask_kernel(const struct source *source, const struct source_asked *asked)
{
	uint64_t session = source_header(source)->pid_namespace;
	uint64_t own = source->own_pid_namespace;
	bool here = session != 0 && session == own;

	if (!source->facts.same_boot)
		return STILL_UNKNOWN;
	if (here && asked->host_pid)
		return alive_still(asked->host_pid, asked->start_time);
	if (asked->pid_namespace == 0 ? here : own != 0 && asked->pid_namespace == own)
		return alive_still(asked->pid, asked->start_time);
	return STILL_UNKNOWN;
}

/*
 * Where the kernel cannot be asked, the slot's state answers: the recorder wrote the end, or,
 * without a recorder, the process wrote its own. An exec ends no process.
 */
enum still source_process_still(const struct source *source, const struct source_asked *asked)
{
	enum still still = ask_kernel(source, asked);

	if (still != STILL_UNKNOWN)
		return still;
	return asked->state == PROCESS_EXITED || asked->state == PROCESS_KILLED ||
			       asked->state == PROCESS_GONE
		       ? STILL_ENDED
		       : STILL_UNKNOWN;
}

enum still source_recorders_pid_still(const struct source *source, int32_t pid, uint64_t start_time)
{
	struct source_asked asked = {.pid = pid, .start_time = start_time};

	return ask_kernel(source, &asked);
}

enum still source_image_still(enum still process, uint32_t state)
{
	return state == PROCESS_EXEC ? STILL_ENDED : process;
}

/* ---- the IPC namespace ---- */

/*
 * Whether a running image of the session is in this IPC namespace. A process keeps its namespace
 * alive, so the inode has not been reused.
 */
static bool any_process_is_here(const struct source *source)
{
	uint32_t count = source_slot_count(source);
	struct segment_process slot;

	for (uint32_t i = 0; i < count; i++) {
		if (!source_slot(source, i, &slot) || slot.ipc_namespace != 0 ||
		    !source_process_runs(source, &slot))
			continue;
		if (source->same_pids &&
		    proc_ipc_namespace(slot.host_pid ? slot.host_pid : slot.pid) ==
			    proc_own_ipc_namespace())
			return true;
	}
	return false;
}

enum source_ipc source_compare_ipc(uint64_t inode, uint64_t id)
{
	uint64_t own = proc_own_ipc_namespace();
	uint64_t own_id = id ? sys_namespace_id("/proc/self/ns/ipc") : 0;

	if (id && own_id)
		return id == own_id ? SOURCE_IPC_SAME : SOURCE_IPC_OTHER;
	if (inode == 0 || own == 0)
		return SOURCE_IPC_PERHAPS;
	if (inode != own)
		return SOURCE_IPC_OTHER;
	return own == IPC_NAMESPACE_FIRST ? SOURCE_IPC_SAME : SOURCE_IPC_PERHAPS;
}

/* A running process or recorder keeps its namespace alive, so the inode has not been reused. */
void source_learn_ipc(struct source *source)
{
	const struct segment_header *header = source_header(source);
	enum source_ipc ipc = source_compare_ipc(header->ipc_namespace, header->ipc_namespace_id);
	struct session_facts *facts = &source->facts;

	facts->maybe_ipc = facts->same_boot && ipc != SOURCE_IPC_OTHER;
	facts->same_ipc = facts->maybe_ipc;
	if (facts->maybe_ipc && ipc == SOURCE_IPC_PERHAPS)
		facts->same_ipc = header->ipc_namespace != 0 &&
				  (source_recorder_runs(source) ||
				   (file_is_open(&source->segment) && any_process_is_here(source)));
}
