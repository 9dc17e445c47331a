/* SPDX-License-Identifier: MIT */
/* Why a call failed, by what the recorder read right after it. */
#ifndef MEMSHIM_MODEL_KERNEL_SNAPSHOTS_H
#define MEMSHIM_MODEL_KERNEL_SNAPSHOTS_H

#include "report/model/explain.h"

void model_add_snapshot(struct model *model, const struct snapshot_facts *snapshot);

/* As explain_failure, by the kernel snapshot of the first of these calls. */
struct explanation snapshot_explain(const struct model *model, const struct model_failure *failure);

/* Findings: mappings that blocked a move of the break. */
void findings_check_walls(struct model *model);

#endif
