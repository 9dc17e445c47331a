/* SPDX-License-Identifier: MIT */
/*
 * The truncation guard keeps the segment's length. Its owner, root, and every process that maps it
 * can truncate it; a process that then touches a missing page gets SIGBUS. The shim installs no
 * handler in the program, so the recorder restores the length soon, before the program writes. A
 * punched hole reads as zeros, and brings SIGBUS only when the file system is full: the recorder
 * fills it before that. The contents are lost, and the recorder reports it.
 */
#ifndef MEMSHIM_RECORDER_TRUNCATION_GUARD_H
#define MEMSHIM_RECORDER_TRUNCATION_GUARD_H

#include "report/recorder/drain_types.h"

void truncation_guard_begin(struct drain *drain);

/* Restores the length, and fills holes. */
void truncation_guard_turn(struct drain *drain);
void truncation_guard_end(struct drain *drain);

/* Whether a process has punched holes into the segment: their contents are lost. */
bool drain_was_punched(const struct drain *drain);

/* Whether a process has truncated the segment: the contents of that part are lost. */
bool drain_was_cut(const struct drain *drain);

#endif
