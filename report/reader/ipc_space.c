/* SPDX-License-Identifier: MIT */
/* Whether a session's IPC namespace is this program's: whether an id means the same object here. */
#include <stdio.h>

#include "preload/common/files.h"
#include "report/procfs/proc.h"
#include "report/reader/reader_internal.h"

#define IPC_NAMESPACE_FIRST 0xefffffffull /* linux/proc_ns.h: PROC_IPC_INIT_INO */

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
