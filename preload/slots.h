/* SPDX-License-Identifier: MIT */
/*
 * The slots of the session's processes: regions INDEX and PROCESSES. A compare-and-swap on its word
 * in region INDEX takes a slot. It is then filled in, and announced by the same word. So neither a
 * reader nor the recorder sees half an identity. Registration only.
 */
#ifndef MEMSHIM_SLOTS_H
#define MEMSHIM_SLOTS_H

#include "shim.h"

/*
 * The slot of this process's image before exec: with the same pid, pid namespace and start time
 * (proc(5) stat field 22), and running or seen to exec. Null for a new process.
 */
struct segment_process *slots_find_predecessor(int32_t pid, uint64_t start_time);

/*
 * Takes a slot that is not visible yet; null when there is none. Without a recorder, it may take
 * the slot of an ended process.
 */
struct segment_process *slots_take(int32_t pid);

/* Makes a slot visible that was taken and has its identity. */
void slots_announce(const struct segment_process *slot);

#endif
