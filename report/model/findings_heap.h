/* SPDX-License-Identifier: MIT */
/* The findings about a process's heap and what it costs: see findings_heap.c. */
#ifndef MEMSHIM_MODEL_FINDINGS_HEAP_H
#define MEMSHIM_MODEL_FINDINGS_HEAP_H

struct model;
struct model_process;

void findings_check_heap(struct model *model, const struct model_process *process);

#endif
