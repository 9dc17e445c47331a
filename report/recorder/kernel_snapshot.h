/* SPDX-License-Identifier: MIT */
/*
 * For the recorder: what the kernel says at single calls. A call that failed can be explained by
 * the limits and the segments of that moment, and no later; a segment that nobody of the session
 * made has its size in the kernel alone, and may be gone when the recording is read.
 */
#ifndef MEMSHIM_RECORDER_KERNEL_SNAPSHOT_H
#define MEMSHIM_RECORDER_KERNEL_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#define SNAPSHOTS_MOST 1024u  /* in one session */
#define SNAPSHOTS_KNOWN 4096u /* segments that need no look, by the low bits of their id */
#define SNAPSHOTS_SEEN 64u    /* failures of one kind in one image are looked at once */

struct snapshots {
	uint32_t count;
	uint32_t known[SNAPSHOTS_KNOWN]; /* shmid + 1 */
	uint64_t seen[SNAPSHOTS_SEEN];   /* of failures: image, call, error */
	uint32_t seen_next;
	uint32_t asked_instance; /* whether this one is in another IPC namespace: */
	bool other_ipc_namespace;
};

#endif
