/* SPDX-License-Identifier: MIT */
/* Findings about removed segments, and which segment had the key next. */
#ifndef MEMSHIM_MODEL_FINDINGS_REMOVALS_H
#define MEMSHIM_MODEL_FINDINGS_REMOVALS_H

#include "report/model/model.h"

/* Links the segments that had one key, in their order. */
void removals_link_keys(struct model *model);

/* Adds a finding where the removal is worth one. */
void findings_check_removal(struct model *model, const struct model_segment *s);

#endif
