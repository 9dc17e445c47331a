/* SPDX-License-Identifier: MIT */
/* What an event changes in the model. */
#ifndef MEMSHIM_MODEL_APPLY_EVENT_H
#define MEMSHIM_MODEL_APPLY_EVENT_H

#include "report/reader/event.h"

struct model;

/* Events in order, one or many. */
void model_add_events(struct model *model, const struct event *events, uint32_t count);

static inline void model_add_event(struct model *model, const struct event *event)
{
	model_add_events(model, event, 1);
}

#endif
