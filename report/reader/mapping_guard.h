/* SPDX-License-Identifier: MIT */
/*
 * A file that shrinks under a mapping answers the next access with SIGBUS. Whatever touches a
 * mapping is run through here, and then that is an answer instead of a crash.
 */
#ifndef MEMSHIM_READER_MAPPING_GUARD_H
#define MEMSHIM_READER_MAPPING_GUARD_H

#include <stdbool.h>
#include <stddef.h>

/* Runs work(context); false when it touched what is no longer there, and was left there and then.
 */
bool guard_run(void (*work)(void *), void *context);

/*
 * For a mapping that is written to, of which there is one: what is lost of it is empty memory from
 * then on. Null: of none.
 */
void guard_replace(void *base, size_t bytes);

/* Whether anything was lost since. */
bool guard_has_replaced(void);

/* memcpy out of a mapping; false when the bytes are no longer there. */
bool guard_copy(void *to, const void *from, size_t bytes);

#endif
