/* SPDX-License-Identifier: MIT */
/* The call stacks of a session, each once, for readers of the "stack_id" of events and sites. */
#ifndef MEMSHIM_VIEW_STACK_TABLE_H
#define MEMSHIM_VIEW_STACK_TABLE_H

#include "report/model/filter.h"
#include "report/view/json.h"

/*
 * The member "stacks": those of the call sites that the filter leaves, of the findings, and of the
 * calls that created and removed objects.
 */
void stack_table_json(struct json *json, const struct model *model, const struct filter *filter);

#endif
