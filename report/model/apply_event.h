/* SPDX-License-Identifier: MIT */
/* What an event changes in the model. */
#ifndef MEMSHIM_MODEL_APPLY_EVENT_H
#define MEMSHIM_MODEL_APPLY_EVENT_H

#include "report/reader/event.h"

struct model;

/* Events in order, one or many. */
void model_feed_all(struct model *model, const struct event *events, uint32_t count);

static inline void model_feed(struct model *model, const struct event *event)
{
	model_feed_all(model, event, 1);
}

#endif
