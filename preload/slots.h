/* SPDX-License-Identifier: MIT */
/*
 * Regions INDEX and PROCESSES: the slots of the session's processes. A slot is taken by
 * compare-and-swap on its word in region INDEX, filled in, and then announced by the same word, so
 * a reader or the recorder never sees half an identity. Registration only.
 */
#ifndef MEMSHIM_SLOTS_H
#define MEMSHIM_SLOTS_H

#include "shim.h"

/*
 * The slot of this process's image before exec: of the same pid, in the same pid namespace, with
 * the same start (proc(5) stat field 22). It runs, or was seen to execute. Null for a new process.
 */
struct segment_process *slots_find_predecessor(int32_t pid, uint64_t start_time);

/* A slot that nobody sees yet; null when there is none. Without a recorder an ended process's. */
struct segment_process *slots_take(int32_t pid);

/* A slot that was taken and has its identity. */
void slots_announce(const struct segment_process *slot);

#endif
