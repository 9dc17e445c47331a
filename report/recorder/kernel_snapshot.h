/* SPDX-License-Identifier: MIT */
/*
 * Kernel snapshots: what the recorder reads from the kernel right after a call. Only the limits and
 * the segments of that moment explain a failed call. The size of a segment that the session did not
 * create is known to the kernel alone, and the segment may be gone when the recording is read.
 */
#ifndef MEMSHIM_RECORDER_KERNEL_SNAPSHOT_H
#define MEMSHIM_RECORDER_KERNEL_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

struct drain;

#define SNAPSHOTS_MOST 1024u  /* in one session */
#define SNAPSHOTS_KNOWN 4096u /* segments with a snapshot, by the low bits of their id */
#define SNAPSHOTS_SEEN 64u    /* kinds of failure remembered: one snapshot for each in each image */

struct snapshots {
	uint32_t count;
	uint32_t known[SNAPSHOTS_KNOWN]; /* shmid + 1 */
	uint64_t seen[SNAPSHOTS_SEEN];   /* failures: image, call, error */
	uint32_t seen_next;
	uint32_t asked_instance; /* the next member is about this image */
	bool other_ipc_namespace;
};

/* Takes the kernel snapshots that the batch's first `count` events need. */
void snapshots_take(struct drain *drain, uint64_t count);

#endif
