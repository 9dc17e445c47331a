/* SPDX-License-Identifier: MIT */
/*
 * Names of code that a process made while it ran. Interpreters with a just-in-time compiler (node,
 * Java, Python 3.12) write them to /tmp/perf-PID.map for perf(1). The recorder reads the file when
 * the image ends, and keeps the names of addresses that are in call stacks.
 */
#ifndef MEMSHIM_RECORDER_JIT_NAMES_H
#define MEMSHIM_RECORDER_JIT_NAMES_H

#include "report/recorder/drain_types.h"

/* Only for a file of the user as whom the verified process ran, or of root. */
void jit_names_keep(struct drain *drain, const struct drain_process *image,
		    const struct drain_identity *identity);

#endif
