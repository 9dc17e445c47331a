/* SPDX-License-Identifier: MIT */
/* What was true of the segments when the session ended, and what is true now. */
#ifndef MEMSHIM_MODEL_VERDICTS_H
#define MEMSHIM_MODEL_VERDICTS_H

#include "report/model/model.h"

/* The kernel's row of an id: of when the session ended, or of now while the session goes on. */
const struct kernel_segment *verdict_row(const struct model *model, int32_t shmid);

/* Takes from that row whether the segment existed, and its other fields. */
void verdict_learn_row(struct model *model, struct model_segment *segment);

/* After the segment's state is known: takes what the kernel says now. */
void verdict_learn_presence(const struct model *model, struct model_segment *segment);

void verdict_free_rows(struct model *model);

#endif
