/* SPDX-License-Identifier: MIT */
/* Names for the frames of a session's call stacks. */
#ifndef MEMSHIM_SESSION_NAMING_H
#define MEMSHIM_SESSION_NAMING_H

#include "report/session/session.h"

/* Finds names for all frames that have none. It sets realtime_ns of the options itself. */
void session_names(struct session *session, const struct symbols_options *options);

/* The same for the frames of these stacks only. */
void session_stack_names(struct session *session, const uint32_t *stacks, uint32_t count);

#endif
