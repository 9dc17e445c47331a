/* SPDX-License-Identifier: MIT */
/*
 * The limits and the memory of a process whose call failed. The process may free its memory or end
 * before the recorder reads them. So where a process has a limit, the recorder reads its memory
 * when it registers.
 */
#ifndef MEMSHIM_RECORDER_CALLER_SNAPSHOT_H
#define MEMSHIM_RECORDER_CALLER_SNAPSHOT_H

#include "preload/segment/recorded.h"
#include "report/recorder/drain_types.h"

/* Keeps the limits of an image that has just registered; `pid` in the recorder's namespace. */
void drain_note_limits(struct drain *drain, const struct drain_process *process, pid_t pid);

/* The image's slot; null when it has ended. */
const struct segment_process *snapshot_slot(const struct drain *drain, uint32_t instance);

/* Its pid in the recorder's namespace; 0 unknown. */
pid_t snapshot_pid(const struct segment_process *slot);

/* The user, the limits and the memory of the process that made the call. */
void snapshot_caller(const struct drain *drain, struct segment_snapshot *snapshot, pid_t pid);
/* The first mapping that ends above `address`, except the heap. */
void snapshot_next_mapping(struct segment_snapshot *snapshot, pid_t pid, uint64_t address);
/* The machine's memory; `huge`: and its huge pages. */
void snapshot_memory(struct segment_snapshot *snapshot, bool huge);

#endif
