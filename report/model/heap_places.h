/* SPDX-License-Identifier: MIT */
/* The place in a program that most of a heap's growth is from. */
#ifndef MEMSHIM_MODEL_HEAP_PLACES_H
#define MEMSHIM_MODEL_HEAP_PLACES_H

#include <stdint.h>

struct model;
struct model_process;

struct heap_place {
	uint32_t instance, stack; /* of its largest call site; stack 0: unknown */
	double share;             /* of all growth, 0 to 1 */
};

/*
 * The place of most of the process's own heap above the address `from`. Call stacks that differ
 * only above the caller of the allocator, or below it, are one place.
 */
struct heap_place heap_place_find(const struct model *model, const struct model_process *process,
				  uint64_t from);

#endif
