/* SPDX-License-Identifier: MIT */
/* Whether a session's boot, processes and IPC namespace are those of this machine now. */
#ifndef MEMSHIM_READER_PRESENCE_H
#define MEMSHIM_READER_PRESENCE_H

#include "report/reader/source_struct.h"

/* Whether the machine has not restarted since that boot id (36 bytes). */
bool source_same_boot(const char *boot_id);

/* Whether a namespace of the session is that of the file `ours`; 0, unknown, counts as the same. */
bool source_same_namespace(uint64_t theirs, const char *ours);

/*
 * Whether an IPC namespace is this program's. The kernel reuses the inode of a namespace that has
 * ended, but not its id, which only newer kernels tell. The first namespace's inode is constant.
 */
enum source_ipc { SOURCE_IPC_OTHER, SOURCE_IPC_PERHAPS, SOURCE_IPC_SAME };
enum source_ipc source_compare_ipc(uint64_t inode, uint64_t id);

/* Sets same_ipc and maybe_ipc. Requires same_boot and same_pids. */
void source_learn_ipc(struct source *source);

bool source_recorder_runs(const struct source *source);

/* Whether an image whose slot says RUNNING still runs; true where that cannot be told from here. */
bool source_process_runs(const struct source *source, const struct segment_process *slot);

/* The same; writes the start time in this program's time namespace, if it can be read. */
bool source_process_since(const struct source *source, const struct segment_process *slot,
			  uint64_t *start_time);

/*
 * Whether the process of an image, and the image itself, still run: see enum still in facts.h.
 * `state` is the slot's; PROCESS_RUNNING for a process whose slot was reused.
 */
struct source_asked {
	int32_t pid, host_pid;
	uint64_t pid_namespace, start_time;
	uint32_t state;
};
enum still source_process_still(const struct source *source, const struct source_asked *asked);
/* The same for a pid of the recorder's pid namespace, by the kernel alone. */
enum still source_recorders_pid_still(const struct source *source, int32_t pid,
				      uint64_t start_time);
enum still source_image_still(enum still process, uint32_t state);

#endif
