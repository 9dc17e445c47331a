/* SPDX-License-Identifier: MIT */
/* What events say about segments: which process created, changed and removed them. */
#ifndef MEMSHIM_MODEL_SEGMENTS_H
#define MEMSHIM_MODEL_SEGMENTS_H

#include "report/model/model.h"

void segments_feed(struct model *model, struct model_process *process, const struct event *event);

/*
 * The segment that has this id. Where there is none, a new row for a segment from before the
 * session.
 */
struct model_segment *segments_find(struct model *model, uint32_t instance, int32_t shmid,
				    uint64_t time_ns);

/* Keeps the process as a user of the segment until the process has ended. */
void segments_note_user(const struct model *model, struct model_segment *segment,
			uint32_t instance);

/* Makes this segment the latest with its id. False without memory. */
bool segments_index(struct model *model, struct model_segment *segment);

#endif
