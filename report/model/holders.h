/* SPDX-License-Identifier: MIT */
/* Which processes map a segment, by the kernel. */
#ifndef MEMSHIM_MODEL_HOLDERS_H
#define MEMSHIM_MODEL_HOLDERS_H

#include <stdbool.h>

struct kernel_holder;
struct model;
struct model_process;
struct model_segment;

/* Whether there is a segment that somebody might hold: only then holders are looked for. */
bool model_wants_holders(const struct model *model);

void model_add_holder(struct model *model, const struct kernel_holder *holder);

/* The running image of a holder; null when it is not of this session. After model_finalize. */
const struct model_process *model_holder_process(const struct model *model,
						 const struct kernel_holder *holder);

/*
 * Whether a mapping is of the segment. One of a process of another IPC namespace may be (who leaves
 * keeps what it has attached) where the kernel counts more attachments than were found in this one.
 */
bool model_holds(const struct model *model, const struct model_segment *segment,
		 const struct kernel_holder *holder);

/* After the last event: sorts the holders, and ends the attachments that no holder confirms. */
void holders_finalize(struct model *model);

#endif
