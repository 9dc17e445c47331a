/* SPDX-License-Identifier: MIT */
/*
 * The log, one line per event, similar to strace(1):
 *
 *    0.001234567    812 postgres         shmat(3, NULL, 0) = 0x7f12…   segment 4K  break …
 */
#ifndef MEMSHIM_VIEW_EVENTS_TEXT_H
#define MEMSHIM_VIEW_EVENTS_TEXT_H

#include "report/view/events.h"

/*
 * `exact`: print numbers of bytes instead of K and M. `stacks`: print the call stack below the
 * line.
 */
void events_text(struct out *out, const struct event_view *view, bool exact, bool stacks);

/* The call or the lifecycle event alone, without time, pid and end of line. */
void events_call(struct out *out, const struct event_view *view, bool exact);

/* A call's arguments as in C, without name and parentheses: "3, NULL, SHM_RDONLY". */
void events_arguments(struct out *out, const struct event *event);

#endif
