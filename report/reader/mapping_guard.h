/* SPDX-License-Identifier: MIT */
/*
 * When a mapped file shrinks, the next access raises SIGBUS. All code that reads a mapping runs
 * through this guard, which returns false instead of a crash.
 */
#ifndef MEMSHIM_READER_MAPPING_GUARD_H
#define MEMSHIM_READER_MAPPING_GUARD_H

#include <stdbool.h>
#include <stddef.h>

/* Runs work(context). False when it touched a lost page: it was interrupted at that access. */
bool guard_run(void (*work)(void *), void *context);

/*
 * Truncation guard for the one mapping that this program writes to: a lost page is replaced by
 * zeroed memory. Null: no mapping is guarded.
 */
void guard_replace(void *base, size_t bytes);

/* Whether a page was replaced since guard_replace. */
bool guard_has_replaced(void);

/* memcpy out of a mapping; false when a page is lost. */
bool guard_copy(void *to, const void *from, size_t bytes);

#endif
