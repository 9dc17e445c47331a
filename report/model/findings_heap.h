/* SPDX-License-Identifier: MIT */
/* The findings about a process's heap and what it costs: see findings_heap.c. */
#ifndef MEMSHIM_MODEL_FINDINGS_HEAP_H
#define MEMSHIM_MODEL_FINDINGS_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct model;
struct model_process;

/* From its start to its end, or to the end of what is known. */
uint64_t heap_life_ns(const struct model *model, const struct model_process *process);

/* Whether memory that it took in all this time is more than data that a sound program builds. */
bool heap_lived_long_enough(const struct model_process *process, uint64_t life_ns);

void findings_check_heap(struct model *model, const struct model_process *process);

#endif
