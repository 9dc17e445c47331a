/* SPDX-License-Identifier: MIT */
/* Semaphore sets and message queues in the report, with the calls that had not returned. */
#ifndef MEMSHIM_VIEW_REPORT_OBJECTS_H
#define MEMSHIM_VIEW_REPORT_OBJECTS_H

#include "report/model/filter.h"
#include "report/view/json.h"
#include "report/view/table.h"

/* The members "semaphores" and "queues" of report --json. */
void report_objects_json(struct json *json, const struct model *model, const struct filter *filter);

/* One row is a struct model_segment; the context is a struct report_context. */
extern const struct table_column report_set_columns[];
extern const struct table_column report_queue_columns[];
void report_set_cell(const void *row, unsigned column, struct cell *cell, const void *context);
void report_queue_cell(const void *row, unsigned column, struct cell *cell, const void *context);

/* Those that were left, and that calls wait for, come first. */
uint64_t report_object_weight(const void *row);

/* Each call that has not returned, or had not when its process ended; nothing if there is none. */
void report_waits(struct out *out, const struct model *model, const struct filter *filter);

/* Whether a call waits, or waited until its process ended, for this object. */
bool report_wait_is_of(const struct wait_facts *wait, const struct model_segment *object);

/* "  perl (12), thread 13 waits in semop for semaphore 0 (-1) of set 5, for 3 s", and who operated
 * last. */
void report_wait_put(struct out *out, const struct model *model, const struct wait_facts *wait);

#endif
