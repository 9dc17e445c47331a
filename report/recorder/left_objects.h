/* SPDX-License-Identifier: MIT */
/*
 * What the session leaves behind in the kernel's IPC table. The recorder reads the table when the
 * session ends, after it has copied the ledger, and keeps the rows: a later reader may be in
 * another namespace, on another machine, or come after the objects were removed.
 */
#ifndef MEMSHIM_RECORDER_LEFT_OBJECTS_H
#define MEMSHIM_RECORDER_LEFT_OBJECTS_H

#include "report/recorder/drain_types.h"

/*
 * Asks the kernel about the segments that the batch's first `count` events created, and notes those
 * that exist. So a segment that is gone at the end was once in the session's IPC namespace.
 */
void objects_note_new(struct drain *drain, uint64_t count);

/* Appends the session's objects that exist now, and those that are gone. */
void objects_append(struct drain *drain);

#endif
