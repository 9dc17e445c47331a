/* SPDX-License-Identifier: MIT */
/* Which processes map a segment, by the kernel. */
#ifndef MEMSHIM_MODEL_HOLDERS_H
#define MEMSHIM_MODEL_HOLDERS_H

#include <stdbool.h>

struct kernel_holder;
struct model;
struct model_process;
struct model_segment;

/* Whether a segment may have holders: only then the kernel's holders are read. */
bool model_wants_holders(const struct model *model);

void model_add_holder(struct model *model, const struct kernel_holder *holder);

/* The running image of a holder; null when it is not of this session. After model_finalize. */
const struct model_process *model_holder_process(const struct model *model,
						 const struct kernel_holder *holder);

/*
 * Whether a mapping is of the segment. A process keeps its attachments when it moves to another IPC
 * namespace. So a mapping of a process in another namespace counts, if the kernel counts more
 * attachments than were found in this namespace.
 */
bool model_holds(const struct model *model, const struct model_segment *segment,
		 const struct kernel_holder *holder);

/* After the last event: sorts the holders, and ends the attachments that no holder confirms. */
void holders_finalize(struct model *model);

#endif
