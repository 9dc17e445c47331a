/* SPDX-License-Identifier: MIT */
/*
 * Loaded files in region MODULES, and their addresses in this process in region LOADS. A private
 * table remembers which is which, so a module is described once in a process. No lock, no
 * allocation, no system call; any thread, any signal handler.
 */
#ifndef MEMSHIM_MODULE_H
#define MEMSHIM_MODULE_H

#include "unwind.h"

/* The number + 1 of a loaded file in region MODULES; SEGMENT_FRAME_NOWHERE when there is no room.
 */
uint32_t module_number(const struct unwind_object *object);

/* What the loader added to the file's own addresses. */
uint64_t module_address(const struct unwind_object *object);

#endif
