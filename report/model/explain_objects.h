/* SPDX-License-Identifier: MIT */
/* Why a call about a semaphore set or a queue failed. */
#ifndef MEMSHIM_MODEL_EXPLAIN_OBJECTS_H
#define MEMSHIM_MODEL_EXPLAIN_OBJECTS_H

#include "report/model/explain.h"

/* By what the log knew at that moment. */
struct explanation explain_object_failure(const struct failed *f);

/* By what the kernel said right after the call. */
struct explanation explain_object_snapshot(const struct model_failure *failure,
					   const struct snapshot_facts *s);

#endif
