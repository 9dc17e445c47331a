/* SPDX-License-Identifier: MIT */
/* Names for the frames of a session's call stacks. */
#ifndef MEMSHIM_SESSION_NAMING_H
#define MEMSHIM_SESSION_NAMING_H

#include "report/session/session.h"

/* Puts names to all frames that have none yet. The session's time is added to the wish. */
void load_names(struct load *load, const struct symbols_wish *wish);

/* The same for the frames of some stacks alone. */
void load_stack_names(struct load *load, const uint32_t *stacks, uint32_t count);

#endif
