/* SPDX-License-Identifier: MIT */
/* What the kernel says about semaphore sets and queues right after a call that failed. */
#ifndef MEMSHIM_RECORDER_OBJECT_SNAPSHOT_H
#define MEMSHIM_RECORDER_OBJECT_SNAPSHOT_H

#include <stdbool.h>

#include "preload/segment/recorded.h"

/* Whether the failure of such a call has causes that only the kernel knows. */
bool object_snapshot_is_wanted(const struct segment_event *event);

/*
 * Fills in the object that has the key of semget or msgget, and the limits: of a set, the numbers
 * of sets and semaphores stand where a segment has those of segments and pages; limit_size is
 * SEMMSL, SEMOPM or msgmax, by the call.
 */
void object_snapshot_take(struct segment_snapshot *snapshot, const struct segment_event *event);

#endif
