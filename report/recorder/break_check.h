/* SPDX-License-Identifier: MIT */
/*
 * The break check finds breaks that moved without a recorded call. Only the recorder can: the
 * process may have ended when the recording is read. A difference counts when two checks in a row
 * see it, because a process that is just registering may differ for a moment.
 */
#ifndef MEMSHIM_RECORDER_BREAK_CHECK_H
#define MEMSHIM_RECORDER_BREAK_CHECK_H

#include "report/recorder/drain_types.h"

/*
 * Compares the break of each running image with the kernel's, and records those that moved without
 * a call. Takes some 50 us an image.
 */
void drain_compare(struct drain *drain);

#endif
