/* SPDX-License-Identifier: MIT */
/* Findings about segments, and about the processes that have them attached. */
#ifndef MEMSHIM_MODEL_FINDINGS_SEGMENTS_H
#define MEMSHIM_MODEL_FINDINGS_SEGMENTS_H

#include "report/model/model.h"

/* After a successful shmat was added to the model. */
void findings_note_attach(struct model_process *process, const struct event *event);

void findings_check_segments(struct model *model);

void findings_check_attachments(struct model *model, struct model_process *process);

const char *findings_creator_name(const struct model *model, const struct model_segment *s);

/* Names the segment, its creator, and the call stack that created it. */
void findings_about_segment(const struct model *model, struct finding *finding,
			    const struct model_segment *s);

/* Leaks that call for different answers are different findings. */
void findings_about_presence(struct finding *finding, const struct model_segment *s);

/* The command that removes the object, for the caller to free; see there. */
char *findings_removal_advice(const struct model *model, const struct model_segment *s);

#endif
