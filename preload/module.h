/* SPDX-License-Identifier: MIT */
/*
 * Stores loaded files in region MODULES, and their addresses in this process in region LOADS. A
 * private table remembers both, so that a module is described once in a process. After each load,
 * another file may lie at an address. No lock, no allocation, no system call. Any thread, any
 * signal handler.
 */
#ifndef MEMSHIM_MODULE_H
#define MEMSHIM_MODULE_H

#include "shim.h"
#include "unwind.h"

extern const _Atomic uint64_t *module_load_count; /* libc's counter; null: not found */
extern _Atomic uint64_t module_generations;       /* used when libc's was not found */

/*
 * Start-up only: finds libc's counter of loads, and the folder that relative names are relative to.
 */
void module_set_up(const struct link_map *loader);

/*
 * A number that changes when a file is loaded: while it stays the same, what is known of addresses
 * still holds. Without libc's counter it changes each time.
 */
static inline uint64_t module_generation(void)
{
	return LIKELY(module_load_count) ? word_load(module_load_count)
					 : counter_next(&module_generations);
}

/*
 * The number + 1 of a loaded file in region MODULES; SEGMENT_FRAME_NOWHERE when there is no room.
 * Overwrites `scratch`.
 */
uint32_t module_number(const struct unwind_object *object, uint64_t generation,
		       struct segment_module *scratch);

/* The segment in memory that contains an address of the file; empty when none does. */
struct unwind_span module_segment(const struct unwind_object *object, uint64_t address);

/* The load address: what the loader added to the addresses in the file. */
uint64_t module_address(const struct unwind_object *object);

#endif
