/* SPDX-License-Identifier: MIT */
/* What each call stack did. */
#ifndef MEMSHIM_MODEL_SITES_H
#define MEMSHIM_MODEL_SITES_H

#include "report/model/model.h"

/* Adds an event that has a stack. */
void sites_feed(struct model *model, const struct event *event);

#endif
