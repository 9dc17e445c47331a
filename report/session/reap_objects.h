/* SPDX-License-Identifier: MIT */
/*
 * Semaphore sets and message queues, as the kernel has them now: whether one may be removed, and
 * its removal. The kernel keeps no creator of them, but it keeps who operated on them last.
 */
#ifndef MEMSHIM_SESSION_REAP_OBJECTS_H
#define MEMSHIM_SESSION_REAP_OBJECTS_H

#include "report/model/model.h"

/*
 * A process that operated on it last and may still run. 0: none; -1: the kernel does not tell.
 * A process that started after the last operation only has the same pid.
 */
int32_t reap_object_last_user(const struct model_segment *object);

/*
 * A process that operated on it last and is none of the session: the times of the kernel are whole
 * seconds, so a use soon after the session shows by its pid alone. 0: none is known.
 */
int32_t reap_object_stranger(const struct model *model, const struct model_segment *object);

/* Whether a process waits for one of its semaphores, or that cannot be asked. */
bool reap_object_is_awaited(const struct model_segment *object);

/*
 * Removes it, if it is still the object of `current` and nobody has used it since. Null, or why it
 * stays.
 */
const char *reap_object_remove(const struct model_segment *object);

#endif
