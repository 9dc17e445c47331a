/* SPDX-License-Identifier: MIT */
/* Findings: adding one, and checking for all of them. */
#ifndef MEMSHIM_MODEL_FINDINGS_H
#define MEMSHIM_MODEL_FINDINGS_H

#include "report/model/model.h"

/* The caller fills in pid, shmid and the stack. The advice comes first, then the text. */
struct finding *findings_add(struct model *model, enum finding_kind kind, enum severity severity,
			     const char *advice, const char *words, ...)
	__attribute__((format(printf, 5, 6)));

/* Names the process that caused the finding. */
void findings_about(struct finding *finding, const struct model_process *process);

void findings_check(struct model *model);

#endif
