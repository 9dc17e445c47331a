/* SPDX-License-Identifier: MIT */
/* The arguments of calls about semaphore sets and queues, in events as text and as JSON. */
#ifndef MEMSHIM_VIEW_EVENTS_OBJECTS_H
#define MEMSHIM_VIEW_EVENTS_OBJECTS_H

#include "report/view/events.h"

/* Without the parentheses, as strace prints them. */
void events_objects_text(struct out *out, const struct event *event);

/* One object. */
void events_objects_json(struct out *out, const struct event *event);

#endif
