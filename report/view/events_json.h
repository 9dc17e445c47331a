/* SPDX-License-Identifier: MIT */
/* The log as JSON Lines. */
#ifndef MEMSHIM_VIEW_EVENTS_JSON_H
#define MEMSHIM_VIEW_EVENTS_JSON_H

#include "report/view/events.h"

/* `stacks`: with the frames of its call stack, beside the stack's number. */
void events_json(struct out *out, const struct event_view *view, bool stacks);

#endif
