/* SPDX-License-Identifier: MIT */
/* Why the kernel granted no memory, by the limits that the recorder read. */
#ifndef MEMSHIM_MODEL_MEMORY_LIMITS_H
#define MEMSHIM_MODEL_MEMORY_LIMITS_H

#include "report/model/explain.h"

/* The call asked for at least one byte. */
struct explanation limits_explain_move(const struct model *model,
				       const struct model_process *process,
				       const struct event *event, const struct snapshot_facts *s);

/* `size`: of the segment in bytes; 0 unknown. */
struct explanation limits_explain_attach(const struct model_process *process,
					 const struct event *event, const struct snapshot_facts *s,
					 uint64_t size);

#endif
