/* SPDX-License-Identifier: MIT */
/* The findings about a process's mappings, as `record -a` saw them: see findings_mapped.c. */
#ifndef MEMSHIM_MODEL_FINDINGS_MAPPED_H
#define MEMSHIM_MODEL_FINDINGS_MAPPED_H

struct model;
struct model_process;

void findings_check_mapped(struct model *model, const struct model_process *process);

#endif
