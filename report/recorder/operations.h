/* SPDX-License-Identifier: MIT */
/* Who operated on semaphore sets and queues, and which calls had not returned: the shim's tables.
 */
#ifndef MEMSHIM_RECORDER_OPERATIONS_H
#define MEMSHIM_RECORDER_OPERATIONS_H

#include <stdint.h>

#include "preload/segment/layout.h"

struct drain;

/* The image has ended: writes its rows into the recording, and frees their entries. */
void operations_retire(struct drain *drain, const struct segment_process *slot);

/* At the session's end: writes the rows of all other images. */
void operations_append(struct drain *drain);

#endif
