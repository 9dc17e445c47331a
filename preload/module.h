/* SPDX-License-Identifier: MIT */
/*
 * Loaded files in region MODULES, and their addresses in this process in region LOADS. A private
 * table remembers which is which, so a module is described once in a process; but what is at an
 * address may be another file after each load. No lock, no allocation, no system call; any thread,
 * any signal handler.
 */
#ifndef MEMSHIM_MODULE_H
#define MEMSHIM_MODULE_H

#include "shim.h"
#include "unwind.h"

extern const _Atomic uint64_t *module_load_count; /* libc's; null: not found */
extern _Atomic uint64_t module_generations;       /* in its place */

/* Start-up only: where libc counts its loads, and the folder that relative names are meant from. */
void module_set_up(const struct link_map *loader);

/*
 * The same as before: no file has been loaded in between, so what is known of addresses still
 * holds. Where libc's count was not found, never the same.
 */
static inline uint64_t module_generation(void)
{
	return LIKELY(module_load_count) ? word_load(module_load_count)
					 : counter_next(&module_generations);
}

/*
 * The number + 1 of a loaded file in region MODULES; SEGMENT_FRAME_NOWHERE when there is no room.
 * `scratch` is overwritten.
 */
uint32_t module_number(const struct unwind_object *object, uint64_t generation,
		       struct segment_module *scratch);

/* The segment in memory that an address of the file lies in; empty when it lies in none. */
struct unwind_span module_segment(const struct unwind_object *object, uint64_t address);

/* What the loader added to the file's own addresses. */
uint64_t module_address(const struct unwind_object *object);

#endif
