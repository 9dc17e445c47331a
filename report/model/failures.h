/* SPDX-License-Identifier: MIT */
/* Failed calls, one row for each program, call and error. */
#ifndef MEMSHIM_MODEL_FAILURES_H
#define MEMSHIM_MODEL_FAILURES_H

#include "report/model/model.h"

void findings_note_failure(struct model *model, struct model_process *process,
			   const struct event *event);
void findings_check_failures(struct model *model);

#endif
