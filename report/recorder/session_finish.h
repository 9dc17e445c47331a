/* SPDX-License-Identifier: MIT */
/* The end of a recorded session: the rest of the segment goes into the recording. */
#ifndef MEMSHIM_RECORDER_SESSION_FINISH_H
#define MEMSHIM_RECORDER_SESSION_FINISH_H

#include "report/recorder/drain_types.h"

/*
 * Appends the rest, closes the segment, removes its name, and frees `drain`.
 * Returns 0, or -errno when the recording could not be written whole. `status` and `signal` are
 * COMMAND's.
 */
int drain_finish(struct drain *drain, int status, int signal);

#endif
