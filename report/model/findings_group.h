/* SPDX-License-Identifier: MIT */
/* One finding for a kind, a program, a place and a cause. */
#ifndef MEMSHIM_MODEL_FINDINGS_GROUP_H
#define MEMSHIM_MODEL_FINDINGS_GROUP_H

#include "report/model/model.h"

/*
 * After findings_check, and after the names of the findings' frames are known as far as they will
 * be: joins findings, and gives each a headline. The largest of a kind is the first.
 */
void findings_group(struct model *model);

/*
 * The command that shows or does more about a finding, for the caller to free. Null: there is none,
 * or no memory.
 */
char *finding_command(const struct model *model, const struct finding *finding);

/* The command that draws who grew the heap of a program, a path or null; for the caller to free. */
char *finding_heap_command(const struct model *model, const char *program);

#endif
